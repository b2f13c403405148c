//! What a processor could do at most: the operations that a hash needs, over those that it can issue in a cycle.
//!
//! The operations are counted on the best arrangement that is known of the work per 16 hashes in vectors of 512 bits, with
//! everything computed once that is the same for all nonces, constants folded, rounds left out whose result is not needed,
//! and rotations and logic of three inputs in one instruction each. A real kernel also loads, stores and waits, so it
//! stays below. It is an estimate for people who ask how much is left, and is told for processors only whose units are
//! known.

use std::fs::File;
use std::io::Read as _;

/// Vector operations for 16 hashes that differ in the nonce: 1042 additions, 1176 rotations and shifts, 628 of logic.
const NONCE: Operations = Operations { all: 2846, rotations: 1176 };

/// The same where they differ in the version, with one message schedule for all.
const ROLLING: Operations = Operations { all: 2387, rotations: 957 };

/// Hashes in a vector.
const LANES: f64 = 16.0;

/// The most bytes of the system's description of the processors that are read.
const CPUINFO_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Clone, Copy)]
struct Operations {
    all: u32,
    /// Those of them that only some units can do.
    rotations: u32,
}

/// What of vectors of 512 bits a processor issues in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// Operations of any kind.
    pub all: u32,
    /// Rotations and shifts among them.
    pub rotations: u32,
}

impl Units {
    fn cycles(self, operations: Operations) -> f64 {
        let all = f64::from(operations.all) / f64::from(self.all);
        let rotations = f64::from(operations.rotations) / f64::from(self.rotations);
        all.max(rotations) / LANES
    }

    /// Cycles per hash at least, of hashes that differ in the nonce.
    pub fn nonce_cycles(self) -> f64 {
        self.cycles(NONCE)
    }

    /// The same of hashes that differ in the version.
    pub fn rolling_cycles(self) -> f64 {
        self.cycles(ROLLING)
    }
}

/// A processor as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processor {
    /// Its name.
    pub name: String,
    vendor: String,
    family: u32,
    model: u32,
    has_avx512: bool,
}

impl Processor {
    /// The first one of this machine; another name for its architecture where the system tells nothing.
    pub fn of_this_machine() -> Self {
        let mut text = String::new();
        if let Ok(file) = File::open("/proc/cpuinfo") {
            // The first processor comes first; a machine may have hundreds. What cannot be read is not known.
            let _ = file.take(CPUINFO_BYTES_MAX).read_to_string(&mut text);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        let number = |name: &str| field(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        Self {
            name: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            vendor: field("vendor_id").unwrap_or_default(),
            family: number("cpu family"),
            model: number("model"),
            has_avx512: field("flags")
                .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "avx512f")),
        }
    }

    /// A name for people: that of the family too, where the system's says little.
    pub fn shown(&self) -> String {
        match self.family {
            0 => self.name.clone(),
            family => format!("{}, family {family} model {}", self.name, self.model),
        }
    }

    /// What it issues, where that is known.
    pub fn units(&self) -> Option<Units> {
        if self.vendor != "AuthenticAMD" || !self.has_avx512 {
            return None;
        }
        // Zen 4 does a vector of 512 bits in two halves, and so do the small models of Zen 5. The others have four units of full
        // width, two of which rotate. Source: AMD's optimisation guides for families 19h and 1Ah.
        let halves = Units { all: 2, rotations: 1 };
        let whole = Units { all: 4, rotations: 2 };
        match (self.family, self.model) {
            (25, 0x10..=0x1f | 0x60..=0x7f | 0xa0..=0xaf) => Some(halves),
            (26, 0x00..=0x1f | 0x40..=0x4f) => Some(whole),
            (26, 0x20..=0x2f | 0x60..=0x7f) => Some(halves),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(family: u32, model: u32, flags: &str) -> Processor {
        Processor::parse(&format!(
            "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: {family}\nmodel\t\t: {model}\n\
             model name\t: AMD EPYC 9R14\nflags\t\t: fpu {flags} sse\n"
        ))
    }

    #[test]
    fn a_processor_is_known_by_its_family_and_model() {
        let zen4 = parsed(25, 0x11, "avx2 avx512f sha_ni");
        assert_eq!(zen4.shown(), "AMD EPYC 9R14, family 25 model 17");
        assert_eq!(zen4.units(), Some(Units { all: 2, rotations: 1 }));
        assert_eq!(parsed(26, 2, "avx512f").units(), Some(Units { all: 4, rotations: 2 }));
        assert_eq!(parsed(26, 2, "avx2").units(), None);
        assert_eq!(parsed(25, 1, "avx2").units(), None, "Zen 3");
        assert_eq!(Processor::parse("").units(), None);
        assert_eq!(Processor::parse("").name, std::env::consts::ARCH);
    }

    #[test]
    fn the_limit_is_what_was_counted_over_what_is_issued() {
        let zen4 = Units { all: 2, rotations: 1 };
        assert!((zen4.nonce_cycles() - 88.9).abs() < 0.1, "{}", zen4.nonce_cycles());
        assert!((zen4.rolling_cycles() - 74.6).abs() < 0.1, "{}", zen4.rolling_cycles());
        let rotates = Units { all: 4, rotations: 1 };
        assert_eq!(rotates.nonce_cycles(), 1176.0 / 16.0);
    }
}
