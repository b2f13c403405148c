//! From a template to a job, and from a proof to what the node is told.

use crate::api::{MiningTemplate, SealParams};
use crate::miner::{ExtraNonces, Job};
use crate::types::target::BitsError;
use crate::types::work::{EXTRA_NONCE_BYTES, WorkProof, coinbase_parts};
use crate::types::{Amount, BlockId, Height, Span, Time};

/// Why a template cannot be searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// A field holds something else than it should.
    #[error("its {field} is `{given}`")]
    Field {
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        given: String,
    },
    /// The coinbase is not the one of the block that it names: whoever proves it proves another block.
    #[error("its coinbase does not commit to the block that it names")]
    Coinbase,
    /// The bits encode no target.
    #[error("{0}")]
    Bits(#[from] BitsError),
}

/// A block to be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Names the template.
    pub template: BlockId,
    /// The height of the block.
    pub height: Height,
    /// Its parent: with another head there is nothing to be won any more.
    pub parent: BlockId,
    /// What it pays, fees excluded.
    pub reward: Amount,
    /// How many transactions it carries.
    pub transactions: u64,
    /// For how long a proof is good, as far as its time says so.
    pub good_for: Span,
    /// What is searched.
    pub job: Job,
}

impl Task {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// A template that makes no sense, or would prove another block than it says.
    pub fn read(template: &MiningTemplate) -> Result<Self, TaskError> {
        if template.extra_nonce_bytes != EXTRA_NONCE_BYTES as u64 {
            let given = template.extra_nonce_bytes.to_string();
            return Err(TaskError::Field { field: "extra_nonce_bytes", given });
        }
        let version = digits("version", &template.version, 8)?;
        let version = u32::try_from(version).unwrap_or_default().cast_signed(); // eight digits
        // A node that does not say which ones are ours shares its templates with nobody.
        let first = match template.extra_nonce_first.as_str() {
            "" => 0,
            first => digits("extra_nonce_first", first, 16)?,
        };
        let seconds = u32::try_from(template.time.0 / 1000)
            .map_err(|_| TaskError::Field { field: "time", given: template.time.to_string() })?;
        let coinbase = coinbase_parts(template.height.0, template.template.as_bytes());
        let same = |given: &str, ours: &[u8]| given.eq_ignore_ascii_case(&hex::encode(ours));
        if !same(&template.coinbase_prefix, &coinbase.prefix)
            || !same(&template.coinbase_suffix, &coinbase.suffix)
        {
            return Err(TaskError::Coinbase);
        }
        let parent = *template.parent.as_bytes();
        let job = Job::new(version, parent, coinbase, seconds, template.bits)?;
        Ok(Self {
            template: template.template,
            height: template.height,
            parent: template.parent,
            reward: template.reward,
            transactions: template.transactions,
            good_for: template.time_max.since(template.time),
            job: job.with_extra_nonces(ExtraNonces { first, ..ExtraNonces::default() }),
        })
    }

    /// What the node is told of a proof.
    pub fn answer(&self, proof: &WorkProof) -> SealParams {
        SealParams {
            template: self.template,
            version: format!("{:08x}", proof.version),
            extra_nonce: format!("{:016x}", proof.extra_nonce),
            time: Time(u64::from(proof.time) * 1000),
            nonce: proof.nonce,
        }
    }
}

/// A number of so many hexadecimal digits.
fn digits(field: &'static str, text: &str, count: usize) -> Result<u64, TaskError> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let read = plain.then(|| u64::from_str_radix(text, 16).ok()).flatten();
    read.ok_or_else(|| TaskError::Field { field, given: text.chars().take(40).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::miner::search_slice;
    use crate::types::Hash;
    use crate::types::target::Bits;

    fn template() -> MiningTemplate {
        let id = BlockId(Hash([7; 32]));
        let coinbase = coinbase_parts(300, id.as_bytes());
        MiningTemplate {
            template: id,
            height: Height(300),
            parent: BlockId(Hash([8; 32])),
            payout: "assay1x".into(),
            reward: Amount(50),
            version: "20000000".into(),
            version_mask: "1fffe000".into(),
            bits: Bits(0x2000_ffff),
            target: String::new(),
            difficulty: 0.0,
            coinbase_prefix: hex::encode(coinbase.prefix),
            extra_nonce_bytes: 8,
            extra_nonce_first: "0000000300000000".into(),
            coinbase_suffix: hex::encode(coinbase.suffix),
            time: Time(1_700_000_000_900),
            time_max: Time(1_700_000_060_900),
            transactions: 2,
        }
    }

    #[test]
    fn what_is_found_proves_the_block_that_was_asked_for() {
        let template = template();
        let task = Task::read(&template).unwrap();
        assert_eq!(task.good_for, Span::seconds(60));
        let (proof, _) = search_slice(&task.job, 0, 1 << 20).unwrap();
        let header = proof.header(300, template.template.as_bytes(), [8; 32], template.bits);
        assert_eq!(header.is_proven(), Ok(true));
        assert_eq!((proof.extra_nonce, proof.time), (3 << 32, 1_700_000_000));
        let told = task.answer(&proof);
        assert_eq!(told.version, "20000000");
        assert_eq!(told.extra_nonce, "0000000300000000");
        assert_eq!((told.time, told.nonce), (Time(1_700_000_000_000), proof.nonce));
    }

    #[test]
    fn a_template_that_makes_no_sense_is_refused() {
        type Change = fn(&mut MiningTemplate);
        let rows: [(Change, &str); 8] = [
            (|t| t.version = "2000000".into(), "its version is `2000000`"),
            (|t| t.version = "+0000000".into(), "its version is"),
            (|t| t.extra_nonce_bytes = 4, "its extra_nonce_bytes is `4`"),
            (|t| t.extra_nonce_first = "zz".repeat(500), "its extra_nonce_first is `zz"),
            (|t| t.time = Time(u64::MAX), "its time is"),
            (|t| t.coinbase_suffix.push_str("00"), "does not commit to the block"),
            (|t| t.height = Height(301), "does not commit to the block"),
            (|t| t.bits = Bits(0x0400_0000), "04000000"),
        ];
        for (change, what) in rows {
            let mut template = template();
            change(&mut template);
            let error = Task::read(&template).unwrap_err().to_string();
            assert!(error.contains(what) && error.len() < 200, "{what}: {error}");
        }
        let old = MiningTemplate { extra_nonce_first: String::new(), ..template() };
        assert_eq!(Task::read(&old).unwrap().job.proof(1 << 32).extra_nonce, 1);
    }
}
