//! Wallets on disk: one mnemonic under one password, and the accounts derived from it.
//!
//! A [`Wallet`] is what can be read without the password: names and public keys. [`Wallet::unlock`] turns it into an
//! [`Unlocked`] one, which signs, makes further accounts and shows the words. A new wallet has one account, number 0;
//! account N is the key at `m/44'/1'/N'` of the mnemonic, so that the words alone bring every account back, in order.
//!
//! Nothing here talks to a terminal or to the network: passwords come as arguments (see
//! [`password`](super::password)), entropy and the time too.

mod directory;
mod entropy;
mod error;
pub(crate) mod files;
mod format;
mod hexadecimal;
mod key;
mod names;

use core::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use directory::{DIRECTORY_VARIABLE, WalletDirectory};
pub use entropy::{Entropy, OsEntropy};
pub use error::KeystoreError;
pub use format::{Account, VERSION};
pub use key::PasswordCost;
pub use names::{AccountLabel, LABEL_CHARS_MAX, NAME_CHARS_MAX, WalletName};

use crate::types::Keypair;
use crate::types::hd::{DerivationPath, Seed, derive};
use crate::types::mnemonic::{Mnemonic, NEW_MNEMONIC_ENTROPY_BYTES};
use files::{FILE_BYTES_MAX, Lock, Replace, read_private, write_private};
use format::{Envelope, Fresh, Secret};
use key::Key;

/// The most accounts of a wallet; their list stays far below the largest file.
pub const ACCOUNTS_MAX: usize = 1024;

/// The most wallets of a directory.
pub const WALLETS_MAX: usize = 1024;

/// The most bytes of a BIP-39 passphrase.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// What a new wallet is made of, besides its mnemonic.
#[derive(Clone, Debug)]
pub struct NewWallet {
    /// Protects the file. May be empty: see [`password`](crate::wallet::password) for who may ask for that.
    pub password: SecretString,
    /// The passphrase of BIP-39, empty for none. It is kept in the file beside the words, but does not belong to them:
    /// to restore the wallet one needs both.
    pub passphrase: SecretString,
    /// The label of account 0.
    pub label: AccountLabel,
    /// What a guess at the password costs.
    pub cost: PasswordCost,
    /// The time, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}

/// A wallet as anybody who may read its file sees it.
#[derive(Clone, Debug)]
pub struct Wallet {
    directory: WalletDirectory,
    name: WalletName,
    envelope: Envelope,
}

impl Wallet {
    /// Makes a wallet with a mnemonic of 24 new words, which its owner must write down.
    pub fn create(
        directory: &WalletDirectory,
        name: &WalletName,
        new: &NewWallet,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, Mnemonic), KeystoreError> {
        let mut drawn = Zeroizing::new([0; NEW_MNEMONIC_ENTROPY_BYTES]);
        entropy.fill(&mut *drawn)?;
        let mnemonic = Mnemonic::from_full_entropy(&drawn);
        Ok((Self::restore(directory, name, &mnemonic, new, entropy)?, mnemonic))
    }

    /// Makes a wallet of words that were written down. It has account 0; the others come back one by one with
    /// [`Unlocked::new_account`].
    pub fn restore(
        directory: &WalletDirectory,
        name: &WalletName,
        mnemonic: &Mnemonic,
        new: &NewWallet,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, KeystoreError> {
        let path = directory.file(name);
        let exists = || KeystoreError::Exists { wallet: name.to_string(), path: path.clone() };
        directory.create()?;
        let _lock = Lock::acquire(directory.path(), name)?;
        // Whatever has that name, a broken link too, is somebody's: asked now to spare the password hash, and once
        // more when the file is put in its place, for programs that know nothing of the lock.
        if path.symlink_metadata().is_ok() {
            return Err(exists());
        }
        if directory.names()?.len() >= WALLETS_MAX {
            return Err(KeystoreError::TooManyWallets { directory: directory.path().to_owned() });
        }
        let passphrase = new.passphrase.expose_secret();
        if passphrase.len() > PASSPHRASE_BYTES_MAX {
            return Err(KeystoreError::PassphraseTooLong { bytes: passphrase.len() });
        }

        let seed = Seed::from_mnemonic(mnemonic, passphrase);
        let secret =
            Secret { entropy: mnemonic.entropy().to_vec(), passphrase: passphrase.to_owned() };
        let first = account(&seed, 0, new.label.clone());
        let fresh = Fresh { salt: entropy::array(entropy)?, nonce: entropy::array(entropy)? };
        let (envelope, _) =
            Envelope::seal(new.created_ms, vec![first], &secret, &new.password, new.cost, fresh)?;
        if !write_private(&path, &envelope.to_json(), Replace::No)? {
            return Err(exists());
        }
        Ok(Self { directory: directory.clone(), name: name.clone(), envelope })
    }

    /// Reads a wallet, still locked.
    pub fn open(directory: &WalletDirectory, name: &WalletName) -> Result<Self, KeystoreError> {
        let envelope = read(directory, name)?;
        Ok(Self { directory: directory.clone(), name: name.clone(), envelope })
    }

    /// Its name.
    pub fn name(&self) -> &WalletName {
        &self.name
    }

    /// Its file.
    pub fn path(&self) -> PathBuf {
        self.directory.file(&self.name)
    }

    /// When it was made, in milliseconds since the Unix epoch.
    pub fn created_ms(&self) -> u64 {
        self.envelope.created_ms()
    }

    /// Its accounts, by index. What stands here was not checked against the password yet; unlocking does.
    pub fn accounts(&self) -> &[Account] {
        self.envelope.accounts()
    }

    /// The account with this number or label, as people write them.
    pub fn account(&self, given: &str) -> Result<&Account, KeystoreError> {
        find(&self.name, self.accounts(), given)
    }

    /// Checks the password and gives access to the keys.
    pub fn unlock(&self, password: &SecretString) -> Result<Unlocked, KeystoreError> {
        let (secret, key) = self.envelope.unseal(password, &self.path())?;
        Unlocked::new(self.clone(), secret, key)
    }
}

/// A wallet whose password was given. Its secrets are wiped when it is dropped, and never printed.
pub struct Unlocked {
    wallet: Wallet,
    key: Key,
    secret: Secret,
    mnemonic: Mnemonic,
    seed: Seed,
}

impl Unlocked {
    fn new(wallet: Wallet, secret: Secret, key: Key) -> Result<Self, KeystoreError> {
        let inconsistent = |what| KeystoreError::Inconsistent { path: wallet.path(), what };
        let mnemonic = Mnemonic::from_entropy(&secret.entropy)
            .map_err(|_| inconsistent("what it protects is no mnemonic"))?;
        let seed = Seed::from_mnemonic(&mnemonic, &secret.passphrase);
        let same = |listed: &Account| keypair(&seed, listed.index).public() == listed.public_key;
        if !wallet.accounts().iter().all(same) {
            return Err(inconsistent("an account's public key is not the one its words make"));
        }
        Ok(Self { wallet, key, secret, mnemonic, seed })
    }

    /// What can be seen without the password.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// Its accounts, by index.
    pub fn accounts(&self) -> &[Account] {
        self.wallet.accounts()
    }

    /// The words: secret.
    pub fn mnemonic(&self) -> &Mnemonic {
        &self.mnemonic
    }

    /// The BIP-39 passphrase that belongs to the words, empty for none: secret.
    pub fn passphrase(&self) -> SecretString {
        SecretString::from(self.secret.passphrase.as_str())
    }

    /// The key that signs for an account of this wallet.
    pub fn keypair(&self, index: u16) -> Result<Keypair, KeystoreError> {
        if usize::from(index) < self.accounts().len() {
            Ok(keypair(&self.seed, index))
        } else {
            Err(no_account(&self.wallet.name, self.accounts(), &index.to_string()))
        }
    }

    /// Adds the next account and writes it to the file, on top of what other processes added in the meantime.
    pub fn new_account(
        &mut self,
        label: AccountLabel,
        entropy: &mut dyn Entropy,
    ) -> Result<&Account, KeystoreError> {
        let nonce = entropy::array(entropy)?;
        let (_lock, current) = self.lock_and_read()?;
        let name = &self.wallet.name;
        let mut accounts = current.accounts().to_vec();
        if accounts.iter().any(|account| account.label == label) {
            let (wallet, label) = (name.to_string(), label.to_string());
            return Err(KeystoreError::LabelTaken { wallet, label });
        }
        if accounts.len() >= ACCOUNTS_MAX {
            return Err(KeystoreError::TooManyAccounts { wallet: name.to_string() });
        }
        let index =
            u16::try_from(accounts.len()).expect("there are fewer accounts than ACCOUNTS_MAX");
        accounts.push(account(&self.seed, index, label));
        self.write(current.reseal(accounts, &self.secret, &self.key, nonce))?;
        Ok(self.accounts().last().expect("one was just added"))
    }

    /// Protects the wallet by another password. Copies of the file made earlier keep the old one.
    pub fn set_password(
        &mut self,
        password: &SecretString,
        cost: PasswordCost,
        entropy: &mut dyn Entropy,
    ) -> Result<(), KeystoreError> {
        let fresh = Fresh { salt: entropy::array(entropy)?, nonce: entropy::array(entropy)? };
        let (_lock, current) = self.lock_and_read()?;
        let accounts = current.accounts().to_vec();
        let (envelope, key) =
            Envelope::seal(current.created_ms(), accounts, &self.secret, password, cost, fresh)?;
        self.write(envelope)?;
        self.key = key;
        Ok(())
    }

    /// The right to change the file, and the file as it is now, known to be of the same password and words.
    fn lock_and_read(&self) -> Result<(Lock, Envelope), KeystoreError> {
        let Wallet { directory, name, envelope } = &self.wallet;
        let lock = Lock::acquire(directory.path(), name)?;
        let current = read(directory, name)?;
        if !current.same_password_as(envelope) {
            return Err(KeystoreError::PasswordChanged { wallet: name.to_string() });
        }
        current.decrypt(&self.key, &self.wallet.path())?;
        Ok((lock, current))
    }

    fn write(&mut self, envelope: Envelope) -> Result<(), KeystoreError> {
        write_private(&self.wallet.path(), &envelope.to_json(), Replace::Yes)?;
        self.wallet.envelope = envelope;
        Ok(())
    }
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlocked").field("name", &self.wallet.name).finish_non_exhaustive()
    }
}

fn read(directory: &WalletDirectory, name: &WalletName) -> Result<Envelope, KeystoreError> {
    directory.check()?;
    let path: &Path = &directory.file(name);
    let json = read_private(path, FILE_BYTES_MAX)?.ok_or_else(|| directory.not_found(name))?;
    Envelope::from_json(&json, path)
}

fn account(seed: &Seed, index: u16, label: AccountLabel) -> Account {
    Account { index, label, public_key: keypair(seed, index).public() }
}

fn keypair(seed: &Seed, index: u16) -> Keypair {
    Keypair::from_secret(&derive(seed, &DerivationPath::account(index)).secret)
}

/// A label always has a letter, so a text of digits can only mean a number.
fn find<'a>(
    name: &WalletName,
    accounts: &'a [Account],
    given: &str,
) -> Result<&'a Account, KeystoreError> {
    let number = given.parse::<usize>().ok();
    match number {
        Some(number) => accounts.get(number),
        None => accounts.iter().find(|account| account.label.as_str() == given),
    }
    .ok_or_else(|| no_account(name, accounts, given))
}

fn no_account(name: &WalletName, accounts: &[Account], given: &str) -> KeystoreError {
    KeystoreError::NoAccount {
        wallet: name.to_string(),
        given: names::shortened(given),
        labels: accounts.iter().map(|account| account.label.to_string()).collect(),
    }
}

#[cfg(test)]
#[path = "keystore_tests.rs"]
mod tests;
