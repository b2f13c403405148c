//! Canaries: bugs that unit tests plant, to show that the simulator's checkers find them.
//!
//! Each is asked for where it would be made, `if planted(Bug::…)`. In whatever is not a unit test of this crate the answer
//! is a constant, so that no build that anybody runs has the bug, the question or a switch. A test plants one bug for its
//! own thread: a simulation runs in one, and those of other tests go on unharmed.

/// A bug to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// What a transaction pays is counted twice.
    FeesTwice,
    /// The time below the median counts as the median.
    MedianOneBelow,
    /// Finality is reported before it is durable.
    FinalUnsynced,
    /// Acceptance is answered before it is durable.
    AcceptedUnsynced,
    /// A block of one's own is announced before it is durable.
    AnnouncedUnsynced,
    /// Nobody catches up.
    NeverCatchesUp,
}

/// Whether a bug is planted: never, outside of unit tests.
#[cfg(not(test))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(test)]
pub(crate) use planting::{plant, planted};

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether a bug is planted in this thread.
    pub(crate) fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// A bug stays planted while this lives.
    pub(crate) struct Planted(());

    /// Plants a bug in this thread, in place of any other.
    pub(crate) fn plant(bug: Bug) -> Planted {
        PLANTED.set(Some(bug));
        Planted(())
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
}
