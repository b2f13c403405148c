//! Which kernel hashes: by name, or the fastest by a short trial.

use std::time::Duration;

use super::{ALL, Kernel, Prepared};
use crate::types::target::Bits;
use crate::types::work::WorkHeader;

/// How often a trial goes round all kernels. The best round of each counts: what disturbs only slows.
const ROUNDS: u32 = 4;

/// Tries of one kernel in a round: less than a tenth of a millisecond on a fast machine, a few on a slow one.
const TRIES: u32 = 1 << 11;

/// The most letters of a wrong name that a message repeats.
const GIVEN_MAX: usize = 40;

/// Why a name gives no kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// There is none of this name.
    #[error("there is no kernel `{given}`{} choose {}", suggested(*meant), names().join(" or "))]
    Unknown {
        /// The name, or its first letters.
        given: String,
        /// A name that looks like it.
        meant: Option<&'static str>,
    },
    /// This processor cannot run it.
    #[error(
        "the kernel `{name}` needs {missing}, which this processor does not have: choose {}",
        available().map(Kernel::name).collect::<Vec<_>>().join(" or ")
    )]
    Unavailable {
        /// The kernel.
        name: &'static str,
        /// The feature that it misses.
        missing: &'static str,
    },
}

fn suggested(meant: Option<&str>) -> String {
    meant.map_or_else(|| ":".to_owned(), |name| format!(", did you mean `{name}`?"))
}

fn names() -> Vec<&'static str> {
    ALL.iter().map(|kernel| kernel.name()).collect()
}

/// The kernels that run on this processor, usually the slowest first.
pub fn available() -> impl DoubleEndedIterator<Item = &'static dyn Kernel> {
    ALL.iter().copied().filter(|kernel| kernel.is_available())
}

/// The kernel with this name.
///
/// # Errors
///
/// Names of no kernel, and kernels that need what this processor does not have.
pub fn find(name: &str) -> Result<&'static dyn Kernel, KernelError> {
    let Some(kernel) = ALL.iter().find(|kernel| kernel.name() == name) else {
        let given: String = name.chars().take(GIVEN_MAX).collect();
        let distance = |known: &&str| strsim::damerau_levenshtein(&given, known);
        let meant = names().into_iter().min_by_key(distance).filter(|known| distance(known) <= 3);
        return Err(KernelError::Unknown { given, meant });
    };
    match kernel.missing() {
        Some(missing) => Err(KernelError::Unavailable { name: kernel.name(), missing }),
        None => Ok(*kernel),
    }
}

/// The fastest of these kernels by a trial of a few milliseconds, at most some tens; none only of none. `clock` tells the
/// time that has passed since any fixed moment. Give it [`available`] ones.
///
/// All kernels find the same, so nothing but speed depends on what it chooses.
pub fn calibrate(
    kernels: impl IntoIterator<Item = &'static dyn Kernel>,
    mut clock: impl FnMut() -> Duration,
) -> Option<&'static dyn Kernel> {
    let mut trials: Vec<_> = kernels
        .into_iter()
        .map(|kernel| Trial { kernel, work: hopeless(kernel), best: Duration::MAX })
        .collect();
    if trials.len() > 1 {
        trials.iter_mut().for_each(|trial| trial.hash(0)); // warms up
        for round in 1..=ROUNDS {
            for trial in &mut trials {
                let started = clock();
                trial.hash(round);
                trial.best = trial.best.min(clock().saturating_sub(started));
            }
        }
    }
    trials.into_iter().min_by_key(|trial| trial.best).map(|trial| trial.kernel)
}

/// What one kernel has shown.
struct Trial {
    kernel: &'static dyn Kernel,
    work: Prepared,
    /// Its quickest round.
    best: Duration,
}

impl Trial {
    fn hash(&self, round: u32) {
        let mut candidates = Vec::new();
        std::hint::black_box(self.kernel.scan(
            std::hint::black_box(&self.work),
            round * TRIES,
            TRIES,
            &mut candidates,
        ));
    }
}

/// A header under the hardest target there is: nothing is found, as in all but a vanishing part of a search.
fn hopeless(kernel: &dyn Kernel) -> Prepared {
    let bits = Bits(0x0101_0000);
    let target = bits.target().expect("the hardest bits are a target");
    let header =
        WorkHeader { version: 0, previous: [0; 32], merkle_root: [0; 32], time: 0, bits, nonce: 0 };
    kernel.prepare(&header, &target)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Takes as many milliseconds as it says.
    struct Slow(u64, &'static str);

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }

    impl Kernel for Slow {
        fn name(&self) -> &'static str {
            self.1
        }

        fn scan(&self, _: &Prepared, first: u32, count: u32, _: &mut Vec<u32>) -> u32 {
            // Once in the trial something comes between.
            let disturbed = if first / TRIES == 2 { 100 } else { 0 };
            NOW.set(NOW.get() + self.0 + disturbed);
            count
        }
    }

    fn now() -> Duration {
        Duration::from_millis(NOW.get())
    }

    #[test]
    fn the_quickest_is_chosen() {
        let kernels: [&'static dyn Kernel; 3] = [&Slow(5, "a"), &Slow(3, "b"), &Slow(4, "c")];
        assert_eq!(calibrate(kernels, now).map(Kernel::name), Some("b"));
        assert_eq!(calibrate([kernels[0]], now).map(Kernel::name), Some("a"));
        assert!(calibrate([], now).is_none());
        assert!(calibrate(available(), now).is_some(), "a clock that stands still chooses, too");
    }

    #[test]
    fn names_find_kernels_or_say_why_not() {
        assert_eq!(find("portable").map(Kernel::name), Ok("portable"));
        for (given, said) in [
            ("portabel", "there is no kernel `portabel`, did you mean `portable`? choose portable"),
            ("gpu-of-the-neighbour", "there is no kernel `gpu-of-the-neighbour`: choose portable"),
        ] {
            let error = find(given).map(Kernel::name).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        let long = find(&"x".repeat(10_000)).map(Kernel::name).unwrap_err().to_string();
        assert!(long.len() < 300, "{long}");
        for kernel in ALL {
            match (kernel.missing(), find(kernel.name())) {
                (None, found) => assert_eq!(found.map(Kernel::name), Ok(kernel.name())),
                (Some(missing), found) => {
                    let error = found.map(Kernel::name).unwrap_err().to_string();
                    assert!(
                        error.contains(missing) && error.contains("choose portable"),
                        "{error}"
                    );
                }
            }
        }
    }
}
