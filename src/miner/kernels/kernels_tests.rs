//! What every kernel must do, whatever it is made of.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::types::target::Bits;
use crate::types::vectors;

fn random_header(random: &mut ChaCha8Rng) -> WorkHeader {
    let mut bytes = [0; 80];
    random.fill_bytes(&mut bytes);
    WorkHeader::decode(&bytes)
}

fn top_word(header: &WorkHeader) -> u32 {
    Target::from_le_hash(&header.hash()).top_word()
}

fn scan(kernel: &dyn Kernel, work: &Prepared, first: u32, count: u32) -> (u32, Vec<u32>) {
    let mut candidates = Vec::new();
    let tried = kernel.scan(work, first, count, &mut candidates);
    (tried, candidates)
}

#[test]
fn every_kernel_agrees_with_sha2_on_random_headers() {
    let mut random = ChaCha8Rng::seed_from_u64(80);
    for _ in 0..100_000 {
        let header = random_header(&mut random);
        let top = top_word(&header);
        let prepared = Prepared::new(&header, &Target::max());
        for kernel in ALL {
            // A candidate at its own top word and not at one less: the kernel computed this very word.
            let at = Prepared { top_word: top, ..prepared };
            assert_eq!(scan(*kernel, &at, header.nonce, 1), (1, vec![header.nonce]), "{header:?}");
            let Some(less) = top.checked_sub(1) else { continue };
            let below = Prepared { top_word: less, ..prepared };
            assert_eq!(scan(*kernel, &below, header.nonce, 1), (1, vec![]), "{header:?}");
        }
    }
}

#[test]
fn a_scan_finds_the_candidates_of_exactly_what_it_tried() {
    let mut random = ChaCha8Rng::seed_from_u64(81);
    for round in 0..200u32 {
        let header = random_header(&mut random);
        // From "every nonce" to "hardly any", and starts at the very end of the nonces.
        let top = u32::MAX >> (round % 12);
        let count = random.next_u32() % 300;
        let first =
            if round % 5 == 0 { u32::MAX - count } else { header.nonce.min(u32::MAX - 300) };
        let work = Prepared { top_word: top, ..Prepared::new(&header, &Target::max()) };
        for kernel in ALL {
            let mut position = 0;
            while position < count {
                let start = first + position;
                let (tried, candidates) = scan(*kernel, &work, start, count - position);
                assert!(tried <= count - position);
                assert!(tried == count - position || !candidates.is_empty(), "it stopped early");
                let expected: Vec<u32> = (start..start + tried)
                    .filter(|nonce| top_word(&WorkHeader { nonce: *nonce, ..header }) <= top)
                    .collect();
                assert_eq!(candidates, expected, "{}", kernel.name());
                position += tried;
            }
            assert_eq!(scan(*kernel, &work, first, 0), (0, vec![]));
        }
    }
}

#[test]
fn every_kernel_finds_the_nonces_of_255_real_headers() {
    const AROUND: u32 = 500;
    let Some(bytes) = vectors::read("bitcoin/headers_1_255.bin") else { return };
    let headers: Vec<_> = bytes.as_chunks().0.iter().map(WorkHeader::decode).collect();
    assert_eq!(headers.len(), 255);
    for header in headers {
        let target = header.bits.target().unwrap();
        let work = Prepared::new(&WorkHeader { nonce: 0, ..header }, &target);
        let first = header.nonce.saturating_sub(AROUND);
        for kernel in ALL {
            let (_, candidates) = scan(*kernel, &work, first, 2 * AROUND);
            assert_eq!(candidates, [header.nonce], "{}", kernel.name());
        }
    }
}

#[test]
fn the_midstate_is_the_published_one() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    let row = &vectors["midstate"];
    let hash = |name: &str| -> [u8; 32] {
        hex::decode(row[name].as_str().unwrap()).unwrap().try_into().unwrap()
    };
    let mut previous = hash("prevhash");
    previous.chunks_mut(4).for_each(<[u8]>::reverse); // as Stratum sends it
    let header = WorkHeader {
        version: i32::from_str_radix(row["header64_version"].as_str().unwrap(), 16).unwrap(),
        previous,
        merkle_root: hash("merkle_root"),
        time: 0,
        bits: Bits(0),
        nonce: 0,
    };
    let prepared = Prepared::new(&header, &Target::max());
    let bytes: Vec<u8> = prepared.midstate.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(hex::encode(bytes), row["midstate_hex"].as_str().unwrap());
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = ALL.iter().map(|kernel| kernel.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}
