//! Keys and addresses: `new`, `restore`, `list`, `address`, `export`.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::desk::{Answer, Desk};
use super::options::{Password, PrefixOption, WALLET_DEFAULT, Whose};
use crate::api::{ErrorBody, Exit};
use crate::cli::error::CliError;
use crate::cli::output::Table;
use crate::node::secret;
use crate::spec::{DEV_WARNING, is_dev_key};
use crate::types::mnemonic::Mnemonic;
use crate::types::{Prefix, PublicKey, Time};
use crate::wallet::keystore::{
    ACCOUNTS_MAX, Account, AccountLabel, KeystoreError, NewWallet, Wallet, WalletName,
};
use crate::wallet::node::NodeApi;
use crate::wallet::password::{read_mnemonic, read_passphrase};

/// Words on a line, so that they can be compared with a sheet of paper.
const WORDS_PER_LINE: usize = 6;

/// What a new wallet is told about itself.
#[derive(Debug, clap::Args)]
struct Making {
    /// What to call it
    #[arg(value_name = "NAME", default_value = WALLET_DEFAULT)]
    name: WalletName,
    /// What to call its first account
    #[arg(long, default_value = "main")]
    label: AccountLabel,
    /// Ask for a passphrase that belongs to the words (BIP-39); to restore the wallet one needs both
    #[arg(long, conflicts_with = "passphrase_file")]
    passphrase: bool,
    /// Read that passphrase from this file, which only you may read (0600)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    prefix: PrefixOption,
}

/// What `assay wallet new` takes.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    #[command(flatten)]
    making: Making,
}

/// What `assay wallet restore` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    #[command(flatten)]
    making: Making,
    /// Read the words from this file, which only you may read (0600)
    #[arg(long, value_name = "FILE")]
    mnemonic_file: Option<PathBuf>,
    /// How many accounts to bring back
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=ACCOUNTS_MAX as i64))]
    accounts: u16,
}

/// What `assay wallet list` takes.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    prefix: PrefixOption,
}

/// What `assay wallet address` takes.
#[derive(Debug, clap::Args)]
pub(super) struct AddressArgs {
    #[command(flatten)]
    whose: Whose,
    /// Make another account and print its address
    #[arg(long, conflicts_with = "account")]
    new: bool,
    /// What to call the new account [default: account N]
    #[arg(long, requires = "new")]
    label: Option<AccountLabel>,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    prefix: PrefixOption,
}

/// What `assay wallet export` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The wallet
    #[arg(short, long, value_name = "NAME", default_value = WALLET_DEFAULT)]
    wallet: WalletName,
    /// Print the words as well; needs the password and --yes-show-secrets
    #[arg(long)]
    secret: bool,
    /// Say that nobody looks over your shoulder and that the output goes where it should
    #[arg(long, requires = "secret")]
    yes_show_secrets: bool,
    /// Write the secret key of an account into this new file (0600), for `assay node run --authority`; needs the password
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    key_file: Option<PathBuf>,
    /// The account whose key that is, by its number or its label
    #[arg(short, long, value_name = "ACCOUNT", default_value = "0", requires = "key_file")]
    account: String,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    prefix: PrefixOption,
}

/// An account as JSON.
#[derive(Debug, Serialize)]
struct AccountInfo {
    index: u16,
    label: String,
    address: String,
    public_key: PublicKey,
}

impl AccountInfo {
    fn of(account: &Account, prefix: &Prefix) -> Self {
        Self {
            index: account.index,
            label: account.label.to_string(),
            address: account.address().encode(prefix),
            public_key: account.public_key,
        }
    }
}

/// A key that was written into a file, as JSON.
#[derive(Debug, Serialize)]
struct KeyFile {
    file: String,
    address: String,
}

/// A wallet as JSON.
#[derive(Debug, Serialize)]
struct WalletInfo {
    wallet: String,
    path: PathBuf,
    created: Time,
    accounts: Vec<AccountInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mnemonic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase: Option<String>,
}

impl WalletInfo {
    fn of(wallet: &Wallet, prefix: &Prefix) -> Self {
        Self {
            wallet: wallet.name().to_string(),
            path: wallet.path(),
            created: Time(wallet.created_ms()),
            accounts: wallet.accounts().iter().map(|a| AccountInfo::of(a, prefix)).collect(),
            mnemonic: None,
            passphrase: None,
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::pairs();
        table.pair("wallet", &self.wallet);
        table.pair("file", self.path.display());
        for account in &self.accounts {
            table.pair(&format!("{} {}", account.index, account.label), &account.address);
        }
        table
    }
}

impl Making {
    /// Asks for what protects the wallet. That there is none yet by this name is known before anybody types a password.
    fn settle<N: NodeApi>(self, desk: &mut Desk<'_, N>) -> Result<NewWallet, CliError> {
        let path = desk.directory()?.file(&self.name);
        if path.symlink_metadata().is_ok() {
            return Err(KeystoreError::Exists { wallet: self.name.to_string(), path }.into());
        }
        let passphrase = if self.passphrase || self.passphrase_file.is_some() {
            read_passphrase(self.passphrase_file.as_deref(), desk.prompter)?
        } else {
            SecretString::default()
        };
        let password = self.password.source(desk.variable)?.chosen(&self.name, desk.prompter)?;
        let created_ms = (desk.now)().0;
        Ok(NewWallet { password, passphrase, label: self.label, cost: desk.cost, created_ms })
    }
}

/// Runs `assay wallet new`.
pub(super) async fn new<N: NodeApi>(args: New, desk: &mut Desk<'_, N>) -> Result<Answer, CliError> {
    // The words are shown once, so whatever can go wrong comes first.
    let prefix = desk.prefix(args.making.prefix.prefix).await?;
    let name = args.making.name.clone();
    let new = args.making.settle(desk)?;
    let (wallet, mnemonic) = Wallet::create(&desk.directory()?, &name, &new, desk.entropy)?;
    let mut info = WalletInfo::of(&wallet, &prefix);
    let text = info.table();
    if !desk.json {
        desk.note(sheet(&mnemonic));
    }
    info.mnemonic = Some(mnemonic.phrase().to_string());
    Answer::new(&info, text)
}

/// The words as a person copies them.
fn sheet(mnemonic: &Mnemonic) -> String {
    let words: Vec<&str> = mnemonic.words().collect();
    let mut sheet = String::from(
        "These words are the wallet. Write them down on paper and keep them where nobody finds them: whoever has them can\n\
         spend, and without them a lost file or a forgotten password is the end. They are not shown again.\n",
    );
    for (line, words) in words.chunks(WORDS_PER_LINE).enumerate() {
        sheet.push('\n');
        for (index, word) in words.iter().enumerate() {
            let number = line * WORDS_PER_LINE + index + 1;
            let end = if index + 1 == words.len() { 0 } else { 8 };
            sheet.push_str(&format!("{number:>4} {word:<end$}"));
        }
    }
    sheet.push('\n');
    sheet
}

/// Runs `assay wallet restore`.
pub(super) async fn restore<N: NodeApi>(
    args: Restore,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let prefix = desk.prefix(args.making.prefix.prefix).await?;
    let name = args.making.name.clone();
    // The words are typed last: they are the longest, and a mistake elsewhere should not cost them.
    let new = args.making.settle(desk)?;
    let mnemonic = read_mnemonic(args.mnemonic_file.as_deref(), desk.prompter)?;
    let mut wallet = Wallet::restore(&desk.directory()?, &name, &mnemonic, &new, desk.entropy)?;
    if args.accounts > 1 {
        let mut unlocked = wallet.unlock(&new.password)?;
        for index in 1..args.accounts {
            unlocked.new_account(numbered(index.into())?, desk.entropy)?;
        }
        wallet = unlocked.wallet().clone();
    }
    if wallet.accounts().iter().any(|account| is_dev_key(&account.address())) {
        desk.note(format!("warning: {DEV_WARNING}"));
    }
    let info = WalletInfo::of(&wallet, &prefix);
    Answer::new(&info, info.table())
}

/// The label of an account that got none.
fn numbered(index: usize) -> Result<AccountLabel, CliError> {
    Ok(format!("account {index}").parse()?)
}

/// All wallets as JSON.
#[derive(Debug, Serialize)]
struct Listed {
    directory: PathBuf,
    wallets: Vec<WalletInfo>,
    /// Files that cannot be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Serialize)]
struct Unreadable {
    wallet: String,
    error: ErrorBody,
}

/// Runs `assay wallet list`. One wallet that cannot be read keeps none of the others from being listed, but shows in the
/// exit code.
pub(super) async fn list<N: NodeApi>(
    args: List,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let directory = desk.directory()?;
    let names = directory.names()?;
    let mut table = Table::new(&["wallet", "account", "label", "address"]).right(&[1]);
    let mut listed =
        Listed { directory: directory.path().to_owned(), wallets: vec![], unreadable: vec![] };
    if names.is_empty() {
        desk.note(format!(
            "there are no wallets in {}; make one with `assay wallet new`",
            directory.path().display()
        ));
        return Answer::new(&listed, "");
    }
    let prefix = desk.prefix(args.prefix.prefix).await?;
    for name in &names {
        match Wallet::open(&directory, name) {
            Ok(wallet) => {
                let info = WalletInfo::of(&wallet, &prefix);
                for account in &info.accounts {
                    let index = account.index.to_string();
                    table.row([&info.wallet, &index, &account.label, &account.address]);
                }
                listed.wallets.push(info);
            }
            Err(error) => {
                let error = CliError::from(error).report().error;
                desk.note(format!("warning: {}", error.message));
                listed.unreadable.push(Unreadable { wallet: name.to_string(), error });
            }
        }
    }
    let text = if listed.wallets.is_empty() { String::new() } else { table.to_string() };
    let mut answer = Answer::new(&listed, text)?;
    if !listed.unreadable.is_empty() {
        answer.exit = Exit::Keystore;
    }
    Ok(answer)
}

/// Runs `assay wallet address`.
pub(super) async fn address<N: NodeApi>(
    args: AddressArgs,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    let wallet = desk.wallet(&args.whose)?;
    let prefix = desk.prefix(args.prefix.prefix).await?;
    if !args.new {
        return shown(&wallet, args.whose.account(&wallet)?, &prefix);
    }
    let label = match args.label {
        Some(label) => label,
        None => numbered(wallet.accounts().len())?,
    };
    let source = args.password.source(desk.variable)?;
    let mut unlocked = desk.unlock(&wallet, &source)?;
    let account = unlocked.new_account(label, desk.entropy)?.clone();
    shown(unlocked.wallet(), &account, &prefix)
}

/// An address, alone on a line, for scripts that know no JSON.
fn shown(wallet: &Wallet, account: &Account, prefix: &Prefix) -> Result<Answer, CliError> {
    #[derive(Serialize)]
    struct Shown {
        wallet: String,
        #[serde(flatten)]
        account: AccountInfo,
    }
    let account = AccountInfo::of(account, prefix);
    let text = format!("{}\n", account.address);
    Answer::new(&Shown { wallet: wallet.name().to_string(), account }, text)
}

/// Runs `assay wallet export`.
pub(super) async fn export<N: NodeApi>(
    args: Export,
    desk: &mut Desk<'_, N>,
) -> Result<Answer, CliError> {
    if args.secret && !args.yes_show_secrets {
        return Err(CliError::usage(
            "--secret prints the words of the wallet, with which anybody can spend all it owns",
        )
        .help(
            "if that is what you want, and nobody looks over your shoulder, add --yes-show-secrets",
        ));
    }
    let wallet = Wallet::open(&desk.directory()?, &args.wallet)?;
    let prefix = desk.prefix(args.prefix.prefix).await?;
    let mut info = WalletInfo::of(&wallet, &prefix);
    if let Some(path) = &args.key_file {
        let account = wallet.account(&args.account)?;
        let unlocked = desk.unlock(&wallet, &args.password.source(desk.variable)?)?;
        let key = unlocked.keypair(account.index)?;
        secret::create(path, &key.secret()).map_err(|error| {
            let message = format!("cannot write the key file {}: {error}", path.display());
            CliError::new(Exit::Keystore, "key_file", message)
                .help("name a file that is not there yet, in a directory that you may write to")
        })?;
        let address = account.address().encode(&prefix);
        let written = KeyFile { file: path.display().to_string(), address };
        let text = format!("the key of {} is in {}\n", written.address, written.file);
        return Answer::new(&written, text);
    }
    if args.secret {
        let source = args.password.source(desk.variable)?;
        let unlocked = desk.unlock(&wallet, &source)?;
        info.mnemonic = Some(unlocked.mnemonic().phrase().to_string());
        let passphrase = unlocked.passphrase();
        let passphrase = passphrase.expose_secret();
        info.passphrase = (!passphrase.is_empty()).then(|| passphrase.to_owned());
    }
    let text = serde_json::to_string_pretty(&info)
        .map_err(|error| CliError::failed(format!("the result is no JSON: {error}")))?;
    Answer::new(&info, format!("{text}\n"))
}
