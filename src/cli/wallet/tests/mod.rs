//! Commands as people type them, against a node in memory.

mod authority_tests;
mod bad_input_tests;
mod commands;
mod delegate_tests;
mod stake_tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use clap::Parser;
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::cli::{Cli, Command as Top};
use crate::ledger::CoinKind;
use crate::types::hd::{DerivationPath, Seed, derive};
use crate::types::mnemonic::Mnemonic;
use crate::types::{Address, Keypair, Prefix, Time};
use crate::wallet::fake::{FakeClock, FakeNode, HEAD};
use crate::wallet::keystore::OsEntropy;
use crate::wallet::password::Prompter;

/// The words of the wallet on the stage, from BIP-39's own vectors.
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

/// Its password.
const PASSWORD: &str = "correct horse";

/// The key of an account of that wallet.
fn own(account: u16) -> Keypair {
    let seed = Seed::from_mnemonic(&Mnemonic::parse(WORDS).unwrap(), "");
    Keypair::from_secret(&derive(&seed, &DerivationPath::account(account)).secret)
}

/// Somebody else.
fn stranger() -> Address {
    Keypair::from_secret(&[99; 32]).address()
}

fn shown(address: &Address) -> String {
    address.encode(&Prefix::new("assay").unwrap())
}

/// Accounts that pay for the faucet here: the development accounts.
fn givers() -> Vec<Giver> {
    let giver = |account: DevAccount| Giver { name: account.name().into(), key: account.keypair() };
    DevAccount::all().take(GIVERS).map(giver).collect()
}

/// A person who types these answers, and then goes away.
struct Typist(VecDeque<String>);

impl Prompter for Typist {
    fn ask(&mut self, _prompt: &str) -> io::Result<SecretString> {
        match self.0.pop_front() {
            Some(answer) => Ok(SecretString::from(answer)),
            None => Err(io::Error::other("nobody is there")),
        }
    }
}

fn connected(node: &FakeNode) -> Connected<&FakeNode> {
    Connected { api: node, explain: Box::new(CliError::from) }
}

/// A home with wallets in it.
struct Stage {
    home: TempDir,
    notes: RefCell<Vec<String>>,
}

impl Stage {
    /// A home without wallets.
    fn empty() -> Self {
        let stage = Self { home: TempDir::new().unwrap(), notes: RefCell::default() };
        stage.secret("pass", PASSWORD);
        stage.secret("words", WORDS);
        stage
    }

    /// A home with the wallet `default`, which has two accounts.
    fn new() -> Self {
        let stage = Self::empty();
        let line = ["restore", "--accounts", "2", "--mnemonic-file", "words"];
        stage.run(&FakeNode::new(), &[&line[..], &["--password-file", "pass"]].concat()).unwrap();
        stage.notes.take();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A file that only its owner may read.
    fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        self.chmod(name, 0o600);
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// Runs `assay wallet` with these words. Files are named as they lie in the home.
    fn run(&self, node: &FakeNode, words: &[&str]) -> Result<Answer, CliError> {
        self.run_typing(node, words, &[])
    }

    /// The same with a person who types answers.
    fn run_typing(
        &self,
        node: &FakeNode,
        words: &[&str],
        answers: &[&str],
    ) -> Result<Answer, CliError> {
        self.run_at(&|| Ok(connected(node)), words, answers)
    }

    fn run_at<N: NodeApi>(
        &self,
        connect: &dyn Fn() -> Result<Connected<N>, CliError>,
        words: &[&str],
        answers: &[&str],
    ) -> Result<Answer, CliError> {
        block_on(self.start(connect, words, answers))
    }

    async fn start<N: NodeApi>(
        &self,
        connect: &dyn Fn() -> Result<Connected<N>, CliError>,
        words: &[&str],
        answers: &[&str],
    ) -> Result<Answer, CliError> {
        let files = ["pass", "words", "other"];
        let words = words.iter().map(|word| match files.contains(word) {
            true => self.path(word).display().to_string(),
            false => (*word).to_owned(),
        });
        let line = ["assay".to_owned(), "wallet".to_owned()].into_iter().chain(words);
        let Cli { globals, command } = Cli::try_parse_from(line)?;
        let Top::Wallet(args) = command else { panic!("it is a command of the wallet") };
        let directory = self.path("wallets");
        let mut desk = Desk {
            variable: &|name| (name == "ASSAY_WALLET_DIR").then(|| directory.clone().into()),
            prompter: &mut Typist(answers.iter().map(|answer| (*answer).to_owned()).collect()),
            entropy: &mut OsEntropy,
            cost: PasswordCost::new(8, 1, 1).unwrap(),
            clock: &FakeClock::default(),
            now: &|| Time(HEAD * 1000),
            connect,
            witnesses: &|_| Ok(connect()?.api).map(|api| vec![api]),
            givers: &givers,
            note: &|text| self.notes.borrow_mut().push(text.to_owned()),
            stopped: &|| Box::pin(std::future::pending()),
            json: globals.json,
        };
        perform(args, &mut desk).await
    }

    /// What was said beside results since the last time.
    fn notes(&self) -> String {
        self.notes.take().join("\n")
    }

    /// Runs a command with the password of the wallet and gives what scripts see.
    fn json(&self, node: &FakeNode, words: &[&str]) -> Value {
        self.run(node, &[words, &["--json"]].concat()).unwrap().json
    }
}

/// A node on which the wallet's first account owns 10 and 5, and a reward of 50 that is immature, and its second 3.
fn funded() -> FakeNode {
    let node = FakeNode::new().mining();
    let owner = own(0).address();
    node.fund(owner, 10, 1, CoinKind::Transfer);
    node.fund(owner, 5, 90, CoinKind::Transfer);
    node.fund(owner, 50, HEAD - 2, CoinKind::Reward);
    node.fund(own(1).address(), 3, 95, CoinKind::Transfer);
    for giver in givers() {
        node.fund(giver.key.address(), 1_000, 1, CoinKind::Transfer);
    }
    node
}
