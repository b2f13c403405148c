//! A chain spec for another number of nodes than it was written for, in which each of them has a part.
//!
//! A spec has *seats*: its authorities or founders where the rule has some, and else as many as its devnet has nodes, of
//! which each stakes the coins of one of the first accounts. With more nodes than seats the others would only watch, and with
//! fewer a quorum may be missing. Here the list of authorities becomes as long as there are nodes, and what the accounts of
//! the seats hold is divided equally among as many accounts. Whoever comes in addition is a development account that the spec
//! does not name yet, in the order of their numbers. All coins together, those of accounts without a seat, and every other
//! key stay as they are.
//!
//! Under proof of work every node mines, whatever the spec says of accounts: such a spec stays as it is.

use super::authorities::Authorities;
use super::dev::DevAccount;
use super::pbft::AUTHORITIES_MIN;
use super::schema::range;
use super::settings::{Account, Owner};
use super::{Consensus, Spec};
use crate::consensus::authorities::AUTHORITIES_MAX;
use crate::types::Amount;

/// Why a spec cannot be one for so many nodes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeatsError {
    /// The rule has no room for so many, or needs more.
    #[error(
        "{given} nodes cannot all take part under {engine}, which has {least} to {most} authorities: ask for so many"
    )]
    Number {
        /// How many were asked for.
        given: usize,
        /// The rule.
        engine: &'static str,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// There are no more development accounts.
    #[error(
        "{given} nodes need a key each, and beside the accounts of {chain} there are development keys for {most}: ask for fewer"
    )]
    Keys {
        /// How many were asked for.
        given: usize,
        /// The chain.
        chain: String,
        /// For how many there are keys.
        most: usize,
    },
    /// A node's key is not known, or must not be one that everybody knows.
    #[error(
        "{given} nodes need a key each, and known are those of development accounts alone: let {chain} name no others \
         and say dev = true, or run it with {own} nodes"
    )]
    Unknown {
        /// How many were asked for.
        given: usize,
        /// The chain.
        chain: String,
        /// How many it has seats for.
        own: usize,
    },
    /// What the accounts hold does not suffice.
    #[error("the accounts of {chain} cannot be divided among {given} nodes, since {reason}: {fix}")]
    Coins {
        /// How many were asked for.
        given: usize,
        /// The chain.
        chain: String,
        /// Why.
        reason: String,
        /// What to do.
        fix: String,
    },
}

impl Spec {
    /// The spec in which each of so many nodes has a seat; the same spec, if it has as many seats or its devnet as many nodes.
    ///
    /// # Errors
    ///
    /// The rule or the accounts do not have room for so many.
    pub fn for_nodes(&self, nodes: usize) -> Result<Self, SeatsError> {
        // At most 128.
        let devnet = usize::try_from(self.devnet.nodes).unwrap_or(usize::MAX);
        let authorities = self.consensus.authorities();
        let own = authorities.map_or(devnet, |them| them.iter().len());
        if nodes == devnet || nodes == own || matches!(self.consensus, Consensus::Pow(_)) {
            return Ok(self.clone());
        }
        if let Some((least, most)) = self.authorities_allowed()
            && !(least..=most).contains(&nodes)
        {
            let engine = self.consensus.engine();
            return Err(SeatsError::Number { given: nodes, engine, least, most });
        }
        let chain = || self.name.clone();
        let holders = self.accounts.iter().take(own.min(nodes)).map(|account| account.owner);
        let seated = authorities.into_iter().flat_map(|them| them.iter().take(nodes));
        if !self.dev || holders.chain(seated).any(|owner| owner.dev().is_none()) {
            return Err(SeatsError::Unknown { given: nodes, chain: chain(), own });
        }
        let fresh = self.unnamed();
        let most = own + fresh.len();
        if nodes > most {
            return Err(SeatsError::Keys { given: nodes, chain: chain(), most });
        }

        let mut spec = self.clone();
        let refused = |reason, fix| SeatsError::Coins { given: nodes, chain: chain(), reason, fix };
        spec.settings.devnet.nodes = nodes as u64; // a count fits
        spec.settings.accounts =
            divided(&self.accounts, (own, nodes), &fresh).ok_or_else(|| {
                refused("some would hold nothing".into(), "write larger amounts".into())
            })?;
        spec.seat(nodes, &fresh);
        let maturity = spec.issuance.maturity;
        spec.consensus
            .fits(&spec.settings.accounts, maturity)
            .map_err(|refusal| refused(refusal.reason, refusal.fix))?;
        Ok(spec)
    }

    /// The fewest and the most authorities that the rule may have, where it has some.
    fn authorities_allowed(&self) -> Option<(usize, usize)> {
        self.consensus.authorities()?;
        let least = match &self.consensus {
            Consensus::Pbft(pbft) if !pbft.allow_unsafe => AUTHORITIES_MIN,
            _ => 1,
        };
        Some((least, AUTHORITIES_MAX))
    }

    /// The development accounts that the spec does not name.
    fn unnamed(&self) -> Vec<Owner> {
        let authorities = self.consensus.authorities().into_iter().flat_map(Authorities::iter);
        let named = self.accounts.iter().map(|account| account.owner).chain(authorities);
        let named: Vec<_> = named.map(Owner::address).collect();
        let all = DevAccount::numbered_too();
        all.filter(|account| !named.contains(&account.address())).map(Owner::Dev).collect()
    }

    /// Gives each of so many nodes an authority, where the rule has some.
    fn seat(&mut self, nodes: usize, fresh: &[Owner]) {
        let seats = nodes as u64; // a count fits
        match &mut self.consensus {
            Consensus::Pow(_) | Consensus::Pos(_) | Consensus::Hybrid(_) => {}
            Consensus::Dpos(dpos) => {
                dpos.founders.resize(nodes, fresh);
                let votes = |delegates: u64| delegates.min(*range::VOTES.end());
                let all = dpos.votes_max == votes(dpos.delegates);
                dpos.votes_max = if all { votes(seats) } else { dpos.votes_max.min(seats) };
                // The same share of them stays whoever is suspended. All three are at most 128.
                dpos.min_delegates = (dpos.min_delegates * seats).div_ceil(dpos.delegates);
                dpos.delegates = seats;
            }
            Consensus::Poa(poa) => poa.authorities.resize(nodes, fresh),
            Consensus::Pbft(pbft) => pbft.authorities.resize(nodes, fresh),
            Consensus::Raft(raft) => raft.authorities.resize(nodes, fresh),
            Consensus::Paxos(paxos) => paxos.authorities.resize(nodes, fresh),
        }
    }
}

/// The accounts with the coins of the first ones divided among others; `None` if there is less than a base unit for each.
/// Whoever is in the place of another has coins of the same age.
fn divided(
    accounts: &[Account],
    (own, nodes): (usize, usize),
    fresh: &[Owner],
) -> Option<Vec<Account>> {
    let (held, others) = accounts.split_at(own.min(accounts.len()));
    if held.is_empty() {
        return Some(accounts.to_vec());
    }
    let total = Amount::total(held.iter().map(|account| account.amount))?;
    let count = nodes as u64; // a count fits
    let (each, rest) = (total.0.checked_div(count)?, total.0.checked_rem(count)?);
    if each == 0 {
        return None;
    }
    let owners = held.iter().map(|account| account.owner).chain(fresh.iter().copied());
    let divided = owners.zip(held.iter().cycle()).zip(0..count);
    let divided = divided.map(|((owner, account), place)| Account {
        owner,
        amount: Amount(each + u64::from(place < rest)),
        age: account.age,
    });
    Some(divided.chain(others.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::spec::{ENGINES, find, template};
    use crate::types::testkit::key;

    /// Those that are compared, one for each rule.
    fn specs() -> Vec<&'static str> {
        let names = crate::spec::shipped().iter().map(|(name, _)| *name);
        let names: Vec<_> = names.filter(|name| name.starts_with("compare-")).collect();
        assert_eq!(names.len(), ENGINES.len());
        names
    }

    fn shipped(name: &str) -> Spec {
        Spec::parse(name, find(name).unwrap()).unwrap()
    }

    fn total(spec: &Spec) -> Amount {
        Amount::total(spec.accounts.iter().map(|account| account.amount)).unwrap()
    }

    #[test]
    fn a_spec_for_its_own_number_stays_as_it_is() {
        for name in specs() {
            let spec = shipped(name);
            assert_eq!(spec.for_nodes(4).unwrap().to_toml(), spec.to_toml(), "{name}");
        }
        let lisk = shipped("dpos-101");
        for nodes in [7, 101] {
            assert_eq!(lisk.for_nodes(nodes).unwrap(), lisk, "{nodes}");
        }
        let work = shipped("compare-pow");
        assert_eq!(work.for_nodes(100).unwrap(), work);
    }

    /// Each node has a seat, seats are equal, and what is written out is a valid spec.
    #[test]
    fn every_node_has_a_seat_and_coins_keep_their_sum() {
        for name in specs().into_iter().filter(|name| *name != "compare-pow") {
            let spec = shipped(name);
            for nodes in [5, 10, 31, 100] {
                let wide = spec.for_nodes(nodes).unwrap();
                let read = Spec::parse(name, &wide.to_toml()).unwrap_or_else(|e| panic!("{e}"));
                assert_eq!(read, wide, "{name} {nodes}");
                assert_eq!((wide.devnet.nodes, total(&wide)), (nodes as u64, total(&spec)));
                assert_eq!(wide.accounts.len(), nodes + 3, "{name}");
                assert_eq!(wide.accounts[nodes..], spec.accounts[4..], "{name}");
                let each: Vec<u64> = wide.accounts[..nodes].iter().map(|it| it.amount.0).collect();
                assert!(each.iter().max().unwrap() - each.iter().min().unwrap() <= 1, "{each:?}");
                let Some(seats) = wide.consensus().authorities() else { continue };
                let holders = wide.accounts[..nodes].iter().map(|account| account.owner);
                assert!(seats.iter().eq(holders), "{name} {nodes}");
                assert_eq!(seats.set().len(), nodes);
            }
        }
        let Consensus::Dpos(dpos) = shipped("compare-dpos").for_nodes(101).unwrap().consensus
        else {
            panic!("it is one of delegates");
        };
        assert_eq!((dpos.delegates, dpos.votes_max, dpos.min_delegates), (101, 101, 51));
    }

    #[test]
    fn fewer_nodes_take_the_first_seats() {
        let spec = shipped("pbft-7");
        let few = spec.for_nodes(5).unwrap();
        let names: Vec<String> = few
            .consensus()
            .authorities()
            .unwrap()
            .iter()
            .map(|it| it.dev().unwrap().to_string())
            .collect();
        assert_eq!(names, ["alice", "bob", "carol", "dave", "erin"]);
        assert_eq!(total(&few), total(&spec));
        let owners: BTreeSet<_> = few.accounts.iter().map(|it| it.owner.address()).collect();
        assert_eq!(owners.len(), few.accounts.len());
    }

    #[test]
    fn what_has_no_room_says_so() {
        let text = |spec: &Spec, nodes| spec.for_nodes(nodes).unwrap_err().to_string();
        for (name, nodes, said) in [
            (
                "compare-raft",
                129,
                "129 nodes cannot all take part under raft, which has 1 to 128 authorities",
            ),
            ("compare-paxos", 0, "0 nodes cannot all take part under paxos"),
            ("compare-pbft", 3, "under pbft, which has 4 to 128 authorities"),
            (
                "compare-pos",
                126,
                "beside the accounts of compare-pos there are development keys for 125",
            ),
        ] {
            let text = text(&shipped(name), nodes);
            assert!(text.contains(said), "{text}");
        }
        let foreign = template("poa").unwrap().replace("dev = true", "dev = false");
        let foreign = foreign.lines().filter(|line| !line.contains("dev = \"")).collect::<Vec<_>>();
        let prefix = crate::types::Prefix::new("assay").unwrap();
        let authority = format!("[\"{}\"]", key(1).address().encode(&prefix));
        let foreign =
            foreign.join("\n").replace("[\"alice\", \"bob\", \"carol\", \"dave\"]", &authority);
        let foreign = Spec::parse("foreign", &foreign).unwrap_or_else(|error| panic!("{error}"));
        assert!(text(&foreign, 10).contains("run it with 1 nodes"), "{}", text(&foreign, 10));
        let poor = find("compare-pos").unwrap().replace("1_000_000", "33u");
        let poor = Spec::parse("poor", &poor).unwrap();
        assert!(
            text(&poor, 100).contains("splits an account into more coins"),
            "{}",
            text(&poor, 100)
        );
    }
}
