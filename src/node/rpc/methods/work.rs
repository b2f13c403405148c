//! Blocks that are proven elsewhere: `mining_template` and `mining_submit`. Bitcoin's names for the same are in `bip22`.

use super::{Access, Call, Table};
use crate::api::{MiningTemplate, RpcCode, SealParams, Sealed, TemplateParams};
use crate::node::rpc::fault::Fault;
use crate::node::work::{SealError, Template};
use crate::types::target::Bits;
use crate::types::work::{
    CoinbaseParts, EXTRA_NONCE_BYTES, VERSION_ROLLING_MASK, WORK_VERSION, WorkProof, coinbase_parts,
};
use crate::types::{Amount, Claim, Time};

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
                    SealError::Unknown(_)
                    | SealError::Known(_)
                    | SealError::Stale { .. }
                    | SealError::Late => RpcCode::StaleTemplate,
                    SealError::Proof(_) => RpcCode::BadProof,
                    SealError::Failed(_) => RpcCode::Failed,
                };
                Fault::new(code, error.to_string())
            })?;
            Ok(Sealed { id: params.template, height: call.view.header.height.next() })
        },
    );
}

/// The target that it claims.
pub(super) fn bits(template: &Template) -> Result<Bits, Fault> {
    match template.header.claim {
        Claim::Work { bits } => Ok(bits),
        _ => Err(Fault::new(RpcCode::NoWork, "blocks of this chain are not proven by work")),
    }
}

/// What issuance gives the producer of the next block.
pub(super) fn reward(call: &Call) -> Result<Amount, Fault> {
    let rules = call.context.facts.rule.work()?;
    let circulating = call.view.state.supply()?.circulating().unwrap_or_default();
    Ok(rules.params().issuance.capped(call.view.header.height.next(), circulating))
}

/// The least and the greatest time of the work header.
pub(super) fn window(call: &Call, template: &Template) -> Result<(Time, Time), Fault> {
    let rules = call.context.facts.rule.work()?;
    Ok((template.header.time, template.header.time.after(rules.params().seal_window)))
}

/// Its coinbase, around the extra nonce.
pub(super) fn coinbase(template: &Template) -> CoinbaseParts {
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
        extra_nonce_first: format!("{:016x}", template.extra_nonce),
        coinbase_suffix: hex::encode(parts.suffix),
        time,
        time_max,
        transactions: template.transactions as u64, // a count fits 64 bits
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
