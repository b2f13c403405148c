//! `assay wallet stake`: whose coins the node stakes, and with what chances.

use std::net::IpAddr;

use clap::Subcommand;

use super::desk::{Answer, Desk};
use super::options::{self, Password, WALLET_DEFAULT};
use super::shape::{self, MergeArgs, SplitArgs};
use crate::api::{CoinSum, Exit, SecretKey, StakeParams, StakingStatus};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::types::{Amount, Time};
use crate::wallet::keystore::{Wallet, WalletName};
use crate::wallet::node::{Chain, NodeApi};

const EXAMPLES: &str = "\
A node stakes in place of the wallet, day and night: it gets the keys of all accounts, keeps them in memory, and forgets
them when it stops. `assay node run --stake WALLET` does the same from its start. One node stakes for a key at a time.

Examples:
  assay wallet stake start --reserve 100    stake all but 100 coins, the youngest, which stay to be spent
  assay wallet stake status                 how much is old enough, and how long a block will take
  assay wallet stake split 20               make 20 equal coins of the largest one
  assay wallet stake merge --below 5        make one coin of all that hold less than 5
  assay wallet stake stop

A coin that makes a block rests for a while, so that many coins of middling size stake better than one; but each costs a fee
to make, and begins anew with no age.";

/// What `assay wallet stake` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct StakeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let the node stake the coins of all accounts of a wallet, in place of those it staked before
    Start(StartArgs),
    /// Let the node stake no coins
    Stop,
    /// Say what chances the coins of a wallet have, and whether the node stakes them
    Status(WhichArgs),
    /// Make several equal coins of one
    Split(SplitArgs),
    /// Make one coin of several
    Merge(MergeArgs),
}

#[derive(Debug, clap::Args)]
struct WhichArgs {
    /// The wallet
    #[arg(short, long, value_name = "NAME", default_value = WALLET_DEFAULT)]
    wallet: WalletName,
}

#[derive(Debug, clap::Args)]
struct StartArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Leave coins of at least this sum alone, so that there is something to spend
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    reserve: Option<String>,
    #[command(flatten)]
    password: Password,
}

/// Runs `assay wallet stake`.
pub(super) async fn stake<N: NodeApi>(
    args: StakeArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    match args.command {
        Command::Start(args) => start(args, desk).await,
        Command::Stop => stop(desk).await,
        Command::Status(args) => status(args, desk).await,
        Command::Split(args) => shape::split(args, desk).await,
        Command::Merge(args) => shape::merge(args, desk).await,
    }
}

async fn start<N: NodeApi>(args: StartArgs, desk: &mut Desk<'_, N>) -> Result<Answer, CliError> {
    let wallet = Wallet::open(&desk.directory()?, &args.which.wallet)?;
    let source = args.password.source(desk.variable)?;
    let (connected, chain) = desk.chain().await?;
    let reserve = match &args.reserve {
        Some(text) => options::amount(text, &chain)?,
        None => Amount::ZERO,
    };
    expect_here(connected.api.url())?;
    let before = connected.api.stake_status(addresses(&wallet, &chain)).await;
    let before = before.map_err(&connected.explain)?;
    expect_something(&before, reserve, &chain)?;

    let unlocked = desk.unlock(&wallet, &source)?;
    let key = |index| unlocked.keypair(index).map(|key| SecretKey::of(&key.secret()));
    let keys = wallet.accounts().iter().map(|account| key(account.index));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    drop(unlocked);
    let params = StakeParams { keys, reserve: Some(reserve) };
    let started = connected.api.stake_start(&params).await.map_err(&connected.explain)?;
    let replaced = before.stakers.iter().filter(|it| !started.stakers.contains(it)).count();
    if replaced > 0 {
        desk.note(format!("note: the coins of {replaced} other addresses are not staked any more"));
    }
    if let Some(text) = waits(&started) {
        desk.note(format!("note: {text}; the node begins by itself then"));
    }
    let text = table(&started, &chain);
    Answer::new(&started, text)
}

async fn stop<N: NodeApi>(desk: &Desk<'_, N>) -> Result<Answer, CliError> {
    let (connected, _) = desk.chain().await?;
    let stopped = connected.api.stake_stop().await.map_err(&connected.explain)?;
    Answer::new(&stopped, "the node stakes no coins\n")
}

async fn status<N: NodeApi>(args: WhichArgs, desk: &Desk<'_, N>) -> Result<Answer, CliError> {
    let wallet = Wallet::open(&desk.directory()?, &args.wallet)?;
    let (connected, chain) = desk.chain().await?;
    let status = connected.api.stake_status(addresses(&wallet, &chain)).await;
    let status = status.map_err(&connected.explain)?;
    if let Some(text) = waits(&status) {
        desk.note(format!("note: {text}"));
    }
    let text = table(&status, &chain);
    Answer::new(&status, text)
}

fn addresses(wallet: &Wallet, chain: &Chain) -> Vec<String> {
    wallet.accounts().iter().map(|account| account.address().encode(&chain.prefix)).collect()
}

/// Keys go to a node on this machine or to none.
fn expect_here(url: &str) -> Result<(), CliError> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        return Ok(());
    }
    let message = format!(
        "the node at {} is on another machine: the keys would travel there in the open",
        output::plain(url)
    );
    Err(CliError::new(Exit::Usage, "not_local", message).help(
        "run `assay node run --stake WALLET` there, or `assay wallet stake start` with the wallet there",
    ))
}

/// Refuses to start where nothing would ever be staked.
fn expect_something(
    status: &StakingStatus,
    reserve: Amount,
    chain: &Chain,
) -> Result<(), CliError> {
    let StakingStatus { old, young, resting, reserved, .. } = status;
    let all = Amount::total([old, young, resting, reserved].map(|sum| sum.amount));
    let all = all.unwrap_or(Amount(u64::MAX));
    let shown = |amount| output::amount(amount, &chain.symbol);
    let nothing = |message, help: &str| {
        Err(CliError::new(Exit::Failed, "nothing_to_stake", message).help(help.to_owned()))
    };
    if all == Amount::ZERO {
        let help = match chain.dev {
            true => "get test money with `assay wallet faucet`",
            false => "receive some coins first: `assay wallet address` prints where",
        };
        return nothing("the wallet has no coins to stake".to_owned(), help);
    }
    if reserve >= all {
        let message = format!(
            "the wallet's coins hold {}, and a reserve of {} leaves none to stake",
            shown(all),
            shown(reserve)
        );
        return nothing(message, "write a lower --reserve, or leave it out");
    }
    Ok(())
}

/// What is waited for where no coin is old enough.
fn waits(status: &StakingStatus) -> Option<String> {
    if status.old.coins > 0 {
        return None;
    }
    let young = status.young_until.map(|at| {
        let left = output::duration(at.since(status.time));
        format!("no coin is old enough: the first will be at {}, in {left}", output::moment(at))
    });
    young.or_else(|| {
        let at = status.resting_until?;
        let blocks = at.0.saturating_sub(status.height.0);
        Some(format!(
            "all coins rest: the first may stake again at height {at}, in {} blocks",
            output::count(blocks)
        ))
    })
}

/// A chance as people read it.
pub(super) fn chance(chance: f64) -> String {
    match chance * 100.0 {
        percent if percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 0.01 => format!("{percent:.2} %"),
        percent if percent > 0.0 => format!("{percent:.1e} %"),
        _ => "-".into(),
    }
}

fn table(status: &StakingStatus, chain: &Chain) -> Table {
    let sum = |sum: &CoinSum| {
        let noun = if sum.coins == 1 { "coin" } else { "coins" };
        format!(
            "{} {noun}, {}",
            output::count(sum.coins),
            output::amount(sum.amount, &chain.symbol)
        )
    };
    let in_time = |at: Time| output::duration(at.since(status.time));
    let mut table = Table::pairs();
    table.pair("staking", if status.staking { "yes, on this node" } else { "no" });
    table.pair("old enough", sum(&status.old));
    table.pair(
        "too young",
        match status.young_until {
            Some(at) => {
                format!("{}; the first is old enough in {}", sum(&status.young), in_time(at))
            }
            None => sum(&status.young),
        },
    );
    table.pair(
        "resting",
        match status.resting_until {
            Some(at) => format!("{}; the first until height {at}", sum(&status.resting)),
            None => sum(&status.resting),
        },
    );
    table.pair("left alone", sum(&status.reserved));
    table.pair("weight", format!("{:.3} coin-days", status.coin_days));
    table.pair("in a second", chance(status.chance_per_second));
    table.pair(
        "next block",
        match status.expected_ms {
            // Far more than any span is as good as never.
            Some(ms) if ms < 1e15 => {
                let span = crate::types::Span(ms as u64); // below 2^50
                format!("in about {}, if all stays as it is", output::duration(span))
            }
            _ => "none to be expected".into(),
        },
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_on_this_machine() {
        for url in [
            "http://127.0.0.1:1",
            "http://localhost:18544/",
            "http://[::1]:7",
            "http://127.9.9.9:1/x",
        ] {
            assert!(expect_here(url).is_ok(), "{url}");
        }
        for url in [
            "http://10.0.0.1:1",
            "http://example.org",
            "http://localhost.example.org:1",
            "https://127.0.0.1.nip.io",
        ] {
            assert_eq!(expect_here(url).unwrap_err().code(), "not_local", "{url}");
        }
    }

    #[test]
    fn chances_are_read_at_a_glance() {
        for (given, shown) in
            [(0.0, "-"), (1e-7, "1.0e-5 %"), (0.0123, "1.23 %"), (0.5, "50 %"), (1.0, "100 %")]
        {
            assert_eq!(chance(given), shown);
        }
    }
}
