//! Whoever contradicts himself is told of.

use std::collections::{BTreeMap, BTreeSet};

use super::super::disk::Disk;
use super::super::watch::{Scene, Watch};
use super::books::Books;
use super::{block_at, found};
use crate::replica::{Output, Replica, Report};
use crate::spec::FrozenSpec;
use crate::types::{
    Address, Block, BlockId, Claim, CoinId, EVIDENCE_MAX, Evidence, Header, Height, Time,
};

/// A correct producer tells of offences: its block holds evidence of each that it knew of before the block's parent came,
/// unless a block below told of it, it is too old by then, or the block holds as much evidence as it may. So an offence
/// that a correct producer knows of is on its chain with its next block but one at the latest.
///
/// That nobody honest is accused is for [`Honour`](super::Honour) to see.
#[derive(Debug)]
pub struct Equivocation {
    window: u64,
    nodes: BTreeMap<usize, Known>,
}

/// What may be said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Statement {
    /// Under stake a coin seals one block in one second.
    Stake(CoinId, Time),
    /// Among authorities in turn somebody seals one block of one height,
    Turn(Address, Height),
    /// or says that it was as high already on another branch, once on each parent.
    Late(Address, BlockId, Height),
    /// A delegate seals one block in one slot, of which the time is the beginning.
    Slot(Address, Time),
}

/// What a header says that may be said only once.
fn said(header: &Header) -> Option<Statement> {
    match header.claim {
        Claim::Stake { coin, .. } => Some(Statement::Stake(coin, header.time)),
        Claim::Turn { prior, .. } if prior >= header.height => {
            Some(Statement::Late(header.producer, header.parent, prior))
        }
        Claim::Turn { .. } => Some(Statement::Turn(header.producer, header.height)),
        Claim::Slot { .. } => Some(Statement::Slot(header.producer, header.time)),
        _ => None,
    }
}

/// What the evidence in a block tells of.
fn told(block: &Block) -> impl Iterator<Item = Statement> {
    block.body.evidence.iter().filter_map(|evidence| match evidence {
        Evidence::Headers { first, .. } => said(&first.0),
        Evidence::Statements { .. } => None,
    })
}

/// What a process of a node can know.
#[derive(Debug, Default)]
struct Known {
    arrivals: u64,
    /// When blocks came, counted in arrivals.
    came: Books<u64>,
    /// Who said something first.
    said: BTreeMap<Statement, (Height, BlockId)>,
    /// What was said twice: the higher of the two heights, and the arrival since which it is known.
    offences: BTreeMap<Statement, (Height, u64)>,
}

impl Known {
    /// A block came; `oldest` is the lowest height that a node has to remember.
    fn note(&mut self, id: &BlockId, header: &Header, oldest: Height) {
        self.came(id, header);
        self.said.retain(|_, (height, _)| *height >= oldest);
        self.offences.retain(|_, (height, _)| *height >= oldest);
        let Some(statement) = said(header) else { return };
        let (height, first) = *self.said.entry(statement).or_insert((header.height, *id));
        if first != *id {
            let offence = (height.max(header.height), self.arrivals);
            self.offences.entry(statement).or_insert(offence);
        }
    }

    fn came(&mut self, id: &BlockId, header: &Header) {
        self.arrivals += 1;
        self.came.insert(*id, header.height, self.arrivals);
    }

    /// An offence that a block of this node's should tell of and does not, with its height.
    fn untold(
        &self,
        replica: &Replica<Disk>,
        block: &Block,
        window: u64,
    ) -> Option<(Statement, Height)> {
        let (at, parent) = (block.header.height, self.came.get(&block.header.parent)?);
        if block.body.evidence.len() >= EVIDENCE_MAX {
            return None;
        }
        let due = self
            .offences
            .iter()
            .filter(|(_, (of, since))| since < parent && *of <= at && at.0 - of.0 <= window);
        let mut due: BTreeMap<Statement, Height> =
            due.map(|(statement, (of, _))| (*statement, *of)).collect();
        let below: BTreeSet<Statement> = told(block).collect();
        due.retain(|statement, _| !below.contains(statement));
        let lowest = due.values().min().copied()?;
        let mut next = block.header.parent;
        while let Some(block) = block_at(replica, &next)
            && block.header.height >= lowest
        {
            due.retain(|statement, _| told(&block).all(|told| told != *statement));
            next = block.header.parent;
        }
        due.pop_first()
    }
}

impl Equivocation {
    /// For a chain; there is nothing to see on one that knows no evidence.
    pub fn new(spec: &FrozenSpec) -> Self {
        Self { window: spec.ledger_params().evidence_window, nodes: BTreeMap::new() }
    }
}

impl Watch for Equivocation {
    fn name(&self) -> &'static str {
        "equivocation"
    }

    /// A process that starts knows what is not final, in the order in which it came.
    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let Some(replica) = scene.correct(node).filter(|_| self.window > 0) else { return Ok(()) };
        let (mut known, root) = (Known::default(), replica.tree().root());
        known.came(&root.id, &root.block.header);
        for id in found(replica).into_iter().filter(|id| *id != root.id) {
            let Some(block) = block_at(replica, &id) else { continue };
            known.note(&id, &block.header, root.height().back(self.window));
        }
        self.nodes.insert(node, known);
        Ok(())
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Output::Report(Report::Imported { imported, own, .. }) = output else { return Ok(()) };
        let Some(replica) = scene.correct(node).filter(|_| self.window > 0) else { return Ok(()) };
        let Some(block) = block_at(replica, &imported.id) else { return Ok(()) };
        let (window, root) = (self.window, replica.tree().root().height());
        let known = self.nodes.entry(node).or_default();
        let untold = own.then(|| known.untold(replica, &block, window)).flatten();
        known.note(&imported.id, &block.header, root.back(window));
        match untold {
            None => Ok(()),
            Some((statement, of)) => Err(format!(
                "its block {} at height {} does not tell of two blocks of {statement:?}, the higher at {of}",
                imported.id, block.header.height
            )),
        }
    }
}
