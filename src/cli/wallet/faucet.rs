//! `assay wallet faucet`.

use super::desk::{Answer, Desk};
use super::errors;
use super::follow::{Deed, Paid, announce, follow};
use super::options::{self, Paying, Whose};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::spec::nearest;
use crate::wallet::faucet::{AMOUNT_DEFAULT, FaucetError, Giver, give};
use crate::wallet::node::NodeApi;
use crate::wallet::turn::Turn;

/// What `assay wallet faucet` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Faucet {
    /// How much [default: 100 coins]
    #[arg(value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: Option<String>,
    /// The address to pay, in place of an account of one's own
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["account", "wallet"])]
    to: Option<String>,
    /// The development account that pays [default: one by the address, and another if that one cannot]
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    paying: Paying,
}

/// Runs `assay wallet faucet`.
pub(super) async fn faucet<N: NodeApi>(
    args: Faucet,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let own = match &args.to {
        Some(_) => None,
        None => {
            let wallet = desk.wallet(&args.whose)?;
            Some(args.whose.account(&wallet)?.address())
        }
    };
    let givers = givers((desk.givers)(), args.from.as_deref())?;
    let (connected, chain) = desk.chain().await?;
    let to = match (&args.to, own) {
        (Some(text), _) => options::address(text, &chain.prefix)?,
        (None, Some(own)) => own,
        (None, None) => return Err(CliError::usage("it is not said whom to pay")),
    };
    let amount = match &args.amount {
        Some(text) => options::amount(text, &chain)?,
        None => AMOUNT_DEFAULT,
    };
    let fee_factor = args.paying.fee_rate;
    let turn = Turn::of_faucet(&desk.directory()?, desk.clock).await?;
    let given = give(&connected.api, desk.clock, &chain, &givers, (to, amount), fee_factor)
        .await
        .map_err(|error: FaucetError| errors::faucet(error, &connected, &chain, &to))?;
    drop(turn);
    let deed = Deed::Payment { to, amount, giver: Some(&given.giver) };
    announce(desk, &chain, &given.selection, deed);
    let paid = Paid {
        signed: &given.signed,
        submitted: given.submitted,
        selection: &given.selection,
        deed,
    };
    follow(desk, &connected, &chain, paid, (&args.paying, None)).await
}

/// The accounts that may pay.
fn givers(all: Vec<Giver>, named: Option<&str>) -> Result<Vec<Giver>, CliError> {
    let Some(named) = named else { return Ok(all) };
    let names: Vec<String> = all.iter().map(|giver| giver.name.clone()).collect();
    if let Some(giver) = all.into_iter().find(|giver| giver.name == named) {
        return Ok(vec![giver]);
    }
    let help = match nearest(named, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("they are {}", names.join(", ")),
    };
    let shown: String = output::plain(named).chars().take(40).collect();
    Err(CliError::usage(format!("--from: there is no development account `{shown}`")).help(help))
}
