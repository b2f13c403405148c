//! Jobs: templates as miners are told them.

use serde_json::{Value, json};

use crate::types::target::{Bits, BitsError, Target};
use crate::types::work::{
    CoinbaseParts, WORK_VERSION, WorkHeader, WorkProof, coinbase_parts, merkle_root,
};

/// A block to be proven, as the host hands it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// The id that the block will have; the host finds its draft by it.
    pub id: [u8; 32],
    /// Its height.
    pub height: u64,
    /// Its parent's id.
    pub parent: [u8; 32],
    /// The target.
    pub bits: Bits,
    /// The least time of the work header, in seconds since the Unix epoch.
    pub time: u32,
    /// The greatest.
    pub time_max: u32,
}

/// A template with a number, and what of it is the same for all miners.
#[derive(Debug)]
pub(super) struct Job {
    /// Its name, in hexadecimal digits.
    pub(super) number: u64,
    pub(super) template: Template,
    /// The target of the block.
    pub(super) target: Target,
    /// How hard that is.
    pub(super) difficulty: f64,
    coinbase: CoinbaseParts,
    /// `mining.notify` for those who go on and for those who have to begin anew: all miners are sent the same line.
    lines: [String; 2],
}

impl Job {
    pub(super) fn new(number: u64, template: Template) -> Result<Self, BitsError> {
        let target = template.bits.target()?;
        let difficulty = target.difficulty();
        let coinbase = coinbase_parts(template.height, &template.id);
        let lines = [false, true].map(|clean| line(number, &template, &coinbase, clean));
        Ok(Self { number, template, target, difficulty, coinbase, lines })
    }

    /// The line that tells a miner of it.
    pub(super) fn line(&self, clean: bool) -> &str {
        &self.lines[usize::from(clean)]
    }

    /// The work header of a proof of this job.
    pub(super) fn header(&self, proof: &WorkProof) -> WorkHeader {
        WorkHeader {
            version: proof.version,
            previous: self.template.parent,
            merkle_root: merkle_root(&self.coinbase.with(proof.extra_nonce), &[]),
            time: proof.time,
            bits: self.template.bits,
            nonce: proof.nonce,
        }
    }
}

fn line(number: u64, template: &Template, coinbase: &CoinbaseParts, clean: bool) -> String {
    let Template { parent, bits, time, .. } = template;
    let no_branch: [&str; 0] = [];
    let params = json!([
        format!("{number:x}"),
        previous_hex(parent),
        hex::encode(&coinbase.prefix),
        hex::encode(&coinbase.suffix),
        no_branch,
        format!("{WORK_VERSION:08x}"),
        bits.to_string(),
        format!("{time:08x}"),
        clean,
    ]);
    notification("mining.notify", &params)
}

/// A line that nobody asked for.
pub(super) fn notification(method: &str, params: &Value) -> String {
    format!("{}\n", json!({ "id": null, "method": method, "params": params }))
}

/// The hash of the previous block as `mining.notify` carries it: the header's bytes, each group of four reversed.
pub fn previous_hex(previous: &[u8; 32]) -> String {
    let word = |word: &[u8]| word.iter().rev().copied().collect::<Vec<u8>>();
    hex::encode(previous.chunks(4).flat_map(word).collect::<Vec<u8>>())
}
