//! IonVeil inside somebody else's actix application: their deciders beside ours, their `System`, their HTTP app.
//!
//! Nothing here is global: several instances live in one process, each with its own store, metrics and kinds. No environment
//! is read, no subscriber and no TLS provider is installed. The allocator is the host's: under many threads mimalloc, which
//! the `ionveil` binary uses, did better than glibc's.
//!
//! ```no_run
//! # use ionveil::embed::{Ask, Ionveil};
//! # use ionveil::workflow::{Command, Workflow};
//! # async fn host(caller: ionveil::kernel::Caller) -> anyhow::Result<()> {
//! let config = ionveil::config::of(&[("store.data_dir", "./data")])?;
//! let ionveil = Ionveil::builder(config).start().await?;
//! let command = Command::Register { machine: "dispatch".into(), initial_state: None, attributes: Default::default() };
//! let reply = ionveil.ask::<Workflow>(&caller, &"call-1".parse()?, command, Ask::default().key("call-1")).await?;
//! println!("version {}", reply.receipt.version);
//! ionveil.stop(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```

use crate::auth::Authenticator;
use crate::commands::command_id_or_fresh;
use crate::config::{Config, ConfigFaults};
use crate::datadir::{DataDir, DataDirError};
use crate::http::app::App;
use crate::http::server::Mount;
use crate::nats::{self, Bridges};
use crate::node::{Kinds, Node, NodeError, Sharing};
use crate::store::Place;
use crate::telemetry::Tracing;
use actix::{Arbiter, ArbiterHandle};
use actix_web::web::ServiceConfig;
use ionveil_actors::{AskError, Class, Delivery, EffectHandler, Host, Reply, Runtime, TokioEnv};
use ionveil_channels::detector::FailureDetector;
use ionveil_kernel::{BodyHash, Caller, CorrelationId, Decider, EntityId, Env, IdSource, Kind, Meta, NodeId, Reactor, Spans, StreamId};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

/// Why an instance did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigFaults),
    /// The data directory is used by another process, or cannot be.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store, or a kind.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// What an instance is to be made of.
#[must_use = "it does nothing until it is started"]
pub struct Builder {
    config: Config,
    kinds: Kinds,
    env: Option<Env>,
    arbiters: Option<Vec<ArbiterHandle>>,
}

/// A running instance; a cheap handle. Stop it with [`Ionveil::stop`]: dropping it leaves what is in line unanswered.
#[derive(Clone)]
pub struct Ionveil {
    node: Node,
    app: App,
    authenticator: Arc<Authenticator>,
    config: Arc<Config>,
    /// They end with the instance, whoever still has a handle.
    bridges: Arc<Mutex<Option<Bridges>>>,
    /// Its lock is held as long as the instance is used.
    _directory: Option<Arc<DataDir>>,
}

/// How a command is asked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    key: Option<String>,
    class: Class,
    deadline: Option<Duration>,
    expected_version: Option<u64>,
}

impl Ask {
    /// Names the request: a repeat under the same key, in the same organisation and to the same entity, is answered as the
    /// first was.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// How urgent it is; [`Class::Command`] unless said otherwise.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// How long to wait; the configured request timeout unless said otherwise.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Refuse it unless the entity is at this version.
    #[must_use]
    pub fn expecting(self, version: u64) -> Self {
        Self { expected_version: Some(version), ..self }
    }
}

impl Builder {
    /// Adds a kind of entities.
    pub fn entity<D: Decider + Default>(self) -> Self {
        self.entity_with(D::default())
    }

    /// Adds a kind of entities whose decider needs something.
    pub fn entity_with<D: Decider>(mut self, decider: D) -> Self {
        self.kinds.entity(decider);
        self
    }

    /// Lets a reactor follow the journal.
    pub fn reactor(mut self, reactor: impl Reactor) -> Self {
        self.kinds.reactor(Arc::new(reactor));
        self
    }

    /// Has the effects of a channel sent.
    pub fn effects(mut self, channel: &str, handler: impl EffectHandler) -> Self {
        self.kinds.effects(channel, Arc::new(handler));
        self
    }

    /// Adds a failure detector that channels may name as `{"kind": "custom", "name": …}`.
    pub fn detector(mut self, name: &str, detector: impl FailureDetector + 'static) -> Self {
        self.kinds.detector(name, Arc::new(detector));
        self
    }

    /// Gives `spans` what is recorded, in place of what `[telemetry]` says: every trace whose `traceparent` says so, and of
    /// those that begin here the given share (0 to 1).
    pub fn spans(mut self, spans: impl Spans, share: f64) -> Self {
        self.kinds.tracing(Tracing::new(Arc::new(spans), share));
        self
    }

    /// Brings clock, randomness and spawning; else those of the present tokio runtime are used.
    pub fn env(self, env: Env) -> Self {
        Self { env: Some(env), ..self }
    }

    /// Lets the entities live on these arbiters; else they live on the present one.
    pub fn arbiters(self, arbiters: Vec<ArbiterHandle>) -> Self {
        Self { arbiters: Some(arbiters), ..self }
    }

    /// Opens the store and starts. Call it inside an actix `System`.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// Outside of an actix `System`.
    pub async fn start(self) -> Result<Ionveil, StartError> {
        let Self { config, kinds, env, arbiters } = self;
        let env = env.unwrap_or_else(|| Env::new(TokioEnv::new(tokio::runtime::Handle::current())));
        let arbiters = arbiters.filter(|given| !given.is_empty()).unwrap_or_else(|| vec![Arbiter::current()]);
        let authenticator = Arc::new(Authenticator::new(&config.auth, env.clone()).map_err(ConfigFaults)?);
        nats::check_exposure(&config, &authenticator)?;
        let in_memory = Place::of(&config.store) == Place::Memory;
        let directory = if in_memory { None } else { Some(Arc::new(DataDir::open(&config.store.data_dir, &env)?)) };
        let id = directory.as_ref().map_or_else(|| NodeId(env.next_id()), |directory| directory.node_id());
        let node =
            Node::open_with(&config, directory.as_ref().map(|directory| directory.path()), id, env, arbiters, kinds, Sharing::Beside)
                .await?;
        let app = App::new(node.clone());
        let bridges = nats::start(&config, &node, &Mount::new(&config.server, app.clone(), authenticator.clone()));
        let bridges = Arc::new(Mutex::new(Some(bridges.map_err(NodeError::from)?)));
        if node.journal.shared() && config.node.address.is_none() {
            tracing::warn!("other nodes cannot reach this one; set node.address to where its routes are mounted");
        }
        node.take_part(None).await;
        Ok(Ionveil { node, app, authenticator, config: Arc::new(config), bridges, _directory: directory })
    }
}

impl Ionveil {
    /// Begins with a configuration ([`crate::config::of`], [`crate::config::load`]).
    pub fn builder(config: Config) -> Builder {
        Builder { config, kinds: Kinds::default(), env: None, arbiters: None }
    }

    /// The entities of a kind; none if it was not registered.
    #[must_use]
    pub fn host<D: Decider>(&self) -> Option<Host<D>> {
        self.node.hosts.get(&TypeId::of::<D>())?.downcast_ref::<Host<D>>().cloned()
    }

    /// Lets an entity of the caller's organisation decide on a command, and waits for the commit.
    ///
    /// # Errors
    /// [`AskError`].
    ///
    /// # Panics
    /// If the kind was not registered with the builder.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the answer, not the command.
    pub async fn ask<D: Decider>(
        &self,
        caller: &Caller,
        id: &EntityId,
        command: D::Command,
        ask: Ask,
    ) -> Result<Reply<D>, AskError<D::Rejection>> {
        let host = self.host::<D>().unwrap_or_else(|| panic!("the kind {:?} was not registered with the builder", D::KIND));
        let kind = Kind::new(D::KIND).unwrap_or_else(|_| unreachable!("a registered kind has a lawful name"));
        let body = serde_json::to_vec(&command).unwrap_or_default();
        let env = &self.node.env;
        let meta = Meta {
            command_id: command_id_or_fresh(&caller.org, ask.key.as_deref(), env),
            body_hash: BodyHash::of(&[&body]),
            correlation_id: CorrelationId(env.next_id()),
            causation_id: None,
            caller: caller.clone(),
            occurred_at: None,
            expected_version: ask.expected_version,
            traceparent: None,
        };
        let delivery = Delivery { class: ask.class, deadline: ask.deadline.unwrap_or(self.config.runtime.deadline) };
        host.ask_as(StreamId::new(caller.org.clone(), kind, id.clone()), command, meta, delivery).await
    }

    /// The supervised runtime: the tree, dead letters, actors that are no entities.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.node.runtime
    }

    /// What this instance counts, and no other.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.node.registry
    }

    /// The parts of the instance.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Mounts the routes of the HTTP contract at the root of a host's app: `App::new().configure(ionveil.routes())`, after
    /// the host's own routes, because what none of ours answers is answered with our 404. Without keys in the configuration
    /// only callers on loopback, under loopback's names, are answered.
    pub fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let mount = Mount::new(&self.config.server, self.app.clone(), self.authenticator.clone());
        move |routes| mount.at_root(routes)
    }

    /// Lets nothing in any more, finishes what is in line (for at most `deadline`), gives the partitions up and closes the
    /// store; says whether everything was finished.
    pub async fn stop(self, deadline: Duration) -> bool {
        self.app.leave();
        self.node.leave().await;
        drop(self.bridges.lock().take());
        self.app.drain();
        self.node.close(deadline).await
    }
}
