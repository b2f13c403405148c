//! `assay wallet send`.

use super::desk::{Answer, Connected, Desk};
use super::errors;
use super::follow::{Deed, Paid, announce, follow};
use super::money::ID_DIGITS;
use super::options::{self, Password, Paying, Whose};
use super::replies::Asking;
use crate::cli::error::CliError;
use crate::types::{Address, CoinId, Keypair, Output};
use crate::wallet::build;
use crate::wallet::coins::{self, Payment};
use crate::wallet::keystore::Wallet;
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::password::PasswordSource;
use crate::wallet::select::{OwnCoin, Purpose, Selection};
use crate::wallet::track;
use crate::wallet::turn::Turn;

const AFTER_HELP: &str = "\
Young coins pay first and old ones are kept, for they are worth more where coins stake. Change returns to the account.

It returns when a block carries the payment; --wait asks for more or less. A block may still lose its place in the chain:
before you hand over goods, wait for `final`.

Examples:
  assay wallet send assay1… 1.5
  assay wallet send assay1… \"1.5 PYR\" --wait final
  assay wallet send assay1… 150000000u --wait 6 --timeout 2m
  assay wallet send assay1… 1.5 --replies        under pbft: several authorities say so, of whom one is honest
  assay wallet send assay1… 1.5 --coin 3f9a0c… --json --password-file pass";

/// What `assay wallet send` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Send {
    /// The address to pay
    #[arg(value_name = "TO")]
    to: String,
    /// How much: coins such as 1.5, or base units such as 150000000u
    #[arg(value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: String,
    #[command(flatten)]
    whose: Whose,
    /// Let coins of all accounts of the wallet pay; change returns to the account
    #[arg(long)]
    all: bool,
    /// Pay with this coin, by its id or the start of it; may be given several times
    #[arg(long = "coin", value_name = "ID")]
    coins: Vec<String>,
    #[command(flatten)]
    paying: Paying,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    password: Password,
}

/// Runs `assay wallet send`.
pub(super) async fn send<N: NodeApi>(
    args: Send,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let wallet = desk.wallet(&args.whose)?;
    let account = args.whose.account(&wallet)?.clone();
    let source = args.password.source(desk.variable)?;
    let (connected, chain) = desk.chain().await?;
    args.asking.fits(&chain)?;
    let to = options::address(&args.to, &chain.prefix)?;
    let amount = options::amount(&args.amount, &chain)?;

    let change_to = account.address();
    let from: Vec<Address> = if args.all {
        wallet.accounts().iter().map(|account| account.address()).collect()
    } else {
        vec![change_to]
    };
    let fee_factor = args.paying.fee_rate;
    let choose = async || {
        let mut coins =
            coins::own(&connected.api, &chain, &from).await.map_err(&connected.explain)?;
        let picked: Vec<CoinId> =
            args.coins.iter().map(|given| pick(given, &coins)).collect::<Result<_, _>>()?;
        let purpose = Purpose::Pay(Output { to, amount });
        let payment = Payment { from: &from, purpose, change_to, fee_factor, picked: &picked };
        coins::choose(&connected.api, &chain, &mut coins, &payment)
            .await
            .map_err(|error| errors::choose(error, &connected, &chain, &change_to))
    };

    let deed = Deed::Payment { to, amount, giver: None };
    let order = Order {
        wallet: &wallet,
        source: &source,
        deed,
        paying: &args.paying,
        asking: Some(&args.asking),
    };
    carry_out(desk, (&connected, &chain), order, choose).await
}

/// Something that a wallet is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// The wallet.
    pub wallet: &'a Wallet,
    /// Where its password comes from.
    pub source: &'a PasswordSource,
    /// What for.
    pub deed: Deed<'a>,
    /// What it costs, and how far it is followed.
    pub paying: &'a Paying,
    /// Whose replies are waited for.
    pub asking: Option<&'a Asking>,
}

/// Chooses coins, says what is about to happen, signs, sends and follows.
pub(super) async fn carry_out<N: NodeApi>(
    desk: &mut Desk<'_, N>,
    (connected, chain): (&Connected<N>, &Chain),
    Order { wallet, source, deed, paying, asking }: Order<'_>,
    choose: impl AsyncFn() -> Result<Selection, CliError>,
) -> Result<Answer, CliError> {
    // Whatever can be refused without the password is refused before it is asked for.
    let planned = choose().await?;
    announce(desk, chain, &planned, deed);
    let unlocked = desk.unlock(wallet, source)?;

    // The coins may have changed while it was typed, or be chosen by another command right now.
    let turn = Turn::of_wallet(&desk.directory()?, wallet.name(), desk.clock).await?;
    let selection = choose().await?;
    if selection != planned {
        desk.note("the coins of the wallet have changed meanwhile:");
        announce(desk, chain, &selection, deed);
    }
    let owners = selection.owners();
    let signers = wallet.accounts().iter().filter(|account| owners.contains(&account.address()));
    let keys = signers
        .map(|account| unlocked.keypair(account.index))
        .collect::<Result<Vec<Keypair>, _>>()?;
    drop(unlocked);
    let signed = build::sign(&selection, &chain.genesis, &keys)
        .map_err(|error| CliError::failed(error.to_string()))?;
    drop(keys);
    let submitted = track::submit(&connected.api, desk.clock, &signed)
        .await
        .map_err(|error| errors::track(error, connected))?;
    drop(turn);
    let paid = Paid { signed: &signed, submitted, selection: &selection, deed };
    follow(desk, connected, chain, paid, (paying, asking)).await
}

/// The coin whose id is, or starts with, what was given.
pub(super) fn pick(given: &str, coins: &[OwnCoin]) -> Result<CoinId, CliError> {
    if let Ok(id) = given.parse() {
        return Ok(id);
    }
    let shown: String = crate::cli::output::plain(given).chars().take(80).collect();
    let refused = |reason: &str| {
        CliError::new(crate::api::Exit::Usage, "unknown_coin", format!("--coin {shown}: {reason}"))
            .help("`assay wallet coins` lists the coins of an account")
    };
    let start = given.trim_end_matches('…').to_ascii_lowercase();
    if start.is_empty() || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) || start.len() > 64 {
        return Err(refused("an id of a coin has 64 hexadecimal digits"));
    }
    let mut found = coins.iter().filter(|coin| coin.id.to_string().starts_with(&start));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.id),
        (Some(_), Some(_)) => Err(refused(&format!(
            "several coins start so: write more digits, {ID_DIGITS} are shown"
        ))),
        (None, _) => Err(refused("no coin of this account starts so")),
    }
}
