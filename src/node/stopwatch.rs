//! Tells the time that an import takes from the time in which the engine drafts the next block.
//!
//! Both happen while the replica handles one input, and the core has no clock. So the host measures the whole, and puts a
//! stopwatch around the engine, which it hands to the replica, for the part.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::consensus::{Context, Engine, Event, Outbox};

/// The time that an engine has taken so far.
#[derive(Debug, Clone, Default)]
pub struct Stopwatch(Arc<AtomicU64>);

impl Stopwatch {
    /// The engine, measured from now on.
    pub fn around(&self, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        Box::new(Measured { engine, taken: self.clone() })
    }

    /// Starts to measure something.
    pub fn lap(&self) -> Lap {
        Lap { began: Instant::now(), engine: self.taken() }
    }

    /// How long it took, without what the engine did meanwhile.
    pub fn end(&self, lap: &Lap) -> Duration {
        let engine = self.taken().saturating_sub(lap.engine);
        lap.began.elapsed().saturating_sub(engine)
    }

    fn taken(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Something that is being measured.
#[derive(Debug)]
pub struct Lap {
    began: Instant,
    engine: Duration,
}

struct Measured {
    engine: Box<dyn Engine>,
    taken: Stopwatch,
}

impl Engine for Measured {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let before = Instant::now();
        self.engine.handle(event, cx, out);
        let nanos = u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.taken.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_took_is_left_out() {
        let stopwatch = Stopwatch::default();
        let lap = stopwatch.lap();
        // As if the engine had been at work for an hour since.
        stopwatch.0.fetch_add(3_600_000_000_000, Ordering::Relaxed);
        assert_eq!(stopwatch.end(&lap), Duration::ZERO);
        let lap = stopwatch.lap();
        let before = Instant::now();
        while before.elapsed() < Duration::from_micros(10) {}
        assert!(stopwatch.end(&lap) >= Duration::from_micros(10));
    }
}
