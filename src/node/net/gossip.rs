//! Gossip: blocks and batches of transactions, to everybody.
//!
//! Messages are anonymous and named by their content, so the same batch is one message whoever sends it. Nothing is
//! passed on before the replica's verdict. Deviations from gossipsub's defaults, and why:
//!
//! - The heartbeat is short and starts at once: a devnet of four must be a mesh within a second.
//! - The mesh holds four neighbours, two at least and six at most: up to five nodes it is everybody, and a random
//!   graph of that degree over a hundred nodes is five steps wide. A publisher tells all its peers, not the mesh only.
//! - Messages are kept for six seconds, so that a verdict after a slow check still passes its message on.
//! - Control messages may be 256 KiB: a busy net's "I have" lists overflow the default and would kill the stream.
//! - Messages on foreign topics are dropped before they are remembered.
//! - Queues to a peer that does not read are short; what waits there five seconds is dropped.
//! - Scores count invalid messages and little else. Many nodes share one address here, and quiet or slow is no offence.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, DataTransform, Message, MessageAuthenticity, MessageId, PeerScoreParams,
    PeerScoreThresholds, RawMessage, TopicHash, TopicScoreParams, ValidationMode,
    WhitelistSubscriptionFilter,
};
use sha2::{Digest, Sha256};

use super::config::NetError;
use super::names::Names;
use crate::replica::wire::GOSSIP_BYTES_MAX;

/// Bytes around a message: gossipsub's framing, and the start of a next message in the read buffer.
const SLACK: usize = 64 << 10;

/// Time between two looks at the mesh.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Bytes of a message id: enough that nobody finds two messages with one.
const MESSAGE_ID_BYTES: usize = 20;

/// Messages waiting for one slow peer.
const QUEUE_MAX: usize = 256;

/// Gossipsub as used here.
pub(super) type Behaviour = gossipsub::Behaviour<OurTopics, WhitelistSubscriptionFilter>;

/// Lets only messages of our topics in. Bytes stay as they are.
#[derive(Debug, Clone)]
pub(super) struct OurTopics(HashSet<TopicHash>);

impl DataTransform for OurTopics {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<Message> {
        if !self.0.contains(&raw.topic) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a topic of no chain of ours"));
        }
        let RawMessage { source, data, sequence_number, topic, .. } = raw;
        Ok(Message { source, data, sequence_number, topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(data)
    }
}

/// The name of a message: a hash of its topic and its bytes.
fn message_id(message: &Message) -> MessageId {
    let mut hasher = Sha256::new();
    hasher.update(message.topic.as_str());
    hasher.update([0]); // no topic contains it
    hasher.update(&message.data);
    MessageId::new(&hasher.finalize()[..MESSAGE_ID_BYTES])
}

fn config() -> Result<gossipsub::Config, NetError> {
    ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(GOSSIP_BYTES_MAX + SLACK)
        .max_control_message_size(256 << 10)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(HEARTBEAT)
        .history_length(12)
        .history_gossip(4)
        .mesh_n(4)
        .mesh_n_low(2)
        .mesh_n_high(6)
        .mesh_outbound_min(1)
        .gossip_lazy(4)
        .retain_scores(2)
        .flood_publish(true)
        .prune_backoff(Duration::from_secs(15))
        .iwant_followup_time(Duration::from_secs(10))
        .connection_handler_queue_len(QUEUE_MAX)
        .publish_queue_duration(Duration::from_secs(5))
        .forward_queue_duration(Duration::from_secs(5))
        .build()
        .map_err(|error| NetError::Setup(error.to_string()))
}

/// Three invalid messages within a few seconds silence a peer (20 × 3² > 80) until they are forgotten.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: 0.9,
        first_message_deliveries_cap: 100.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -20.0,
        invalid_message_deliveries_decay: 0.9,
        ..TopicScoreParams::default()
    }
}

/// Gossipsub for a chain, subscribed to its topics.
pub(super) fn build(names: &Names) -> Result<Behaviour, NetError> {
    let setup = |error: String| NetError::Setup(error);
    let topics = [&names.blocks, &names.transactions];
    let hashes: HashSet<TopicHash> = topics.iter().map(|topic| topic.hash()).collect();
    let mut gossip = Behaviour::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        config()?,
        WhitelistSubscriptionFilter(hashes.clone()),
        OurTopics(hashes.clone()),
    )
    .map_err(|error| setup(error.to_string()))?;
    let scores = PeerScoreParams {
        topics: hashes.into_iter().map(|hash| (hash, topic_score())).collect::<HashMap<_, _>>(),
        topic_score_cap: 100.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 10.0,
        slow_peer_weight: 0.0,
        // Scores of the gone are kept: a minute outlasts a reconnect, an hour would be a place to fill.
        retain_score: Duration::from_secs(60),
        ..PeerScoreParams::default()
    };
    gossip.with_peer_score(scores, PeerScoreThresholds::default()).map_err(setup)?;
    for topic in topics {
        gossip.subscribe(topic).map_err(|error| setup(error.to_string()))?;
    }
    Ok(gossip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{GenesisId, Hash};

    #[test]
    fn a_message_is_named_by_topic_and_content() {
        let topic = |name: &str| TopicHash::from_raw(name);
        let id = |name: &str, data: &[u8]| {
            message_id(&Message {
                source: None,
                data: data.to_vec(),
                sequence_number: Some(data.len() as u64),
                topic: topic(name),
            })
        };
        assert_eq!(id("a", b"x"), id("a", b"x"));
        assert_ne!(id("a", b"x"), id("a", b"y"));
        assert_ne!(id("a", b"x"), id("b", b"x"));
    }

    #[test]
    fn the_settings_hold_together_and_foreign_topics_stay_outside() {
        let names = Names::new(&GenesisId(Hash([7; 32]))).unwrap();
        let gossip = build(&names).unwrap();
        assert_eq!(gossip.topics().count(), 2);
        let raw = |topic| RawMessage {
            source: None,
            data: vec![1],
            sequence_number: None,
            topic,
            signature: None,
            key: None,
            validated: false,
        };
        let filter = OurTopics(gossip.topics().cloned().collect());
        assert!(filter.inbound_transform(raw(names.blocks.hash())).is_ok());
        assert!(filter.inbound_transform(raw(TopicHash::from_raw("other"))).is_err());
    }
}
