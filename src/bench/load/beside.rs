//! Beside the load: how quickly nodes answer somebody who only asks, and how much memory they use.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::machine::memory;
use super::run::{Shared, Target, is_here};

/// How often a node is asked, one after the other.
const ASK: Duration = Duration::from_millis(100);

/// Questions between two looks at the memory.
const MEMORY_EVERY: usize = 10;

/// Asks and looks until it is aborted.
pub(super) async fn observe(targets: Vec<Target>, shared: Shared) {
    let mut ticks = interval(ASK);
    // A node that answers late is not asked the more for it.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0_usize.. {
        ticks.tick().await;
        let target = &targets[turn % targets.len()];
        let asked = Instant::now();
        if target.client.chain_info().await.is_ok() {
            let micros = asked.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
            shared.with(|books| books.read.record(micros));
        }
        if turn.is_multiple_of(MEMORY_EVERY) {
            let here = targets.iter().filter(|target| is_here(target.client.url()));
            let most = here.filter_map(|target| memory(target.info.pid)).max();
            shared.with(|books| books.memory = books.memory.max(most));
        }
    }
}
