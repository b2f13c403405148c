//! What a person is told when something about a wallet goes wrong.

use super::desk::Connected;
use crate::api::{Exit, RpcCode};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::spec::nearest;
use crate::types::{Address, AddressError, Prefix};
use crate::wallet::coins::ChooseError;
use crate::wallet::faucet::FaucetError;
use crate::wallet::keystore::KeystoreError;
use crate::wallet::node::Chain;
use crate::wallet::select::{CoinState, SelectError, Shortfall};
use crate::wallet::track::TrackError;
use crate::wallet::turn::TurnError;

impl From<KeystoreError> for CliError {
    fn from(error: KeystoreError) -> Self {
        use KeystoreError as E;
        // Most messages say themselves what to do.
        let (code, help) = match &error {
            E::Name { .. } | E::Label { .. } | E::PasswordConflict { .. } => {
                return Self::usage(error.to_string());
            }
            E::Interrupted { .. } => {
                return Self::new(Exit::Interrupted, "interrupted", error.to_string());
            }
            E::NotFound { wallet, known, .. } => {
                let near = nearest(wallet, known.iter().map(String::as_str));
                let help = match (near, known.is_empty()) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, true) => "make one with `assay wallet new`".into(),
                    (None, false) => format!(
                        "make it with `assay wallet new {wallet}`, or name another with --wallet"
                    ),
                };
                ("unknown_wallet", Some(help))
            }
            E::NoAccount { .. } => (
                "unknown_account",
                Some("make another account with `assay wallet address --new`".into()),
            ),
            E::Exists { .. } => ("wallet_exists", None),
            E::LabelTaken { .. } => ("label_taken", None),
            E::LooseFile { .. } | E::LooseDirectory { .. } => ("loose_mode", None),
            E::WrongPassword { .. } => (
                "wrong_password",
                Some("try again; without the password only the words bring the keys back".into()),
            ),
            E::Mnemonic(_) => ("bad_words", None),
            E::NoTerminal { .. } => ("no_terminal", None),
            E::Malformed { .. } | E::Inconsistent { .. } => ("damaged", None),
            E::NewerVersion { .. } => ("newer", None),
            E::Busy { .. } => ("busy", None),
            _ => ("keystore", None),
        };
        Self::new(Exit::Keystore, code, error.to_string()).maybe_help(help)
    }
}

impl From<TurnError> for CliError {
    fn from(error: TurnError) -> Self {
        let message = error.to_string();
        match error {
            TurnError::Busy { .. } => Self::new(Exit::Keystore, "busy", message)
                .help("wait for them to end, then try again"),
            TurnError::Io { .. } => Self::new(Exit::Keystore, "keystore", message)
                .help("the directory of wallets must be one that you may write in"),
        }
    }
}

/// A text that is no address of this chain.
pub(super) fn address(error: &AddressError, prefix: &Prefix) -> CliError {
    let message = output::plain(&error.to_string());
    match error {
        AddressError::OtherChain { .. } => CliError::new(Exit::WrongChain, "wrong_chain", message)
            .help("ask the receiver for an address of this chain, or name a node of that one"),
        AddressError::Garbled { .. } | AddressError::Version { .. } => {
            CliError::new(Exit::Usage, "bad_address", message)
                .help(format!("addresses of this chain start with {prefix}1"))
        }
    }
}

/// Coins that do not do, where `own` is whose they are.
pub(super) fn choose<N>(
    error: ChooseError,
    connected: &Connected<N>,
    chain: &Chain,
    own: &Address,
) -> CliError {
    let error = match error {
        ChooseError::Node(error) => return (connected.explain)(error),
        ChooseError::Select(error) => error,
    };
    let message = error.to_string();
    let failed = |code| CliError::new(Exit::Failed, code, message.clone());
    match &error {
        SelectError::Zero => CliError::new(Exit::Usage, "bad_amount", message)
            .help("pay more than nothing"),
        SelectError::Dust { least, .. } => CliError::new(Exit::Usage, "dust", message)
            .help(format!("pay at least {}", output::amount(*least, &chain.symbol))),
        SelectError::Insufficient(short) => {
            failed("insufficient_funds").help(what_to_do(short, chain))
        }
        SelectError::TooManyInputs { reach, .. } => failed("too_many_coins").help(format!(
            "send the largest coins to yourself with `assay wallet send {} {reach}`, and then try again",
            own.encode(&chain.prefix)
        )),
        SelectError::PickedTooMany { .. } => CliError::new(Exit::Usage, "too_many_coins", message)
            .help("pick fewer coins, send them to yourself, and then pick what came of them"),
        SelectError::PickedTwice(_) => CliError::usage(message).help("name each coin once"),
        SelectError::PickedUnknown(_) => CliError::new(Exit::Usage, "unknown_coin", message)
            .help("`assay wallet coins` lists the coins of an account; another one is meant with --account"),
        SelectError::PickedUnusable { state, .. } => {
            failed("coin_not_spendable").help(match state {
                CoinState::Immature { from } => format!("wait until height {from}, or pick another coin"),
                CoinState::Bonded => "pick another coin".into(),
                _ => "wait for the next block, or pick another coin".to_owned(),
            })
        }
    }
}

fn what_to_do(short: &Shortfall, chain: &Chain) -> String {
    let mut ways = Vec::new();
    if short.picked {
        ways.push("pick more coins with --coin, or leave --coin out".to_owned());
    }
    if short.most.0 > 0 {
        ways.push(format!("send at most {}", output::amount(short.most, &chain.symbol)));
    }
    match short.immature_from {
        Some(from) => ways.push(format!("wait until height {from}")),
        None if short.arriving.0 > 0 || short.spending.0 > 0 => {
            ways.push("wait for the next block".into());
        }
        None => {}
    }
    if chain.dev && !short.picked {
        ways.push("get test money with `assay wallet faucet`".into());
    }
    if ways.is_empty() {
        return "receive some coins first: `assay wallet address` prints where".into();
    }
    ways.join(", or ")
}

/// A transaction that was not accepted, or could not be followed.
pub(super) fn track<N>(error: TrackError, connected: &Connected<N>) -> CliError {
    let message = output::plain(&error.to_string());
    let code = |code: i32| RpcCode::of(code).map_or("refused", RpcCode::name);
    let look = |id| {
        format!(
            "`assay chain tx {id}` shows how far it has come; do not pay again before it is clear"
        )
    };
    match error {
        TrackError::Node(error) => (connected.explain)(error),
        TrackError::Refused(refusal) => CliError::new(Exit::Refused, code(refusal.code), message)
            .help("nothing was sent; the coins may have been spent meanwhile: see `assay wallet coins`, and try again"),
        TrackError::Twin(_) => CliError::new(Exit::Refused, "already_sent", message)
            .help("if you mean to pay once more, try again"),
        TrackError::Dropped { reason, .. } => CliError::new(Exit::Refused, code(reason.code), message)
            .help("its coins were spent otherwise: see `assay wallet coins`, and pay again if need be"),
        TrackError::OtherChain { .. } => CliError::new(Exit::WrongChain, "wrong_chain", message)
            .help("do not trust this node: it names one chain and works on another"),
        TrackError::Unsure { id, .. } => {
            CliError::new(Exit::Unreachable, "unreachable", message).help(look(id))
        }
        TrackError::Lost { id, .. } => {
            CliError::new(Exit::Unreachable, "unreachable", message).help(look(id))
        }
        TrackError::TimedOut { id, .. } => {
            CliError::new(Exit::Unreachable, "timed_out", message).help(look(id))
        }
    }
}

/// A faucet that gives nothing; `to` is who asked.
pub(super) fn faucet<N>(
    error: FaucetError,
    connected: &Connected<N>,
    chain: &Chain,
    to: &Address,
) -> CliError {
    let message = output::plain(&error.to_string());
    match error {
        FaucetError::NotDev { .. } => CliError::new(Exit::WrongChain, "no_dev_chain", message)
            .help("start a development chain with `assay devnet up pow-dev`, or name its node with --dir or --rpc"),
        FaucetError::NoGivers => CliError::failed(message),
        FaucetError::Track { error, .. } => track(*error, connected),
        FaucetError::Short { error: ChooseError::Select(short @ SelectError::Insufficient(_)), .. } => {
            let text = format!("no development account can pay so much; the last one that was asked: {short}");
            CliError::new(Exit::Failed, "insufficient_funds", text)
                .help("ask for less, or wait for the next block")
        }
        FaucetError::Short { error, .. } => choose(error, connected, chain, to),
    }
}
