//! The node: the replica's host on tokio, libp2p and RocksDB.
//!
//! | part | what it is |
//! |---|---|
//! | [`host`] | the loop that owns the replica and performs its outputs in order |
//! | [`net`] | libp2p behind channels |
//! | [`links`] | how links are treated, between JSON and the network |
//! | [`store`] | RocksDB |
//! | [`rpc`] | the one port: JSON-RPC, health and metrics |
//! | [`feed`] | what happens, for subscribers |
//! | [`stratum`] | the port for miners |
//! | [`work`] | templates for those who search beside the node |
//! | `verify`, `search` | signature checks and the nonce search, on threads of their own |
//! | `indexing`, [`cold`] | making the index of histories; work on a data directory that no node uses |
//! | [`report`], [`metrics`], [`logfile`] | log lines, figures, a log file with a bound |
//! | [`words`], `informant` | quantities and lines as people read them |
//! | `authority`, `keyring`, [`staking`] | the keys that it signs with, and that nobody else does |
//! | [`config`], [`lock`] | what a node is told about itself; one process per data directory |
//!
//! [`run`] brings them up in the order in which they can fail for the user: directory, spec, ports, store, network.

mod aside;
mod authority;
mod backend;
pub mod cold;
pub mod config;
mod error;
pub mod feed;
pub mod hashrate;
pub mod host;
mod indexing;
mod informant;
mod keyring;
pub mod links;
pub mod lock;
pub mod logfile;
pub mod metrics;
pub mod net;
mod record;
pub mod report;
pub mod rpc;
mod search;
pub(crate) mod secret;
pub mod staking;
mod stopwatch;
pub mod store;
pub mod stratum;
pub(crate) mod verify;
pub mod words;
pub mod work;

pub use authority::AuthorityError;
pub use error::NodeError;
pub use record::RecordingError;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use tokio::signal::unix::{SignalKind, signal};

use self::authority::AuthorityKey;
use self::backend::NodeBackend;
use self::config::{KernelChoice, NodeConfig};
use self::feed::Feed;
use self::host::{Inbox, Mailbox, wall_clock};
use self::lock::DirectoryLock;
use self::metrics::Metrics;
use self::net::{Net, NetConfig, NetError, NetEvent, NetHandle};
use self::record::Begun;
use self::report::{Names, Reporter, START};
use self::rpc::{Facts, Rule, Server};
use self::staking::Staking;
use self::stopwatch::Stopwatch;
use self::store::RocksStore;
use self::stratum::{Door, StratumError};
use self::work::Work;
use crate::api::Exit;
use crate::api::files::{CHAIN_FILE_NAME, NodeFile};
use crate::consensus::Seat;
use crate::miner::{Miner, Throttle};
use crate::replica::record::Start;
use crate::replica::{Chain, Replica};
use crate::spec::{DevAccount, FrozenSpec, is_dev_key};
use crate::store::Histories;
use crate::types::{Address, Amount, BlockId, Height, Keypair};

/// The database, in the data directory.
const DATABASE: &str = "db";

/// The key that names this node among its peers, in the data directory.
const NODE_KEY: &str = "node.key";

/// Runs a node until SIGTERM, SIGINT or `system_stop`, then stops it cleanly. Says how the process ends.
///
/// # Errors
///
/// See [`NodeError`]. What was acknowledged is durable in any case.
pub fn run(config: &NodeConfig) -> Result<Exit, NodeError> {
    let unusable =
        |error| NodeError::Directory { directory: config.datadir.display().to_string(), error };
    fs::create_dir_all(&config.datadir).map_err(unusable)?;
    let _lock = DirectoryLock::take(&config.datadir)?;
    let spec = frozen(&config.datadir)?;
    // One thread for all sockets: what is heavy has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, &spec))
}

/// The frozen spec in a data directory.
fn frozen(datadir: &Path) -> Result<FrozenSpec, NodeError> {
    let file = datadir.join(CHAIN_FILE_NAME);
    let shown = file.display().to_string();
    match fs::read_to_string(&file) {
        Ok(text) => Ok(FrozenSpec::parse(&shown, &text)?),
        Err(error) => Err(NodeError::NoChain { file: shown, error }),
    }
}

async fn serve(config: &NodeConfig, spec: &FrozenSpec) -> Result<Exit, NodeError> {
    let mut ends = Ends::listen()?;
    let key = authority(config, spec)?;
    let seat = seat(config, key.as_ref())?;
    let staking = Arc::new(staking(config, spec)?);
    let metrics = Arc::new(metrics(spec));
    let last = last_start(&config.datadir);
    let server = open_port(config, last.as_ref(), facts(config, spec), metrics.clone()).await?;
    let door = open_door(config, spec, last.as_ref()).await?;
    heading(config, spec, &seat, &server, door.as_ref());

    let database = config.datadir.join(DATABASE);
    if config.resync {
        let kept = RocksStore::start_over(&database)?;
        tracing::warn!(kept, "the stored chain is thrown away; what was promised and signed stays");
    }
    let store = Arc::new(RocksStore::open(&database)?);
    if let Some(key) = &key {
        key.bind(&config.datadir, spec.genesis_id(), &store, config.authority_moved)?;
    }
    let told_to_end = ends.wait_for_signal();
    if let Some(ended) = indexing::settle(config.index, spec, &store, told_to_end).await? {
        server.stop().await;
        return Ok(ended);
    }
    let checkpoint = config.checkpoint.map(|checkpoint| (checkpoint.height, checkpoint.id));
    let chain = Chain { checkpoint, ..Chain::of(spec) };
    let mining = config.mining.as_ref().map(|mining| mining.payout);
    let stopwatch = Stopwatch::default();
    let engine = stopwatch.around(spec.engine(&seat));
    let begun = record(config, spec, (&seat, checkpoint), &store)?;
    let now = wall_clock();
    let recording = begun.map(|begun| begun.open(now)).transpose();
    let recording = recording.map_err(|error| unrecorded(config, error))?;
    let replica = Replica::open(chain, || spec.genesis_state(), engine, store.clone(), now)?;

    let mailbox = Mailbox::default();
    let net = start_net(config, spec, &seat, last.as_ref(), mailbox.inbox().clone()).await?;
    let miner = Arc::new(miner(config));
    listening(&net.handle());
    let names = Names { prefix: spec.prefix, dev: spec.dev };
    let counters = net.handle().counters().clone();
    let reporter = Reporter::new(metrics.clone(), counters, stopwatch, names);
    let feed = Feed::new(spec.prefix);
    let (host, thread) = mailbox.start(replica, net.handle(), miner, reporter, feed, recording)?;
    let work = Arc::new(Work::new(host.clone(), &Rule::of(spec)));
    let stratum_url = door.as_ref().map(Door::url);
    let stratum = door.map(|door| {
        let mut stratum =
            door.open(work.clone(), spec.prefix, account_names(spec), metrics.clone());
        stratum.follow(host.clone());
        stratum
    });
    let backend = NodeBackend {
        host: host.clone(),
        work,
        stratum: stratum.as_ref().map(|stratum| stratum.hub().clone()),
        net: net.handle(),
        metrics,
        prefix: spec.prefix,
        histories: Histories::of(store, spec.genesis_id()),
        authority: seat.authority(),
        authority_key: seat.key.clone(),
        chain: spec.genesis_id(),
        staking: staking.clone(),
        payout: arc_swap::ArcSwapOption::from(mining.map(Arc::new)),
        template_payout: config.template_payout,
        stop: ends.asked(),
    };
    if let Some(stake) = &config.stake {
        staking.start(&host, stake.clone())?;
    }
    server.ready(Arc::new(backend));
    write_node_file(config, spec, &server, &net.handle(), stratum_url)?;
    tracing::info!("ready");
    if let (true, Some(p2p)) = (config.first_start, net.handle().listen_addresses().first()) {
        tracing::info!("a new chain; a second node joins it with: {}", config.second_node(p2p));
    }

    let ended = ends.wait(&thread).await;
    tracing::info!("stopping");
    server.stopping();
    drop(stratum);
    host.stop();
    // The loop ends after one round; waiting for it here lets the runtime rest, which nothing needs any more.
    let outcome = tokio::task::spawn_blocking(move || thread.join()).await;
    net.stop().await;
    server.stop().await;
    match outcome {
        Ok(Ok(Ok(()))) => Ok(ended),
        Ok(Ok(Err(reason))) => Err(NodeError::Stopped(reason)),
        Ok(Err(_)) | Err(_) => Err(NodeError::Stopped("its loop panicked".into())),
    }
}

/// What ends a node.
struct Ends {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    asked: (tokio::sync::mpsc::Sender<()>, tokio::sync::mpsc::Receiver<()>),
}

impl Ends {
    fn listen() -> Result<Self, NodeError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            asked: tokio::sync::mpsc::channel(1),
        })
    }

    fn asked(&self) -> tokio::sync::mpsc::Sender<()> {
        self.asked.0.clone()
    }

    /// Waits for a signal.
    async fn wait_for_signal(&mut self) -> Exit {
        tokio::select! {
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.interrupt.recv() => Exit::Interrupted,
        }
    }

    /// Waits for the end; says who asked for it.
    async fn wait<T>(&mut self, thread: &std::thread::JoinHandle<T>) -> Exit {
        let mut watch = tokio::time::interval(std::time::Duration::from_millis(200));
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Exit::Terminated,
                _ = self.interrupt.recv() => return Exit::Interrupted,
                _ = self.asked.1.recv() => return Exit::Ok,
                _ = watch.tick() => if thread.is_finished() { return Exit::Failed },
            }
        }
    }
}

/// Begins the recording, if there is to be one.
fn record(
    config: &NodeConfig,
    spec: &FrozenSpec,
    (seat, checkpoint): (&Seat, Option<(Height, BlockId)>),
    store: &RocksStore,
) -> Result<Option<Begun>, NodeError> {
    let Some(file) = &config.record else { return Ok(None) };
    let begun = Begun::begin(file, spec, Start::of(seat, checkpoint), store)
        .map_err(|error| unrecorded(config, error))?;
    let file = file.display();
    tracing::info!(%file, "recorded in {file}; `assay sim replay` runs it again");
    Ok(Some(begun))
}

fn unrecorded(config: &NodeConfig, error: RecordingError) -> NodeError {
    let file = config.record.as_deref().unwrap_or(Path::new(""));
    NodeError::Recording { file: file.display().to_string(), error }
}

fn metrics(spec: &FrozenSpec) -> Metrics {
    let mut metrics = Metrics::new();
    metrics.identify(&spec.name, &spec.genesis_id().to_string(), spec.consensus().engine());
    metrics
}

fn facts(config: &NodeConfig, spec: &FrozenSpec) -> Facts {
    Facts {
        chain: spec.name.clone(),
        symbol: spec.symbol.clone(),
        prefix: spec.prefix,
        dev: spec.dev,
        params: spec.ledger_params(),
        rule: Rule::of(spec),
        pool_bytes_max: spec.pool_bytes(),
        spec: spec.to_toml(),
        datadir: config.datadir.clone(),
        started: wall_clock(),
    }
}

/// The key of the authority that the node acts for, if it does.
fn authority(config: &NodeConfig, spec: &FrozenSpec) -> Result<Option<AuthorityKey>, NodeError> {
    let Some(path) = &config.authority else { return Ok(None) };
    if spec.consensus().authorities().is_none() {
        return Err(AuthorityError::NoAuthorities(spec.consensus().engine()).into());
    }
    let key = AuthorityKey::take(path)?;
    if !spec.dev && is_dev_key(&key.keypair().address()) {
        return Err(AuthorityError::Public { file: path.display().to_string() }.into());
    }
    Ok(Some(key))
}

/// Who stakes here, with those claimed who do from the start.
fn staking(config: &NodeConfig, spec: &FrozenSpec) -> Result<Staking, NodeError> {
    let staking = Staking::new(spec, &config.stake_locks, &config.datadir);
    if let Some(stake) = &config.stake {
        staking.claim(&stake.keys.iter().map(Keypair::address).collect())?;
    }
    Ok(staking)
}

/// Who acts here, and from what it draws its chances.
fn seat(config: &NodeConfig, key: Option<&AuthorityKey>) -> Result<Seat, NodeError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| NodeError::System(std::io::Error::other(error)))?;
    let seed = u64::from_le_bytes(seed);
    let key = key.map(|key| key.keypair().clone());
    let payout = config.mining.as_ref().map(|mining| mining.payout);
    // Whoever makes blocks for an authority is paid as that authority unless somebody else is named.
    let named = key.as_ref().and(config.authority_payout);
    let payout = payout.or(named).or(key.as_ref().map(Keypair::address));
    tracing::debug!(seed, "chances are drawn from this seed");
    Ok(Seat { key, payout, stake: None, seed })
}

/// The node file of the last start: whoever knew the ports then finds them again.
fn last_start(datadir: &Path) -> Option<NodeFile> {
    let text = fs::read_to_string(datadir.join(NodeFile::NAME)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Opens the port for requests: the one asked for, or the one of the last start if it is still free, or any.
async fn open_port(
    config: &NodeConfig,
    last: Option<&NodeFile>,
    facts: Facts,
    metrics: Arc<Metrics>,
) -> Result<Server, NodeError> {
    let settings = |listen| rpc::Config {
        listen,
        hosts: config.rpc_hosts.clone(),
        origins: config.rpc_origins.clone(),
        token_file: config.rpc_token_file.clone(),
        ..rpc::Config::default()
    };
    let remembered = last
        .filter(|_| config.rpc.port() == 0)
        .and_then(|last| last.rpc.strip_prefix("http://")?.parse::<SocketAddr>().ok())
        .filter(|last| last.ip() == config.rpc.ip());
    if let Some(listen) = remembered {
        let opened = rpc::start(&settings(listen), facts.clone(), metrics.clone()).await;
        if let Ok(server) = opened {
            return Ok(server);
        }
    }
    Ok(rpc::start(&settings(config.rpc), facts, metrics).await?)
}

/// Opens the port for miners: as [`open_port`] does.
async fn open_door(
    config: &NodeConfig,
    spec: &FrozenSpec,
    last: Option<&NodeFile>,
) -> Result<Option<Door>, NodeError> {
    let Some(listen) = config.stratum else { return Ok(None) };
    let rule = Rule::of(spec);
    if rule.search().is_none() {
        return Err(StratumError::NoSearch(rule.no_search()).into());
    }
    let remembered = last
        .filter(|_| listen.port() == 0)
        .and_then(|last| last.stratum.as_ref()?.strip_prefix("stratum+tcp://")?.parse().ok())
        .filter(|last: &SocketAddr| last.ip() == listen.ip());
    if let Some(remembered) = remembered
        && let Ok(door) = Door::bind(remembered).await
    {
        return Ok(Some(door));
    }
    Ok(Some(Door::bind(listen).await?))
}

/// The names that may stand for addresses where miners say whom to pay.
fn account_names(spec: &FrozenSpec) -> BTreeMap<String, Address> {
    let accounts = DevAccount::all().filter(|_| spec.dev);
    accounts.map(|account| (account.name().to_owned(), account.address())).collect()
}

async fn start_net(
    config: &NodeConfig,
    spec: &FrozenSpec,
    seat: &Seat,
    last: Option<&NodeFile>,
    inbox: Inbox,
) -> Result<Net, NodeError> {
    let remembered = last
        .filter(|_| config.p2p.port() == 0)
        .and_then(|last| last.p2p.first()?.parse::<Multiaddr>().ok())
        .and_then(|address| socket(&address))
        .filter(|last| last.ip() == config.p2p.ip());
    if let Some(listen) = remembered {
        let started =
            Net::start(net_config(config, spec, seat, listen), events(inbox.clone())).await;
        match started {
            Err(NetError::Bind { .. }) => {}
            started => return Ok(started?),
        }
    }
    Ok(Net::start(net_config(config, spec, seat, config.p2p), events(inbox)).await?)
}

fn net_config(
    config: &NodeConfig,
    spec: &FrozenSpec,
    seat: &Seat,
    listen: SocketAddr,
) -> NetConfig {
    NetConfig {
        listen: Multiaddr::from(listen.ip()).with(Protocol::Tcp(listen.port())),
        bootnodes: config.bootnodes.clone(),
        links: config.links.clone(),
        authority: seat.key.clone(),
        ..NetConfig::new(spec.genesis_id(), config.datadir.join(NODE_KEY))
    }
}

/// The socket address that a multiaddr of TCP starts with.
fn socket(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// Hands what happens on the network to the loop.
fn events(inbox: Inbox) -> net::Events {
    Box::new(move |event: NetEvent| {
        let other = match event.into_input() {
            Ok(input) => {
                // Turned away: the network's own table of messages forgets it in time, and nobody is blamed.
                inbox.input(input);
                return;
            }
            Err(other) => *other,
        };
        match other {
            NetEvent::Received { from, message, room } => {
                inbox.received(from, message, room);
            }
            NetEvent::WrongChain { peer_id, address, ours, theirs } => {
                tracing::warn!(%peer_id, %address, "turned a node of another chain away: it is on {theirs}, this is {ours}");
            }
            NetEvent::Banned { peer_id, reason, seconds, .. } => {
                tracing::warn!(%peer_id, seconds, "threw a peer out: {reason}");
            }
            _ => {}
        }
    })
}

fn miner(config: &NodeConfig) -> Miner {
    let (threads, throttle, kernel) = match &config.mining {
        Some(mining) => (mining.threads, mining.throttle, mining.kernel),
        None => (NonZeroUsize::MIN, Throttle::FULL, KernelChoice::Auto),
    };
    Miner::new(kernel.kernel(), threads, throttle, lowest_priority)
}

/// Lowers the priority of the calling thread: searching gives way to everything else on the machine.
pub fn lowest_priority() {
    if let Err(error) = rustix::process::nice(19) {
        tracing::debug!("the search keeps its priority: {error}");
    }
}

/// The first lines of a log: what runs here, for which chain, where its data are and where it answers.
fn heading(
    config: &NodeConfig,
    spec: &FrozenSpec,
    seat: &Seat,
    server: &Server,
    door: Option<&Door>,
) {
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    tracing::info!(target: START, version, pid, "assay {version}, process {pid}");
    let (chain, engine, genesis) = (&spec.name, spec.consensus().engine(), spec.genesis_id());
    tracing::info!(
        target: START,
        chain, engine, %genesis,
        "chain {chain}, rule {engine}, genesis {genesis}"
    );
    let (datadir, rpc) = (config.datadir.display(), server.url());
    tracing::info!(target: START, %datadir, "data in {datadir}");
    tracing::info!(target: START, rpc, "requests at {rpc}");
    if let Some(stratum) = door.map(Door::url) {
        tracing::info!(target: START, stratum, "miners at {stratum}, the user being the address to pay");
    }
    if let Some(mining) = &config.mining {
        let (payout, threads) = (mining.payout.encode(&spec.prefix), mining.threads.get());
        let throttle = mining.throttle.share();
        let kernel = mining.kernel.kernel().name();
        tracing::info!(
            target: START,
            payout, threads, throttle, kernel,
            "searching for blocks that pay {payout}: threads {threads}, at {:.0} %, kernel {kernel}",
            throttle * 100.0
        );
    }
    if let Some(stake) = &config.stake {
        let (owners, reserve) = (stake.keys.len(), stake.reserve);
        let what = if owners == 1 { "address" } else { "addresses" };
        let kept = match reserve {
            Amount::ZERO => String::new(),
            reserve => format!(", all but {reserve} {}", spec.symbol),
        };
        tracing::info!(target: START, owners, %reserve, "staking the coins of {owners} {what}{kept}");
    }
    if let Some(authority) = seat.authority() {
        let authority = authority.encode(&spec.prefix);
        tracing::info!(target: START, authority, "acting for the authority {authority}");
    }
    if spec.dev {
        tracing::warn!("a development chain: everybody knows the keys of its accounts");
    }
}

/// The rest of it, once it is known.
fn listening(net: &NetHandle) {
    let peer_id = net.local_peer_id();
    tracing::info!(target: START, peer_id, "peer id {peer_id}");
    for address in net.listen_addresses().iter() {
        tracing::info!(target: START, p2p = %address, "peers at {address}");
    }
}

/// Tells other processes where this node is. Written beside and renamed: nobody reads half of it.
fn write_node_file(
    config: &NodeConfig,
    spec: &FrozenSpec,
    server: &Server,
    net: &NetHandle,
    stratum: Option<String>,
) -> Result<(), NodeError> {
    let file = NodeFile {
        pid: std::process::id(),
        started: wall_clock(),
        chain: spec.name.clone(),
        genesis: spec.genesis_id(),
        rpc: server.url(),
        p2p: net.listen_addresses().iter().map(ToString::to_string).collect(),
        peer_id: net.local_peer_id().to_owned(),
        stratum,
    };
    let text = serde_json::to_string_pretty(&file).expect("a node file is plain data");
    let mut beside = tempfile::NamedTempFile::new_in(&config.datadir)?;
    beside.write_all(text.as_bytes())?;
    beside.persist(config.datadir.join(NodeFile::NAME)).map_err(|error| error.error)?;
    Ok(())
}
