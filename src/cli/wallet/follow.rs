//! Following a payment: what a person sees on the way, and what is printed in the end.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::desk::{Answer, Connected, Desk};
use super::errors;
use super::options::Paying;
use super::replies::Asking;
use crate::api::{Exit, OperationInfo, SendReport};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::types::{Address, Amount, Operation, TransactionId};
use crate::wallet::build::Signed;
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::select::Selection;
use crate::wallet::track::{self, Step, Submitted, Wait};

/// How often the bar moves while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// A payment that a node accepted.
pub(super) struct Paid<'a> {
    /// The transaction.
    pub signed: &'a Signed,
    /// Its submission.
    pub submitted: Submitted,
    /// What pays, and the fee.
    pub selection: &'a Selection,
    /// What for.
    pub deed: Deed<'a>,
}

/// What a transaction is made for, in the words of whoever made it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed<'a> {
    /// Somebody is paid.
    Payment {
        /// Who.
        to: Address,
        /// How much.
        amount: Amount,
        /// Who pays, if that is not the wallet.
        giver: Option<&'a str>,
    },
    /// One's own coins get another shape.
    Shape {
        /// How many coins it makes.
        coins: usize,
        /// What each holds.
        each: Amount,
    },
    /// Something else is done.
    Operation {
        /// What.
        operation: &'a Operation,
        /// That, for people.
        words: &'a str,
    },
}

/// What a payment looks like as JSON: the report of the sending, and what was sent.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    sent: &'a SendReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<OperationInfo>,
    fee: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    /// The authorities that said that it is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    replies: Option<Vec<String>>,
    /// How many coins of `amount` were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    coins: Option<usize>,
}

/// What is about to be sent, and on which chain: said before anything is signed or sent.
pub(super) fn announce<N: NodeApi>(
    desk: &Desk<'_, N>,
    chain: &Chain,
    selection: &Selection,
    deed: Deed<'_>,
) {
    let shown = |amount| output::amount(amount, &chain.symbol);
    let coins = match selection.inputs.len() {
        1 => "1 coin".to_owned(),
        number => format!("{number} coins"),
    };
    let change = match selection.change {
        Some(change) => format!("; {} return", shown(change)),
        None => String::new(),
    };
    desk.note(format!(
        "{} on {} (genesis {}): a fee of {} for {} bytes, from {coins}{change}",
        deed.words(chain),
        output::plain(&chain.name),
        output::short(chain.genesis),
        shown(selection.fee),
        selection.size,
    ));
    let unconfirmed = selection.unconfirmed();
    if unconfirmed > 0 {
        let (subject, verb) =
            if unconfirmed == 1 { ("1 of them", "is") } else { ("some of them", "are") };
        desk.note(format!(
            "note: {subject} {verb} change of a transaction that is still pending: it counts only once that is in a block"
        ));
    }
}

/// Follows a payment as far as is wanted, and reports how far it came.
pub(super) async fn follow<N: NodeApi>(
    desk: &Desk<'_, N>,
    connected: &Connected<N>,
    chain: &Chain,
    paid: Paid<'_>,
    (paying, asking): (&Paying, Option<&Asking>),
) -> Result<Answer, CliError> {
    let Paid { signed, submitted, selection, deed } = paid;
    let id = signed.id;
    let bar = bar(paying.wait, chain, desk.json);
    bar.suspend(|| desk.note(format!("accepted as transaction {id}")));
    let mut on = |step: &Step| show(step, &bar, &|text| desk.note(text));
    let goal = (paying.wait, paying.timeout);
    let followed = tokio::select! {
        ended = track::wait(&connected.api, desk.clock, signed, submitted, goal, &mut on) => {
            ended.map_err(|error| errors::track(error, connected))
        }
        signal = (desk.stopped)() => Err(given_up(signal, id)),
    };
    bar.finish_and_clear();
    let tracked = followed?;
    let agreed = match asking {
        Some(asking) => asking.gather(desk, (connected, chain), &id, paying.timeout).await?,
        None => None,
    };
    let sent = &tracked.report;
    let shown = |amount| output::amount(amount, &chain.symbol);
    let mut table = Table::pairs();
    table.pair("transaction", id);
    match deed {
        Deed::Payment { giver, .. } => {
            table.pair("paid", deed.words(chain));
            if let Some(giver) = giver {
                table.pair("by", giver);
            }
        }
        Deed::Shape { .. } | Deed::Operation { .. } => table.pair("done", deed.words(chain)),
    }
    table.pair("fee", shown(selection.fee));
    table.pair("status", tracked.reason(chain));
    if let (Some(height), Some(block)) = (sent.height, tracked.block) {
        table.pair("block", format!("{height} {block}"));
    }
    let replies: Option<Vec<String>> =
        agreed.as_ref().map(|agreed| agreed.by.iter().map(|by| by.encode(&chain.prefix)).collect());
    if let (Some(agreed), Some(replies)) = (&agreed, &replies) {
        table.pair("final by", format!("block {} {}", agreed.height, agreed.block));
        replies.iter().for_each(|by| table.pair("reply", by));
    }
    let latency = &sent.latency_ms;
    let steps = [
        ("accepted", Some(latency.accepted)),
        ("included", latency.included),
        ("final", latency.is_final),
    ];
    let steps: Vec<String> = steps
        .into_iter()
        .filter_map(|(name, ms)| ms.map(|ms| format!("{name} after {}", seconds(ms))))
        .collect();
    table.pair("time", steps.join(", "));
    let fee = selection.fee;
    let mut report = match deed {
        Deed::Payment { to, amount, giver } => {
            let to = Some(to.encode(&chain.prefix));
            Report {
                sent,
                to,
                amount: Some(amount),
                operation: None,
                fee,
                from: giver,
                coins: None,
                replies: None,
            }
        }
        Deed::Shape { coins, each } => {
            let (amount, coins) = (Some(each), Some(coins));
            Report {
                sent,
                to: None,
                amount,
                operation: None,
                fee,
                from: None,
                coins,
                replies: None,
            }
        }
        Deed::Operation { operation, .. } => {
            let operation = Some(OperationInfo::of(operation, &chain.prefix));
            Report {
                sent,
                to: None,
                amount: None,
                operation,
                fee,
                from: None,
                coins: None,
                replies: None,
            }
        }
    };
    report.replies = replies;
    Answer::new(&report, table)
}

impl Deed<'_> {
    /// What is done, for people.
    fn words(&self, chain: &Chain) -> String {
        match self {
            Self::Payment { to, amount, .. } => {
                let amount = output::amount(*amount, &chain.symbol);
                format!("{amount} to {}", to.encode(&chain.prefix))
            }
            Self::Shape { coins, each } => {
                let each = output::amount(*each, &chain.symbol);
                match coins {
                    1 => format!("merging into one coin of {each}"),
                    coins => format!("making {coins} coins of {each} each"),
                }
            }
            Self::Operation { words, .. } => output::plain(words),
        }
    }
}

fn seconds(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1000.0) }
}

/// The person does not want to wait any longer.
fn given_up(signal: Exit, id: TransactionId) -> CliError {
    CliError::new(
        signal,
        "interrupted",
        format!("no longer waiting: transaction {id} was accepted"),
    )
    .help(format!("it goes on without you; `assay chain tx {id}` shows how far it has come"))
}

/// A bar that counts confirmations, where they have a goal, and shows that something is awaited where they have none.
/// The library hides it where stderr is no terminal.
fn bar(wait: Wait, chain: &Chain, json: bool) -> ProgressBar {
    let goal = match wait {
        Wait::Accepted => return ProgressBar::hidden(),
        _ if json => return ProgressBar::hidden(),
        Wait::Included => None,
        Wait::Confirmations(blocks) => Some(blocks),
        Wait::Final => chain.finality_depth.map(|depth| depth.saturating_add(1)),
    };
    let (bar, template) = match goal {
        Some(goal) => (
            ProgressBar::new(goal),
            "{bar:30} {pos}/{len} confirmations, {elapsed} elapsed, about {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}, {elapsed} elapsed"),
    };
    let style = ProgressStyle::with_template(template).expect("a test reads the templates");
    bar.set_style(style);
    bar.set_message("waiting for a block");
    bar.enable_steady_tick(TICK);
    bar
}

fn show(step: &Step, bar: &ProgressBar, note: &dyn Fn(&str)) {
    let say = |text: String| bar.suspend(|| note(&text));
    match step {
        Step::Included { block, height } => {
            bar.set_position(1);
            bar.set_message("in a block");
            say(format!("in the block at height {height}, {}", output::short(block)));
        }
        Step::Confirmed { confirmations } => bar.set_position(*confirmations),
        Step::Reorganised { from, to } => {
            bar.set_position(0);
            bar.set_message("waiting for a block");
            say(match to {
                Some(to) => format!(
                    "the chain was reorganised: the block at height {from} lost its place, and now another at height {to} \
                     carries the transaction"
                ),
                None => format!(
                    "the chain was reorganised: the block at height {from} lost its place, and the transaction is pending \
                     again"
                ),
            });
        }
        Step::Resubmitted => {
            say("the node had forgotten the transaction; it was sent again".into())
        }
        Step::Silent(error) => {
            say(format!(
                "the node does not answer ({}); asking again",
                output::plain(&error.to_string())
            ));
        }
        Step::Back => say("the node answers again".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{GenesisId, Prefix};

    #[test]
    fn every_bar_can_be_drawn() {
        let chain = Chain {
            name: "pow-dev".into(),
            genesis: GenesisId::default(),
            engine: "pow".into(),
            prefix: Prefix::new("assay").unwrap(),
            symbol: "PYR".into(),
            dev: true,
            fee_per_byte_min: 1,
            transaction_bytes_max: 1000,
            finality_depth: Some(20),
        };
        for wait in [Wait::Accepted, Wait::Included, Wait::Confirmations(3), Wait::Final] {
            bar(wait, &chain, false).finish_and_clear();
        }
        assert_eq!(bar(Wait::Final, &chain, false).length(), Some(21));
    }
}
