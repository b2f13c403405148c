//! Raft: how long an election takes, and how long a decision.
//!
//! With timeouts uniform on [T, 2T] the first of n − 1 voters that are left gives up T · (1 + 1 ⁄ n) after the last word of the
//! leader, on average (Ongaro and Ousterhout 2014, section 9.3, measures such elections). Here a timeout is a lease of T and then
//! a wait that is uniform on [0, T), which is the same. Then a pre-vote takes a round trip, and the vote another one, with a
//! write at the candidate and one at the voter: 4d + 2w for delays d and writes w ([`election_time`]).
//!
//! A split vote needs more than in the paper, since the lease makes who asks later give way: a second candidate stands in the way
//! only if it gives up within d + w after the first, before the first one's request reaches it; and as many have to as leave the
//! first one no majority ([`split_votes`]). Of three authorities two are left, who need each other's pre-vote: d it is then.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::load::Load;
use super::super::metrics::Recorder;
use super::super::options::Options;
use super::super::random::Dice;
use super::super::time::Moment;
use super::super::watch::{Scene, Watch};
use super::super::{Micros, Sim};
use super::chain;
use crate::replica::Input;
use crate::types::{Address, Time};

/// An election that is not over after so many timeouts would be an error of the experiment.
const PATIENCE: u64 = 200;

/// Authorities on quick or slow lines and disks, whose machines take no other time.
fn authorities(n: usize, timeout: Micros, link: (Micros, Micros), seed: u64) -> Options {
    let millis = timeout.0 / 1000;
    let patience = format!("election_timeout = \"{millis}ms\"\nheartbeat = \"{}ms\"", millis / 5);
    chain::authorities(n, "raft", &patience, link, seed)
}

/// When the leader was last heard.
#[derive(Debug, Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

#[derive(Debug, Clone, Default)]
struct Heard {
    leader: Option<Address>,
    last: Moment,
}

impl Ear {
    fn with<T>(&self, look: impl FnOnce(&mut Heard) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watch for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn handles(
        &mut self,
        scene: &Scene<'_>,
        _: usize,
        _: Time,
        input: &Input,
    ) -> Result<(), String> {
        if let Input::Received { from, .. } = input {
            self.with(|heard| {
                if heard.leader == Some(*from) {
                    heard.last = scene.now();
                }
            });
        }
        Ok(())
    }
}

fn begin(options: Options) -> (Sim, Recorder, Ear) {
    let (recorder, ear) = (Recorder::default(), Ear::default());
    let watchers: Vec<Box<dyn Watch>> = vec![Box::new(recorder.clone()), Box::new(ear.clone())];
    (Sim::watched(options, watchers).expect("an empty store opens"), recorder, ear)
}

fn leader(recorder: &Recorder) -> Option<usize> {
    recorder.record().leading.leader()
}

/// How an election went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Election {
    /// Seconds from the last word of the dead leader until another one led.
    pub took: f64,
    /// Terms in which nobody won.
    pub split: u64,
}

/// Kills the leader of so many authorities, at a random moment between two heartbeats; `link` is the delay of lines and what a
/// disk takes.
///
/// # Panics
///
/// If nobody leads in the end, or the simulator refuses what is done to it.
pub fn election(n: usize, timeout: Micros, link: (Micros, Micros), seed: u64) -> Election {
    let (mut sim, recorder, ear) = begin(authorities(n, timeout, link, seed));
    let every = Micros::millis(10);
    let led = sim.run_while(timeout.times(PATIENCE), every, |_| leader(&recorder).is_none());
    assert!(led, "nobody leads {n} with {timeout}, seed {seed}");
    sim.run(timeout.times(2));
    let leads = leader(&recorder).and_then(|leads| sim.nodes[leads].authority);
    ear.with(|heard| heard.leader = leads);
    sim.run(timeout);
    sim.run(Micros(Dice::new(seed, "fidelity").below(timeout.0 / 5)));
    let dead = leader(&recorder).expect("a leader that is heard stays");
    let before = recorder.record().leading.term().unwrap_or_default();
    sim.crash(dead).expect("it runs");
    let led = sim.run_while(timeout.times(PATIENCE), every, |_| leader(&recorder).is_none());
    assert!(led, "nobody leads {n} with {timeout}, seed {seed}");
    let last = ear.with(|heard| heard.last);
    let record = recorder.record();
    let after = record.leading.term().unwrap_or_default();
    Election { took: record.leading.since().since(last).as_seconds(), split: after - before - 1 }
}

/// What theory says of it where no vote is split, in seconds.
pub fn election_time(n: usize, timeout: Micros, link: (Micros, Micros)) -> f64 {
    let (delay, write) = (link.0.as_seconds(), link.1.as_seconds());
    timeout.as_seconds() * (1.0 + 1.0 / n as f64) + 4.0 * delay + 2.0 * write
}

/// The chance that nobody wins the first vote: of the m = n − 1 voters that are left, k more than the majority needs give up
/// within d + w of the first. The k-th of m uniform numbers lies so far behind the first as the k-th of m − 1 lies behind
/// zero: the sum of k spacings out of m + 1, a beta distribution, whose distribution function is a binomial tail.
pub fn split_votes(n: usize, timeout: Micros, link: (Micros, Micros)) -> f64 {
    let left = n - 1;
    let rivals = left - n / 2;
    // Of two that are left each needs the other's pre-vote: the second one has to ask before the first one campaigns.
    let window = if left == 2 { link.0 } else { link.0.plus(link.1) };
    let share = (window.0 as f64 / timeout.0 as f64).min(1.0);
    let mut ways = 1.0;
    let mut fewer = 0.0;
    for k in 0..rivals {
        if k > 0 {
            ways *= (left - k + 1) as f64 / k as f64;
        }
        let (k, all) = (k as i32, left as i32); // a few
        fewer += ways * share.powi(k) * (1.0 - share).powi(all - k);
    }
    1.0 - fewer
}

/// Authorities that have had a leader for a while.
fn settled(options: Options) -> (Sim, Recorder, Ear) {
    let (mut sim, recorder, ear) = begin(options);
    sim.run_while(Micros::seconds(1000), Micros::millis(10), |_| leader(&recorder).is_none());
    sim.run(Micros::seconds(5));
    (sim, recorder, ear)
}

/// Seconds from each draft until it was final at the leader, of five authorities.
pub fn decisions(link: (Micros, Micros), seed: u64) -> Vec<f64> {
    let (mut sim, recorder, _) = settled(authorities(5, Micros::seconds(5), link, seed));
    let began = sim.now();
    let mut load = Load::new(seed, 1.0, began);
    load.pay_until(&mut sim, began.after(Micros::seconds(30)));
    sim.run(Micros::seconds(2));
    let record = recorder.record();
    let waits = record.blocks.iter().filter(|seen| seen.made_at > began);
    waits.filter_map(|it| Some(it.final_at?.since(it.drafted_at?).as_seconds())).collect()
}
