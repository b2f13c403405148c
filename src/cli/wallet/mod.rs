//! `assay wallet`: keys on this machine, and the money they own on a chain.
//!
//! - `keys`: new, restore, list, address, export: what needs no node, but asks one for the prefix of addresses
//! - `money`: balance, coins; `history`: what happened to them
//! - `send`, `faucet`: payments, followed by `follow`
//! - `authority`: what authorities say about themselves and others; `delegate`, `vote`: delegates and those who elect
//!   them; all of it by `operate`
//! - `stake`: who stakes on the node; `shape`: coins split and merged for that
//! - `options`: what several of them take; `errors`: what a person is told when it goes wrong
//!
//! Every command is a function from arguments and a `Desk` to an `Answer`; only [`run`] prints it. The desk is all
//! that lies around a wallet: terminal, files, entropy, clock, node. Tests put one together by themselves.

mod authority;
mod delegate;
mod desk;
mod errors;
mod faucet;
mod follow;
mod history;
mod keys;
mod money;
mod operate;
pub(super) mod options;
mod replies;
mod send;
mod shape;
mod stake;
mod vote;

use clap::Subcommand;

use self::desk::{Answer, Connected, Desk, stopped};
use super::connect::connect;
use super::error::CliError;
use super::{Globals, block_on, locate, log, output};
use crate::api::Exit;
use crate::spec::DevAccount;
use crate::wallet::client::Client;
use crate::wallet::faucet::Giver;
use crate::wallet::keystore::{OsEntropy, PasswordCost};
use crate::wallet::node::NodeApi;
use crate::wallet::password::Terminal;
use crate::wallet::track::SystemClock;

/// How many development accounts a shipped spec lists: the faucet asks no others.
const GIVERS: usize = 7;

const EXAMPLES: &str = "\
Examples:
  assay wallet new                          a wallet, and the words to restore it
  assay wallet faucet                       100 coins of a development account
  assay wallet balance
  assay wallet history                      what came and went, where the node runs with --index
  assay wallet send ADDRESS 1.5             returns when a block carries it
  assay wallet send ADDRESS 1.5 --wait final
  assay wallet stake start                  the node stakes the wallet's coins, where coins make blocks
  assay wallet delegate list                who makes blocks, where coins elect delegates
  assay wallet vote alice bob               approve these two and nobody else
  assay wallet authority list               who decides on blocks, where authorities do
  assay wallet address --new --label rent   another address of the same wallet

Wallets lie in $ASSAY_WALLET_DIR, else $XDG_DATA_HOME/assay/wallets, else ~/.local/share/assay/wallets.
Passwords come from the terminal, --password-file or the file named by ASSAY_PASSWORD_FILE.";

/// What `assay wallet` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a wallet and show its words, once
    New(keys::New),
    /// Make a wallet of words that were written down
    Restore(keys::Restore),
    /// List wallets and their addresses
    List(keys::List),
    /// Print an address to receive at, or make another
    Address(keys::AddressArgs),
    /// Say what an account owns
    Balance(money::BalanceArgs),
    /// List the coins of an account
    Coins(money::CoinsArgs),
    /// Tell what happened to an account; the node has to keep an index
    History(history::HistoryArgs),
    /// Pay somebody
    Send(send::Send),
    /// Get test money from a development account
    Faucet(faucet::Faucet),
    /// Say who decides on blocks, and have a say in that as an authority
    Authority(authority::AuthorityArgs),
    /// Say who makes blocks where coins elect delegates, and stand for election
    Delegate(delegate::DelegateArgs),
    /// Approve delegates, in place of those approved before
    Vote(vote::VoteArgs),
    /// Approve nobody any more
    Unvote(vote::UnvoteArgs),
    /// Stake coins, see what chances they have, and give them another shape
    Stake(stake::StakeArgs),
    /// Print addresses and public keys; secrets only on demand
    Export(keys::Export),
}

/// Runs `assay wallet`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    let mut desk = Desk {
        variable: &|name| std::env::var_os(name),
        prompter: &mut Terminal,
        entropy: &mut OsEntropy,
        cost: PasswordCost::DEFAULT,
        clock: &SystemClock::default(),
        now: &output::now,
        connect: &|| {
            let connection = connect(globals)?;
            let api: Client = connection.client.clone();
            Ok(Connected { api, explain: Box::new(move |error| connection.explain(error)) })
        },
        witnesses: &|urls| {
            if urls.is_empty() {
                let nodes = locate::nodes(globals, &locate::Here)?;
                return nodes
                    .into_iter()
                    .map(|(_, node)| Ok(Client::new(&node.url, None)?))
                    .collect();
            }
            urls.iter().map(|url| Ok(Client::new(url, None)?)).collect()
        },
        givers: &|| {
            let giver =
                |account: DevAccount| Giver { name: account.name().into(), key: account.keypair() };
            DevAccount::all().take(GIVERS).map(giver).collect()
        },
        note: &|text| output::note(text),
        stopped: &stopped,
        json: globals.json,
    };
    block_on(perform(args, &mut desk))?.print(globals.json)
}

async fn perform<N: NodeApi>(args: Args, desk: &mut Desk<'_, N>) -> Result<Answer, CliError> {
    match args.command {
        Command::New(args) => keys::new(args, desk).await,
        Command::Restore(args) => keys::restore(args, desk).await,
        Command::List(args) => keys::list(args, desk).await,
        Command::Address(args) => keys::address(args, desk).await,
        Command::Balance(args) => money::balance(args, desk).await,
        Command::Coins(args) => money::coins(args, desk).await,
        Command::History(args) => history::history(args, desk).await,
        Command::Send(args) => send::send(args, desk).await,
        Command::Faucet(args) => faucet::faucet(args, desk).await,
        Command::Authority(args) => authority::authority(args, desk).await,
        Command::Delegate(args) => delegate::delegate(args, desk).await,
        Command::Vote(args) => vote::vote(args, desk).await,
        Command::Unvote(args) => vote::unvote(args, desk).await,
        Command::Stake(args) => stake::stake(args, desk).await,
        Command::Export(args) => keys::export(args, desk).await,
    }
}

#[cfg(test)]
mod tests;
