use tempfile::TempDir;

use super::*;
use crate::types::GenesisId;

struct Fixture {
    root: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn settle(
        &self,
        chain: Option<&str>,
        datadir: Option<&str>,
        with_peers: bool,
    ) -> Result<Settled<()>, CliError> {
        let datadir = datadir.map(|name| self.path(name));
        settle(Request { chain, datadir, with_peers }, Some(self.root.path()), |_| Ok(()))
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Which chain a directory holds.
fn chain_of(settled: &Settled<()>) -> GenesisId {
    present(&settled.datadir.join(CHAIN_FILE_NAME)).unwrap().unwrap().genesis_id()
}

fn refused(result: Result<Settled<()>, CliError>, exit: Exit, part: &str) {
    let error = result.unwrap_err();
    let text = format!("{} / {}", error.message(), error.advice().unwrap_or_default());
    assert!(error.exit() == exit && text.contains(part), "{:?} {text}", error.exit());
}

#[test]
fn the_first_start_freezes_and_later_ones_find_the_chain() {
    let fixture = Fixture::new();
    let first = fixture.settle(Some("pow-dev"), Some("d"), false).unwrap();
    assert!(first.frozen_now && first.datadir == fixture.path("d"));
    let names: Vec<_> =
        fs::read_dir(&first.datadir).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [CHAIN_FILE_NAME], "nothing else is left behind");
    let chain = chain_of(&first);
    for (given, datadir) in [(None, Some("d")), (Some("pow-dev"), Some("d"))] {
        let again = fixture.settle(given, datadir, true).unwrap();
        assert!(!again.frozen_now && chain_of(&again) == chain);
    }
    // The frozen spec is what a second node takes.
    let file = first.datadir.join(CHAIN_FILE_NAME);
    let second = fixture.settle(file.to_str(), Some("e"), true).unwrap();
    assert!(!second.frozen_now && chain_of(&second) == chain);
}

#[test]
fn a_node_that_is_told_no_place_lives_in_the_usual_one() {
    let fixture = Fixture::new();
    let settled = fixture.settle(Some("pow-dev"), None, false).unwrap();
    assert_eq!(settled.datadir, fixture.path("nodes/pow-dev"));
}

#[test]
fn too_little_is_refused_and_says_what_is_missing() {
    let fixture = Fixture::new();
    refused(fixture.settle(None, None, false), Exit::Usage, "neither --chain nor --datadir");
    refused(fixture.settle(None, Some("d"), false), Exit::Usage, "holds no chain yet");
    refused(fixture.settle(Some("pow-dve"), None, false), Exit::Config, "did you mean `pow-dev`?");
    refused(fixture.settle(Some("./absent.toml"), None, false), Exit::Config, "no such file");
    refused(
        fixture.settle(Some("pow-dev"), Some("d"), true),
        Exit::Config,
        "not on that of its peers",
    );
    assert!(!fixture.path("d").exists(), "what is refused leaves no trace");
}

#[test]
fn another_chain_is_refused_and_the_difference_named() {
    let fixture = Fixture::new();
    fixture.settle(Some("pow-dev"), Some("d"), false).unwrap();
    let text = crate::spec::find("pow-dev").unwrap();
    let slower = text.replace("block_time = \"2s\"", "block_time = \"3s\"");
    let slower = fixture.file("slower.toml", &slower);
    refused(
        fixture.settle(Some(&slower), Some("d"), false),
        Exit::WrongChain,
        "pow.block_time: \"2s\" | \"3s\"",
    );
    // A line that is no part of the chain may differ.
    let more = fixture.file("more.toml", &text.replace("nodes = 4", "nodes = 5"));
    fixture.settle(Some(&more), Some("d"), false).unwrap();
}

#[test]
fn a_damaged_chain_is_named_and_never_replaced() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("d")).unwrap();
    let file = fixture.file("d/chain.toml", "name = ");
    refused(fixture.settle(Some("pow-dev"), Some("d"), false), Exit::Config, "chain.toml:1:");
    assert_eq!(fs::read_to_string(file).unwrap(), "name = ");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let fixture = Fixture::new();
    fixture.file("plain", "");
    refused(fixture.settle(Some("pow-dev"), Some("plain/d"), false), Exit::Database, "plain/d");
}

#[test]
fn what_the_caller_refuses_leaves_no_trace() {
    let fixture = Fixture::new();
    let request =
        Request { chain: Some("pow-dev"), datadir: Some(fixture.path("d")), with_peers: false };
    let result = settle(request, None, |_| Err::<(), _>(CliError::usage("no")));
    refused(result, Exit::Usage, "no");
    assert!(!fixture.path("d").exists());
}

#[test]
fn of_two_first_starts_one_makes_the_chain() {
    let fixture = Fixture::new();
    let file = fixture.path("chain.toml");
    assert!(put(&file, "one").unwrap());
    assert!(!put(&file, "two").unwrap());
    assert_eq!(fs::read_to_string(file).unwrap(), "one");
}
