//! Reading the genesis section: when the chain starts and who holds what.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::GenesisTime;
use super::dev::{DevAccount, is_dev_key};
use super::read::{self, Faults, Refusal, Section, kind};
use super::schema::{self, ACCOUNTS_MAX, range};
use super::settings::{Account, Owner};
use super::suggest::nearest;
use super::values;
use crate::types::{Address, Amount, Prefix};

/// What reading the genesis section takes from elsewhere.
pub(super) struct Genesis<'a> {
    pub(super) symbol: &'a str,
    pub(super) prefix: Option<Prefix>,
    pub(super) dev: bool,
    pub(super) cap: Amount,
}

impl Genesis<'_> {
    /// Reads [genesis]; what would have to be resolved by freezing goes to `unresolved`.
    pub(super) fn read(
        &self,
        mut section: Section<'_, '_>,
        unresolved: &Faults,
    ) -> (GenesisTime, Vec<Account>) {
        let time = section.read("time", |value| match value {
            DeValue::String(text) if text == "launch" => Ok(GenesisTime::Launch),
            other => values::moment(other).map(GenesisTime::At).map_err(|refusal| {
                Refusal::new(refusal.reason, format!("{}, or \"launch\"", refusal.fix))
            }),
        });
        let time = time.unwrap_or(GenesisTime::Launch);
        if time == GenesisTime::Launch {
            unresolved.add(
                &section.place("time"),
                "genesis.time is not resolved: each node would launch a chain of its own",
                "freeze the spec first, or write a date",
            );
        }
        let accounts = self.accounts(&mut section);
        section.finish();
        (time, accounts)
    }

    fn accounts(&self, section: &mut Section<'_, '_>) -> Vec<Account> {
        let faults = section.faults();
        let Some((_, value)) = section.take("accounts") else { return Vec::new() };
        let place = value.span();
        let array = match value.into_inner() {
            DeValue::Array(array) => array,
            other => {
                let reason = format!("genesis.accounts is {} where a list is due", kind(&other));
                let fix = "write accounts = [ { dev = \"alice\", amount = \"1000\" } ]";
                faults.add(&place, reason, fix);
                return Vec::new();
            }
        };
        if array.len() > ACCOUNTS_MAX {
            faults.add(
                &place,
                format!("{} accounts are too many for a genesis block", array.len()),
                format!("list at most {ACCOUNTS_MAX}; send to the others later"),
            );
            return Vec::new();
        }
        let mut seen = BTreeMap::new();
        let mut accounts = Vec::new();
        for (index, item) in array.into_iter().enumerate() {
            let (span, name) = (item.span(), format!("genesis.accounts[{index}]"));
            let DeValue::Table(table) = item.into_inner() else {
                let fix = "write { dev = \"alice\", amount = \"1000\" }";
                faults.add(&span, format!("{name} is not a table"), fix);
                continue;
            };
            let entry = Section::new(&schema::ACCOUNT, name, span, table, faults);
            accounts.extend(self.account(index, entry, &mut seen));
        }
        self.total(&accounts, &place, faults);
        accounts
    }

    fn total(&self, accounts: &[Account], place: &read::Span, faults: &Faults) {
        let total = Amount::total(accounts.iter().map(|account| account.amount));
        if total.is_none_or(|total| total > self.cap) {
            let holds = total.map_or("more than any chain can count".into(), |t| t.to_string());
            faults.add(
                place,
                format!(
                    "genesis.accounts hold {holds} in all, more than issuance.supply_cap, which is {}",
                    self.cap
                ),
                "write smaller amounts or a greater cap",
            );
        }
    }

    fn account(
        &self,
        index: usize,
        mut entry: Section<'_, '_>,
        seen: &mut BTreeMap<Address, usize>,
    ) -> Option<Account> {
        let owner = self.owner(&mut entry);
        if let Some((key, owner)) = owner
            && let Some(first) = seen.insert(owner.address(), index)
        {
            entry.refuse(
                key,
                Refusal::new(
                    format!("has the same address as genesis.accounts[{first}]"),
                    "list each address once, with all it holds",
                ),
            );
        }
        let amount = entry.read("amount", |value| match values::amount(value, self.symbol)? {
            Amount::ZERO => Err(Refusal::new(
                "is nothing, and a coin holds something",
                "write an amount, or remove the account",
            )),
            amount => Ok(amount),
        });
        if !entry.has("amount") {
            entry.faults().add(
                entry.span(),
                format!("{} is missing", entry.path("amount")),
                "write how much the account holds, such as amount = \"1000\"",
            );
        }
        let age = entry.read("age", |value| values::span(value, range::AGE)).unwrap_or_default();
        entry.finish();
        Some(Account { owner: owner?.1, amount: amount?, age })
    }

    fn owner(&self, entry: &mut Section<'_, '_>) -> Option<(&'static str, Owner)> {
        let dev = entry.read("dev", |value| {
            let name = values::text(value, "alice")?;
            match DevAccount::named(name) {
                None => {
                    let names = DevAccount::names();
                    let fix = match nearest(name, names.iter().copied()) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => format!("write one of: {}", names.join(", ")),
                    };
                    Err(Refusal::new("is no development account", fix))
                }
                Some(_) if !self.dev => Err(public_key()),
                Some(account) => Ok(Owner::Dev(account)),
            }
        });
        let address = entry.read("address", |value| {
            let text = values::text(value, "assay1…")?;
            let Some(prefix) = self.prefix else { return Ok(None) };
            let fix = "copy the address again, from a wallet of this chain";
            let address = Address::parse(text, &prefix)
                .map_err(|error| Refusal::new(format!("is refused: {error}"), fix))?;
            if !self.dev && is_dev_key(&address) {
                return Err(public_key());
            }
            Ok(Some(Owner::Address(address)))
        });
        match (entry.has("dev"), entry.has("address")) {
            (true, false) => dev.map(|owner| ("dev", owner)),
            (false, true) => address.flatten().map(|owner| ("address", owner)),
            (both, _) => {
                let what = if both { "has both dev and address" } else { "has no owner" };
                entry.faults().add(
                    entry.span(),
                    format!("{} {what}", entry.path("").trim_end_matches('.')),
                    "write either dev = \"alice\" or address = \"…\"",
                );
                None
            }
        }
    }
}

fn public_key() -> Refusal {
    Refusal::new(
        "is a development account: its key is public, so anybody could spend the coin",
        "use an address of your own, or set dev = true at the top of the file",
    )
}
