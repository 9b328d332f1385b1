//! Where a writing command sends what it has: to a server that owns the data directory, or to a node of its own.

pub(super) mod tree;

use super::runtime::Threads;
use super::serve::open_node;
use crate::commands::{body_hash, command_id, hash_of};
use crate::config::Config;
use crate::datadir::DataDir;
use crate::import::Deed;
use crate::node::Node;
use crate::remote::Remote;
use crate::reports::ReportError;
use crate::store::Place;
use crate::time;
use anyhow::{Context, bail};
use backon::{ExponentialBuilder, Retryable};
use clap::Args;
use ionveil_actors::{AskError, Reply};
use ionveil_dispatch::assignment::Assignments;
use ionveil_dispatch::incident::Incidents;
use ionveil_dispatch::sla::Promises;
use ionveil_dispatch::unit::Units;
use ionveil_kernel::{
    BodyHash, Caller, CorrelationId, Decider, EntityId, Env, IdSource, Kind, Meta, NodeId, Org, Rejection, Role, StreamId, Timestamp,
};
use ionveil_workflow::{Command, KIND};
use std::time::Duration;

/// How often a command is tried again that met overload or a store that was away.
const RETRIES_MAX: usize = 12;

/// How a command finds its server.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// Organisation to write for; a server takes it from the token instead
    #[arg(long, default_value = "default")]
    pub org: Org,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which server, and who asks it.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// Ask this server, such as http://127.0.0.1:8080 [default: the one that owns the data directory, if one runs]
    #[arg(long, value_name = "URL", global = true)]
    pub server: Option<String>,
    /// File with the bearer token or API key for the server
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<std::path::PathBuf>,
}

/// One command for one workflow.
#[derive(Clone, Debug)]
pub struct Request {
    /// The workflow.
    pub id: EntityId,
    /// What to ask.
    pub command: Command,
    /// When it happened, if that is known.
    pub occurred_at: Option<Timestamp>,
    /// The version that the workflow must have before, if that matters.
    pub expected_version: Option<u64>,
    /// Names the request: a repeat is answered as the first was.
    pub key: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Recorded now.
    Appended,
    /// It had been recorded before.
    AlreadyThere,
    /// Refused.
    Refused {
        /// The stable code.
        code: String,
        /// Its text.
        detail: String,
    },
}

/// It could not be asked, or not be answered.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// The stable code of what the server said.
    pub code: Option<String>,
    /// What happened.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl SendError {
    /// Without a word of a server's.
    pub(crate) fn new(detail: impl ToString, retryable: bool) -> Self {
        Self { code: None, detail: detail.to_string(), retryable }
    }
}

/// Where commands go.
pub enum Target {
    /// A node of this process, which owns the data directory.
    Here {
        /// The node.
        node: Box<Node>,
        /// On whose behalf.
        caller: Caller,
        /// Owned until the work is done.
        directory: Option<DataDir>,
    },
    /// A running server.
    There(Remote),
}

impl Target {
    /// Finds the server that owns the data directory, else opens the store.
    ///
    /// # Errors
    /// If neither can be had.
    pub async fn open(args: &TargetArgs, config: &Config, threads: &Threads, subject: &str) -> anyhow::Result<Self> {
        let place = Place::of(&config.store);
        if let Some(url) = server_of(&args.server, config)? {
            return Ok(Self::There(Remote::new(&url, args.server.token_file.as_deref())?));
        }
        let directory = (place != Place::Memory).then(|| DataDir::open(&config.store.data_dir, &threads.env)).transpose()?;
        let folder = directory.as_ref().map(|dir| dir.path().to_owned());
        let id = directory.as_ref().map_or_else(|| NodeId(threads.env.next_id()), DataDir::node_id);
        let node = open_node(config.clone(), folder, id, threads)
            .await
            .context("open the store (a server on another machine may own it; see --server)")?;
        let caller = Caller { org: args.org.clone(), subject: subject.into(), role: Role::Admin };
        Ok(Self::Here { node: Box::new(node), caller, directory })
    }

    /// Sends one request, again and again while that may help.
    ///
    /// # Errors
    /// [`SendError`] when it did not.
    pub async fn send(&self, request: &Request) -> Result<Sent, SendError> {
        again(|| async {
            match self {
                Self::Here { node, caller, .. } => ask(node, caller, request).await,
                Self::There(server) => server.send(request).await,
            }
        })
        .await
    }

    /// Sends a report of another system's dispatches, again and again while that may help.
    ///
    /// # Errors
    /// [`SendError`] when it did not.
    pub async fn report(&self, deed: &Deed) -> Result<Sent, SendError> {
        again(|| async {
            match self {
                Self::Here { node, caller, .. } => take_in(node, caller, deed).await,
                Self::There(server) => {
                    let mut body = serde_json::to_value(&deed.report).map_err(|error| SendError::new(error, false))?;
                    body["occurred_at"] = time::format(deed.at).into();
                    server.command(&["dispatch", "reports"], &body, &deed.key).await
                }
            }
        })
        .await
    }

    /// What the organisation promises.
    ///
    /// # Errors
    /// If a server does not say.
    pub async fn sla(&self) -> anyhow::Result<Promises> {
        match self {
            Self::Here { node, caller, .. } => Ok(node.organisations.sla(&caller.org)),
            Self::There(server) => {
                let told = server.get(&["organisation", "sla"], &[]).await?;
                serde_json::from_value(told["sla"].clone())
                    .context("read what the organisation promises; is the server of another release?")
            }
        }
    }

    /// Finishes and lets go.
    pub async fn close(self) {
        if let Self::Here { node, directory, .. } = self {
            node.close(Duration::from_secs(10)).await;
            drop(directory);
        }
    }
}

/// The address of the server that is named, else of the one that owns the data directory, if one runs.
///
/// # Errors
/// If the server there keeps its events elsewhere than the user says.
pub fn server_of(args: &ServerArgs, config: &Config) -> anyhow::Result<Option<String>> {
    args.server.clone().map_or_else(|| running(config, &Place::of(&config.store)), |url| Ok(Some(url)))
}

/// The server that owns the data directory, if one runs. One that keeps its events elsewhere than the user says is not
/// what he means.
fn running(config: &Config, place: &Place) -> anyhow::Result<Option<String>> {
    let Some(server) = DataDir::running_server(&config.store.data_dir) else { return Ok(None) };
    if config.store.url.is_some() && server.store != place.to_string() {
        let (dir, address, store) = (config.store.data_dir.display(), server.address, server.store);
        bail!(
            "{dir} belongs to the server at http://{address}, which keeps its events in {store}, not in {place}; name another --data-dir, or leave --store out"
        );
    }
    Ok(Some(format!("http://{}", server.address)))
}

/// Does something again and again while that may help.
async fn again<F: Future<Output = Result<Sent, SendError>>>(once: impl FnMut() -> F) -> Result<Sent, SendError> {
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(RETRIES_MAX);
    once.retry(policy).when(|error: &SendError| error.retryable).await
}

async fn ask(node: &Node, caller: &Caller, request: &Request) -> Result<Sent, SendError> {
    let kind = Kind::new(KIND).unwrap_or_else(|_| unreachable!("a lawful kind"));
    let owner = StreamId::new(caller.org.clone(), kind, request.id.clone());
    let hash = body_hash(&request.command, request.occurred_at, request.expected_version);
    let (occurred_at, expected_version) = (request.occurred_at, request.expected_version);
    let meta = Meta { occurred_at, expected_version, ..meta(&node.env, caller, &request.key, hash) };
    judged(node.workflows.ask(owner, request.command.clone(), meta).await)
}

async fn take_in(node: &Node, caller: &Caller, deed: &Deed) -> Result<Sent, SendError> {
    let hash = hash_of(&deed.report, Some(deed.at), None);
    let meta = Meta { occurred_at: Some(deed.at), ..meta(&node.env, caller, &deed.key, hash) };
    match deed.report.clone().take_in(node, meta, Some(&deed.key)).await {
        Ok(true) => Ok(Sent::AlreadyThere),
        Ok(false) => Ok(Sent::Appended),
        Err(ReportError::Incident(error)) => judged::<Incidents>(Err(error)),
        Err(ReportError::Unit(error)) => judged::<Units>(Err(error)),
        Err(ReportError::Assignment(error)) => judged::<Assignments>(Err(error)),
    }
}

/// Refusals are results; what concerns every command alike is an error.
fn judged<D: Decider>(answer: Result<Reply<D>, AskError<D::Rejection>>) -> Result<Sent, SendError> {
    match answer {
        Ok(reply) if reply.repeated => Ok(Sent::AlreadyThere),
        Ok(_) => Ok(Sent::Appended),
        Err(AskError::Rejected(rejection)) => Ok(Sent::Refused { code: rejection.code().to_owned(), detail: rejection.to_string() }),
        Err(error @ AskError::OccurredBeforePrevious { .. }) => Ok(refused("occurred_before_previous", &error)),
        Err(error @ AskError::OccurredInFuture) => Ok(refused("occurred_in_future", &error)),
        Err(error @ AskError::VersionConflict { .. }) => Ok(refused("version_conflict", &error)),
        Err(error @ AskError::IdReused) => Ok(refused("idempotency_key_reused", &error)),
        Err(error @ (AskError::Overloaded | AskError::Unavailable | AskError::OutcomeUnknown | AskError::TimedOut(_))) => {
            Err(SendError::new(error, true))
        }
        Err(error @ (AskError::Draining | AskError::Quarantined(_) | AskError::NotArmed | AskError::Faulted { .. })) => {
            Err(SendError::new(error, false))
        }
    }
}

fn refused(code: &str, error: &impl std::fmt::Display) -> Sent {
    Sent::Refused { code: code.to_owned(), detail: error.to_string() }
}

fn meta(env: &Env, caller: &Caller, key: &str, body_hash: BodyHash) -> Meta {
    Meta {
        command_id: command_id(&caller.org, key),
        body_hash,
        correlation_id: CorrelationId(env.next_id()),
        causation_id: None,
        caller: caller.clone(),
        occurred_at: None,
        expected_version: None,
        traceparent: None,
    }
}
