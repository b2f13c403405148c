//! `mempool_*`.

use serde::Deserialize;

use super::{Access, Call, Table};
use crate::api::{
    MempoolInfo, MempoolParams, POOL_IDS_MAX, Refusal, RpcCode, SUBMIT_MAX, SubmitParams,
    SubmitResult,
};
use crate::node::rpc::fault::Fault;
use crate::types::{Transaction, decode};

pub(super) fn register(table: &mut Table) {
    table.ask(
        "mempool_info",
        Access::Open,
        "how much is pending, and which ids",
        |call, params: MempoolParams| async move {
            let (view, facts) = (&call.view, &call.context.facts);
            let ids =
                if params.ids { Some(call.backend.pool_ids(POOL_IDS_MAX).await?) } else { None };
            Ok(MempoolInfo {
                transactions: view.pool_len as u64, // counts fit 64 bits
                bytes: view.pool_bytes as u64,
                bytes_max: facts.pool_bytes_max as u64,
                fee_per_byte_min: facts.params.fee_per_byte_min,
                ids,
            })
        },
    );
    table.ask(
        "mempool_submit",
        Access::Open,
        "hand in signed transactions",
        |call, submitted: Submitted| async move { submit(call, submitted.into_list()).await },
    );
}

/// The parameters of `mempool_submit` in all forms that are taken.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
#[schemars(with = "SubmitParams")]
enum Submitted {
    /// `["…", "…"]`
    Plain(Vec<String>),
    /// `[["…", "…"]]` or `{"transactions": ["…", "…"]}`
    Wrapped(SubmitParams),
}

impl Submitted {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::Plain(list) => list,
            Self::Wrapped(params) => params.transactions,
        }
    }
}

async fn submit(call: Call, encoded: Vec<String>) -> Result<Vec<SubmitResult>, Fault> {
    if encoded.is_empty() || encoded.len() > SUBMIT_MAX {
        let given = encoded.len();
        return Err(Fault::params(format!(
            "{given} transactions where 1 to {SUBMIT_MAX} are taken"
        )));
    }
    let bad = |reason: String| refused(RpcCode::BadTransaction, reason);
    let mut results: Vec<Option<SubmitResult>> = Vec::with_capacity(encoded.len());
    let mut transactions = Vec::new();
    for text in &encoded {
        let decoded = hex::decode(text)
            .map_err(|error| format!("it is not hexadecimal: {error}"))
            .and_then(|bytes| decode::<Transaction>(&bytes).map_err(|error| error.to_string()));
        match decoded {
            Ok(transaction) => {
                transactions.push(transaction);
                results.push(None);
            }
            Err(reason) => results.push(Some(bad(reason))),
        }
    }
    let answers = if transactions.is_empty() {
        Vec::new()
    } else {
        call.backend.submit(transactions).await?
    };
    let mut answers = answers.into_iter();
    // Those that were decoded have no result yet, in the order of the answers.
    let result = |result: Option<SubmitResult>| match result {
        Some(result) => Ok(result),
        None => match answers.next() {
            Some(Ok(id)) => Ok(SubmitResult::Accepted { id }),
            Some(Err(reason)) => Ok(refused(RpcCode::TransactionRefused, reason)),
            None => Err(Fault::new(RpcCode::Failed, "the node answered for fewer transactions")),
        },
    };
    results.into_iter().map(result).collect()
}

fn refused(code: RpcCode, message: String) -> SubmitResult {
    SubmitResult::Refused { error: Refusal { code: code.code(), message } }
}
