//! Canaries: bugs that unit tests plant, to show that the simulator's checkers find them.
//!
//! Each is asked for where it would be made, `if planted(Bug::…)`. In whatever is not a unit test of this crate the answer
//! is a constant, so that no build that anybody runs has the bug, the question or a switch. A test plants one bug for its
//! own thread: a simulation runs in one, and those of other tests go on unharmed.

/// A bug to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Whatever is sealed counts as proven.
    SealUnchecked,
    /// The state root that a header claims is taken on trust.
    StateRootUnchecked,
    /// A coin can be spent again in the block that spent it.
    SpentTwice,
    /// Rewards may be spent one block too early.
    MaturityOneShort,
    /// The next height's reward is paid.
    RewardOneAhead,
    /// The target is due as if one block less had been made.
    RetargetOneOff,
    /// Blocks are accepted however far they are ahead of the clock.
    FutureAccepted,
    /// Of two branches of one rank the later one is followed.
    TieToTheLatest,
    /// Blocks are final with one block less on top of them.
    FinalOneEarly,
    /// Transactions of an abandoned branch do not return to the pool.
    ReturnedForgotten,
    /// Rooms for what peers bring have no bound.
    RoomsUnbounded,
    /// Who announces a block that is ahead of the clock is taken for a liar.
    EarlyIsALie,
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
    /// One less than a majority decides and elects.
    QuorumOneShort,
    /// A vote is given before it is durable, and forgotten by a crash.
    VoteUnkept,
    /// A draft is acknowledged without being durable.
    DraftUnkept,
    /// A certificate that a quorum agreed is not durable before anybody hears of it (PBFT 4.2).
    CertificateUnkept,
    /// Whoever wants another view says nothing of what was prepared (PBFT 4.4).
    CertificateForgotten,
    /// A new view begins without working out what has to be proposed first (PBFT 4.4).
    NewViewBelieved,
    /// A draft of an earlier term counts as decided when a majority has it (Raft, figure 8).
    OldTermCounted,
    /// A proposer does not remember which ballots it used (Paxos Made Simple, 2.5).
    BallotReused,
    /// A new leader proposes what most had accepted, and not what was accepted in the highest ballot (2.2).
    MajorityValue,
    /// A ballot that is promised is refused: only higher ones are accepted (2.2).
    AcceptedAbovePromised,
    /// Any coin of the producer's stakes, whether its kernel hits or not.
    KernelUnchecked,
    /// Staked coins earn twice what they should.
    InterestTwice,
    /// Staked coins may be staked again at once.
    StakeNeverRests,
    /// A coin has weight from the first moment on.
    MinAgeIgnored,
    /// Any delegate may sign in any slot.
    SlotUnchecked,
    /// Votes weigh what their voters held when they voted.
    WeightsStandStill,
    /// Who signed the last blocks is forgotten at the border of an epoch.
    RecentsForgotten,
    /// Whoever signs counts as the one whose turn it is.
    AlwaysInTurn,
    /// An authority that starts does not read up to which height it has signed.
    PriorForgotten,
    /// The authorities change with the last vote needed, whatever is final.
    ChangeAtOnce,
    /// Whoever is suspended stays in the schedule.
    SuspendedStay,
    /// Who is elected acts before the decision is final.
    DecidedBeforeFinal,
    /// As many delegates change at once as were elected, whether quorums meet or not.
    QuorumsApart,
    /// The order of turns does not depend on what was revealed.
    RevealsIgnored,
    /// Slots without a block are held against nobody.
    MissedUncounted,
    /// Producers tell of nobody who contradicts himself.
    EvidenceForgotten,
    /// A leader answers reads without asking whether it still leads.
    ReadUnconfirmed,
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
