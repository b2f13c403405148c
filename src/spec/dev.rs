//! Development accounts: ten names whose keys everybody knows.
//!
//! They come from one public mnemonic, the well-known phrase of zero entropy, at `m/44'/1'/0'` to `m/44'/1'/9'`. Money
//! that they hold belongs to whoever reads this line, so a chain spec with `dev = false` refuses them.

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

/// A development account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevAccount(u8);

impl DevAccount {
    /// All of them: alice, bob, carol, dave, erin, frank, grace, heidi, ivan, judy.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(NAMES).map(|(index, _)| Self(index))
    }

    /// All names, in order.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// The account of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|account| account.name() == name)
    }

    /// The account with an address, if it is one of them.
    pub fn of(address: &Address) -> Option<Self> {
        Self::all().find(|account| account.address() == *address)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Where its key lies under [`DEV_MNEMONIC`].
    pub fn path(self) -> DerivationPath {
        DerivationPath::account(u16::from(self.0))
    }

    /// Its key.
    pub fn keypair(self) -> Keypair {
        keys()[usize::from(self.0)].clone()
    }

    /// Its address.
    pub fn address(self) -> Address {
        keys()[usize::from(self.0)].address()
    }
}

impl fmt::Display for DevAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Stretching the mnemonic takes thousands of hashes: once per process is enough.
fn keys() -> &'static [Keypair; 10] {
    static KEYS: OnceLock<[Keypair; 10]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mnemonic = Mnemonic::parse(DEV_MNEMONIC).expect("a test reads the phrase");
        let seed = Seed::from_mnemonic(&mnemonic, "");
        std::array::from_fn(|index| {
            let index = u16::try_from(index).expect("there are ten");
            Keypair::from_secret(&derive(&seed, &DerivationPath::account(index)).secret)
        })
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
        assert!(dev_account("mallory").is_none());
        assert!(!is_dev_key(&Address::default()));
    }
}
