//! Development accounts: ten names, and numbers where ten are not enough, whose keys everybody knows.
//!
//! They come from one public mnemonic, the well-known phrase of zero entropy, at `m/44'/1'/0'` to `m/44'/1'/9'` and, as
//! `dev-10` to `dev-127`, at `m/44'/1'/10'` to `m/44'/1'/127'`. Money that they hold belongs to whoever reads this line, so a
//! chain spec with `dev = false` refuses them.

use std::fmt;
use std::sync::OnceLock;

use crate::types::hd::{DerivationPath, Seed, derive};
use crate::types::mnemonic::Mnemonic;
use crate::types::{Address, Keypair};

/// The mnemonic of all development accounts. Public: it protects nothing.
pub const DEV_MNEMONIC: &str = "abandon abandon abandon abandon abandon abandon abandon abandon \
    abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
    abandon abandon abandon abandon art";

/// What has to be said wherever these keys are used.
pub const DEV_WARNING: &str =
    "development keys are public: whoever reads the source can spend what they hold";

/// The names, in the order of their paths.
const NAMES: [&str; 10] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];

/// All development accounts, named or numbered: as many as a chain has authorities or delegates at most.
const ACCOUNTS: u8 = 128;

/// A development account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevAccount(u8);

impl DevAccount {
    /// Those with names: alice, bob, carol, dave, erin, frank, grace, heidi, ivan, judy.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(NAMES).map(|(index, _)| Self(index))
    }

    /// The same, and then those with numbers: `dev-10` to `dev-127`.
    pub fn numbered_too() -> impl Iterator<Item = Self> {
        (0..ACCOUNTS).map(Self)
    }

    /// All names, in order.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// The account of a name.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(account) = Self::all().find(|account| account.name() == name) {
            return Some(account);
        }
        let index: u8 = name.strip_prefix("dev-")?.parse().ok()?;
        // "dev-010" is no name.
        let account = Self(index);
        (numbered().contains(&index) && account.name() == name).then_some(account)
    }

    /// The account with an address, if it is one of them.
    pub fn of(address: &Address) -> Option<Self> {
        (0..ACCOUNTS).map(Self).find(|account| account.address() == *address)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        static NUMBERED: OnceLock<Vec<String>> = OnceLock::new();
        let names = || numbered().map(|index| format!("dev-{index}")).collect();
        match NAMES.get(usize::from(self.0)) {
            Some(name) => name,
            None => &NUMBERED.get_or_init(names)[usize::from(self.0) - NAMES.len()],
        }
    }

    /// Where its key lies under [`DEV_MNEMONIC`].
    pub fn path(self) -> DerivationPath {
        DerivationPath::account(u16::from(self.0))
    }

    /// Its key.
    pub fn keypair(self) -> Keypair {
        keys()[usize::from(self.0)].0.clone()
    }

    /// Its address.
    pub fn address(self) -> Address {
        keys()[usize::from(self.0)].1
    }
}

impl fmt::Display for DevAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The accounts that have numbers for names.
fn numbered() -> std::ops::Range<u8> {
    10..ACCOUNTS
}

/// Stretching the mnemonic takes thousands of hashes: once per process is enough.
fn keys() -> &'static [(Keypair, Address)] {
    static KEYS: OnceLock<Vec<(Keypair, Address)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mnemonic = Mnemonic::parse(DEV_MNEMONIC).expect("a test reads the phrase");
        let seed = Seed::from_mnemonic(&mnemonic, "");
        let key = |index: u8| {
            let path = DerivationPath::account(u16::from(index));
            let key = Keypair::from_secret(&derive(&seed, &path).secret);
            let address = key.address();
            (key, address)
        };
        (0..ACCOUNTS).map(key).collect()
    })
}

/// The key of a development account, by name.
pub fn dev_account(name: &str) -> Option<Keypair> {
    DevAccount::named(name).map(DevAccount::keypair)
}

/// Whether an address belongs to a development account.
pub fn is_dev_key(address: &Address) -> bool {
    DevAccount::of(address).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Prefix;

    /// People copy these into scripts: they never change.
    #[test]
    fn the_addresses_are_pinned() {
        let prefix = Prefix::new("assay").unwrap();
        let lines = DevAccount::all().map(|account| {
            let address = account.address().encode(&prefix);
            format!("{account} {} {address}", account.path())
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "alice m/44'/1'/0' assay1qzya8p65yxrqcf7gunjfcj6gkneg5478wy9e8x4w",
                "bob m/44'/1'/1' assay1qq4ysfms54ea2sdpvy64ffl06uu6m426rux6qhm7",
                "carol m/44'/1'/2' assay1qpdpupf4tjk02jjcyf5e6f4awmcl7a3gxvkm2987",
                "dave m/44'/1'/3' assay1qpyyn4enlrp2g2302lwnmcwh3xzmyk8h2vj32lk0",
                "erin m/44'/1'/4' assay1qqg4autf4dym98v6k79fzmdj55334l64evhrqsas",
                "frank m/44'/1'/5' assay1qqdx96vzwxpd37zmunfmhqcffuqv8zndf5a5f7h4",
                "grace m/44'/1'/6' assay1qp9xz6sg5lhx4q7qesncxseelv3v86sy5strvjnr",
                "heidi m/44'/1'/7' assay1qru0zy3tm4samr8g9umv8034h708rs4nsgskxngz",
                "ivan m/44'/1'/8' assay1qpyx3q4u57s2p4dpgd20w7422dlz47aetc458wkr",
                "judy m/44'/1'/9' assay1qz92apx022m99s74xmaqf237q5yy77hrqux8nujr",
            ]
        );
    }

    #[test]
    fn names_lead_to_keys_and_addresses_back() {
        for account in DevAccount::all() {
            let key = dev_account(account.name()).unwrap();
            assert_eq!(key.address(), account.address());
            assert!(is_dev_key(&account.address()));
        }
        for name in ["dev-10", "dev-101", "dev-127"] {
            let account = DevAccount::named(name).unwrap();
            assert_eq!(account.name(), name);
            assert_eq!(DevAccount::of(&account.address()), Some(account));
        }
        for name in ["mallory", "dev-9", "dev-128", "dev-010", "dev-"] {
            assert!(dev_account(name).is_none(), "{name}");
        }
        assert!(!is_dev_key(&Address::default()));
    }
}
