//! What peers do wrong, and what it costs them.
//!
//! Every peer has a score. It starts at zero, an offence takes points, and a point a second is forgiven. At
//! [`DISCONNECT_AT`] the peer is disconnected and may come back; at [`BAN_AT`] it is kept away for a while, longer each
//! time. Both rooms that see peers, the replica and the node's network, report offences by the names below; the network
//! keeps the scores, because it holds the connections and the bans.
//!
//! [`Offence::points`] is the whole table. An offence of a hundred points is something that no honest peer does, and
//! ends in a ban at once. The smaller ones also happen to honest peers, on a bad day or a bad line: what they cost is
//! chosen such that only doing it again and again, faster than it is forgiven, ends badly. Being slow, late, behind or
//! on another branch is no offence at all.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::types::{Span, Time};

/// A peer with this score is disconnected, and again at each further offence.
pub const DISCONNECT_AT: i32 = -50;

/// A peer with this score is banned.
pub const BAN_AT: i32 = -100;

/// How long it takes until a point is forgiven.
pub const FORGIVEN_EVERY: Span = Span::seconds(1);

/// Something that a peer should not have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Offence {
    /// It vouched for what cannot be: a forged seal or signature, another block than the one asked for, an answer to
    /// another question.
    Lie,
    /// It sent bytes that are no message.
    Malformed,
    /// Its message ended early. An honest peer whose time runs out cuts its message off too.
    CutOff,
    /// For a second it sent more than it may: see the network's rates. What was too much is dropped.
    OverRate,
    /// It answered with a block whose parent is not the one that we asked it to start from.
    Orphan,
    /// It said that its branch is better, and had nothing to show for it.
    Useless,
    /// It did not answer in time. A peer behind a cut line does that too, with all questions that are open.
    Unanswered,
    /// It announced a block at or below our final height. A few of those are on their way after each final block.
    Stale,
}

impl Offence {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Lie,
        Self::Malformed,
        Self::CutOff,
        Self::OverRate,
        Self::Orphan,
        Self::Useless,
        Self::Unanswered,
        Self::Stale,
    ];

    /// Points that it takes.
    pub fn points(self) -> u16 {
        match self {
            Self::Lie | Self::Malformed => 100,
            Self::CutOff => 35,
            Self::OverRate => 20,
            Self::Orphan => 10,
            Self::Useless => 5,
            Self::Unanswered => 2,
            Self::Stale => 1,
        }
    }

    /// What the log says of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lie => "it lied",
            Self::Malformed => "it sent no message",
            Self::CutOff => "its messages are cut off",
            Self::OverRate => "it sends more than it may",
            Self::Orphan => "its blocks do not follow ours",
            Self::Useless => "it promises blocks and has none",
            Self::Unanswered => "it does not answer",
            Self::Stale => "it announces old blocks",
        }
    }
}

/// What is to be done with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// Nothing.
    Stay,
    /// Close its connections. It may come back.
    Disconnect,
    /// Close its connections and keep it away for a while.
    Ban,
}

/// How a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Thousandths of points that are not forgiven yet.
    debt: u64,
    /// As of when.
    at: Time,
}

impl Standing {
    /// A spotless one.
    pub fn new(now: Time) -> Self {
        Self { debt: 0, at: now }
    }

    /// Takes the points of an offence. The score stops at [`BAN_AT`]: nobody owes for longer than that.
    pub fn offend(&mut self, offence: Offence, now: Time) -> Sentence {
        let most = u64::from(BAN_AT.unsigned_abs()) * 1000;
        self.debt = (self.debt_at(now) + u64::from(offence.points()) * 1000).min(most);
        self.at = self.at.max(now);
        match self.score(now) {
            score if score <= BAN_AT => Sentence::Ban,
            score if score <= DISCONNECT_AT => Sentence::Disconnect,
            _ => Sentence::Stay,
        }
    }

    fn debt_at(&self, now: Time) -> u64 {
        let forgiven = now.since(self.at).0.saturating_mul(1000) / FORGIVEN_EVERY.0;
        self.debt.saturating_sub(forgiven)
    }

    /// The score: zero for a spotless peer, less for others, never below [`BAN_AT`].
    pub fn score(&self, now: Time) -> i32 {
        let points = self.debt_at(now).div_ceil(1000);
        -i32::try_from(points).unwrap_or(i32::MAX)
    }

    /// Whether all is forgiven.
    pub fn is_spotless(&self, now: Time) -> bool {
        self.debt_at(now) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time(1_000_000);

    fn repeat(offence: Offence, every: Span) -> impl Iterator<Item = (Sentence, i32)> {
        let (mut standing, mut now) = (Standing::new(START), START);
        std::iter::from_fn(move || {
            let sentence = standing.offend(offence, now);
            let score = standing.score(now);
            now = now.after(every);
            Some((sentence, score))
        })
    }

    fn times_until(sentence: Sentence, offence: Offence, every: Span) -> Option<usize> {
        repeat(offence, every).take(10_000).position(|(got, _)| got == sentence).map(|n| n + 1)
    }

    /// One row per offence: how often it may happen in one moment before the peer is disconnected, and banned; and how
    /// often a minute it may happen for ever.
    #[test]
    fn what_each_offence_costs() {
        let rows = [
            (Offence::Lie, None, 1, 0),
            (Offence::Malformed, None, 1, 0),
            (Offence::CutOff, Some(2), 3, 1),
            (Offence::OverRate, Some(3), 5, 3),
            (Offence::Orphan, Some(5), 10, 6),
            (Offence::Useless, Some(10), 20, 12),
            (Offence::Unanswered, Some(25), 50, 30),
            (Offence::Stale, Some(50), 100, 60),
        ];
        assert_eq!(rows.map(|(offence, ..)| offence), Offence::ALL);
        for (offence, disconnect, ban, a_minute) in rows {
            let at_once = |sentence| times_until(sentence, offence, Span(0));
            assert_eq!(at_once(Sentence::Disconnect), disconnect, "{offence:?}");
            assert_eq!(at_once(Sentence::Ban), Some(ban), "{offence:?}");
            if let Some(forever) = 60_000u64.checked_div(a_minute) {
                let mut good = repeat(offence, Span(forever)).take(1000);
                assert!(good.all(|(sentence, _)| sentence == Sentence::Stay), "{offence:?}");
            }
            let a_bit_faster = Span(60_000 / (a_minute + 1) * 99 / 100);
            let ends = times_until(Sentence::Ban, offence, a_bit_faster);
            assert!(ends.is_some() || a_minute == 0 && ban == 1, "{offence:?}");
        }
    }

    #[test]
    fn a_point_a_second_is_forgiven_and_no_more_than_all() {
        let mut standing = Standing::new(START);
        standing.offend(Offence::OverRate, START);
        assert_eq!(standing.score(START), -20);
        assert_eq!(standing.score(START.after(Span(999))), -20, "in whole points");
        assert_eq!(standing.score(START.after(Span(1000))), -19);
        assert!(!standing.is_spotless(START.after(Span(19_999))));
        assert!(standing.is_spotless(START.after(Span::seconds(20))));
        let later = START.after(Span::seconds(1000));
        assert_eq!(standing.score(later), 0);
        standing.offend(Offence::Stale, later);
        assert_eq!(standing.score(later), -1, "a good past earns nothing");
    }

    #[test]
    fn nobody_owes_more_than_a_ban_and_a_clock_that_goes_back_forgives_nothing() {
        let mut standing = Standing::new(START);
        for _ in 0..50 {
            standing.offend(Offence::Lie, START);
        }
        assert_eq!(standing.score(START), BAN_AT);
        assert_eq!(standing.score(Time(0)), BAN_AT);
        standing.offend(Offence::Stale, Time(0));
        assert_eq!(standing.score(START.after(Span::seconds(100))), 0);
    }
}
