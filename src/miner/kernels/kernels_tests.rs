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

/// The header that a kernel tries under this number.
fn tried(kernel: &dyn Kernel, header: &WorkHeader, number: u32) -> WorkHeader {
    let (version, nonce) = version_and_nonce(header.version, number, kernel.version_bits());
    WorkHeader { version, nonce, ..*header }
}

/// One try of each of so many random headers: a candidate at its own top word and not at one less, so that the kernel
/// computed this very word.
fn agrees_with_sha2(kernel: &dyn Kernel, headers: u32) {
    let mut random = ChaCha8Rng::seed_from_u64(80);
    for _ in 0..headers {
        let header = random_header(&mut random);
        let number = header.nonce;
        let top = top_word(&tried(kernel, &header, number));
        let mut work = kernel.prepare(&header, &Target::max());
        work.top_word = top;
        assert_eq!(scan(kernel, &work, number, 1), (1, vec![number]), "{header:?}");
        let Some(less) = top.checked_sub(1) else { continue };
        work.top_word = less;
        assert_eq!(scan(kernel, &work, number, 1), (1, vec![]), "{header:?}");
    }
}

#[test]
fn every_kernel_agrees_with_sha2_on_random_headers() {
    for kernel in available() {
        // Vectors hash a whole group for one try, and slowly unless optimized.
        let headers = match kernel.name() {
            "portable" => 100_000,
            _ if cfg!(debug_assertions) => 200,
            _ => 20_000,
        };
        agrees_with_sha2(kernel, headers);
    }
}

/// For optimized builds: `cargo test --release --no-default-features --lib ten_million -- --ignored`.
#[test]
#[ignore = "takes minutes: see its documentation"]
fn every_kernel_agrees_with_sha2_on_ten_million_random_headers() {
    for kernel in available() {
        agrees_with_sha2(kernel, 10_000_000);
    }
}

#[test]
fn a_scan_finds_the_candidates_of_exactly_what_it_tried() {
    for kernel in available() {
        let mut random = ChaCha8Rng::seed_from_u64(81);
        for round in 0..if cfg!(debug_assertions) { 24 } else { 240u32 } {
            let header = random_header(&mut random);
            // From "every try" to "hardly any", and starts at the very end of the numbers.
            let top = u32::MAX >> (round % 12);
            let count = random.next_u32() % 1500;
            let first = if round % 5 == 0 { count.wrapping_neg() } else { header.nonce >> 1 };
            let mut work = kernel.prepare(&header, &Target::max());
            work.top_word = top;
            let mut position = 0;
            while position < count {
                let start = first + position;
                let (done, candidates) = scan(kernel, &work, start, count - position);
                assert!(done <= count - position);
                assert!(done == count - position || !candidates.is_empty(), "it stopped early");
                let expected: Vec<u32> = (0..done)
                    .map(|index| start + index)
                    .filter(|number| top_word(&tried(kernel, &header, *number)) <= top)
                    .collect();
                assert_eq!(candidates, expected, "{}", kernel.name());
                position += done;
            }
            assert_eq!(scan(kernel, &work, first, 0), (0, vec![]));
        }
    }
}

/// Wherever in a group of tries the only candidate is, and whatever its last vector has beyond the end.
#[test]
fn a_single_candidate_is_found_in_every_lane() {
    // More than any kernel has in a group; coprime steps come by all lanes soon.
    let (distances, step) = if cfg!(debug_assertions) { (300, 13) } else { (3000, 1) };
    let mut random = ChaCha8Rng::seed_from_u64(82);
    for kernel in available() {
        // A header whose best try of many has enough others before it.
        let (header, best, word) = std::iter::from_fn(|| Some(random_header(&mut random)))
            .find_map(|header| {
                let word = |number: &u32| top_word(&tried(kernel, &header, *number));
                let best = (0..10_000).min_by_key(word)?;
                (best >= distances).then(|| (header, best, word(&best)))
            })
            .unwrap();
        let mut work = kernel.prepare(&header, &Target::max());
        work.top_word = word;
        for distance in (0..distances).step_by(step) {
            let first = best - distance;
            assert_eq!(scan(kernel, &work, first, distance), (distance, vec![]));
            assert_eq!(scan(kernel, &work, first, distance + 1), (distance + 1, vec![best]));
        }
    }
}

#[test]
fn easy_targets_neither_fill_memory_nor_miss_a_try() {
    for kernel in available() {
        let header = random_header(&mut ChaCha8Rng::seed_from_u64(83));
        let work = kernel.prepare(&header, &Target::max());
        assert_eq!(work.top_word, u32::MAX);
        let (done, candidates) = scan(kernel, &work, 77, 1 << 30);
        assert!((1..=4096).contains(&done), "{}: {done}", kernel.name());
        assert_eq!(candidates, (77..77 + done).collect::<Vec<_>>());
        // What is in the list already stays there and stops nothing.
        let mut work = work;
        work.top_word = 0;
        let mut candidates = vec![1, 2, 3];
        assert_eq!(kernel.scan(&work, u32::MAX - 99, 100, &mut candidates), 100);
        assert_eq!(candidates, [1, 2, 3]);
    }
}

#[test]
#[should_panic(expected = "prepared for")]
fn work_that_was_prepared_for_version_rolling_is_refused_by_others() {
    let header = random_header(&mut ChaCha8Rng::seed_from_u64(84));
    scan(&Portable, &Prepared::new(&header, &Target::max(), 1), 0, 1);
}

#[test]
fn every_kernel_finds_the_nonces_of_255_real_headers() {
    const AROUND: u32 = 500;
    let Some(bytes) = vectors::read("bitcoin/headers_1_255.bin") else { return };
    let headers: Vec<_> = bytes.as_chunks().0.iter().map(WorkHeader::decode).collect();
    assert_eq!(headers.len(), 255);
    for header in headers {
        let target = header.bits.target().unwrap();
        for kernel in available() {
            let work = kernel.prepare(&WorkHeader { nonce: 0, ..header }, &target);
            // Under the header's own version; a kernel that rolls it has room for the low nonces only.
            let bits = kernel.version_bits();
            let Ok(number) = u32::try_from(u64::from(header.nonce) << bits) else { continue };
            let first = number.saturating_sub(AROUND);
            let (_, candidates) = scan(kernel, &work, first, 2 * AROUND);
            assert_eq!(candidates, [number], "{}", kernel.name());
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
    let prepared = Prepared::new(&header, &Target::max(), 0);
    let bytes: Vec<u8> = prepared.midstates[0].iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(hex::encode(bytes), row["midstate_hex"].as_str().unwrap());
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = ALL.iter().map(|kernel| kernel.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn a_number_is_a_version_and_a_nonce() {
    assert_eq!(version_and_nonce(0x2000_0000, u32::MAX, 0), (0x2000_0000, u32::MAX));
    assert_eq!(version_and_nonce(0x2000_0000, 0, 5), (0x2000_0000, 0));
    assert_eq!(version_and_nonce(0x2000_0000, u32::MAX, 5), (0x2003_e000, u32::MAX >> 5));
    // All 16 bits, and a version that has some of them set already.
    assert_eq!(version_and_nonce(0x2000_0000, 0xffff, 16), (0x3fff_e000, 0));
    assert_eq!(version_and_nonce(0x3fff_e000, 0x1_0001, 16), (0x3fff_c000, 1));
    assert_eq!(version_and_nonce(-1, 1, 1), (!0x2000, 0));
}
