//! A node that runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Check;
use crate::api::{ChainInfo, ConsensusStatus, Exit, PeerInfo, SystemInfo};
use crate::cli::connect::connect;
use crate::cli::{Globals, output};
use crate::types::{Span, Time};
use crate::wallet::client::Client;

/// How long a node may take to answer before it counts as busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many times the time between blocks without one are no chance any more: once in three thousand hours of work on
/// schedule.
const BLOCKS_MISSED: u64 = 15;

/// However quick the chain, a head is not old before this.
const HEAD_AGE_MIN: Span = Span::seconds(60);

/// A head that is further ahead of this machine's clock than any rule lets it be.
const AHEAD_MAX: Span = Span::seconds(120);

/// Asks the node that is meant; gives its data directory as well. `own` is a data directory that was named: without a node
/// in it there is none to ask.
pub(super) async fn checks(globals: &Globals, own: Option<&Path>) -> (Vec<Check>, Option<PathBuf>) {
    const NAME: &str = "node";
    let in_own = own.map(|own| Globals {
        dir: Some(own.display().to_string()),
        rpc: None,
        ..globals.clone()
    });
    let named = globals.rpc.is_some() || globals.dir.is_some();
    let connection = match connect(in_own.as_ref().unwrap_or(globals)) {
        Ok(connection) => connection,
        Err(error) => {
            let help = error.advice().unwrap_or("start it").to_owned();
            let message = error.message().to_owned();
            let check = match named && error.exit() != Exit::Usage {
                true => Check::fail(NAME, message, help),
                false => Check::warn(NAME, message, help),
            };
            return (vec![check], None);
        }
    };
    // A person waits: the usual patience is for work.
    let client = match Client::with_timeout(connection.client.url(), None, PATIENCE) {
        Ok(client) => client,
        Err(error) => return (vec![Check::fail(NAME, error.to_string(), "give its URL")], None),
    };
    let info = match client.system_info().await {
        Ok(info) => info,
        Err(error) => {
            let told = connection.explain(error);
            let help = told.advice().unwrap_or("start it, or wait").to_owned();
            let check = match named {
                true => Check::fail(NAME, told.message(), help),
                false => Check::warn(NAME, format!("no node runs: {}", told.message()), help),
            };
            return (vec![check], None);
        }
    };
    let mut checks = vec![Check::ok(NAME, format!("{} answers", connection.node().name))];
    checks.extend(version(&info));
    match client.chain_info().await {
        Ok(chain) => {
            let spacing = match client.consensus_status().await {
                Ok(ConsensusStatus::Pow(pow)) => Some(pow.block_time_target_ms.0),
                Ok(ConsensusStatus::Pos(stake)) => Some(stake.block_time_target_ms.0),
                Ok(ConsensusStatus::Hybrid(both)) => Some(both.stake.block_time_target_ms.0),
                Ok(ConsensusStatus::Dpos(slots)) => Some(slots.slot_ms.0),
                Ok(ConsensusStatus::Poa(turns)) => Some(turns.period_ms.0),
                // Where there is nothing to do there may be no block for long.
                Ok(
                    ConsensusStatus::Pbft(_) | ConsensusStatus::Raft(_) | ConsensusStatus::Paxos(_),
                )
                | Err(_) => None,
            };
            checks.push(head(&chain, spacing, output::now()));
            checks.push(finality(&chain));
            match client.net_peers().await {
                Ok(found) => checks.push(peers(&chain, &found)),
                Err(error) => checks.push(Check::warn("peers", error.to_string(), "ask again")),
            }
        }
        Err(error) => checks.push(Check::fail("head", error.to_string(), "look at its log")),
    }
    (checks, Some(PathBuf::from(info.datadir)))
}

fn version(info: &SystemInfo) -> Option<Check> {
    let ours = env!("CARGO_PKG_VERSION");
    (info.version != ours).then(|| {
        let message =
            format!("the node is version {}, this program {ours}", output::plain(&info.version));
        Check::warn("node version", message, "use one version for both")
    })
}

fn head(chain: &ChainInfo, spacing_ms: Option<u64>, now: Time) -> Check {
    const NAME: &str = "head";
    let message = format!("height {}, {}", chain.height, output::ago(chain.time, now));
    if chain.time.since(now) > AHEAD_MAX {
        return Check::fail(NAME, message, "the head lies in the future: set this machine's clock");
    }
    let patience = spacing_ms.map_or(0, |spacing| spacing.saturating_mul(BLOCKS_MISSED));
    if spacing_ms.is_some() && now.since(chain.time) > Span(patience).max(HEAD_AGE_MIN) {
        return Check::warn(
            NAME,
            format!("{message}: no block comes"),
            "does anybody mine, and do nodes reach each other? `assay devnet status`",
        );
    }
    Check::ok(NAME, message)
}

/// Whether the node has seen a better branch that contradicts what is final here.
fn finality(chain: &ChainInfo) -> Check {
    const NAME: &str = "finality";
    let Some(conflict) = &chain.finality_conflict else {
        let depth = output::depth(chain.final_height, chain.height);
        return Check::ok(NAME, format!("final up to {depth}"));
    };
    let message = format!(
        "block {} is final here at height {}, and a better branch, up to height {}, has {} there",
        conflict.ours, conflict.height, conflict.tip_height, conflict.theirs
    );
    Check::violated(
        NAME,
        message,
        "find out which branch is right; `assay node run --resync` leaves this one for that of the peers",
    )
}

fn peers(chain: &ChainInfo, peers: &[PeerInfo]) -> Check {
    const NAME: &str = "peers";
    if peers.is_empty() {
        return Check::warn(
            NAME,
            "none",
            "name some with --bootnodes, or let others name this node",
        );
    }
    let best = peers.iter().filter_map(|peer| peer.height).max().unwrap_or_default();
    let behind = best.0.saturating_sub(chain.height.0);
    let message = format!("{} connected", peers.len());
    if let Some(sync) = &chain.sync {
        let message = format!("{message}, catching up to height {}", sync.target_height);
        return Check::warn(NAME, message, "look again in a while");
    }
    if behind > 2 {
        let message = format!("{message}, the best is {behind} blocks ahead");
        return Check::warn(NAME, message, "it catches up: look again in a while");
    }
    Check::ok(NAME, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FinalityConflictInfo;
    use crate::cli::doctor::Verdict;
    use crate::types::{Amount, BlockId, GenesisId, Height, StateRoot};

    fn chain(time: u64) -> ChainInfo {
        ChainInfo {
            chain: "pow-dev".into(),
            engine: "pow".into(),
            genesis: GenesisId::default(),
            height: Height(100),
            head: BlockId::default(),
            time: Time(time),
            final_height: Height(80),
            final_id: BlockId::default(),
            state_root: StateRoot::default(),
            supply: Amount::ZERO,
            difficulty: None,
            stake_difficulty: None,
            hash_rate: None,
            sync: None,
            finality_conflict: None,
        }
    }

    #[test]
    fn a_head_that_stands_still_or_lies_ahead_is_told() {
        let now = Time(10_000_000);
        for (time, spacing, status) in [
            (9_990_000, Some(2000), Verdict::Ok),
            (9_930_000, Some(2000), Verdict::Warn),
            (9_930_000, Some(10_000), Verdict::Ok),
            (9_000_000, None, Verdict::Ok),
            (10_200_000, None, Verdict::Fail),
        ] {
            assert_eq!(head(&chain(time), spacing, now).status, status, "{time}");
        }
    }

    #[test]
    fn a_contradiction_of_finality_is_a_violation() {
        assert_eq!(finality(&chain(0)).status, Verdict::Ok);
        let conflict = FinalityConflictInfo {
            height: Height(70),
            ours: BlockId::default(),
            theirs: BlockId::default(),
            tip: BlockId::default(),
            tip_height: Height(99),
            since: Time(0),
        };
        let found = finality(&ChainInfo { finality_conflict: Some(conflict), ..chain(0) });
        assert!(found.status == Verdict::Violated && found.message.contains("height 70"));
    }

    #[test]
    fn a_node_alone_or_behind_is_told() {
        let peer = |height| PeerInfo {
            id: "p".into(),
            address: "a".into(),
            direction: crate::api::Direction::Inbound,
            agent: None,
            since: Time(0),
            height: Some(Height(height)),
            head: None,
            final_height: None,
            latency_ms: None,
            score: 0,
            blocked: false,
            link: crate::api::LinkShape::default(),
        };
        assert_eq!(peers(&chain(0), &[]).status, Verdict::Warn);
        assert_eq!(peers(&chain(0), &[peer(101)]).status, Verdict::Ok);
        assert_eq!(peers(&chain(0), &[peer(101), peer(140)]).status, Verdict::Warn);
    }
}
