//! Which of several nodes to ask.
//!
//! They stand in an order of preference. The first one that is not known to be away is asked; one that fails is left
//! alone for a while, twice as long each time, and asked again after that even while another one serves: so a miner comes
//! back to the node that it likes best. A node that is of no use, because its chain is another one or because it refuses, is
//! not asked again. Time is an argument: how long ago the mining began.

use std::time::Duration;

/// How long a node is left alone after its first failure.
const PAUSE_FIRST: Duration = Duration::from_secs(1);

/// How long at most.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The nodes, in order.
#[derive(Debug, Clone)]
pub struct Standby {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    /// Failures without a success between them.
    failures: u32,
    /// Not before this.
    wait_until: Duration,
    barred: bool,
}

impl Standby {
    /// So many nodes, none of which has failed.
    pub fn new(nodes: usize) -> Self {
        Self { nodes: vec![Node::default(); nodes] }
    }

    /// The node to ask now.
    pub fn choose(&self, now: Duration) -> Option<usize> {
        self.nodes.iter().position(|node| !node.barred && node.wait_until <= now)
    }

    /// A node that is liked better than this one, and may be asked again.
    pub fn better(&self, than: usize, now: Duration) -> Option<usize> {
        self.choose(now).filter(|index| *index < than)
    }

    /// When a node may be asked again; nothing where none ever will.
    pub fn next_try(&self) -> Option<Duration> {
        self.nodes.iter().filter(|node| !node.barred).map(|node| node.wait_until).min()
    }

    /// It did not answer, or could not serve. Gives how long it is left alone.
    pub fn failed(&mut self, index: usize, now: Duration) -> Duration {
        let Some(node) = self.nodes.get_mut(index) else { return Duration::ZERO };
        let pause = PAUSE_FIRST.saturating_mul(1 << node.failures.min(16)).min(PAUSE_MAX);
        node.failures = node.failures.saturating_add(1);
        node.wait_until = now.saturating_add(pause);
        pause
    }

    /// It serves.
    pub fn works(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            *node = Node::default();
        }
    }

    /// It is of no use, now and later.
    pub fn bar(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.barred = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_that_answers_is_asked_and_the_best_one_again_when_it_may_be_back() {
        let mut nodes = Standby::new(3);
        assert_eq!(nodes.choose(s(0)), Some(0));
        assert_eq!(nodes.failed(0, s(0)), s(1));
        assert_eq!((nodes.choose(s(0)), nodes.better(1, s(0))), (Some(1), None));
        nodes.works(1);
        assert_eq!(nodes.better(1, s(1)), Some(0));
        assert_eq!(nodes.better(0, s(1)), None);
        nodes.works(0);
        assert_eq!(nodes.choose(s(1)), Some(0));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_end_with_a_success() {
        let mut node = Standby::new(1);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(node.failed(0, s(100)), s(expected));
            assert_eq!(node.next_try(), Some(s(100 + expected)));
            assert_eq!(node.choose(s(99 + expected)), None);
            assert_eq!(node.choose(s(100 + expected)), Some(0));
        }
        node.works(0);
        assert_eq!(node.failed(0, s(0)), s(1));
    }

    #[test]
    fn a_barred_node_is_never_asked_again() {
        let mut nodes = Standby::new(2);
        nodes.bar(0);
        assert_eq!((nodes.choose(s(0)), nodes.better(1, s(900))), (Some(1), None));
        nodes.bar(1);
        assert_eq!((nodes.choose(s(0)), nodes.next_try()), (None, None));
        assert_eq!(Standby::new(0).next_try(), None);
        assert_eq!(nodes.failed(9, s(0)), s(0));
    }
}
