//! `assay wallet stake split` and `merge`: ordinary transactions from an account to itself that give its coins another shape.

use super::desk::{Answer, Desk};
use super::errors;
use super::follow::Deed;
use super::options::{self, Password, Paying, Whose};
use super::send::{Order, carry_out, pick};
use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::types::{Address, Amount, CoinId, INPUTS_MAX, OUTPUTS_MAX, Output};
use crate::wallet::coins::{self, Payment};
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::select::{CoinState, FeeRate, OwnCoin, Purpose, merged, parts_of};

/// Parts of a split at most: one more output is for the change.
const PARTS_MAX: usize = OUTPUTS_MAX - 1;

/// What `assay wallet stake split` takes.
#[derive(Debug, clap::Args)]
pub(super) struct SplitArgs {
    /// How many coins to make
    #[arg(value_name = "N", value_parser = parts)]
    parts: usize,
    /// Split this coin, by its id or the start of it [default: the largest that may be spent]
    #[arg(long, value_name = "ID", conflicts_with = "amount")]
    coin: Option<String>,
    /// Make the coins of this sum, from whatever coins pay it, and let the rest return
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: Option<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    paying: Paying,
    #[command(flatten)]
    password: Password,
}

/// What `assay wallet stake merge` takes.
#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// Merge the coins that hold less than this [default: all], the smallest first, as many as one transaction takes
    #[arg(long, value_name = "AMOUNT", conflicts_with = "coins", allow_negative_numbers = true)]
    below: Option<String>,
    /// Merge this coin, by its id or the start of it; may be given several times
    #[arg(long = "coin", value_name = "ID")]
    coins: Vec<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    paying: Paying,
    #[command(flatten)]
    password: Password,
}

fn parts(text: &str) -> Result<usize, String> {
    let parts = text.parse().ok().filter(|parts| (2..=PARTS_MAX).contains(parts));
    parts.ok_or_else(|| format!("expected a number of coins from 2 to {PARTS_MAX}"))
}

/// What is to be made of which coins.
struct Plan {
    purpose: Purpose<'static>,
    picked: Vec<CoinId>,
    deed: Deed<'static>,
}

/// Runs `assay wallet stake split`.
pub(super) async fn split<N: NodeApi>(
    args: SplitArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let SplitArgs { parts, coin, amount, whose, paying, password } = args;
    let plan = |coins: &[OwnCoin], chain: &Chain, owner: Address, fee: FeeRate| {
        let (each, picked) = match &amount {
            Some(text) => {
                let each = Amount(options::amount(text, chain)?.0 / parts as u64); // below 256
                (Some(each), Vec::new())
            }
            None => {
                let chosen = match &coin {
                    Some(given) => {
                        let id = pick(given, coins)?;
                        coins.iter().find(|coin| coin.id == id)
                    }
                    None => spendable(coins).max_by_key(|coin| (coin.amount, coin.id)),
                };
                let chosen = chosen.ok_or_else(|| nothing("there is no coin to split"))?;
                (parts_of(chosen.amount, parts, fee), vec![chosen.id])
            }
        };
        let each = each.filter(|each| *each > Amount::ZERO).ok_or_else(|| {
            nothing(&format!("{parts} coins of it would hold nothing once the fee is paid"))
        })?;
        let purpose = Purpose::Split { to: owner, each, parts };
        Ok(Plan { purpose, picked, deed: Deed::Shape { coins: parts, each } })
    };
    reshape(whose, paying, password, desk, plan).await
}

/// Runs `assay wallet stake merge`.
pub(super) async fn merge<N: NodeApi>(
    args: MergeArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let MergeArgs { below, coins: given, whose, paying, password } = args;
    let plan = |coins: &[OwnCoin], chain: &Chain, owner: Address, fee: FeeRate| {
        let below = below.as_deref().map(|text| options::amount(text, chain)).transpose()?;
        let chosen: Vec<OwnCoin> = if given.is_empty() {
            let small = |coin: &&OwnCoin| below.is_none_or(|below| coin.amount < below);
            let mut small: Vec<_> = spendable(coins).filter(small).copied().collect();
            small.sort_by_key(|coin| (coin.amount, coin.id));
            small.truncate(INPUTS_MAX);
            small
        } else {
            let picked = given.iter().map(|given| pick(given, coins));
            let picked = picked.collect::<Result<Vec<_>, _>>()?;
            coins.iter().filter(|coin| picked.contains(&coin.id)).copied().collect()
        };
        if chosen.len() < 2 {
            let count = chosen.len();
            let what = match below {
                Some(below) => {
                    format!(" that hold less than {}", output::amount(below, &chain.symbol))
                }
                None => String::new(),
            };
            return Err(nothing(&format!("there are {count} coins{what}: it takes two to merge")));
        }
        let amounts: Vec<Amount> = chosen.iter().map(|coin| coin.amount).collect();
        let each = merged(&amounts, fee)
            .ok_or_else(|| nothing("together they hold less than the fee of merging them"))?;
        let purpose = Purpose::Pay(Output { to: owner, amount: each });
        let picked = chosen.iter().map(|coin| coin.id).collect();
        Ok(Plan { purpose, picked, deed: Deed::Shape { coins: 1, each } })
    };
    reshape(whose, paying, password, desk, plan).await
}

fn spendable(coins: &[OwnCoin]) -> impl Iterator<Item = &OwnCoin> {
    coins.iter().filter(|coin| coin.state == CoinState::Spendable)
}

fn nothing(message: &str) -> CliError {
    CliError::new(Exit::Failed, "nothing_to_shape", message.to_owned())
        .help("`assay wallet coins` lists the coins of an account and says which may be spent")
}

/// Plans by the coins as they are now, and carries that out.
async fn reshape<N: NodeApi>(
    whose: Whose,
    paying: Paying,
    password: Password,
    desk: &mut Desk<'_, N>,
    plan: impl Fn(&[OwnCoin], &Chain, Address, FeeRate) -> Result<Plan, CliError>,
) -> Result<Answer, CliError> {
    let wallet = desk.wallet(&whose)?;
    let owner = whose.account(&wallet)?.address();
    let source = password.source(desk.variable)?;
    let (connected, chain) = desk.chain().await?;
    let from = [owner];
    let fee = FeeRate::new(chain.fee_per_byte_min, paying.fee_rate);
    let read = async || coins::own(&connected.api, &chain, &from).await.map_err(&connected.explain);
    let Plan { purpose, picked, deed } = plan(&read().await?, &chain, owner, fee)?;
    let choose = async || {
        let mut coins = read().await?;
        let payment = Payment {
            from: &from,
            purpose,
            change_to: owner,
            fee_factor: paying.fee_rate,
            picked: &picked,
        };
        coins::choose(&connected.api, &chain, &mut coins, &payment)
            .await
            .map_err(|error| errors::choose(error, &connected, &chain, &owner))
    };
    desk.note("note: the coins that come of it are new: their age begins with the block that carries them");
    let order = Order { wallet: &wallet, source: &source, deed, paying: &paying, asking: None };
    carry_out(desk, (&connected, &chain), order, choose).await
}
