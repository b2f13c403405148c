use super::super::metrics::Seen;
use super::super::scenario::{find, run};
use super::super::time::Moment;
use super::*;
use crate::types::{BlockId, Hash, Height};

/// Says whether every element that is opened is closed, and counts those of a name.
fn well_formed(svg: &str, name: &str) -> usize {
    let (mut open, mut count) = (Vec::new(), 0);
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>') || rest[..at].contains("/*"), "a stray bracket");
        let end = rest[at..].find('>').expect("a tag ends") + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed.to_owned())),
            None => {
                let element = tag.split([' ', '/']).next().unwrap_or_default().to_owned();
                count += usize::from(element == name);
                if !tag.ends_with('/') {
                    open.push(element);
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    count
}

#[test]
fn pictures_of_a_run_are_well_formed_and_show_every_block() {
    let scenario = find("partition").unwrap().scenario();
    let outcome = run(&scenario, 7).unwrap();
    let blocks = outcome.record.blocks.len();
    let svg = tree("partition <7> & \"more\"", &outcome.record, &outcome.head);
    // One for each block, one for each of five producers, and the paper.
    assert_eq!(well_formed(&svg, "rect"), blocks + 5 + 1);
    assert!(svg.contains("partition &lt;7&gt; &amp; &quot;more&quot;"));
    let stale = svg.matches("class=\"stale\"").count();
    assert!(stale > 0 && stale == blocks - outcome.record.branch(&outcome.head).len());
    let svg = waterfall("partition 7", &outcome.record, &outcome.head);
    assert!(well_formed(&svg, "rect") >= 3 * (blocks - 5) && svg.contains(" lost"));
}

/// A comb: every second block is beside the chain; producers are many, and so are blocks.
#[test]
fn pictures_are_bounded() {
    let mut record = Record::default();
    let id = |n: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        BlockId(Hash(bytes))
    };
    for n in 0..10_000_usize {
        record.blocks.push(Seen {
            id: id(n as u64),
            parent: n.checked_sub(1 + n % 2),
            height: Height(n as u64 / 2),
            producer: super::super::operator(n % 20).address(),
            made_at: Moment(n as u64 * 1000),
            made_by: n % 20,
            arrivals: vec![Moment(n as u64 * 1000 + 10); 20],
            drafted_at: None,
            sealed_in: 0,
            proofs: 0,
            issued: crate::types::Amount::ZERO,
            final_at: None,
        });
    }
    let svg = tree("many", &record, &id(9998));
    well_formed(&svg, "rect");
    assert!(svg.len() < 2_000_000 && svg.contains("earlier blocks not shown"), "{}", svg.len());
    let svg = waterfall("many", &record, &id(9998));
    well_formed(&svg, "rect");
    assert!(svg.len() < 1_000_000, "{}", svg.len());
    let empty = Record::default();
    well_formed(&tree("nothing", &empty, &id(0)), "rect");
    well_formed(&waterfall("nothing", &empty, &id(0)), "rect");
}

/// A branch that lost keeps its lane to its end, whatever is lost beside the main chain meanwhile.
#[test]
fn a_lost_branch_keeps_its_lane() {
    let mut record = Record::default();
    // The main chain 0, 1, 2, 4, 7; a long branch 3, 6, 8 on 0; a single one 5 on 2.
    let parents = [None, Some(0), Some(1), Some(0), Some(2), Some(2), Some(3), Some(4), Some(6)];
    for (n, parent) in parents.into_iter().enumerate() {
        record.blocks.push(Seen {
            id: BlockId(Hash([n as u8; 32])),
            parent,
            height: Height(0),
            producer: super::super::operator(0).address(),
            made_at: Moment(n as u64 * 1_000_000),
            made_by: 0,
            arrivals: Vec::new(),
            drafted_at: None,
            sealed_in: 0,
            proofs: 0,
            issued: crate::types::Amount::ZERO,
            final_at: None,
        });
    }
    assert_eq!(super::tree::lanes(&record, 0, &[0, 1, 2, 4, 7]), [0, 0, 0, 1, 0, 2, 1, 0, 1]);
}
