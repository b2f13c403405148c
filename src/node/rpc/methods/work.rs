//! Blocks that are proven elsewhere, or at once: `mining_template`, `mining_submit`, and Bitcoin's `getblocktemplate`,
//! `submitblock` and `generatetoaddress`, which are the same in another dress.

use super::{Access, Call, Table};
use crate::api::bitcoin::{
    BlockTemplate, GenerateParams, GetTemplateParams, SubmitBlockParams, TemplateTransaction,
};
use crate::api::{MiningTemplate, RpcCode, SealParams, Sealed, TemplateParams};
use crate::node::rpc::fault::{BitcoinCode, Fault};
use crate::node::work::{SealError, Template};
use crate::types::target::Bits;
use crate::types::work::{
    CoinbaseParts, EXTRA_NONCE_BYTES, VERSION_ROLLING_MASK, WORK_HEADER_BYTES, WORK_VERSION,
    WorkHeader, WorkProof, coinbase_parts, merkle_root,
};
use crate::types::{Amount, BlockId, Claim, Hash, Time};

/// Blocks that one `generatetoaddress` makes at most.
const GENERATE_MAX: u64 = 1000;

/// Bytes of a coinbase after its header's: see [`coinbase_parts`].
const COINBASE_BYTES_MAX: usize = 146;

pub(super) fn register(table: &mut Table) {
    let token = Access::Token;
    table.ask(
        "mining_template",
        token,
        "a block to be proven elsewhere",
        |call, params: TemplateParams| async move {
            call.context.facts.rule.work()?;
            let payout = params.address.map(|text| call.context.address(&text)).transpose()?;
            let template = call.backend.template(payout).await?;
            let template = template.map_err(|reason| Fault::new(RpcCode::NoTemplate, reason))?;
            native(&call, &template)
        },
    );
    table.ask(
        "mining_submit",
        token,
        "the proof of such a block",
        |call, params: SealParams| async move {
            let proof = proof(&params)?;
            call.backend.seal(params.template, proof).await?.map_err(|error| {
                let code = match error {
                    SealError::Unknown(_) | SealError::Stale { .. } | SealError::Late => {
                        RpcCode::StaleTemplate
                    }
                    SealError::Proof(_) => RpcCode::BadProof,
                    SealError::Failed(_) => RpcCode::Failed,
                };
                Fault::new(code, error.to_string())
            })?;
            Ok(Sealed { id: params.template, height: call.view.header.height.next() })
        },
    );
}

/// The same under Bitcoin's names.
pub(super) fn register_bitcoin(table: &mut Table) {
    let token = Access::Token;
    table.ask(
        "getblocktemplate",
        token,
        "a block to be proven elsewhere (BIP 22)",
        |call, params: GetTemplateParams| async move {
            let wanted = params.template_request.unwrap_or_default();
            if wanted.mode.is_some_and(|mode| mode != "template") {
                return Err(Fault::bitcoin(BitcoinCode::InvalidParameter, "Invalid mode"));
            }
            let rule = &call.context.facts.rule;
            if rule.search().is_none() {
                return Err(Fault::bitcoin(BitcoinCode::Misc, rule.no_search()));
            }
            let payout = wanted.address.map(|text| call.context.address(&text)).transpose()?;
            let template = call.backend.template(payout).await?.map_err(|reason| {
                Fault::bitcoin(BitcoinCode::Misc, reason)
                    .help("name an `address` in the request, or start the node with --mine")
            })?;
            bitcoins(&call, &template)
        },
    );
    table.ask(
        "submitblock",
        token,
        "the proof of such a block (BIP 22)",
        |call, params: SubmitBlockParams| async move {
            let (id, proof) = submitted(&params.hexdata)?;
            // BIP 22: nothing is success, a word is why not.
            Ok(match call.backend.seal(id, proof).await? {
                Ok(()) => None,
                Err(SealError::Unknown(_) | SealError::Late) => Some("inconclusive".to_owned()),
                Err(SealError::Stale { .. }) => Some("stale-prevblk".to_owned()),
                Err(SealError::Proof(reason)) => Some(format!("rejected: {reason}")),
                Err(SealError::Failed(reason)) => {
                    return Err(Fault::bitcoin(BitcoinCode::Database, reason));
                }
            })
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

fn bits(template: &Template) -> Result<Bits, Fault> {
    match template.header.claim {
        Claim::Work { bits } => Ok(bits),
        _ => Err(Fault::new(RpcCode::NoTemplate, "blocks of this chain are not proven by work")),
    }
}

/// What issuance gives the producer of the next block.
fn reward(call: &Call) -> Result<Amount, Fault> {
    let rules = call.context.facts.rule.work()?;
    let circulating = call.view.state.supply()?.circulating().unwrap_or_default();
    Ok(rules.params().issuance.capped(call.view.header.height.next(), circulating))
}

/// The least and the greatest time of the work header.
fn window(call: &Call, template: &Template) -> Result<(Time, Time), Fault> {
    let rules = call.context.facts.rule.work()?;
    Ok((template.header.time, template.header.time.after(rules.params().seal_window)))
}

fn coinbase(template: &Template) -> CoinbaseParts {
    coinbase_parts(template.header.height.0, template.id.as_bytes())
}

fn native(call: &Call, template: &Template) -> Result<MiningTemplate, Fault> {
    let (header, bits) = (&template.header, bits(template)?);
    let target = bits.target().map_err(|error| Fault::new(RpcCode::Failed, error.to_string()))?;
    let parts = coinbase(template);
    let (time, time_max) = window(call, template)?;
    Ok(MiningTemplate {
        template: template.id,
        height: header.height,
        parent: header.parent,
        payout: header.producer.encode(&call.context.facts.prefix),
        reward: reward(call)?,
        version: format!("{WORK_VERSION:08x}"),
        version_mask: format!("{VERSION_ROLLING_MASK:08x}"),
        bits,
        target: target.to_string(),
        difficulty: target.difficulty(),
        coinbase_prefix: hex::encode(parts.prefix),
        extra_nonce_bytes: EXTRA_NONCE_BYTES as u64, // it is 8
        coinbase_suffix: hex::encode(parts.suffix),
        time,
        time_max,
        transactions: template.transactions as u64, // a count fits 64 bits
    })
}

fn bitcoins(call: &Call, template: &Template) -> Result<BlockTemplate, Fault> {
    let (header, bits) = (&template.header, bits(template)?);
    let target = bits.target().map_err(|error| Fault::new(RpcCode::Failed, error.to_string()))?;
    let (from, to) = window(call, template)?;
    let mut parent = *header.parent.as_bytes();
    parent.reverse();
    Ok(BlockTemplate {
        capabilities: vec!["coinbasetxn".into()],
        version: WORK_VERSION,
        previousblockhash: Hash(parent).to_string(),
        transactions: Vec::new(),
        coinbasetxn: TemplateTransaction { data: hex::encode(coinbase(template).with(0)) },
        coinbasevalue: reward(call)?.0,
        target: target.to_string(),
        mintime: from.into(),
        maxtime: to.into(),
        mutable: vec!["time/increment".into(), "version/reduce".into()],
        noncerange: "00000000ffffffff".into(),
        curtime: from.into(),
        bits,
        height: header.height,
        template: template.id,
    })
}

/// The fields that a miner chose.
fn proof(params: &SealParams) -> Result<WorkProof, Fault> {
    let number = |what: &str, text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let read = plain.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        read.ok_or_else(|| Fault::params(format!("{what} has {digits} hexadecimal digits")))
    };
    let version = number("version", &params.version, 8)?;
    let version = u32::try_from(version).map_err(Fault::params)?;
    let time = u32::try_from(params.time.0 / 1000);
    Ok(WorkProof {
        version: version.cast_signed(),
        extra_nonce: number("extra_nonce", &params.extra_nonce, 16)?,
        time: time.map_err(|_| Fault::params("time does not fit a work header"))?,
        nonce: params.nonce,
    })
}

/// The template and the proof in a Bitcoin block that was made of a template.
fn submitted(hexdata: &str) -> Result<(BlockId, WorkProof), Fault> {
    let refused = || Fault::bitcoin(BitcoinCode::Deserialization, "Block decode failed");
    if hexdata.len() > 2 * (WORK_HEADER_BYTES + 1 + COINBASE_BYTES_MAX) {
        return Err(refused());
    }
    let bytes = hex::decode(hexdata).map_err(|_| refused())?;
    let (header, rest) = bytes.split_first_chunk::<WORK_HEADER_BYTES>().ok_or_else(refused)?;
    let header = WorkHeader::decode(header);
    // One transaction: the coinbase.
    let Some((1, coinbase)) = rest.split_first() else { return Err(refused()) };
    let (id, extra_nonce) = commitment(coinbase).ok_or_else(refused)?;
    if merkle_root(coinbase, &[]) != header.merkle_root {
        return Err(refused());
    }
    let (version, time, nonce) = (header.version, header.time, header.nonce);
    Ok((id, WorkProof { version, extra_nonce, time, nonce }))
}

/// The block that a coinbase commits to, and its extra nonce. It ends as every coinbase of ours does, wherever the push of
/// the height in front of it ends.
fn commitment(coinbase: &[u8]) -> Option<(BlockId, u64)> {
    // The suffix ends in the id and four bytes of lock time.
    let id_end = coinbase.len().checked_sub(4)?;
    let id: [u8; 32] = coinbase.get(id_end.checked_sub(32)?..id_end)?.try_into().ok()?;
    let suffix = coinbase_parts(0, &id).suffix;
    let hole_end = coinbase.len().checked_sub(suffix.len())?;
    let hole = coinbase.get(hole_end.checked_sub(EXTRA_NONCE_BYTES)?..hole_end)?;
    Some((BlockId(Hash(id)), u64::from_be_bytes(hole.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitcoin_block_made_of_a_template_gives_the_proof_back() {
        let id = BlockId(Hash([0xab; 32]));
        for height in [1, 200, 70_000, u64::MAX] {
            let proof =
                WorkProof { version: WORK_VERSION, extra_nonce: 7 << 40, time: 9, nonce: 11 };
            let header = proof.header(height, id.as_bytes(), [3; 32], Bits(0x207f_ffff));
            let mut block = header.encode().to_vec();
            block.push(1);
            block.extend(coinbase_parts(height, id.as_bytes()).with(proof.extra_nonce));
            assert_eq!(submitted(&hex::encode(&block)), Ok((id, proof)), "{height}");
            // Any other byte of the coinbase is another merkle root.
            for at in WORK_HEADER_BYTES..block.len() {
                let mut bad = block.clone();
                bad[at] ^= 1;
                assert!(submitted(&hex::encode(&bad)).is_err(), "{height} {at}");
            }
        }
        for bad in ["", "zz", "00", &"00".repeat(81), &"00".repeat(1 << 20)] {
            assert!(submitted(bad).is_err());
        }
    }
}
