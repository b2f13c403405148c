//! Blocks that are proven elsewhere, or at once, under Bitcoin's names: `getblocktemplate` and `submitblock` of BIP 22, with
//! the long polls of it, and `generatetoaddress`.
//!
//! The coinbase commits to our block, so a template gives it whole (`coinbasetxn`); a miner searches over nonce, time and
//! the free bits of the version. Two who ask for a template get coinbases that differ in the extra nonce.
//!
//! What is submitted is judged twice. First as a Bitcoin block against the template that it was made of, for what BIP 22
//! has a word; then by the rule itself, as every proof is.

use std::time::Duration;

use super::work::{bits, coinbase, reward, window};
use super::{Access, Call, Table};
use crate::api::bitcoin::{
    BlockTemplate, GenerateParams, GetTemplateParams, SubmitBlockParams, TemplateTransaction,
};
use crate::node::feed::Topic;
use crate::node::rpc::fault::{BitcoinCode, Fault};
use crate::node::work::{SealError, Template};
use crate::types::target::Bits;
use crate::types::work::{
    EXTRA_NONCE_BYTES, VERSION_ROLLING_MASK, WORK_HEADER_BYTES, WORK_VERSION, WorkHeader,
    WorkProof, coinbase_parts, merkle_root,
};
use crate::types::{BlockId, Hash, Time};

/// Blocks that one `generatetoaddress` makes at most.
const GENERATE_MAX: u64 = 1000;

/// Bytes of a coinbase at most: see [`coinbase_parts`].
const COINBASE_BYTES_MAX: usize = 146;

/// New transactions end a long poll no sooner than this: a template executes a block.
const POOL_PAUSE: Duration = Duration::from_secs(5);

/// A long poll ends after this even if nothing happened, or after half of the time in which a template's proof is good.
const POLL_MAX: Duration = Duration::from_secs(60);

/// How often a long poll looks whether there are new transactions.
const POOL_LOOK: Duration = Duration::from_secs(1);

/// What a server of templates can do, in the words of BIP 22 and 23.
const CAPABILITIES: [&str; 3] = ["coinbasetxn", "longpoll", "workid"];

/// What a miner may change. The extra nonce is none of it: the coinbase is ours.
const MUTABLE: [&str; 2] = ["time/increment", "version/reduce"];

pub(super) fn register(table: &mut Table) {
    let token = Access::Token;
    table.ask(
        "getblocktemplate",
        token,
        "a block to be proven elsewhere (BIP 22)",
        |mut call, params: GetTemplateParams| async move {
            let wanted = params.template_request.unwrap_or_default();
            if wanted.mode.is_some_and(|mode| mode != "template") {
                return Err(Fault::bitcoin(BitcoinCode::InvalidParameter, "Invalid mode"));
            }
            let rule = &call.context.facts.rule;
            if rule.search().is_none() {
                return Err(Fault::bitcoin(BitcoinCode::Misc, rule.no_search()));
            }
            let payout = wanted.address.map(|text| call.context.address(&text)).transpose()?;
            if let Some(before) = wanted.longpollid.as_deref().and_then(Before::parse) {
                before.wait(&call).await?;
                call.view = call.backend.view();
            }
            let template = call.backend.template(payout).await?.map_err(|reason| {
                Fault::bitcoin(BitcoinCode::Misc, reason).help(
                    "name an `address` in the request, or start the node with --payout ADDRESS",
                )
            })?;
            told(&call, &template)
        },
    );
    table.ask(
        "submitblock",
        token,
        "the proof of such a block (BIP 22)",
        |call, params: SubmitBlockParams| async move {
            // BIP 22: nothing is success, a word is why not.
            Ok(submit(&call, &params.hexdata).await?.map(str::to_owned))
        },
    );
    table.ask(
        "generatetoaddress",
        token,
        "make blocks at once",
        |call, params: GenerateParams| async move {
            let payout = call.context.address(&params.address)?;
            let blocks =
                usize::try_from(params.nblocks).ok().filter(|_| params.nblocks <= GENERATE_MAX);
            let blocks = blocks.ok_or_else(|| {
                let reason = format!("nblocks is at most {GENERATE_MAX}");
                Fault::bitcoin(BitcoinCode::InvalidParameter, reason)
            })?;
            let tries = params.maxtries.unwrap_or(u64::MAX);
            let made = call.backend.generate(blocks, payout, tries).await?;
            made.map_err(|reason| Fault::bitcoin(BitcoinCode::Misc, reason))
        },
    );
}

/// What a miner knew when it began to poll: the head, and how many transactions had joined the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Before {
    head: BlockId,
    accepted: u64,
}

impl Before {
    fn of(call: &Call, template: &Template) -> Self {
        Self { head: template.header.parent, accepted: call.view.pool_accepted }
    }

    /// An id of a long poll; one that is not ours is like none, and is answered at once.
    fn parse(text: &str) -> Option<Self> {
        let (head, accepted) = text.split_at_checked(64)?;
        Some(Self { head: head.parse().ok()?, accepted: accepted.parse().ok()? })
    }

    /// Waits until a template would be another one, or its time gets short.
    async fn wait(self, call: &Call) -> Result<(), Fault> {
        // Asked for before the head is looked at, so that none slips through between the two.
        let mut heads = call.backend.listen(Topic::Heads);
        let seal_window = call.context.facts.rule.work()?.params().seal_window;
        let longest = POLL_MAX.min(Duration::from_millis(seal_window.0 / 2));
        let mut look = tokio::time::interval(POOL_LOOK);
        let began = tokio::time::Instant::now();
        loop {
            let view = call.backend.view();
            let waited = began.elapsed();
            let has_more = view.pool_accepted != self.accepted && waited >= POOL_PAUSE;
            if view.head != self.head || has_more || waited >= longest {
                return Ok(());
            }
            tokio::select! {
                // Whoever lags behind looks at the head all the same; without a feed the node stops.
                heard = heads.recv() => if heard == Err(tokio::sync::broadcast::error::RecvError::Closed) {
                    return Ok(());
                },
                _ = look.tick() => {}
            }
        }
    }
}

impl std::fmt::Display for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.head, self.accepted)
    }
}

/// An id as Bitcoin shows hashes: reversed.
fn reversed(id: &BlockId) -> String {
    let mut bytes = *id.as_bytes();
    bytes.reverse();
    Hash(bytes).to_string()
}

fn told(call: &Call, template: &Template) -> Result<BlockTemplate, Fault> {
    let (header, bits) = (&template.header, bits(template)?);
    let target = bits.target().map_err(|error| {
        Fault::bitcoin(BitcoinCode::Misc, format!("the target cannot be told: {error}"))
    })?;
    let (from, to) = window(call, template)?;
    let coinbase = coinbase(template).with(template.extra_nonce);
    Ok(BlockTemplate {
        capabilities: CAPABILITIES.map(String::from).to_vec(),
        rules: Vec::new(),
        vbavailable: std::collections::BTreeMap::new(),
        vbrequired: 0,
        version: WORK_VERSION,
        previousblockhash: reversed(&header.parent),
        transactions: Vec::new(),
        coinbaseaux: std::collections::BTreeMap::new(),
        coinbasetxn: TemplateTransaction { data: hex::encode(coinbase) },
        coinbasevalue: reward(call)?.0,
        longpollid: Before::of(call, template).to_string(),
        workid: template.id.to_string(),
        expires: to.0.saturating_sub(from.0) / 1000,
        target: target.to_string(),
        mintime: from.into(),
        maxtime: to.into(),
        mutable: MUTABLE.map(String::from).to_vec(),
        noncerange: "00000000ffffffff".into(),
        curtime: from.into(),
        bits,
        height: header.height,
        template: template.id,
    })
}

/// Takes a block; the word of BIP 22 for why it is not taken.
async fn submit(call: &Call, hexdata: &str) -> Result<Option<&'static str>, Fault> {
    let submitted = Submitted::decode(hexdata)
        .ok_or_else(|| Fault::bitcoin(BitcoinCode::Deserialization, "Block decode failed"))?;
    let Some((id, proof)) = submitted.proof() else { return Ok(Some(submitted.why_no_proof())) };
    let judge =
        |template: Template| Ok::<_, Fault>(submitted.judge(&template, window(call, &template)?));
    let judged = call.backend.kept_template(&id).map(judge).transpose()?;
    if let Some(reason) = judged.flatten() {
        return Ok(Some(reason));
    }
    Ok(match call.backend.seal(id, proof).await? {
        Ok(()) => None,
        Err(SealError::Known(_)) => Some("duplicate"),
        Err(SealError::Stale { .. }) => Some("stale-prevblk"),
        Err(SealError::Unknown(_)) if submitted.header.previous != *call.view.head.as_bytes() => {
            Some("stale-prevblk")
        }
        Err(SealError::Unknown(_) | SealError::Late) => Some("inconclusive"),
        Err(SealError::Proof(reason)) => {
            tracing::debug!(%id, "a submitted block is refused: {reason}");
            Some("rejected")
        }
        Err(SealError::Failed(reason)) => {
            return Err(Fault::bitcoin(BitcoinCode::Database, reason));
        }
    })
}

/// A Bitcoin block with one transaction.
#[derive(Debug, PartialEq, Eq)]
struct Submitted {
    header: WorkHeader,
    coinbase: Vec<u8>,
}

impl Submitted {
    /// The block in these digits, if it is one and no longer than ours are.
    fn decode(hexdata: &str) -> Option<Self> {
        if hexdata.len() > 2 * (WORK_HEADER_BYTES + 1 + COINBASE_BYTES_MAX) {
            return None;
        }
        let bytes = hex::decode(hexdata).ok()?;
        let (header, rest) = bytes.split_first_chunk::<WORK_HEADER_BYTES>()?;
        // One transaction: the coinbase.
        let Some((1, coinbase)) = rest.split_first() else { return None };
        Some(Self { header: WorkHeader::decode(header), coinbase: coinbase.to_vec() })
    }

    /// The template that it was made of, and the fields that the miner chose; nothing if it was made of none.
    fn proof(&self) -> Option<(BlockId, WorkProof)> {
        let header = &self.header;
        if merkle_root(&self.coinbase, &[]) != header.merkle_root {
            return None;
        }
        let (id, extra_nonce) = commitment(&self.coinbase)?;
        let (version, time, nonce) = (header.version, header.time, header.nonce);
        Some((id, WorkProof { version, extra_nonce, time, nonce }))
    }

    fn why_no_proof(&self) -> &'static str {
        match merkle_root(&self.coinbase, &[]) == self.header.merkle_root {
            true => "bad-cb-prefix",
            false => "bad-txnmrklroot",
        }
    }

    /// What is wrong with it as a block that was made of this template.
    fn judge(&self, template: &Template, (from, to): (Time, Time)) -> Option<&'static str> {
        let header = &self.header;
        let ours = coinbase(template);
        let id_and_nonce = commitment(&self.coinbase);
        let same = id_and_nonce.is_some_and(|(_, nonce)| ours.with(nonce) == self.coinbase);
        let due = bits(template).unwrap_or(Bits(0));
        match () {
            () if !same => Some("bad-cb-prefix"),
            () if header.previous != *template.header.parent.as_bytes() => Some("bad-prevblk"),
            () if header.bits != due => Some("bad-diffbits"),
            () if header.is_proven() != Ok(true) => Some("high-hash"),
            () if (header.version.cast_unsigned() & !VERSION_ROLLING_MASK)
                != WORK_VERSION.cast_unsigned() =>
            {
                Some("bad-version")
            }
            () if u64::from(header.time) < from.0 / 1000 => Some("time-too-old"),
            () if u64::from(header.time) > to.0 / 1000 => Some("time-too-new"),
            () => None,
        }
    }
}

/// The block that a coinbase commits to, and its extra nonce. It ends as every coinbase of ours does, wherever the push of
/// the height in front of it ends.
fn commitment(coinbase: &[u8]) -> Option<(BlockId, u64)> {
    // The suffix ends in the id and four bytes of lock time.
    let id_end = coinbase.len().checked_sub(4)?;
    let id: [u8; 32] = coinbase.get(id_end.checked_sub(32)?..id_end)?.try_into().ok()?;
    let suffix = coinbase_parts(0, &id).suffix;
    let hole_end = coinbase.len().checked_sub(suffix.len())?;
    if coinbase.get(hole_end..)? != suffix {
        return None;
    }
    let hole = coinbase.get(hole_end.checked_sub(EXTRA_NONCE_BYTES)?..hole_end)?;
    Some((BlockId(Hash(id)), u64::from_be_bytes(hole.try_into().ok()?)))
}

#[cfg(test)]
#[path = "bip22_tests.rs"]
mod tests;
