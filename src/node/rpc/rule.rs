//! What answers say that depends on the rule: the one place that a new rule has to be told of here.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fault::Fault;
use crate::api::{
    AuthorityList, AuthorityStatus, Circle, ConsensusStatus, HybridStatus, Role, RoundStatus,
    RpcCode, pow_status, slot_status, stake_status, turn_status,
};
use crate::chain::Rules;
use crate::consensus::AuthorityId;
use crate::consensus::dpos::DposRules;
use crate::consensus::hybrid::HybridRules;
use crate::consensus::poa::PoaRules;
use crate::consensus::pos::PosRules;
use crate::consensus::pow::PowRules;
use crate::replica::View;
use crate::spec::{Consensus, FrozenSpec};
use crate::types::{Claim, Header, Prefix};

/// The rule of the chain, as far as answers about it differ.
#[derive(Clone)]
pub struct Rule {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// Whoever finds a proof makes a block.
    Search(Arc<PowRules>),
    /// Whoever owns a coin that wins makes a block.
    Stake(Arc<PosRules>),
    /// Either of the two.
    Both(Arc<HybridRules>),
    /// Delegates sign in slots.
    Slots(Arc<DposRules>),
    /// Authorities sign in turn.
    Turns(Arc<PoaRules>),
    /// Authorities agree, round by round.
    Rounds(Arc<dyn Rules>, Agreeing),
}

/// Names what authorities do by the rule under which they do it.
type Agreeing = fn(RoundStatus) -> ConsensusStatus;

/// What this node knows of an agreement beside the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// The authority that this node acts for.
    pub ours: Option<AuthorityId>,
    /// The round, and who leads in it, as far as it is known; nothing before the rule said something.
    pub round: Option<(u64, Option<AuthorityId>)>,
    /// Authorities that there are streams to.
    pub connected: BTreeSet<AuthorityId>,
    /// Authorities that were seen to say two things.
    pub liars: BTreeSet<AuthorityId>,
}

impl Rule {
    /// The rule of a chain.
    pub fn of(spec: &FrozenSpec) -> Self {
        let kind = match spec.consensus() {
            Consensus::Pow(pow) => Kind::Search(pow.rules(spec.genesis_id(), spec)),
            Consensus::Pos(pos) => Kind::Stake(pos.rules(spec.genesis_id(), spec)),
            Consensus::Hybrid(hybrid) => Kind::Both(hybrid.rules(spec.genesis_id(), spec)),
            Consensus::Dpos(dpos) => {
                Kind::Slots(dpos.rules(spec.genesis_id(), spec.genesis_time(), spec))
            }
            Consensus::Poa(poa) => Kind::Turns(poa.rules(spec.genesis_id())),
            Consensus::Pbft(_) => Kind::Rounds(spec.rules(), ConsensusStatus::Pbft),
            Consensus::Raft(_) => Kind::Rounds(spec.rules(), ConsensusStatus::Raft),
            Consensus::Paxos(_) => Kind::Rounds(spec.rules(), ConsensusStatus::Paxos),
        };
        Self { name: spec.consensus().engine(), kind }
    }

    /// Proof of work.
    pub fn pow(rules: PowRules) -> Self {
        Self { name: "pow", kind: Kind::Search(Arc::new(rules)) }
    }

    /// Its name as specs write it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The rule, where whoever searches makes blocks.
    pub fn search(&self) -> Option<&Arc<PowRules>> {
        match &self.kind {
            Kind::Search(rules) => Some(rules),
            Kind::Both(rules) => Some(rules.work()),
            Kind::Stake(_) | Kind::Slots(_) | Kind::Turns(_) | Kind::Rounds(..) => None,
        }
    }

    /// The rule, where whoever owns coins makes blocks.
    pub fn stake(&self) -> Option<&Arc<PosRules>> {
        match &self.kind {
            Kind::Stake(rules) => Some(rules),
            Kind::Both(rules) => Some(rules.stake()),
            Kind::Search(_) | Kind::Slots(_) | Kind::Turns(_) | Kind::Rounds(..) => None,
        }
    }

    /// The rule, where delegates make blocks; says why there are none.
    pub(super) fn slots(&self) -> Result<&Arc<DposRules>, Fault> {
        match &self.kind {
            Kind::Slots(rules) => Ok(rules),
            _ => {
                let reason = format!("under the rule {} nobody is a delegate", self.name);
                Err(Fault::new(RpcCode::NoAuthorities, reason)
                    .help("consensus_status says who makes blocks"))
            }
        }
    }

    /// The rule, for whoever offers work; says why there is none.
    pub(super) fn work(&self) -> Result<&Arc<PowRules>, Fault> {
        self.search().ok_or_else(|| {
            Fault::new(RpcCode::NoWork, self.no_search())
                .help("consensus_status says who makes blocks")
        })
    }

    /// Why nobody searches under this rule.
    pub fn no_search(&self) -> String {
        let who = match &self.kind {
            Kind::Stake(_) => "who stakes coins makes",
            Kind::Slots(_) => "its delegates make",
            Kind::Search(_) | Kind::Both(_) | Kind::Turns(_) | Kind::Rounds(..) => {
                "its authorities make"
            }
        };
        format!("under the rule {} nobody searches for blocks: {who} them", self.name)
    }

    /// Blocks on top of a block before it counts as final, where finality follows from depth.
    pub(super) fn finality_depth(&self) -> Option<u64> {
        match &self.kind {
            Kind::Search(rules) => Some(rules.params().finality_depth),
            Kind::Stake(rules) => Some(rules.params().finality_depth),
            Kind::Both(rules) => Some(rules.params().finality_depth),
            Kind::Slots(_) | Kind::Turns(_) | Kind::Rounds(..) => None,
        }
    }

    /// What whoever searches or stakes is up against after the head of a view; `headers` are the last ones up to it.
    pub(super) fn open(
        &self,
        view: &View,
        headers: &[Header],
        prefix: &Prefix,
    ) -> Result<ConsensusStatus, Fault> {
        let state = &view.state;
        Ok(match &self.kind {
            Kind::Stake(rules) => {
                ConsensusStatus::Pos(stake_status(rules, state, headers, prefix)?)
            }
            Kind::Both(rules) => ConsensusStatus::Hybrid(Box::new(HybridStatus {
                work: pow_status(rules.work(), state, headers, prefix)?,
                stake: stake_status(rules.stake(), state, headers, prefix)?,
                total_trust: rules.total_trust(state)?,
                finality_depth: rules.params().finality_depth,
            })),
            Kind::Search(_) | Kind::Slots(_) | Kind::Turns(_) | Kind::Rounds(..) => {
                ConsensusStatus::Pow(pow_status(self.work()?, state, headers, prefix)?)
            }
        })
    }

    /// What authorities do after the head of a view; nothing where there are none.
    pub(super) fn rounds(
        &self,
        view: &View,
        agreement: Agreement,
        prefix: &Prefix,
    ) -> Result<Option<ConsensusStatus>, Fault> {
        let (rules, status_of) = match &self.kind {
            Kind::Rounds(rules, named) => (rules, named),
            Kind::Slots(rules) => {
                let status = slot_status(rules, &view.state, agreement.ours, prefix)?;
                return Ok(Some(ConsensusStatus::Dpos(Box::new(status))));
            }
            Kind::Turns(rules) => {
                let (state, height) = (&view.state, view.header.height);
                let status = turn_status(rules, state, height, agreement.ours, prefix)?;
                return Ok(Some(ConsensusStatus::Poa(status)));
            }
            Kind::Search(_) | Kind::Stake(_) | Kind::Both(_) => return Ok(None),
        };
        let members = rules.authorities(&view.state)?;
        let Agreement { ours, round, connected, liars } = agreement;
        let (round, leader) = round.map_or((None, None), |(round, leader)| (Some(round), leader));
        let role = match ours.filter(|ours| members.contains(ours)) {
            None => Role::Observer,
            Some(ours) if leader == Some(ours) => Role::Leader,
            Some(_) => Role::Follower,
        };
        let named = |authority: &AuthorityId| authority.encode(prefix);
        let authority = |authority: &AuthorityId| AuthorityStatus {
            address: named(authority),
            connected: ours == Some(*authority) || connected.contains(authority),
        };
        let status = RoundStatus {
            role,
            authority: ours.as_ref().map(named),
            round,
            leader: leader.as_ref().map(named),
            authorities: members.iter().map(authority).collect(),
            liars: liars.iter().map(named).collect(),
            head_round: match view.header.claim {
                Claim::Round { round } => Some(round),
                _ => None,
            },
            head_time: view.header.time,
        };
        Ok(Some(status_of(status)))
    }

    fn nobody(&self) -> Fault {
        let reason = format!("under the rule {} nobody is an authority", self.name);
        let help = match &self.kind {
            Kind::Slots(_) => "delegates make its blocks: delegate_list names them",
            _ => "anybody may make blocks: mining_status says whether this node does",
        };
        Fault::new(RpcCode::NoAuthorities, reason).help(help)
    }

    /// The authorities after the head of a view, and what they want done; says why there are none.
    pub(super) fn council(
        &self,
        view: &View,
        agreement: &Agreement,
        prefix: &Prefix,
    ) -> Result<AuthorityList, Fault> {
        let rules: &dyn Rules = match &self.kind {
            Kind::Rounds(rules, _) => &**rules,
            Kind::Turns(rules) => &**rules,
            Kind::Search(_) | Kind::Stake(_) | Kind::Both(_) | Kind::Slots(_) => {
                return Err(self.nobody());
            }
        };
        let members = rules.authorities(&view.state)?;
        let circle = Circle {
            ours: agreement.ours,
            leader: agreement.round.and_then(|(_, leader)| leader),
            connected: &agreement.connected,
        };
        let head = (view.head, view.header.height);
        Ok(AuthorityList::of(&members, head, &view.state, circle, prefix)?)
    }
}
