//! What the tests of all rooms share: dice that always fall alike, keys, and pinned encodings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Hash, Keypair, decode, encode, sha256d};

/// Random numbers out of a seed (SplitMix64): a test that fails prints its seed, and the seed brings the failure back.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in 0 … `end` − 1; 0 if that is empty.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// An index of a list of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// Whether something happens that happens this often in a hundred.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }
}

/// The key pair of the person with this number.
pub(crate) fn key(number: u8) -> Keypair {
    Keypair::from_secret(&[number; 32])
}

/// Values whose encodings are pinned, and what must hold of all encodings.
#[derive(Debug, Default)]
pub(crate) struct Golden(BTreeMap<String, String>);

impl Golden {
    /// Pins the encoding of a value under a name, and holds that it reads back, that no part or extension of it reads
    /// at all, and that nothing similar reads as a value which would be written otherwise.
    pub(crate) fn pin<T>(&mut self, name: &str, value: &T)
    where
        T: BorshSerialize + BorshDeserialize + PartialEq + std::fmt::Debug,
    {
        let bytes = encode(value);
        assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value), "{name} reads back");
        for end in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..end]).is_err(), "{name}: {end} bytes of it read");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode::<T>(&longer).is_err(), "{name} reads with a byte to spare");
        one_encoding::<T>(name, &bytes);
        let line = format!("{} {}", bytes.len(), Hash(sha256d(&bytes)));
        assert_eq!(self.0.insert(name.to_owned(), line), None, "two values are called {name}");
    }

    /// Compares with the committed file, or writes it when `ASSAY_BLESS` is set: a changed encoding splits the network,
    /// so that is a decision and not a repair.
    #[allow(clippy::disallowed_methods, reason = "a test asks its operator for consent")]
    pub(crate) fn compare(&self, file: &str) {
        let mut text = String::new();
        for (name, line) in &self.0 {
            writeln!(text, "{name} {line}").expect("writing to memory cannot fail");
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var("ASSAY_BLESS").is_ok_and(|consent| consent == "1") {
            std::fs::write(&path, &text).expect("the file of pinned encodings can be written");
        }
        let pinned = std::fs::read_to_string(&path).unwrap_or_default();
        let known: Vec<&str> = pinned.lines().collect();
        for line in text.lines() {
            assert!(
                known.contains(&line),
                "{file} does not hold `{line}`: an encoding changed; if it should have, set ASSAY_BLESS=1"
            );
        }
        assert_eq!(known.len(), self.0.len(), "{file} pins something that is no longer tested");
    }
}

/// Mutates an encoding in many ways: what still reads must be written with exactly the bytes that were read.
fn one_encoding<T: BorshSerialize + BorshDeserialize>(name: &str, bytes: &[u8]) {
    let mut dice = Dice::new(bytes.len() as u64);
    for round in 0..400 {
        let mut mutated = bytes.to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.index(mutated.len() + 1);
            match dice.below(6) {
                0 => mutated.insert(at, dice.next() as u8),
                1 if at < mutated.len() => drop(mutated.remove(at)),
                2 if at < mutated.len() => mutated[at] = dice.next() as u8,
                3 if at < mutated.len() => mutated[at] ^= 1 << dice.below(8),
                4 if at < mutated.len() => mutated[at] = 0xff,
                5 if at < mutated.len() => mutated[at] = dice.below(12) as u8,
                _ => mutated.truncate(at),
            }
        }
        if let Ok(value) = decode::<T>(&mutated) {
            assert_eq!(encode(&value), mutated, "{name}, round {round}: two encodings of a value");
        }
    }
}
