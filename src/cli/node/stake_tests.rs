use std::collections::BTreeMap;
use std::io;

use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::cli::specs;
use crate::wallet::keystore::{NewWallet, OsEntropy, PasswordCost};

/// Nobody at the terminal, or somebody with one answer.
struct Typist(Option<&'static str>);

impl Prompter for Typist {
    fn ask(&mut self, _: &str) -> io::Result<SecretString> {
        self.0.take().map(SecretString::from).ok_or_else(|| io::Error::other("nobody is there"))
    }
}

struct Home {
    folder: TempDir,
    spec: FrozenSpec,
}

impl Home {
    /// A home with a wallet `savings` of two accounts, under the password `open`.
    fn new(chain: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let directory = WalletDirectory::at(folder.path());
        let new = NewWallet {
            password: SecretString::from("open"),
            passphrase: SecretString::default(),
            label: "main".parse().unwrap(),
            cost: PasswordCost::new(8, 1, 1).unwrap(),
            created_ms: 0,
        };
        let entropy = &mut OsEntropy;
        let (wallet, _) =
            Wallet::create(&directory, &"savings".parse().unwrap(), &new, entropy).unwrap();
        let mut unlocked = wallet.unlock(&new.password).unwrap();
        unlocked.new_account("rent".parse().unwrap(), entropy).unwrap();
        let spec = specs::freeze(specs::read(chain).unwrap().spec);
        Self { folder, spec }
    }

    fn unlock(
        &self,
        wallets: &str,
        reserve: Option<&str>,
        typed: Option<&'static str>,
    ) -> Result<Option<StakeConfig>, CliError> {
        let asked = Asked {
            wallets: wallets.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
            reserve: reserve.map(str::to_owned),
            password_file: None,
            no_password: false,
        };
        let here = self.folder.path().to_str().unwrap().to_owned();
        let set = BTreeMap::from([("ASSAY_WALLET_DIR", here)]);
        let variable = |name: &str| set.get(name).map(|value| value.into());
        asked.unlock(&self.spec, &variable, &mut Typist(typed))
    }
}

#[test]
fn wallets_and_development_accounts_stake_together() {
    let home = Home::new("pos-dev");
    assert!(home.unlock("", None, None).unwrap().is_none());
    let staked = home.unlock("savings,alice,alice", Some("1.5"), Some("open")).unwrap().unwrap();
    let mine = Wallet::open(&WalletDirectory::at(home.folder.path()), &"savings".parse().unwrap());
    let mut owners: Vec<_> = mine.unwrap().accounts().iter().map(|it| it.address()).collect();
    owners.push(DevAccount::named("alice").unwrap().address());
    assert_eq!(staked.keys.iter().map(Keypair::address).collect::<Vec<_>>(), owners);
    assert_eq!(staked.reserve, Amount(150_000_000));
    // A wallet elsewhere is named by its file.
    let file = home.folder.path().join("savings.json").display().to_string();
    assert_eq!(home.unlock(&file, None, Some("open")).unwrap().unwrap().keys.len(), 2);
    assert_eq!(home.unlock("bob", None, None).unwrap().unwrap().keys.len(), 1);
}

#[test]
fn what_cannot_stake_is_refused_with_what_to_do() {
    let (pos, pow) = (Home::new("pos-dev"), Home::new("pow-dev"));
    let cases = [
        (
            &pow,
            "alice",
            None,
            None,
            Exit::Config,
            "no_stake",
            "rule pow has no stake",
            "pos or hybrid",
        ),
        (&pow, "savings", None, Some("open"), Exit::Config, "no_stake", "rule pow", "pos"),
        (
            &pos,
            "savings",
            None,
            Some("shut"),
            Exit::Keystore,
            "wrong_password",
            "password",
            "try again",
        ),
        (&pos, "savings", None, None, Exit::Keystore, "no_terminal", "password", ""),
        (&pos, "alcie", None, None, Exit::Keystore, "unknown_wallet", "alcie", "`alice`"),
        (&pos, "saving", None, None, Exit::Keystore, "unknown_wallet", "saving", "`savings`"),
        (&pos, "alice", Some("-1"), None, Exit::Usage, "bad_amount", "--stake-reserve", "1.5"),
        (&pos, "alice", Some("1e9"), None, Exit::Usage, "bad_amount", "--stake-reserve", "1.5"),
        (&pos, "", Some("1"), None, Exit::Usage, "usage", "not said whose", "--stake WALLET"),
    ];
    for (home, wallets, reserve, typed, exit, code, what, help) in cases {
        let error = home.unlock(wallets, reserve, typed).unwrap_err();
        let advice = error.advice().unwrap_or_default();
        assert_eq!((error.exit(), error.code()), (exit, code), "{wallets}: {}", error.message());
        assert!(error.message().contains(what) && advice.contains(help), "{wallets}: {error:?}");
    }
}
