//! `assay wallet delegate`: who stands for election, and what a delegate does about itself. `vote` and `unvote` are in
//! [`super::vote`].

use clap::Subcommand;
use serde::Serialize;

use super::desk::{Answer, Connected, Desk};
use super::operate::{Act, Actor, By};
use super::options::Whose;
use super::vote::resolve;
use crate::api::{DelegateStatus, DelegatesPage, Delegation, Exit};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::consensus::dpos::{DELEGATES_MAX, is_name};
use crate::types::{Amount, Operation, Text, Time};
use crate::wallet::delegates;
use crate::wallet::node::{Chain, NodeApi};

const EXAMPLES: &str = "\
Whoever has coins approves delegates, and those with the most votes make the blocks, each in slots of its own. Registering
locks a deposit, which returns some time after resigning and is burned if the delegate seals two blocks in one slot.

Examples:
  assay wallet delegate list
  assay wallet delegate register north --account 1
  assay wallet vote north alice             approve these two and nobody else
  assay wallet delegate status north
  assay wallet delegate reactivate          after a suspension, once the node runs again
  assay wallet delegate resign

A delegate makes blocks on a node that has its key: `assay node run --authority KEYFILE`.";

/// What `assay wallet delegate` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct DelegateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Stand for election under a name; locks the deposit that the chain asks for
    Register {
        /// The name: lower-case letters, digits, dots, dashes and underscores
        name: String,
        #[command(flatten)]
        by: By,
    },
    /// Be no delegate any more; the deposit returns after a while
    Resign {
        #[command(flatten)]
        by: By,
    },
    /// Return after a suspension
    Reactivate {
        #[command(flatten)]
        by: By,
    },
    /// List the delegates, those with the most votes first
    List {
        /// So many at most
        #[arg(
            short = 'n',
            long,
            value_name = "DELEGATES",
            default_value_t = 101,
            value_parser = clap::value_parser!(u32).range(1..=DELEGATES_MAX as i64)
        )]
        limit: u32,
    },
    /// Say how a delegate stands, and whom it or anybody else approves
    Status {
        /// A delegate's name, or anybody's address, in place of an account of one's own
        #[arg(value_name = "NAME|ADDRESS", conflicts_with_all = ["account", "wallet"])]
        who: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
}

/// Runs `assay wallet delegate`.
pub(super) async fn delegate<N: NodeApi>(
    args: DelegateArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    match args.command {
        Command::Register { name, by } => register(name, by, desk).await,
        Command::Resign { by } => resign(by, desk).await,
        Command::Reactivate { by } => reactivate(by, desk).await,
        Command::List { limit } => list(limit, desk).await,
        Command::Status { who, whose } => status(who, &whose, desk).await,
    }
}

/// All delegates.
pub(super) async fn ask<N: NodeApi>(connected: &Connected<N>) -> Result<DelegatesPage, CliError> {
    delegates::all(&connected.api).await.map_err(&connected.explain)
}

pub(super) fn refused(code: &'static str, message: String) -> CliError {
    CliError::new(Exit::Refused, code, message)
}

/// Where one finds out who is a delegate.
pub(super) const LISTED: &str = "`assay wallet delegate list` says who is one";

/// What to do about one who is none any more.
const CHOOSE: &str = "choose another: `assay wallet delegate list` says who is active";

/// Why a delegate that is not active may not do or get what only active ones may; nothing of those who are.
pub(super) fn inactive(delegate: &DelegateStatus) -> Option<CliError> {
    let name = output::plain(&delegate.name);
    let since = delegate.standing_since.unwrap_or_default();
    let (code, message, help) = match delegate.standing.as_str() {
        "active" => return None,
        "suspended" => (
            "delegate_suspended",
            format!("delegate {name} is suspended since height {since}: it missed its slots"),
            "its owner brings it back with `assay wallet delegate reactivate`",
        ),
        "resigned" => {
            ("delegate_resigned", format!("delegate {name} resigned at height {since}"), CHOOSE)
        }
        "banned" => (
            "delegate_banned",
            format!(
                "delegate {name} is banned since height {since}: it sealed two blocks in one slot"
            ),
            CHOOSE,
        ),
        other => {
            ("delegate_inactive", format!("delegate {name} is {}", output::plain(other)), CHOOSE)
        }
    };
    Some(refused(code, message).help(help))
}

async fn register<N: NodeApi>(
    name: String,
    by: By,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let bad = |reason: String| {
        CliError::new(Exit::Usage, "bad_name", reason)
            .help("write lower-case letters, digits, dots, dashes and underscores, such as north-1")
    };
    let text = Text::new(name).map_err(|reason| bad(format!("NAME: {reason}")))?;
    let name = text.as_str().to_owned();
    if !is_name(&name) {
        return Err(bad(format!("a delegate cannot be called `{}`", output::plain(&name))));
    }
    let actor = by.actor(desk).await?;
    let Actor { connected, chain, shown, .. } = &actor;
    let page = ask(connected).await?;
    if let Some(own) = page.delegates.iter().find(|it| it.address == *shown) {
        let known = output::plain(&own.name);
        match (inactive(own), own.deposit_returns) {
            (Some(_), None) if own.standing == "resigned" => {}
            (Some(error), Some(at)) => {
                let message = format!("{}, and its deposit has not returned yet", error.message());
                let help = format!("register again from height {at} on, or with another account");
                return Err(refused("deposit_locked", message).help(help));
            }
            (Some(error), None) if own.standing == "banned" => {
                return Err(error.help("register with another account"));
            }
            _ => {
                let message = format!("{shown} is delegate {known} already");
                return Err(refused("already_delegate", message)
                    .help("a delegate keeps its name; another account takes another one"));
            }
        }
    }
    if let Some(other) = page.delegates.iter().find(|it| it.name == name && it.address != *shown) {
        let message = format!("the name {name} is taken by {}", output::plain(&other.address));
        return Err(refused("name_taken", message).help("choose another name"));
    }
    let deposit = output::amount(page.deposit, &chain.symbol);
    let words = match page.deposit {
        Amount::ZERO => format!("registering as delegate {name}"),
        _ => format!("registering as delegate {name}, which locks {deposit}"),
    };
    if page.deposit > Amount::ZERO {
        let blocks = output::count(page.unbonding.max(1));
        desk.note(format!(
            "note: the deposit of {deposit} is locked: it returns {blocks} blocks after `assay wallet delegate resign`, and is \
             burned if the delegate seals two blocks in one slot"
        ));
    }
    let operation = Operation::RegisterDelegate { name: text };
    let act = Act { operation: &operation, words: &words, deposit: page.deposit };
    let answer = actor.act(desk, act).await?;
    let next = "get votes (`assay wallet vote`), and run a node with its key (`assay node run --authority KEYFILE`)";
    desk.note(format!(
        "note: {name} acts once it is among the {} with the most votes: {next}",
        page.seats
    ));
    Ok(answer)
}

/// The account's delegate.
fn own<'a, N>(page: &'a DelegatesPage, actor: &Actor<N>) -> Result<&'a DelegateStatus, CliError> {
    page.delegates.iter().find(|it| it.address == actor.shown).ok_or_else(|| {
        refused("no_delegate", format!("{} is no delegate", actor.shown))
            .help("name the account of a delegate with --wallet and --account, or register it")
    })
}

async fn resign<N: NodeApi>(by: By, desk: &mut Desk<'_, N>) -> Result<Answer, CliError> {
    let actor = by.actor(desk).await?;
    let page = ask(&actor.connected).await?;
    let own = own(&page, &actor)?;
    if let Some(error) = inactive(own).filter(|_| own.standing != "suspended") {
        return Err(match own.deposit_returns {
            Some(at) => error.help(format!("its deposit returns at height {at}")),
            None => error,
        });
    }
    let mut words = format!("resigning as delegate {}", own.name);
    if let Some(deposit) = own.deposit {
        let deposit = output::amount(deposit, &actor.chain.symbol);
        let blocks = output::count(page.unbonding.max(1));
        words.push_str(&format!(", whose deposit of {deposit} returns after {blocks} blocks"));
    }
    if own.in_force {
        desk.note(format!(
            "note: {} keeps its slots until the others have decided on who follows it: let its node run until `assay wallet \
             delegate status` says that it is not in force any more",
            output::plain(&own.name)
        ));
    }
    let act = Act { operation: &Operation::ResignDelegate, words: &words, deposit: Amount::ZERO };
    actor.act(desk, act).await
}

async fn reactivate<N: NodeApi>(by: By, desk: &mut Desk<'_, N>) -> Result<Answer, CliError> {
    let actor = by.actor(desk).await?;
    let page = ask(&actor.connected).await?;
    let own = own(&page, &actor)?;
    if own.standing != "suspended" {
        let name = output::plain(&own.name);
        return Err(match inactive(own) {
            Some(error) => error,
            None => refused("not_suspended", format!("delegate {name} is not suspended"))
                .help("`assay wallet delegate status` says how it stands"),
        });
    }
    let words = format!("returning as delegate {}", own.name);
    let operation = Operation::ReactivateDelegate;
    let act = Act { operation: &operation, words: &words, deposit: Amount::ZERO };
    let answer = actor.act(desk, act).await?;
    desk.note(
        "note: it acts again when the votes that are counted at the end of a round give it a seat and that is final: usually \
         two rounds later",
    );
    Ok(answer)
}

async fn list<N: NodeApi>(limit: u32, desk: &Desk<'_, N>) -> Result<Answer, CliError> {
    let (connected, chain) = desk.chain().await?;
    // A limit is at most DELEGATES_MAX.
    let page = delegates::list(&connected.api, limit as usize).await;
    let page = page.map_err(&connected.explain)?;
    let left = page.count.saturating_sub(page.delegates.len() as u64); // a length fits 64 bits
    if left > 0 {
        desk.note(format!("note: {} more are shown with --limit", output::count(left)));
    }
    let text = table(&page, &chain, (desk.now)());
    Answer::new(&page, text)
}

/// The delegates as people read them.
fn table(page: &DelegatesPage, chain: &Chain, now: Time) -> String {
    let mut head = Table::pairs();
    let left = page.slot_ms.times(page.round_ends.saturating_sub(page.slot));
    head.pair("height", page.height);
    head.pair("round", format!("{}, {} to go", page.round, output::duration(left)));
    head.pair(
        "turnout",
        format!(
            "{} of all coins, {}",
            percent(page.turnout),
            output::amount(page.voting, &chain.symbol)
        ),
    );
    head.pair("seats", page.seats);
    head.pair("votes", format!("for {} delegates at most", page.votes_max));
    head.pair("deposit", output::amount(page.deposit, &chain.symbol));
    format!("{head}\n{}", rows(&page.delegates, now))
}

/// A line for each delegate.
fn rows(delegates: &[DelegateStatus], now: Time) -> Table {
    let titles = [
        "rank",
        "name",
        "weight",
        "share",
        "standing",
        "seat",
        "produced",
        "missed",
        "next slot",
        "address",
    ];
    let mut table = Table::new(&titles).right(&[0, 2, 3, 6, 7]);
    for it in delegates {
        table.row([
            it.rank.to_string(),
            it.name.clone(),
            it.weight.to_string(),
            percent(it.share),
            it.standing.clone(),
            seat(it).into(),
            it.produced.to_string(),
            missed(it),
            next_slot(it, now),
            it.address.clone(),
        ]);
    }
    table
}

/// A share as people read it.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn seat(delegate: &DelegateStatus) -> &'static str {
    match (delegate.in_force, delegate.to_come) {
        (true, _) => "in force",
        (false, true) => "to come",
        (false, false) => "-",
    }
}

fn missed(delegate: &DelegateStatus) -> String {
    match delegate.missed_in_row {
        0 => delegate.missed.to_string(),
        row => format!("{} ({row} in a row)", delegate.missed),
    }
}

fn next_slot(delegate: &DelegateStatus, now: Time) -> String {
    match delegate.next_time {
        Some(at) if at > now => format!("in {}", output::duration(at.since(now))),
        // Its block has not come yet, or never will.
        Some(_) => "now".into(),
        None if delegate.in_force => "next round".into(),
        None => "-".into(),
    }
}

/// What is known of an address: the delegate that it is, if it is one, and whom it approves.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    delegate: Option<DelegateStatus>,
    votes: Delegation,
}

async fn status<N: NodeApi>(
    who: Option<String>,
    whose: &Whose,
    desk: &Desk<'_, N>,
) -> Result<Answer, CliError> {
    let wallet = match &who {
        Some(_) => None,
        None => Some(desk.wallet(whose)?),
    };
    let (connected, chain) = desk.chain().await?;
    let page = ask(&connected).await?;
    let address = match (&who, &wallet) {
        (Some(text), _) => resolve(text, &page, &chain)?,
        (None, Some(wallet)) => whose.account(wallet)?.address().encode(&chain.prefix),
        (None, None) => return Err(CliError::usage("it is not said who is meant")),
    };
    let votes = connected.api.delegate_votes(&address).await.map_err(&connected.explain)?;
    let delegate = page.delegates.iter().find(|it| it.address == address).cloned();
    let status = Status { delegate, votes };
    let text = status.table(&page, &chain, (desk.now)());
    Answer::new(&status, text)
}

impl Status {
    fn table(&self, page: &DelegatesPage, chain: &Chain, now: Time) -> Table {
        let shown = |amount| output::amount(amount, &chain.symbol);
        let mut table = Table::pairs();
        table.pair("address", &self.votes.address);
        match &self.delegate {
            None => table.pair("delegate", "no"),
            Some(it) => {
                let standing = match it.standing_since {
                    Some(at) => format!("{} since height {at}", it.standing),
                    None => it.standing.clone(),
                };
                table.pair("delegate", &it.name);
                table.pair("standing", standing);
                table.pair("rank", format!("{} of {}", it.rank, page.count));
                table.pair(
                    "weight",
                    format!("{}, {} of all coins", shown(it.weight), percent(it.share)),
                );
                table.pair("seat", seat(it));
                table.pair("next slot", next_slot(it, now));
                table.pair("produced", it.produced);
                table.pair("missed", missed(it));
                table.pair("since", format!("height {}", it.since));
                table.pair(
                    "deposit",
                    match (it.deposit, it.deposit_returns) {
                        (Some(deposit), Some(at)) => {
                            format!("{}, which return at height {at}", shown(deposit))
                        }
                        (Some(deposit), None) => format!("{}, locked", shown(deposit)),
                        (None, _) => "none".into(),
                    },
                );
            }
        }
        let names: Vec<&str> = self.votes.delegates.iter().map(|it| it.name.as_str()).collect();
        table.pair("approves", if names.is_empty() { "nobody".into() } else { names.join(", ") });
        table.pair(
            "its votes",
            format!(
                "{}, {} of all coins, for each",
                shown(self.votes.weight),
                percent(self.votes.share)
            ),
        );
        table
    }
}
