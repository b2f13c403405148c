//! The authorities that a chain spec names: every rule that has some reads them alike.

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::dev::{DevAccount, is_dev_key};
use super::read::{Refusal, Section, kind};
use super::settings::{Account, Owner, Settings};
use crate::consensus::authorities::AUTHORITIES_MAX;
use crate::types::{Address, Prefix};

/// The first authorities of a chain, in the order of the file; no two with one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(Vec<Owner>);

impl Authorities {
    /// They, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Owner> + '_ {
        self.0.iter().copied()
    }

    /// Their addresses.
    pub fn set(&self) -> BTreeSet<Address> {
        self.0.iter().map(|owner| owner.address()).collect()
    }

    /// Makes them so many: the first ones, and as many others as that takes. There are as many others.
    pub(super) fn resize(&mut self, count: usize, others: &[Owner]) {
        self.0.truncate(count);
        let lacking = count.saturating_sub(self.0.len());
        self.0.extend(others.iter().take(lacking));
    }

    /// The list in TOML.
    pub(super) fn toml(&self, settings: &Settings) -> String {
        let name = |owner: &Owner| match owner {
            Owner::Dev(dev) => format!("\"{dev}\""),
            Owner::Address(address) => format!("\"{}\"", address.encode(&settings.prefix)),
        };
        let names: Vec<String> = self.0.iter().map(name).collect();
        format!("[{}]", names.join(", "))
    }
}

/// What reading them takes from elsewhere.
pub(super) struct Reading<'a> {
    pub(super) prefix: Option<Prefix>,
    pub(super) dev: bool,
    /// The accounts of the genesis block.
    pub(super) accounts: &'a [Account],
    /// How many nodes the devnet has.
    pub(super) nodes: u64,
}

impl Reading<'_> {
    /// Reads the list; where there is none, the first accounts are the authorities, as many as the devnet has nodes.
    pub(super) fn read(&self, section: &mut Section<'_, '_>) -> Authorities {
        self.read_as(section, "authorities")
    }

    /// Reads the list by another name.
    pub(super) fn read_as(&self, section: &mut Section<'_, '_>, key: &'static str) -> Authorities {
        section.read(key, |value| self.list(value)).unwrap_or_else(|| self.silent())
    }

    fn silent(&self) -> Authorities {
        let nodes = usize::try_from(self.nodes).unwrap_or(usize::MAX).min(AUTHORITIES_MAX);
        Authorities(self.accounts.iter().take(nodes).map(|account| account.owner).collect())
    }

    fn list(&self, value: &DeValue<'_>) -> Result<Authorities, Refusal> {
        let fix = "write names of development accounts or addresses, such as [\"alice\", \"bob\", \"carol\"]";
        let DeValue::Array(array) = value else {
            return Err(Refusal::new(format!("is {} where a list is due", kind(value)), fix));
        };
        if array.is_empty() {
            return Err(Refusal::new("names nobody, and somebody has to make blocks", fix));
        }
        if array.len() > AUTHORITIES_MAX {
            let reason = format!("names {}, and a seal has room for fewer votes", array.len());
            return Err(Refusal::new(reason, format!("name at most {AUTHORITIES_MAX}")));
        }
        let mut owners = Vec::new();
        let mut seen = BTreeSet::new();
        for item in array {
            let DeValue::String(text) = item.get_ref() else {
                let reason = format!("holds {} where a name is due", kind(item.get_ref()));
                return Err(Refusal::new(reason, fix));
            };
            let Some(owner) = self.owner(text)? else { continue };
            if !seen.insert(owner.address()) {
                let given = super::error::shortened(text);
                let reason = format!("names {given} twice");
                return Err(Refusal::new(reason, "name each once"));
            }
            owners.push(owner);
        }
        Ok(Authorities(owners))
    }

    /// Nothing where no address can be judged, since the prefix itself is refused.
    fn owner(&self, text: &str) -> Result<Option<Owner>, Refusal> {
        let given = super::error::shortened(text);
        if let Some(dev) = DevAccount::named(text) {
            return match self.dev {
                true => Ok(Some(Owner::Dev(dev))),
                false => Err(Refusal::new(
                    format!("names {given}, whose key is public: anybody could make blocks"),
                    "use an address of your own, or set dev = true at the top of the file",
                )),
            };
        }
        let Some(prefix) = self.prefix else { return Ok(None) };
        let address = Address::parse(text, &prefix).map_err(|error| {
            Refusal::new(
                format!("names {given}, which is no development account and no address: {error}"),
                "write a name such as \"alice\", or an address",
            )
        })?;
        if !self.dev && is_dev_key(&address) {
            return Err(Refusal::new(
                format!("names {given}, a development account: its key is public"),
                "use an address of your own, or set dev = true at the top of the file",
            ));
        }
        Ok(Some(Owner::Address(address)))
    }
}
