//! The chain spec that `assay spec new` writes: every key with its default and what it is.

use super::Spec;
use super::consensus::{EngineError, engine_named};

/// A commented spec for a rule, which is a working chain as it stands.
///
/// # Errors
///
/// A rule that this version does not have.
pub fn template(engine: &str) -> Result<String, EngineError> {
    let engine = engine_named(engine)?;
    // As many as a devnet has nodes where nothing is said: under some rules each needs one.
    let account = |name| format!("{{ dev = \"{name}\", amount = \"1000000\", age = \"60d\" }},\n");
    let accounts: String = ["alice", "bob", "carol", "dave"].into_iter().map(account).collect();
    let minimal = format!(
        "name = \"my-{engine}\"\ndev = true\n\
         [genesis]\naccounts = [\n\
{accounts}]\n[consensus]\nengine = \"{engine}\"\n"
    );
    let spec = Spec::parse("template", &minimal).expect("a test reads the template of each engine");
    let head = [
        "A chain spec of Assay: one file is one chain. All keys are here with their defaults; any line but",
        "the name and the engine may go. docs/spec.md explains each.",
        "",
        "    assay spec check FILE            is it right?",
        "    assay devnet up FILE             run it here",
        "    assay spec freeze FILE -o OUT    fix time and target, for nodes that are started one by one",
        "",
        "Lines marked (local) are not part of the chain: they may differ from node to node.",
    ];
    Ok(spec.written(&head.map(str::to_owned)))
}
