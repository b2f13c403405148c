//! Speaking to a node: every method of its port, typed.
//!
//! Calls are JSON-RPC over one kept HTTP connection, bounded in time and size. An error says whether nobody answered
//! (try again, or look for the node) or the node refused (and with which code), which is what exit codes tell scripts.

use std::fmt;
use std::time::Duration;

use jsonrpsee_core::client::{ClientT, Error};
use jsonrpsee_core::params::BatchRequestBuilder;
use jsonrpsee_core::traits::ToRpcParams;
use jsonrpsee_core::{JsonRawValue, to_json_raw_value};
use jsonrpsee_http_client::{HeaderMap, HeaderValue, HttpClient};
use jsonrpsee_types::ErrorObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{
    AuthorityList, Balance, BalanceParams, BlockInfo, BlockParams, BlockSelector, BlocksPage,
    BlocksParams, ChainInfo, CoinPage, CoinsParams, ConnectParams, ConsensusStatus, DelegatesPage,
    DelegatesParams, Delegation, ErrorBody, Exit, ForkInfo, HeaderInfo, HistoryCursor, HistoryPage,
    HistoryParams, LinkParams, MempoolInfo, MempoolParams, MiningParams, MiningStatus,
    MiningTemplate, NetBlockParams, NodeLinks, PayoutParams, PeerInfo, Read, ReadPoint, Replied,
    RpcCode, SealParams, Sealed, SpecInfo, StakeParams, StakingParams, StakingStatus, SubmitParams,
    SubmitResult, SupplyInfo, SystemInfo, TemplateParams, TransactionInfo, TransactionParams,
    VotesParams,
};
use crate::types::{CoinId, Height, Transaction, TransactionId, encode};

/// How long a call may take unless the caller says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of an answer at most: what a node answers at most, and a margin.
const ANSWER_BYTES_MAX: u32 = 20 << 20;

/// Bytes of a request at most, which is what nodes take.
const REQUEST_BYTES_MAX: u32 = 2 << 20;

/// How often the node is asked while it opens its store.
const WARM_UP_POLL: Duration = Duration::from_millis(20);

/// The words that the HTTP library has for a status that is no success.
const REJECTED: &str = "Request rejected";

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The URL makes no sense.
    #[error("`{given}` is not the address of a node: {reason}")]
    Url {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token cannot travel in a header.
    #[error("the token holds characters that no header can carry")]
    Token,
    /// Nobody answers.
    #[error("no node answers at {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("the node at {url} did not answer {method} within {} s", after.as_secs_f64())]
    Timeout {
        /// Where.
        url: String,
        /// What was asked.
        method: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// Somebody answers, but not as a node of ours does.
    #[error("what answers at {url} does not speak as an Assay node: {reason}")]
    Garbled {
        /// Where.
        url: String,
        /// What was not understood.
        reason: String,
    },
    /// The port refused the request before it was read: a host, an origin, a size, or too many connections.
    #[error("the node at {url} turned the request away: {reason}")]
    TurnedAway {
        /// Where.
        url: String,
        /// What the library says about it.
        reason: String,
    },
    /// The node refused the call.
    #[error("{message}")]
    Refused {
        /// The code on the wire.
        code: i32,
        /// Why.
        message: String,
        /// What to do, if the node says so.
        help: Option<String>,
    },
}

impl ClientError {
    /// The exit code of a command that fails for this reason.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Url { .. } | Self::Token => Exit::Usage,
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Garbled { .. } => {
                Exit::Unreachable
            }
            Self::TurnedAway { .. } | Self::Refused { .. } => Exit::Refused,
        }
    }

    /// What the node refused with, if that is a code of its own.
    pub fn code(&self) -> Option<RpcCode> {
        match self {
            Self::Refused { code, .. } => RpcCode::of(*code),
            _ => None,
        }
    }

    /// A word that scripts can match.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Url { .. } => "bad_url",
            Self::Token => "bad_token",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Garbled { .. } => "not_a_node",
            Self::TurnedAway { .. } => "turned_away",
            Self::Refused { code, .. } => match (RpcCode::of(*code), code) {
                (Some(code), _) => code.name(),
                (None, -32601) => "unknown_method",
                (None, -32602) => "bad_parameters",
                (None, _) => "refused",
            },
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Refused { help, .. } => return help.clone(),
            Self::Url { .. } => "give a URL such as http://127.0.0.1:18544",
            Self::Token => "read the token from the file rpc.cookie in the node's data directory",
            Self::Unreachable { .. } => {
                "is the node running? name it with --rpc URL or --dir DEVNET:NODE"
            }
            Self::Timeout { .. } => "the node is busy or suspended: try again, or look at its log",
            Self::Garbled { .. } => "check the port: another program may be listening there",
            Self::TurnedAway { .. } => {
                "speak to the node as localhost or by IP address, and send less at once"
            }
        };
        Some(help.into())
    }

    /// The error as `--json` prints it.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            code: self.name().into(),
            exit: self.exit().code(),
            message: self.to_string(),
            help: self.help(),
        }
    }
}

/// Where a node stands, in one round trip.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeStatus {
    /// Its chain.
    pub chain: ChainInfo,
    /// Its pool.
    pub mempool: MempoolInfo,
    /// Its peers.
    pub peers: Vec<PeerInfo>,
    /// What its rule is doing.
    pub consensus: ConsensusStatus,
}

/// A connection to a node. Clones share it.
#[derive(Clone)]
pub struct Client {
    url: String,
    timeout: Duration,
    http: HttpClient,
}

impl fmt::Debug for Client {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

/// Parameters that are JSON already.
struct Params(Box<JsonRawValue>);

impl Params {
    fn of(params: &impl Serialize) -> Result<Self, serde_json::Error> {
        to_json_raw_value(params).map(Self)
    }
}

impl ToRpcParams for Params {
    fn to_rpc_params(self) -> Result<Option<Box<JsonRawValue>>, serde_json::Error> {
        Ok(Some(self.0))
    }
}

/// No parameters.
const NOTHING: [(); 0] = [];

impl Client {
    /// A client for the node at `url`, which may leave `http://` out. `token` is the content of its cookie file; only
    /// methods that command the node need it. Nothing is sent yet.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, ClientError> {
        Self::with_timeout(url, token, CALL_TIMEOUT)
    }

    /// The same with another limit on how long a call may take.
    pub fn with_timeout(
        url: &str,
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let bad =
            |reason: String| ClientError::Url { given: url.chars().take(200).collect(), reason };
        let full = match url.split_once("://") {
            Some(("http", _)) => url.to_owned(),
            Some((scheme, _)) => {
                return Err(bad(format!("it starts with `{scheme}://`, nodes speak http")));
            }
            None => format!("http://{url}"),
        };
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| ClientError::Token)?;
            value.set_sensitive(true);
            headers.insert("authorization", value);
        }
        let http = HttpClient::builder()
            .set_headers(headers)
            .request_timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .max_request_size(REQUEST_BYTES_MAX)
            .max_response_size(ANSWER_BYTES_MAX)
            .build(&full)
            .map_err(|error| bad(innermost(&error)))?;
        Ok(Self { url: full, timeout, http })
    }

    /// Where the node is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method; `params` is a list or an object.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, ClientError> {
        let raw = || Params::of(params).map_err(|error| self.error(method, Error::from(error)));
        match self.http.request(method, raw()?).await {
            // The node may have closed an idle connection in the very moment of its use. A lost submission is not
            // repeated: the second answer would be "already pending".
            Err(Error::Transport(error))
                if method != "mempool_submit" && !error.to_string().starts_with(REJECTED) =>
            {
                self.http.request(method, raw()?).await
            }
            answer => answer,
        }
        .map_err(|error| self.error(method, error))
    }

    /// Calls several methods in one round trip; answers come in the order of the calls.
    pub async fn batch(
        &self,
        calls: &[(&str, Value)],
    ) -> Result<Vec<Result<Value, ClientError>>, ClientError> {
        let failed = |error| self.error("a batch", error);
        let mut batch = BatchRequestBuilder::new();
        for (method, params) in calls {
            let params = Params::of(params).map_err(|error| failed(error.into()))?;
            batch.insert(method, params).map_err(|error| failed(error.into()))?;
        }
        let answers = self.http.batch_request::<Value>(batch).await.map_err(failed)?;
        Ok(answers.into_iter().map(|answer| answer.map_err(refused)).collect())
    }

    /// What the library's error means to us.
    fn error(&self, method: &str, error: Error) -> ClientError {
        let url = self.url.clone();
        match error {
            Error::Call(refusal) => refused(refusal),
            Error::RequestTimeout => {
                ClientError::Timeout { url, method: method.into(), after: self.timeout }
            }
            Error::Transport(error) => {
                let reason = innermost(&*error);
                if error.to_string().starts_with(REJECTED) {
                    ClientError::TurnedAway { url, reason: error.to_string() }
                } else if reason == "Malformed request" {
                    // The library's word for a body that is no JSON at all.
                    ClientError::Garbled { url, reason: "the answer is not JSON".into() }
                } else {
                    ClientError::Unreachable { url, reason }
                }
            }
            other => ClientError::Garbled { url, reason: innermost(&other) },
        }
    }

    /// `chain_info`.
    pub async fn chain_info(&self) -> Result<ChainInfo, ClientError> {
        self.call("chain_info", &NOTHING).await
    }

    /// `chain_block`.
    pub async fn chain_block(&self, block: BlockSelector) -> Result<BlockInfo, ClientError> {
        self.call("chain_block", &BlockParams { block }).await
    }

    /// `chain_header`.
    pub async fn chain_header(&self, block: BlockSelector) -> Result<HeaderInfo, ClientError> {
        self.call("chain_header", &BlockParams { block }).await
    }

    /// `chain_forks`.
    pub async fn chain_forks(&self) -> Result<Vec<ForkInfo>, ClientError> {
        self.call("chain_forks", &NOTHING).await
    }

    /// `chain_transaction`; nothing where the node knows no such transaction.
    pub async fn chain_transaction(
        &self,
        id: TransactionId,
    ) -> Result<Option<TransactionInfo>, ClientError> {
        match self.call("chain_transaction", &TransactionParams { id }).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.code() == Some(RpcCode::UnknownTransaction) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `chain_reply`.
    pub async fn chain_reply(&self, id: TransactionId) -> Result<Replied, ClientError> {
        self.call("chain_reply", &TransactionParams { id }).await
    }

    /// `chain_supply`.
    pub async fn chain_supply(&self) -> Result<SupplyInfo, ClientError> {
        self.call("chain_supply", &NOTHING).await
    }

    /// `chain_blocks`: blocks of the best branch from a height on, as many as one answer holds.
    pub async fn chain_blocks(&self, from: Height) -> Result<BlocksPage, ClientError> {
        self.call("chain_blocks", &BlocksParams { from, limit: None }).await
    }

    /// `chain_spec`.
    pub async fn chain_spec(&self) -> Result<SpecInfo, ClientError> {
        self.call("chain_spec", &NOTHING).await
    }

    /// `consensus_status`.
    pub async fn consensus_status(&self) -> Result<ConsensusStatus, ClientError> {
        self.call("consensus_status", &NOTHING).await
    }

    /// `authority_list`.
    pub async fn authority_list(&self) -> Result<AuthorityList, ClientError> {
        self.call("authority_list", &NOTHING).await
    }

    /// `delegate_list`: one page, the first one unless `after` says where the last one ended.
    pub async fn delegate_list(
        &self,
        after: Option<u64>,
        limit: u32,
    ) -> Result<DelegatesPage, ClientError> {
        self.call("delegate_list", &DelegatesParams { after, limit: Some(limit) }).await
    }

    /// `delegate_votes`.
    pub async fn delegate_votes(&self, address: &str) -> Result<Delegation, ClientError> {
        self.call("delegate_votes", &VotesParams { address: address.to_owned() }).await
    }

    /// `mempool_info`, with the ids of what is pending if `ids` is set.
    pub async fn mempool_info(&self, ids: bool) -> Result<MempoolInfo, ClientError> {
        self.call("mempool_info", &MempoolParams { ids }).await
    }

    /// `mempool_submit`; the results are in the order of the transactions.
    pub async fn mempool_submit(
        &self,
        transactions: &[Transaction],
    ) -> Result<Vec<SubmitResult>, ClientError> {
        self.mempool_submit_encoded(transactions.iter().map(encode)).await
    }

    /// The same with transactions that are encoded already.
    pub async fn mempool_submit_encoded<T: AsRef<[u8]>>(
        &self,
        transactions: impl IntoIterator<Item = T>,
    ) -> Result<Vec<SubmitResult>, ClientError> {
        let transactions = transactions.into_iter().map(hex::encode).collect();
        self.call("mempool_submit", &SubmitParams { transactions }).await
    }

    /// Submits one transaction; its refusal is an error.
    pub async fn submit(&self, transaction: &Transaction) -> Result<TransactionId, ClientError> {
        let results = self.mempool_submit(std::slice::from_ref(transaction)).await?;
        match results.into_iter().next() {
            Some(SubmitResult::Accepted { id }) => Ok(id),
            Some(SubmitResult::Refused { error }) => {
                Err(ClientError::Refused { code: error.code, message: error.message, help: None })
            }
            None => Err(ClientError::Garbled {
                url: self.url.clone(),
                reason: "it answers for none of one transaction".into(),
            }),
        }
    }

    /// `coins_list`: one page of an address's coins, the first one unless `after` says where the last one ended.
    pub async fn coins_list(
        &self,
        address: &str,
        after: Option<CoinId>,
        limit: u32,
    ) -> Result<CoinPage, ClientError> {
        let params =
            CoinsParams { address: address.into(), after, limit: Some(limit), read: Read::Local };
        self.call("coins_list", &params).await
    }

    /// `consensus_read`: afterwards the node shows whatever was final anywhere when this was asked.
    pub async fn consensus_read(&self) -> Result<ReadPoint, ClientError> {
        self.call("consensus_read", &NOTHING).await
    }

    /// `address_balance`.
    pub async fn address_balance(&self, address: &str) -> Result<Balance, ClientError> {
        self.call("address_balance", &BalanceParams { address: address.into(), read: Read::Local })
            .await
    }

    /// `address_history`: one page, the first one unless `before` says where the last one ended.
    pub async fn address_history(
        &self,
        address: &str,
        before: Option<HistoryCursor>,
        limit: u32,
    ) -> Result<HistoryPage, ClientError> {
        let params = HistoryParams { address: address.into(), before, limit: Some(limit) };
        self.call("address_history", &params).await
    }

    /// `mining_status`.
    pub async fn mining_status(&self) -> Result<MiningStatus, ClientError> {
        self.call("mining_status", &NOTHING).await
    }

    /// `mining_start`; needs the token.
    pub async fn mining_start(&self, address: &str) -> Result<(), ClientError> {
        self.command("mining_start", &PayoutParams { address: address.into() }).await
    }

    /// `mining_set`; needs the token.
    pub async fn mining_set(&self, params: &MiningParams) -> Result<MiningStatus, ClientError> {
        self.call("mining_set", params).await
    }

    /// `mining_template`: a block that pays this address, to be proven; needs the token.
    pub async fn mining_template(&self, address: &str) -> Result<MiningTemplate, ClientError> {
        self.call("mining_template", &TemplateParams { address: Some(address.into()) }).await
    }

    /// `mining_submit`: the proof of such a block; needs the token.
    pub async fn mining_submit(&self, proof: &SealParams) -> Result<Sealed, ClientError> {
        self.call("mining_submit", proof).await
    }

    /// `mining_stop`; needs the token.
    pub async fn mining_stop(&self) -> Result<(), ClientError> {
        self.command("mining_stop", &NOTHING).await
    }

    /// `stake_status`: of these addresses, or else of those who stake on the node.
    pub async fn stake_status(
        &self,
        addresses: Option<Vec<String>>,
    ) -> Result<StakingStatus, ClientError> {
        self.call("stake_status", &StakingParams { addresses }).await
    }

    /// `stake_start`; needs the token.
    pub async fn stake_start(&self, params: &StakeParams) -> Result<StakingStatus, ClientError> {
        self.call("stake_start", params).await
    }

    /// `stake_stop`; needs the token.
    pub async fn stake_stop(&self) -> Result<StakingStatus, ClientError> {
        self.call("stake_stop", &NOTHING).await
    }

    /// `net_peers`.
    pub async fn net_peers(&self) -> Result<Vec<PeerInfo>, ClientError> {
        self.call("net_peers", &NOTHING).await
    }

    /// `net_connect`; needs the token.
    pub async fn net_connect(&self, address: &str) -> Result<(), ClientError> {
        self.command("net_connect", &ConnectParams { address: address.into() }).await
    }

    /// `net_link`: shapes the link to one peer, or all; needs the token.
    pub async fn net_link(&self, params: &LinkParams) -> Result<NodeLinks, ClientError> {
        self.call("net_link", params).await
    }

    /// `net_block`: blocks the peers with these ids and no others; needs the token.
    pub async fn net_block(&self, peers: &[String]) -> Result<NodeLinks, ClientError> {
        self.call("net_block", &NetBlockParams { peers: peers.to_vec() }).await
    }

    /// `system_info`.
    pub async fn system_info(&self) -> Result<SystemInfo, ClientError> {
        self.call("system_info", &NOTHING).await
    }

    /// `system_stop`; needs the token.
    pub async fn system_stop(&self) -> Result<(), ClientError> {
        self.command("system_stop", &NOTHING).await
    }

    /// `system_info` of a node that may still be starting: asks again while it opens its store or does not listen yet,
    /// until `patience` is over.
    pub async fn system_info_when_ready(
        &self,
        patience: Duration,
    ) -> Result<SystemInfo, ClientError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let error = match self.system_info().await {
                Ok(info) => return Ok(info),
                Err(error) => error,
            };
            let starting = matches!(error, ClientError::Unreachable { .. })
                || error.code() == Some(RpcCode::WarmingUp);
            if !starting || tokio::time::Instant::now() >= deadline {
                return Err(error);
            }
            tokio::time::sleep(WARM_UP_POLL).await;
        }
    }

    /// Where the node stands: chain, pool, peers and rule in one round trip.
    pub async fn status(&self) -> Result<NodeStatus, ClientError> {
        let nothing = || Value::Array(Vec::new());
        let methods = ["chain_info", "mempool_info", "net_peers", "consensus_status"];
        let calls = methods.map(|method| (method, nothing()));
        let mut answers = self.batch(&calls).await?.into_iter();
        Ok(NodeStatus {
            chain: self.read(answers.next())?,
            mempool: self.read(answers.next())?,
            peers: self.read(answers.next())?,
            consensus: self.read(answers.next())?,
        })
    }

    /// One answer of a batch as what it should be.
    fn read<T: DeserializeOwned>(
        &self,
        answer: Option<Result<Value, ClientError>>,
    ) -> Result<T, ClientError> {
        let garbled = |reason: String| ClientError::Garbled { url: self.url.clone(), reason };
        let value = answer.ok_or_else(|| garbled("an answer is missing".into()))??;
        serde_json::from_value(value).map_err(|error| garbled(error.to_string()))
    }

    /// Calls a method whose answer says nothing but that it was done.
    async fn command(&self, method: &str, params: &impl Serialize) -> Result<(), ClientError> {
        self.call::<Value>(method, params).await.map(drop)
    }
}

/// A refusal of the node's.
fn refused(error: ErrorObject<'_>) -> ClientError {
    let data = error.data().and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
    let help = data.as_ref().and_then(|data| data.get("help")).and_then(Value::as_str);
    ClientError::Refused {
        code: error.code(),
        message: error.message().to_owned(),
        help: help.map(str::to_owned),
    }
}

/// What the innermost cause of an error says: "Connection refused" rather than "client error".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
