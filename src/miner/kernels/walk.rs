//! How kernels of vectors go through the tries of a work: in groups, in two phases.
//!
//! The first phase makes the first hashes of all tries of a group, the second phase hashes them again. Either alone stays
//! within the processor's cache of decoded instructions, while both together do not; and a group is large enough that
//! changing from one to the other costs little. What lies between them, 32 bytes a try, stays in the nearest cache of data.

use super::Prepared;
use super::rounds::{Machine, first_hash, first_hash_shared, second_hash, shared_message};

/// [`Kernel::scan`](super::Kernel::scan) in groups of `BLOCKS` vectors of nonces.
#[inline(always)]
pub(super) fn nonces<M: Machine, const BLOCKS: usize>(
    m: M,
    work: &Prepared,
    first: u32,
    count: u32,
    candidates: &mut Vec<u32>,
) -> u32 {
    let [schedule] = &work.schedules[..] else { panic!("prepared for version rolling") };
    let mut w = [m.splat(0); 64];
    let mut hashes = [[m.splat(0); 8]; BLOCKS];
    let before = candidates.len();
    let mut done = 0;
    while done < count && candidates.len() == before {
        let left = count - done;
        let blocks = BLOCKS.min(left.div_ceil(M::LANES) as usize); // at most BLOCKS
        let mut nonce = first + done;
        for hash in &mut hashes[..blocks] {
            // The last block may go over the end of the numbers; what is there does not count.
            *hash = first_hash(m, schedule, m.rising(nonce), &mut w);
            nonce = nonce.wrapping_add(M::LANES);
        }
        let mut index = 0;
        for hash in &hashes[..blocks] {
            for lane in ones(m.at_most(second_hash(m, hash, &mut w), work.top_word)) {
                if index + lane < left {
                    candidates.push(first + done + index + lane);
                }
            }
            index += M::LANES;
        }
        done += left.min(index);
    }
    done
}

/// [`Kernel::scan`](super::Kernel::scan) in groups of one vector of nonces under each of 2^`BITS` versions, `VERSIONS` in
/// number.
#[inline(always)]
pub(super) fn versions<M: Machine, const BITS: u32, const VERSIONS: usize>(
    m: M,
    work: &Prepared,
    first: u32,
    count: u32,
    candidates: &mut Vec<u32>,
) -> u32 {
    const { assert!(1 << BITS == VERSIONS) };
    assert_eq!(work.schedules.len(), VERSIONS, "prepared for other version bits");
    let mut w = [m.splat(0); 64];
    let mut shared = [m.splat(0); 64];
    let mut hashes = [[m.splat(0); 8]; VERSIONS];
    let before = candidates.len();
    let mut done = 0;
    while done < count && candidates.len() == before {
        // A group begins with the first version of a nonce; what is before the first number does not count.
        let nonce = (first + done) >> BITS;
        let start = nonce << BITS;
        let skipped = first + done - start;
        let wanted = skipped..(M::LANES << BITS).min(skipped + (count - done));
        shared_message(m, &work.schedules[0], m.rising(nonce), &mut w, &mut shared);
        // A few numbers are of a few versions only.
        let tried = wanted.end - skipped;
        let is_wanted = |version: u32| {
            tried >= 1 << BITS || version.wrapping_sub(skipped) % (1 << BITS) < tried
        };
        for ((hash, schedule), version) in hashes.iter_mut().zip(&work.schedules).zip(0..) {
            if is_wanted(version) {
                *hash = first_hash_shared(m, schedule, &shared);
            }
        }
        for (hash, version) in hashes.iter().zip(0..).filter(|(_, version)| is_wanted(*version)) {
            for lane in ones(m.at_most(second_hash(m, hash, &mut w), work.top_word)) {
                let index = lane << BITS | version;
                if wanted.contains(&index) {
                    candidates.push(start + index);
                }
            }
        }
        done += tried;
    }
    candidates[before..].sort_unstable();
    done
}

/// The places of the ones, from the lowest.
#[inline(always)]
fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros());
        bits &= bits.wrapping_sub(1);
        lowest
    })
}
