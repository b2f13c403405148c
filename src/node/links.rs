//! How links are treated, in the two forms it has: typed and checked in here, JSON outside.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use libp2p::PeerId;

use super::net::{LinkSettings, TooManyPeers};
use crate::api::{LinkShape as Json, NodeLinks};
use crate::spec::{Bandwidth, LinkError, LinkShape, Loss};
use crate::types::Span;

/// The most bytes of a file of links: 1024 peers with a shape of their own take a sixth of it.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why links cannot be treated as it says.
#[derive(Debug, thiserror::Error)]
pub enum LinksError {
    /// A shape makes no sense.
    #[error(transparent)]
    Shape(#[from] LinkError),
    /// No peer has this id.
    #[error("`{0}` is not a peer's id: expected what `net_peers` calls `id`, such as 12D3KooW…")]
    PeerId(String),
    /// There is no room for more.
    #[error(transparent)]
    TooMany(#[from] TooManyPeers),
    /// The file cannot be read.
    #[error("cannot read the links in {file}: {error}")]
    File {
        /// The file.
        file: String,
        /// What the system says, or the parser.
        error: io::Error,
    },
}

/// The id of a peer.
pub fn peer_id(text: &str) -> Result<PeerId, LinksError> {
    text.parse().map_err(|_| LinksError::PeerId(text.chars().take(80).collect()))
}

/// The ids of peers.
pub fn peer_ids(texts: &[String]) -> Result<BTreeSet<PeerId>, LinksError> {
    texts.iter().map(|text| peer_id(text)).collect()
}

impl TryFrom<Json> for LinkShape {
    type Error = LinkError;

    fn try_from(json: Json) -> Result<Self, LinkError> {
        Self::new(
            Span(json.latency_ms),
            Span(json.jitter_ms),
            Loss::from_share(json.loss)?,
            Bandwidth::from_bits(json.bandwidth_bits_per_second)?,
        )
    }
}

impl From<LinkShape> for Json {
    fn from(shape: LinkShape) -> Self {
        Self {
            latency_ms: shape.latency().0,
            jitter_ms: shape.jitter().0,
            loss: shape.loss().share(),
            bandwidth_bits_per_second: shape.bandwidth().bits_per_second(),
        }
    }
}

impl TryFrom<NodeLinks> for LinkSettings {
    type Error = LinksError;

    fn try_from(json: NodeLinks) -> Result<Self, LinksError> {
        let mut settings = Self {
            all: json.all.try_into()?,
            blocked: peer_ids(&json.blocked)?,
            ..Self::default()
        };
        for (peer, shape) in json.peers {
            settings.peers.insert(peer_id(&peer)?, shape.try_into()?);
        }
        settings.check()?;
        Ok(settings)
    }
}

impl From<LinkSettings> for NodeLinks {
    fn from(settings: LinkSettings) -> Self {
        let peers = settings.peers.into_iter();
        Self {
            all: settings.all.into(),
            peers: peers.map(|(peer, shape)| (peer.to_string(), shape.into())).collect(),
            blocked: settings.blocked.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The links in a file, a [`NodeLinks`] in JSON.
///
/// # Errors
///
/// A file that cannot be read or says what makes no sense.
pub fn read(path: &Path) -> Result<LinkSettings, LinksError> {
    use io::Read as _;
    let read = || -> io::Result<NodeLinks> {
        let mut text = String::new();
        fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        serde_json::from_str(&text).map_err(io::Error::from)
    };
    let json = read();
    json.map_err(|error| LinksError::File { file: path.display().to_string(), error })?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_as_they_are_shown() {
        let (one, other) = (PeerId::random(), PeerId::random());
        let shape = Json {
            latency_ms: 80,
            jitter_ms: 10,
            loss: 0.02,
            bandwidth_bits_per_second: Some(10_000_000),
        };
        let shown = NodeLinks {
            all: shape,
            peers: [(one.to_string(), Json::default())].into(),
            blocked: vec![other.to_string()],
        };
        let settings = LinkSettings::try_from(shown.clone()).unwrap();
        assert_eq!(settings.of(&one).shape, LinkShape::default());
        assert_eq!(settings.of(&other).shape, LinkShape::try_from(shape).unwrap());
        assert!(settings.of(&other).blocked && !settings.of(&one).blocked);
        assert_eq!(NodeLinks::from(settings.clone()), shown);

        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), serde_json::to_string(&shown).unwrap()).unwrap();
        assert_eq!(read(file.path()).unwrap(), settings);
        assert_eq!(serde_json::from_str::<NodeLinks>("{}").unwrap(), NodeLinks::default());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let refused = |json: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), json).unwrap();
            read(file.path()).unwrap_err().to_string()
        };
        for (json, part) in [
            ("", "EOF"),
            (r#"{"latency_ms": 5}"#, "unknown field `latency_ms`"),
            (r#"{"all": {"latency_ms": 60001}}"#, "is too long"),
            (r#"{"all": {"loss": 1}}"#, "not from nothing to just under everything"),
            (r#"{"blocked": ["node1"]}"#, "`node1` is not a peer's id"),
        ] {
            let error = refused(json);
            assert!(error.contains(part), "{json}: {error}");
        }
        assert!(read(Path::new("/nowhere")).unwrap_err().to_string().contains("/nowhere"));
    }
}
