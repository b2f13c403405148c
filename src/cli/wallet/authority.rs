//! `assay wallet authority`: who decides on blocks, and what an authority says about itself and the others.

use clap::{Subcommand, ValueEnum};

use super::desk::{Answer, Connected, Desk};
use super::operate::{Act, Actor, By, whom};
use crate::api::{AuthorityInfo, AuthorityList, AuthorityRecord, Exit};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::types::{Address, Amount, Ballot, Operation, Text};
use crate::wallet::node::{Chain, NodeApi};

const EXAMPLES: &str = "\
Authorities are added and removed by themselves: when more than half of them propose the same, it happens with the block
that carries the last of those proposals, and counts from the next one on. Where they take turns (poa) their next blocks
vote for it, and it happens some blocks later, above a final one.

Examples:
  assay wallet authority list
  assay wallet authority register north --organisation \"North Ltd\" --contact ops@north.example
  assay wallet authority propose assay1… add --wait final
  assay wallet authority withdraw assay1…

On a development chain an address may be the name of a development account, such as dave.";

/// What `assay wallet authority` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct AuthorityArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the authorities, and the proposals that stand
    List,
    /// Say who stands behind the account's authority
    Register {
        /// The authority's name
        name: String,
        /// Who runs it
        #[arg(long, value_name = "O", default_value = "")]
        organisation: String,
        /// How to reach it
        #[arg(long, value_name = "C", default_value = "")]
        contact: String,
        #[command(flatten)]
        by: By,
    },
    /// Propose that an authority be added or removed
    Propose {
        /// Whom it is about
        address: String,
        /// What is to happen
        ballot: Direction,
        #[command(flatten)]
        by: By,
    },
    /// Take a proposal back
    Withdraw {
        /// Whom it was about
        address: String,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Direction {
    /// It joins the authorities
    Add,
    /// It leaves them
    Remove,
}

/// Runs `assay wallet authority`.
pub(super) async fn authority<N: NodeApi>(
    args: AuthorityArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    match args.command {
        Command::List => list(desk).await,
        Command::Register { name, organisation, contact, by } => {
            let text = |what, given: String| {
                Text::new(given).map_err(|error| CliError::usage(format!("{what}: {error}")))
            };
            let operation = Operation::RegisterAuthority {
                name: text("NAME", name)?,
                organisation: text("--organisation", organisation)?,
                contact: text("--contact", contact)?,
            };
            act(by, desk, |_, _, _| Ok(operation)).await
        }
        Command::Propose { address, ballot, by } => {
            let make = |list: &AuthorityList, chain: &Chain, _: &str| {
                let address = whom(&address, chain)?;
                let shown = address.encode(&chain.prefix);
                let there = list.authorities.iter().any(|known| known.address == shown);
                let ballot = match ballot {
                    Direction::Add if there => {
                        let message = format!("{shown} is an authority already");
                        return Err(
                            CliError::new(Exit::Refused, "already_authority", message).help(LISTED)
                        );
                    }
                    Direction::Add => Ballot::Add,
                    Direction::Remove if !there => {
                        return Err(no_authority(&shown).help(LISTED));
                    }
                    Direction::Remove => Ballot::Remove,
                };
                Ok(Operation::ProposeAuthority { address, ballot })
            };
            act(by, desk, make).await
        }
        Command::Withdraw { address, by } => {
            let make = |list: &AuthorityList, chain: &Chain, actor: &str| {
                let address = whom(&address, chain)?;
                let shown = address.encode(&chain.prefix);
                let ours = |by: &Vec<String>| by.iter().any(|by| by == actor);
                if !list.proposals.iter().any(|it| it.address == shown && ours(&it.by)) {
                    let message = format!("no proposal of {actor} about {shown} stands");
                    return Err(CliError::new(Exit::Refused, "no_proposal", message)
                        .help("`assay wallet authority list` says what is proposed by whom"));
                }
                Ok(Operation::WithdrawProposal { address })
            };
            act(by, desk, make).await
        }
    }
}

const LISTED: &str = "`assay wallet authority list` says who is one";

fn no_authority(shown: &str) -> CliError {
    CliError::new(Exit::Refused, "no_authority", format!("{shown} is no authority"))
}

async fn ask<N: NodeApi>(connected: &Connected<N>) -> Result<AuthorityList, CliError> {
    connected.api.authority_list().await.map_err(&connected.explain)
}

async fn list<N: NodeApi>(desk: &Desk<'_, N>) -> Result<Answer, CliError> {
    let (connected, _) = desk.chain().await?;
    let list = ask(&connected).await?;
    let text = table(&list);
    Answer::new(&list, text)
}

/// The list as people read it.
fn table(list: &AuthorityList) -> String {
    let mut head = Table::pairs();
    let changed = match list.changed {
        Some(height) => format!(", changed by the block at height {height}"),
        None => String::new(),
    };
    head.pair("authorities", format!("{}{changed}", list.authorities.len()));
    head.pair("majority", list.majority);
    head.pair("height", list.height);
    let turns = list.authorities.iter().any(|authority| authority.record.is_some());
    let mut titles = vec!["address", "name", "organisation", "contact", "state"];
    if turns {
        titles.extend(["since", "signed", "out of turn", "missed", "equivocated", "last"]);
    }
    let mut table = Table::new(&titles).right(&[5, 6, 7, 8, 9, 10]);
    let told = |text: &Option<String>| text.as_deref().map_or_else(|| "-".into(), output::plain);
    for authority in &list.authorities {
        let AuthorityInfo { address, name, organisation, contact, .. } = authority;
        let mut row = vec![
            output::plain(address),
            told(name),
            told(organisation),
            told(contact),
            state(authority, list.ours.as_ref()),
        ];
        if turns {
            row.extend(served(authority.record));
        }
        table.row(row);
    }
    let mut text = format!("{head}\n{table}");
    if !list.proposals.is_empty() {
        let mut table = Table::new(&["proposal", "address", "by"]);
        for proposal in &list.proposals {
            table.row([
                output::plain(&proposal.ballot),
                output::plain(&proposal.address),
                format!(
                    "{} of {}{}: {}",
                    proposal.by.len(),
                    list.majority,
                    match proposal.agreed {
                        Some(height) => format!(", agreed on at height {height}"),
                        None => String::new(),
                    },
                    output::plain(&proposal.by.join(", "))
                ),
            ]);
        }
        text.push_str(&format!("\n{table}"));
    }
    text
}

/// The cells of a record; of somebody who has done nothing yet there is nothing to say.
fn served(record: Option<AuthorityRecord>) -> [String; 6] {
    let Some(record) = record else { return std::array::from_fn(|_| "-".into()) };
    let AuthorityRecord { since, signed, out_of_turn, missed, equivocated, last } = record;
    [since.0, signed, out_of_turn, missed, equivocated, last.0].map(|number| number.to_string())
}

fn state(authority: &AuthorityInfo, ours: Option<&String>) -> String {
    let mut words = Vec::new();
    if authority.leads {
        words.push("leads");
    }
    words.push(match authority.connected {
        true if ours == Some(&authority.address) => "this node",
        true => "connected",
        false => "not connected",
    });
    words.join(", ")
}

/// Lets the account do something as an authority; `make` says what, from the list, the chain and the account's address.
async fn act<N: NodeApi>(
    by: By,
    desk: &mut Desk<'_, N>,
    make: impl FnOnce(&AuthorityList, &Chain, &str) -> Result<Operation, CliError>,
) -> Result<Answer, CliError> {
    let actor = by.actor(desk).await?;
    let Actor { connected, chain, shown, .. } = &actor;
    let list = ask(connected).await?;
    if !list.authorities.iter().any(|known| known.address == *shown) {
        let error = no_authority(shown);
        let message = format!("{}, and only authorities have a say about them", error.message());
        return Err(CliError::new(Exit::Refused, "no_authority", message).help(
            "name the account of an authority with --wallet and --account; `assay wallet authority list` says who is one",
        ));
    }
    let operation = make(&list, chain, shown)?;
    let words = in_words(&operation, chain);
    let act = Act { operation: &operation, words: &words, deposit: Amount::ZERO };
    let answer = actor.act(desk, act).await?;
    if let (Operation::ProposeAuthority { address, ballot }, true) = (&operation, actor.waits())
        && let Ok(list) = ask(connected).await
    {
        desk.note(outcome(&list, &address.encode(&chain.prefix), *ballot));
    }
    Ok(answer)
}

/// An operation as people read it.
fn in_words(operation: &Operation, chain: &Chain) -> String {
    let named = |address: &Address| address.encode(&chain.prefix);
    match operation {
        Operation::RegisterAuthority { name, organisation, contact } => {
            let told = [name.as_str(), organisation.as_str(), contact.as_str()];
            let told: Vec<&str> = told.into_iter().filter(|text| !text.is_empty()).collect();
            format!("registering the authority as {}", told.join(", "))
        }
        Operation::ProposeAuthority { address, ballot: Ballot::Add } => {
            format!("proposing to add {}", named(address))
        }
        Operation::ProposeAuthority { address, ballot: Ballot::Remove } => {
            format!("proposing to remove {}", named(address))
        }
        Operation::WithdrawProposal { address } => {
            format!("withdrawing the proposal about {}", named(address))
        }
        other => format!("{other:?}"),
    }
}

/// What has become of a proposal, as the node sees it after a block carried it.
fn outcome(list: &AuthorityList, whom: &str, ballot: Ballot) -> String {
    let there = list.authorities.iter().any(|known| known.address == whom);
    let word = if ballot == Ballot::Add { "add" } else { "remove" };
    let standing = list.proposals.iter().find(|it| it.address == whom && it.ballot == word);
    match (ballot, standing) {
        (Ballot::Add, _) if there => format!("{whom} is an authority now"),
        (Ballot::Remove, _) if !there => format!("{whom} is no authority any more"),
        (_, Some(standing)) if standing.by.len() as u64 >= list.majority => {
            "enough authorities propose it: it happens when their blocks have voted for it".into()
        }
        (_, Some(standing)) => format!(
            "{} of the {} authorities that are needed propose it",
            standing.by.len(),
            list.majority
        ),
        (_, None) => "the proposal does not stand any more".into(),
    }
}
