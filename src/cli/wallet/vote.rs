//! `assay wallet vote` and `unvote`: whom an account approves.

use std::collections::BTreeSet;

use super::delegate::{LISTED, ask, inactive, percent, refused};
use super::desk::{Answer, Desk};
use super::errors;
use super::operate::{Act, Actor, By};
use crate::api::{DelegateStatus, DelegatesPage, Delegation};
use crate::cli::error::{CliError, did_you_mean};
use crate::cli::output;
use crate::spec::DevAccount;
use crate::types::{Address, AddressError, Amount, Bounded, Operation};
use crate::wallet::node::{Chain, NodeApi};

const AFTER_HELP: &str = "\
A vote replaces the one before it: the account approves those who are named, and nobody else. All that it holds counts for
each of them, from the block on that carries the vote, and follows its coins as they come and go.

Examples:
  assay wallet delegate list
  assay wallet vote alice bob
  assay wallet vote north --account 1 --wait final
  assay wallet unvote";

/// What `assay wallet vote` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct VoteArgs {
    /// The delegates to approve, by name or address
    #[arg(required = true, value_name = "NAME|ADDRESS")]
    delegates: Vec<String>,
    #[command(flatten)]
    by: By,
}

/// What `assay wallet unvote` takes.
#[derive(Debug, clap::Args)]
pub(super) struct UnvoteArgs {
    #[command(flatten)]
    by: By,
}

/// Runs `assay wallet vote`.
pub(super) async fn vote<N: NodeApi>(
    args: VoteArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let actor = args.by.actor(desk).await?;
    let Actor { connected, chain, .. } = &actor;
    let page = ask(connected).await?;
    let given = args.delegates.len();
    let too_many = || {
        let message =
            format!("{given} delegates are named, and one may approve {}", page.votes_max);
        refused("too_many_votes", message).help("name fewer: a vote replaces the one before")
    };
    if given as u64 > page.votes_max {
        return Err(too_many());
    }
    let mut chosen = Vec::new();
    let mut seen = BTreeSet::new();
    for text in &args.delegates {
        let found = find(text, &page, chain)?;
        if let Some(error) = inactive(found) {
            return Err(error);
        }
        if !seen.insert(&found.address) {
            let name = output::plain(&found.name);
            return Err(CliError::usage(format!("delegate {name} is named twice")));
        }
        chosen.push(found);
    }
    let addresses = chosen.iter().map(|it| read(&it.address, chain)).collect::<Result<_, _>>()?;
    let delegates = Bounded::new(addresses).map_err(|_| too_many())?;
    let before = votes(&actor).await?;
    let was: BTreeSet<&String> = before.delegates.iter().map(|it| &it.address).collect();
    if !was.is_empty() {
        desk.note(match was == seen {
            true => "note: the account approves the same already".to_owned(),
            false => {
                format!("note: this replaces what it approved so far: {}", names(&before.delegates))
            }
        });
    }
    let words = format!("approving {} and nobody else", names(chosen.iter().copied()));
    let act =
        Act { operation: &Operation::Vote { delegates }, words: &words, deposit: Amount::ZERO };
    let answer = actor.act(desk, act).await?;
    if actor.waits()
        && let Ok(now) = votes(&actor).await
    {
        desk.note(format!(
            "note: {} count for each of them, {} of all coins",
            output::amount(now.weight, &chain.symbol),
            percent(now.share)
        ));
    }
    Ok(answer)
}

/// Runs `assay wallet unvote`.
pub(super) async fn unvote<N: NodeApi>(
    args: UnvoteArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let actor = args.by.actor(desk).await?;
    let before = votes(&actor).await?;
    if before.delegates.is_empty() {
        return Err(refused("no_votes", format!("{} approves nobody", actor.shown))
            .help("`assay wallet vote NAME…` approves delegates"));
    }
    let words = format!("approving nobody in place of {}", names(&before.delegates));
    let act = Act { operation: &Operation::Unvote, words: &words, deposit: Amount::ZERO };
    actor.act(desk, act).await
}

async fn votes<N: NodeApi>(actor: &Actor<N>) -> Result<Delegation, CliError> {
    let connected = &actor.connected;
    connected.api.delegate_votes(&actor.shown).await.map_err(&connected.explain)
}

fn names<'a>(delegates: impl IntoIterator<Item = &'a DelegateStatus>) -> String {
    let names: Vec<String> = delegates.into_iter().map(|it| output::plain(&it.name)).collect();
    names.join(", ")
}

/// An address that the node wrote.
fn read(text: &str, chain: &Chain) -> Result<Address, CliError> {
    Address::parse(text, &chain.prefix).map_err(|error| errors::address(&error, &chain.prefix))
}

/// The delegate that a text means.
fn find<'a>(
    text: &str,
    page: &'a DelegatesPage,
    chain: &Chain,
) -> Result<&'a DelegateStatus, CliError> {
    let address = resolve(text, page, chain)?;
    page.delegates.iter().find(|it| it.address == address).ok_or_else(|| {
        refused("no_delegate", format!("{} is no delegate", output::plain(text.trim())))
            .help(LISTED)
    })
}

/// The address that a text means: an address, the name of a delegate, or on a development chain that of an account.
pub(super) fn resolve(text: &str, page: &DelegatesPage, chain: &Chain) -> Result<String, CliError> {
    let text = text.trim();
    let error = match Address::parse(text, &chain.prefix) {
        Ok(address) => return Ok(address.encode(&chain.prefix)),
        Err(error) => error,
    };
    if let Some(named) = page.delegates.iter().find(|it| it.name == text) {
        return Ok(named.address.clone());
    }
    if let Some(account) = DevAccount::named(text).filter(|_| chain.dev) {
        return Ok(account.address().encode(&chain.prefix));
    }
    let is_address = text.starts_with(&format!("{}1", chain.prefix));
    if is_address || matches!(error, AddressError::OtherChain { .. }) {
        return Err(errors::address(&error, &chain.prefix));
    }
    let known = page.delegates.iter().map(|it| it.name.as_str());
    let help = did_you_mean(text, known).unwrap_or_else(|| LISTED.into());
    let shown: String = output::plain(text).chars().take(80).collect();
    Err(refused("no_delegate", format!("no delegate is called {shown}")).help(help))
}
