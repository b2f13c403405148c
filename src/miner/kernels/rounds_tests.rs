//! The algorithm on plain words, and what it costs: docs/nonce-search.md quotes these counts.

use std::cell::Cell;

use super::super::schedule::Schedule;
use super::*;
use crate::types::sha256::{compressed, hashed_again, last_block};

/// One lane, that counts what it is asked for.
#[derive(Debug, Clone, Copy)]
struct Counted<'a>(&'a Counts);

#[derive(Debug, Default)]
struct Counts {
    sums: Cell<u32>,
    sigmas: Cell<u32>,
    choices: Cell<u32>,
}

impl Counts {
    fn take(&self) -> (u32, u32, u32) {
        (self.sums.take(), self.sigmas.take(), self.choices.take())
    }
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

impl Machine for Counted<'_> {
    type Vector = u32;
    const LANES: u32 = 1;

    fn splat(self, word: u32) -> u32 {
        word
    }

    fn rising(self, first: u32) -> u32 {
        first
    }

    fn add(self, left: u32, right: u32) -> u32 {
        count(&self.0.sums);
        left.wrapping_add(right)
    }

    fn settled(self, x: u32) -> u32 {
        x
    }

    fn big_sigma0(self, x: u32) -> u32 {
        count(&self.0.sigmas);
        super::super::schedule::big_sigma0(x)
    }

    fn big_sigma1(self, x: u32) -> u32 {
        count(&self.0.sigmas);
        big_sigma1(x)
    }

    fn small_sigma0(self, x: u32) -> u32 {
        count(&self.0.sigmas);
        small_sigma0(x)
    }

    fn small_sigma1(self, x: u32) -> u32 {
        count(&self.0.sigmas);
        small_sigma1(x)
    }

    fn choose(self, e: u32, f: u32, g: u32) -> u32 {
        count(&self.0.choices);
        choose(e, f, g)
    }

    fn majority(self, a: u32, b: u32, c: u32) -> u32 {
        count(&self.0.choices);
        majority(a, b, c)
    }

    fn swap_bytes(self, x: u32) -> u32 {
        x.swap_bytes()
    }

    fn at_most(self, x: u32, limit: u32) -> u64 {
        (x <= limit).into()
    }
}

const MIDSTATE: [u32; 8] = [1, 20, 300, 4000, 50_000, 600_000, 7_000_000, 80_000_000];
const TAIL: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0];

/// The first hash, and the top word of the second, as `sha2` has them.
fn expected(nonce: u32) -> ([u32; 8], u32) {
    let mut block = last_block(16, 80);
    block[..16].copy_from_slice(&TAIL);
    block[12..16].copy_from_slice(&nonce.to_le_bytes());
    let first = compressed(MIDSTATE, &block);
    (first, hashed_again(first)[7].swap_bytes())
}

#[test]
fn a_try_costs_what_is_documented() {
    let (counts, nonce) = (Counts::default(), 0x0403_0201);
    let m = Counted(&counts);
    let schedule = Schedule::new(MIDSTATE, &TAIL);
    let (mut w, mut shared) = ([0; 64], [0; 64]);
    let (first, top) = expected(nonce);

    assert_eq!(first_hash(m, &schedule, nonce, &mut w), first);
    assert_eq!(counts.take(), (524, 197, 120), "the first hash");
    assert_eq!(second_hash(m, &first, &mut w), top);
    assert_eq!(counts.take(), (520, 196, 116), "the second hash");

    shared_message(m, &schedule, nonce, &mut w, &mut shared);
    assert_eq!(counts.take(), (204, 96, 0), "the message of all versions");
    assert_eq!(first_hash_shared(m, &schedule, &shared), first);
    assert_eq!(counts.take(), (367, 120, 120), "the first hash under one version");
}
