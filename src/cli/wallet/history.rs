//! What happened to accounts: `history`.

use serde::Serialize;

use super::desk::{Answer, Connected, Desk};
use super::options::Whose;
use crate::api::{HISTORY_PAGE_MAX, HistoryInfo, HistoryKind, HistoryPage, TransactionStatus};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::types::{Address, Amount, Height};
use crate::wallet::node::{Chain, NodeApi};

/// Entries that one command shows at most: they are all in memory before the first is printed.
const ENTRIES_MAX: u32 = 100_000;

/// What `assay wallet history` takes.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// Somebody's address in place of an account of one's own
    #[arg(value_name = "ADDRESS", conflicts_with_all = ["all", "account", "wallet"])]
    address: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// All accounts of the wallet
    #[arg(long, conflicts_with = "account")]
    all: bool,
    /// The latest entries of each account, so many
    #[arg(
        short = 'n',
        long,
        value_name = "ENTRIES",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(ENTRIES_MAX))
    )]
    limit: u32,
}

/// The history of one address.
#[derive(Debug, Serialize)]
struct History {
    address: String,
    /// The height of the head that it was read after.
    height: Height,
    /// Whether there are older entries than these.
    more: bool,
    /// The latest first, what is pending before all.
    entries: Vec<HistoryInfo>,
}

/// The histories of some accounts.
#[derive(Debug, Serialize)]
struct Histories {
    histories: Vec<History>,
}

/// Runs `assay wallet history`.
pub(super) async fn history<N: NodeApi>(
    args: HistoryArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let (connected, chain, owners) =
        desk.owners(args.address.as_deref(), &args.whose, args.all).await?;
    let mut found = Histories { histories: Vec::new() };
    for owner in &owners {
        found.histories.push(read(&connected, &chain, owner, args.limit).await?);
    }
    if found.histories.iter().all(|history| history.entries.is_empty()) {
        desk.note("nothing has happened here yet");
        return Answer::new(&found, "");
    }
    if found.histories.iter().any(|history| history.more) {
        desk.note(format!(
            "there are older entries: --limit {} shows more",
            args.limit.saturating_mul(10).min(ENTRIES_MAX)
        ));
    }
    let text = found.table(owners.len() > 1, &chain);
    Answer::new(&found, text)
}

/// Reads pages until there are as many entries as wanted.
async fn read<N: NodeApi>(
    connected: &Connected<N>,
    chain: &Chain,
    owner: &Address,
    limit: u32,
) -> Result<History, CliError> {
    let address = owner.encode(&chain.prefix);
    let wanted = limit as usize; // u32 fits usize on every machine that runs this
    let mut history =
        History { address: address.clone(), height: Height(0), more: false, entries: Vec::new() };
    let mut before = None;
    loop {
        let left = wanted.saturating_sub(history.entries.len());
        let page = u32::try_from(left).unwrap_or(limit).clamp(1, HISTORY_PAGE_MAX);
        let page = connected.api.address_history(&address, before, page).await;
        let HistoryPage { height, pending, entries, next, .. } =
            page.map_err(&connected.explain)?;
        if before.is_none() {
            history.height = height;
        }
        history.entries.extend(pending);
        // A block between two pages may take what was pending on the first one.
        let known: Vec<_> = history.entries.iter().filter_map(|entry| entry.id).collect();
        let fresh = |entry: &HistoryInfo| entry.id.is_none_or(|id| !known.contains(&id));
        history.entries.extend(entries.into_iter().filter(fresh));
        history.more = next.is_some() || history.entries.len() > wanted;
        history.entries.truncate(wanted);
        if next.is_none() || history.entries.len() == wanted || next == before {
            return Ok(history);
        }
        before = next;
    }
}

impl Histories {
    fn table(&self, owners: bool, chain: &Chain) -> Table {
        let mut titles = vec!["when", "what", "amount", "with", "status", "id"];
        if owners {
            titles.push("address");
        }
        let mut table = Table::new(&titles).right(&[2]);
        let mut rows: Vec<(&str, &HistoryInfo)> = Vec::new();
        for history in &self.histories {
            rows.extend(history.entries.iter().map(|entry| (history.address.as_str(), entry)));
        }
        // Accounts are mixed by time, what is pending first; each keeps its own order.
        let pending = |entry: &HistoryInfo| entry.status == TransactionStatus::Pending;
        rows.sort_by_key(|(_, entry)| {
            (!pending(entry), std::cmp::Reverse((entry.height, entry.time)))
        });
        for (address, entry) in rows {
            let mut row = vec![
                output::moment(entry.time),
                what(entry).to_owned(),
                signed(entry, &chain.symbol),
                with(entry),
                status(entry),
                entry.id.map_or_else(|| "-".into(), |id| id.to_string()),
            ];
            if owners {
                row.push(address.to_owned());
            }
            table.row(row);
        }
        table
    }
}

fn what(entry: &HistoryInfo) -> &'static str {
    match entry.kind {
        HistoryKind::Genesis => "genesis",
        HistoryKind::Reward => "reward",
        HistoryKind::Burned => "burned",
        HistoryKind::Transaction if entry.spent == Amount::ZERO => "received",
        HistoryKind::Transaction if entry.others_count == 0 => "to itself",
        HistoryKind::Transaction => "sent",
    }
}

/// What the address has more or less than before, the fee included.
fn signed(entry: &HistoryInfo, symbol: &str) -> String {
    match entry.received.minus(entry.spent) {
        Some(more) => format!("+{}", output::amount(more, symbol)),
        None => format!("-{}", output::amount(Amount(entry.spent.0 - entry.received.0), symbol)),
    }
}

fn with(entry: &HistoryInfo) -> String {
    match (entry.others.first(), entry.others_count) {
        (None, _) => "-".into(),
        (Some(other), 1) => other.clone(),
        (Some(other), all) => format!("{other} and {} more", all - 1),
    }
}

fn status(entry: &HistoryInfo) -> String {
    match (entry.status, entry.height) {
        (TransactionStatus::Pending, _) | (_, None) => "pending".into(),
        (TransactionStatus::Included, Some(height)) => format!("included at {height}"),
        (TransactionStatus::Final, Some(height)) => format!("final at {height}"),
    }
}
