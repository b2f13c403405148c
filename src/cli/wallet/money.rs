//! What accounts own: `balance`, `coins`.

use serde::Serialize;

use super::desk::{Answer, Connected, Desk};
use super::options::{self, Whose};
use crate::api::{Balance, CoinInfo, Read};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::types::{Address, Amount, Height, Time};
use crate::wallet::coins::{self, CoinList};
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::select::CoinState;

/// What `assay wallet balance` takes.
#[derive(Debug, clap::Args)]
pub(super) struct BalanceArgs {
    /// Somebody's address in place of an account of one's own
    #[arg(value_name = "ADDRESS", conflicts_with_all = ["all", "account", "wallet"])]
    address: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// All accounts of the wallet, and their sum
    #[arg(long, conflicts_with = "account")]
    all: bool,
    /// What the answer has to see: what this node has, or whatever was final anywhere by now (where authorities agree)
    #[arg(long, value_enum, default_value_t)]
    read: Read,
}

/// What `assay wallet coins` takes.
#[derive(Debug, clap::Args)]
pub(super) struct CoinsArgs {
    /// Somebody's address in place of an account of one's own
    #[arg(value_name = "ADDRESS", conflicts_with_all = ["all", "account", "wallet"])]
    address: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// All accounts of the wallet
    #[arg(long, conflicts_with = "account")]
    all: bool,
    /// What the answer has to see: what this node has, or whatever was final anywhere by now (where authorities agree)
    #[arg(long, value_enum, default_value_t)]
    read: Read,
}

/// The balances of all accounts of a wallet.
#[derive(Debug, Serialize)]
struct Balances {
    wallet: String,
    accounts: Vec<Balance>,
    total: Total,
}

#[derive(Debug, Default, Serialize)]
struct Total {
    spendable: Amount,
    immature: Amount,
    staking: Amount,
    pending: Amount,
    coins: u64,
}

/// Runs `assay wallet balance`.
pub(super) async fn balance<N: NodeApi>(
    args: BalanceArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let wallet = match &args.address {
        Some(_) => None,
        None => Some(desk.wallet(&args.whose)?),
    };
    let (connected, chain) = desk.chain().await?;
    catch_up(&connected, args.read).await?;
    let ask = async |address: &Address| {
        let address = address.encode(&chain.prefix);
        connected.api.address_balance(&address).await.map_err(&connected.explain)
    };
    let owner = match (&args.address, &wallet) {
        (Some(text), _) => options::address(text, &chain.prefix)?,
        (None, Some(wallet)) if args.all => {
            let mut balances = Balances {
                wallet: wallet.name().to_string(),
                accounts: Vec::new(),
                total: Total::default(),
            };
            for account in wallet.accounts() {
                balances.accounts.push(ask(&account.address()).await?);
            }
            balances.total = total(&balances.accounts)?;
            let labels = wallet.accounts().iter().map(|account| account.label.as_str());
            let text = balances.table(labels, &chain);
            return Answer::new(&balances, text);
        }
        (None, Some(wallet)) => args.whose.account(wallet)?.address(),
        (None, None) => return Err(CliError::usage("it is not said whose balance is meant")),
    };
    let balance = ask(&owner).await?;
    let shown = |amount| output::amount(amount, &chain.symbol);
    let mut table = Table::pairs();
    table.pair("address", &balance.address);
    table.pair("spendable", shown(balance.spendable));
    table.pair("immature", shown(balance.immature));
    table.pair(
        "staking",
        match balance.bonded {
            Amount::ZERO => shown(balance.staking),
            bonded => {
                format!("{}, of it {} locked as a deposit", shown(balance.staking), shown(bonded))
            }
        },
    );
    table.pair("pending", shown(balance.pending));
    Answer::new(&balance, table)
}

fn total(balances: &[Balance]) -> Result<Total, CliError> {
    let sum = |part: fn(&Balance) -> Amount| {
        Amount::total(balances.iter().map(part))
            .ok_or_else(|| CliError::failed("the balances add up to more than can exist"))
    };
    Ok(Total {
        spendable: sum(|balance| balance.spendable)?,
        immature: sum(|balance| balance.immature)?,
        staking: sum(|balance| balance.staking)?,
        pending: sum(|balance| balance.pending)?,
        coins: balances.iter().fold(0, |sum, balance| sum.saturating_add(balance.coins)),
    })
}

impl Balances {
    fn table<'a>(&self, labels: impl Iterator<Item = &'a str>, chain: &Chain) -> Table {
        let mut table = Table::new(&[
            "account",
            "label",
            "address",
            "spendable",
            "immature",
            "staking",
            "pending",
        ])
        .right(&[0, 3, 4, 5, 6]);
        let row = |head: [String; 3], parts: [Amount; 4]| {
            head.into_iter().chain(parts.map(|amount| amount.to_string())).collect::<Vec<_>>()
        };
        for ((index, label), balance) in labels.enumerate().zip(&self.accounts) {
            table.row(row(
                [index.to_string(), label.to_owned(), balance.address.clone()],
                [balance.spendable, balance.immature, balance.staking, balance.pending],
            ));
        }
        let Total { spendable, immature, staking, pending, .. } = self.total;
        let head = [String::new(), "all".into(), format!("in {}", chain.symbol)];
        table.row(row(head, [spendable, immature, staking, pending]));
        table
    }
}

/// The coins of some accounts.
#[derive(Debug, Serialize)]
struct Coins {
    height: Height,
    coins: Vec<CoinInfo>,
}

/// Runs `assay wallet coins`.
pub(super) async fn coins<N: NodeApi>(
    args: CoinsArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let (connected, chain, owners) =
        desk.owners(args.address.as_deref(), &args.whose, args.all).await?;
    catch_up(&connected, args.read).await?;
    let mut found = Coins { height: Height(0), coins: Vec::new() };
    for owner in &owners {
        let CoinList { height, coins } = read(&connected, &chain, owner).await?;
        found.height = found.height.max(height);
        found.coins.extend(coins);
    }
    // The youngest first, as they are spent.
    found.coins.sort_by_key(|coin| (std::cmp::Reverse(coin.time), coin.id));
    if found.coins.is_empty() {
        desk.note("there are no coins here");
        return Answer::new(&found, "");
    }
    let text = found.table((desk.now)(), owners.len() > 1, &chain);
    Answer::new(&found, text)
}

/// Waits until the node shows what a read has to see.
async fn catch_up<N: NodeApi>(connected: &Connected<N>, read: Read) -> Result<(), CliError> {
    match read {
        Read::Local => Ok(()),
        Read::Linearizable => {
            connected.api.consensus_read().await.map(drop).map_err(&connected.explain)
        }
    }
}

async fn read<N: NodeApi>(
    connected: &Connected<N>,
    chain: &Chain,
    owner: &Address,
) -> Result<CoinList, CliError> {
    coins::list(&connected.api, chain, owner).await.map_err(&connected.explain)
}

/// Digits of a coin's id that people see; `--coin` takes as few.
pub(super) const ID_DIGITS: usize = 16;

impl Coins {
    fn table(&self, now: Time, owners: bool, chain: &Chain) -> Table {
        let mut titles = vec!["coin", "amount", "kind", "height", "age", "spendable"];
        let stakes = self.coins.iter().any(|coin| coin.stake.is_some());
        if stakes {
            titles.extend(["coin-days", "in an hour"]);
        }
        if owners {
            titles.push("address");
        }
        let numbers: &[usize] = if stakes { &[1, 3, 6, 7] } else { &[1, 3] };
        let mut table = Table::new(&titles).right(numbers);
        for coin in &self.coins {
            let kind = match coin.kind {
                crate::ledger::CoinKind::Transfer => "transfer",
                crate::ledger::CoinKind::Reward => "reward",
                crate::ledger::CoinKind::Stake => "stake",
                crate::ledger::CoinKind::Bond => "bond",
            };
            let pending = coin.created_by.is_some();
            let mut row = vec![
                coin.id.to_string().chars().take(ID_DIGITS).collect(),
                output::amount(coin.amount, &chain.symbol),
                kind.to_owned(),
                if pending { "-".into() } else { coin.height.to_string() },
                if pending { "-".into() } else { output::duration(now.since(coin.time)) },
                self.when(coin),
            ];
            if stakes {
                row.extend(match &coin.stake {
                    Some(stake) => [
                        format!("{:.3}", stake.coin_days),
                        super::stake::chance(stake.chance_per_hour),
                    ],
                    None => ["-".into(), "-".into()],
                });
            }
            if owners {
                row.push(coin.address.clone());
            }
            table.row(row);
        }
        table
    }

    /// From when on a coin may be spent, in words.
    fn when(&self, coin: &CoinInfo) -> String {
        match coins::state(coin) {
            CoinState::Spendable => "now".into(),
            CoinState::Immature { from } => {
                let blocks = from.0.saturating_sub(self.height.0);
                format!("from height {from} (in {} blocks)", output::count(blocks))
            }
            CoinState::Bonded => "no: locked as a deposit".into(),
            CoinState::Spending { by } => format!("no: spent by pending {}", output::short(by)),
            CoinState::Arriving { by } | CoinState::Change { by } => {
                format!("pending, made by {}", output::short(by))
            }
        }
    }
}
