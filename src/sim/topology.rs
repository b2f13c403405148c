//! Who knows whom.

use std::collections::BTreeSet;

use super::random::Dice;

/// Which nodes are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// Everybody with everybody.
    Full,
    /// Every node opens so many connections, to others at random; so everybody has twice as many on average. The graph is
    /// connected: node `n` also knows one before it.
    Random {
        /// Connections that each node opens.
        outbound: usize,
    },
    /// These connections, each from the node that opens it.
    Edges(Vec<(usize, usize)>),
}

impl Topology {
    /// How many connections a node on sockets opens by itself.
    pub const OUTBOUND: usize = 8;

    /// The connections among so many nodes, each pair once, from the node that opens it, in order.
    pub(super) fn edges(&self, nodes: usize, dice: &mut Dice) -> Vec<(usize, usize)> {
        let mut known = BTreeSet::new();
        let mut edges = Vec::new();
        let mut add = |a: usize, b: usize| {
            let new = a != b && a.max(b) < nodes && known.insert((a.min(b), a.max(b)));
            if new {
                edges.push((a, b));
            }
            new
        };
        match self {
            Self::Full => {
                for a in 0..nodes {
                    for b in a + 1..nodes {
                        add(a, b);
                    }
                }
            }
            Self::Random { outbound } => {
                for node in 1..nodes {
                    add(node, dice.index(node));
                }
                for node in 0..nodes {
                    // The first node has not opened any yet.
                    let mut wanted = outbound.saturating_sub(usize::from(node > 0));
                    // In a small net everybody is known before so many are.
                    for _ in 0..outbound.saturating_mul(8) {
                        if wanted == 0 {
                            break;
                        }
                        wanted -= usize::from(add(node, dice.index(nodes)));
                    }
                }
            }
            Self::Edges(given) => {
                for (a, b) in given {
                    add(*a, *b);
                }
            }
        }
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_graph_is_connected_and_of_its_degree() {
        let mut dice = Dice::new(1, "topology");
        let edges = Topology::Random { outbound: 4 }.edges(500, &mut dice);
        assert!((1990..=2000).contains(&edges.len()), "{}", edges.len());
        let mut reached = BTreeSet::from([0]);
        while reached.len() < 500 {
            let before = reached.len();
            for (a, b) in &edges {
                if reached.contains(a) || reached.contains(b) {
                    reached.extend([*a, *b]);
                }
            }
            assert!(reached.len() > before, "an island");
        }
        let distinct: BTreeSet<_> = edges.iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
        assert_eq!(distinct.len(), edges.len());
    }

    #[test]
    fn small_nets_are_full() {
        let mut dice = Dice::new(1, "topology");
        assert_eq!(Topology::Full.edges(5, &mut dice).len(), 10);
        assert!(Topology::Random { outbound: 4 }.edges(3, &mut dice).len() <= 3);
        assert!(Topology::Random { outbound: 4 }.edges(1, &mut dice).is_empty());
        let edges = Topology::Edges(vec![(0, 1), (1, 0), (2, 2), (1, 9)]);
        assert_eq!(edges.edges(3, &mut dice), [(0, 1)]);
    }
}
