//! The runtime of one node: kinds of entities are registered with it, and whoever operates it looks at the tree, resumes what
//! is quarantined and drains it.

use crate::config::RuntimeConfig;
use crate::core::Core;
use crate::dispatch::{EffectHandler, Handlers, Outbox, ReactorStatus, ReactorTask, Timers};
use crate::follow::Follower;
use crate::forward::{Answered, Forward, Parcel};
use crate::govern::{Observer, Policies};
use crate::host::{Host, Shared};
use crate::kind::SomeKind;
use crate::metrics::Metrics;
use crate::route;
use crate::steward::Caretaker;
use crate::tree::{self, Places, Tree, TreeNode, TreeQuery};
use actix::ArbiterHandle;
use ionveil_journal::Journal;
use ionveil_kernel::{Decider, Kind, Org, Reactor, Spans, StreamId};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How many may wait for the observers to hear of what is committed.
const HEARING_MAX: usize = 256;

/// A cheap handle on the runtime of one node. Timers, reactors and the outbox stop when the last handle on it is dropped;
/// entities when those on their hosts are.
///
/// ```
/// use ionveil_actors::testkit::Universe;
/// use ionveil_actors::{RuntimeConfig, TreeQuery};
/// use ionveil_kernel::testkit::{Count, Counter, meta};
///
/// Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
///     let counters = universe.runtime.entity(std::sync::Arc::new(Counter::default())).unwrap();
///     counters.ask("counter:test:a".parse().unwrap(), Count(3), meta(1)).await.unwrap();
///     let tree = universe.runtime.tree(&TreeQuery { org: None, kind: None, depth: 3, entities_max: 10 });
///     assert_eq!(tree.nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(), ["test", "test/counter", "a"]);
/// });
/// ```
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    /// The core knows them weakly.
    kinds: Mutex<Vec<SomeKind>>,
    handlers: Arc<Handlers>,
    reactors: Mutex<Vec<Arc<Mutex<ReactorStatus>>>>,
    /// Tells the outbox that there is something to send.
    filled: Arc<watch::Sender<u64>>,
    /// The dispatchers end when it is dropped.
    stop: watch::Sender<()>,
}

/// Why a kind or a reactor could not be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// There is one of this name.
    #[error("register {0:?}: there is one of this name")]
    Taken(&'static str),
    /// The name cannot be one.
    #[error("register {0:?}: a name must match {pattern}", pattern = Kind::PATTERN)]
    Unlawful(&'static str),
}

impl Runtime {
    /// A runtime on `journal` whose entities live on `arbiters`, each on one chosen by its name. What it counts is
    /// registered with `registry`.
    ///
    /// # Panics
    /// If `arbiters` is empty.
    #[must_use]
    pub fn new(journal: Journal, config: RuntimeConfig, registry: &mut Registry, arbiters: Vec<ArbiterHandle>) -> Self {
        assert!(!arbiters.is_empty(), "a runtime needs an arbiter");
        let core = Arc::new(Core::new(journal, config, Metrics::register(registry), arbiters));
        let (env, watched) = (core.journal.env().clone(), Arc::downgrade(&core));
        let report = move |frozen: crate::watch::Frozen| {
            if let Some(kind) = watched.upgrade().and_then(|core| core.kind(frozen.entity.kind.as_str())) {
                kind.frozen(&frozen);
            }
        };
        env.spawn(crate::watch::watch(env.clone(), Arc::downgrade(&core.busy), core.config.handler_budget, report));
        let handlers: Arc<Handlers> = Arc::default();
        let (stop, stopped) = watch::channel(());
        let (filled, outbox_filled) = watch::channel(0);
        env.spawn(Timers::new(core.clone()).run(stopped.clone()));
        env.spawn(Outbox::new(core.clone(), handlers.clone()).run(stopped.clone(), outbox_filled));
        let filled = Arc::new(filled);
        if core.journal.shared() {
            // A journal has one runtime.
            let (follower, asked) = mpsc::channel(HEARING_MAX);
            drop(core.follower.set(follower));
            env.spawn(Follower::new(core.clone(), filled.clone(), asked).run(stopped.clone()));
            let _first = core.journal.steward(Caretaker::new(&core));
            env.spawn(route::herald(core.clone(), stopped));
        }
        Self(Arc::new(Inner { core, kinds: Mutex::default(), handlers, reactors: Mutex::default(), filled, stop }))
    }

    /// Lets `reactor` follow the journal, from its checkpoint on.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn reactor(&self, reactor: Arc<dyn Reactor>) -> Result<(), RegisterError> {
        let name = reactor.name();
        Kind::new(name).map_err(|_| RegisterError::Unlawful(name))?;
        let status = Arc::new(Mutex::new(ReactorStatus { name, ..ReactorStatus::default() }));
        {
            let mut reactors = self.0.reactors.lock();
            if reactors.iter().any(|known| known.lock().name == name) {
                return Err(RegisterError::Taken(name));
            }
            reactors.push(status.clone());
        }
        let task = ReactorTask::new(self.0.core.clone(), reactor, status, self.0.filled.clone());
        self.0.core.journal.env().spawn(task.run(self.0.stop.subscribe()));
        Ok(())
    }

    /// Has the effects of `channel` sent by `handler`, in place of an earlier one.
    pub fn effects(&self, channel: &str, handler: Arc<dyn EffectHandler>) {
        self.0.handlers.write().insert(channel.to_owned(), handler);
        self.0.filled.send_modify(|count| *count += 1);
    }

    /// How the reactors are.
    #[must_use]
    pub fn reactors(&self) -> Vec<ReactorStatus> {
        self.0.reactors.lock().iter().map(|status| status.lock().clone()).collect()
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// Registers a kind of entities.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn entity<D: Decider>(&self, decider: Arc<D>) -> Result<Host<D>, RegisterError> {
        self.register(decider, None)
    }

    /// As [`Self::entity`], with somebody who is told of every committed state before the callers are answered.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn entity_observed<D: Decider>(&self, decider: Arc<D>, observer: Arc<dyn Observer<D>>) -> Result<Host<D>, RegisterError> {
        self.register(decider, Some(observer))
    }

    /// Lets the decisions of all kinds that are subject to a policy be made under what `policies` knows. Only the first
    /// call counts; says whether this is it.
    #[must_use]
    pub fn govern(&self, policies: Arc<dyn Policies>) -> bool {
        self.0.core.governor.name(policies)
    }

    /// Gives `spans` each command of a trace that is recorded, once it is answered. Only the first call counts; says whether
    /// this is it.
    #[must_use]
    pub fn trace(&self, spans: Arc<dyn Spans>) -> bool {
        self.0.core.tracer.name(spans)
    }

    /// Lets `forward` carry commands to the nodes that own their entities. Only the first call counts; says whether this is it.
    #[must_use]
    pub fn forward(&self, forward: Arc<dyn Forward>) -> bool {
        self.0.core.forward.set(forward).is_ok()
    }

    /// Carries out what another node has forwarded, as far as it is this node's.
    pub async fn receive(&self, parcel: Parcel) -> Answered {
        match self.0.core.kind(parcel.owner.kind.as_str()) {
            Some(kind) => kind.receive(parcel).await,
            None => Answered::unreadable("this release knows no such kind"),
        }
    }

    /// Completes once the observers of this node know all that is committed by now; says whether they do.
    pub async fn hear(&self) -> bool {
        self.0.core.hear(Vec::new()).await
    }

    fn register<D: Decider>(&self, decider: Arc<D>, observer: Option<Arc<dyn Observer<D>>>) -> Result<Host<D>, RegisterError> {
        Kind::new(D::KIND).map_err(|_| RegisterError::Unlawful(D::KIND))?;
        if self.0.core.kind(D::KIND).is_some() {
            return Err(RegisterError::Taken(D::KIND));
        }
        let host = Host(Shared::new(self.0.core.clone(), decider, observer));
        let kind: SomeKind = Arc::new(host.clone());
        self.0.core.register(&kind);
        self.0.kinds.lock().push(kind);
        Ok(host)
    }

    /// The journal below.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.core.journal
    }

    /// How many commands are in line on this node.
    #[must_use]
    pub fn in_line(&self) -> u32 {
        self.0.core.line.count()
    }

    /// How many commands are decided and not yet answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.core.turnstile.inside()
    }

    /// How many entities are in memory.
    #[must_use]
    pub fn resident(&self) -> usize {
        self.0.core.kinds().iter().map(|kind| kind.resident()).sum()
    }

    /// Folds an entity anew if it is in memory, with a fresh restart budget if it was quarantined; says whether it was.
    /// Takes supervised actors that are no entities as well.
    #[must_use]
    pub fn resume(&self, entity: &StreamId) -> bool {
        let actor = self.0.core.actor(entity).is_some_and(|actor| actor.resume());
        actor || self.0.core.kind(entity.kind.as_str()).is_some_and(|kind| kind.resume(entity))
    }

    /// An entity in memory, as the tree shows it.
    #[must_use]
    pub fn node(&self, entity: &StreamId) -> Option<TreeNode> {
        let actor = self.0.core.actor(entity).map(|actor| actor.node());
        let node = actor.or_else(|| self.0.core.kind(entity.kind.as_str())?.node(entity))?;
        Some(TreeNode::entity(&node, &self.0.core.governor.above(entity)))
    }

    /// The id of the supervisor right above an entity, in memory or not.
    #[must_use]
    pub fn parent(&self, entity: &StreamId) -> String {
        tree::parent(entity, &self.0.core.governor.above(entity))
    }

    /// The tree as it is now; parts of it may be a moment older than others.
    #[must_use]
    pub fn tree(&self, query: &TreeQuery) -> Tree {
        let core = &self.0.core;
        let wanted = |kind: &str| query.kind.as_deref().is_none_or(|name| name == kind);
        let of_org = |org: &Org| query.org.as_ref().is_none_or(|wanted| wanted == org);
        let entities = core.kinds().into_iter().filter(|kind| wanted(kind.kind())).flat_map(|kind| kind.nodes(query.org.as_ref()));
        let actors = core.actors().into_iter().map(|actor| actor.node());
        let actors = actors.filter(|node| of_org(&node.owner.org) && wanted(node.owner.kind.as_str()));
        let mut places = Places::default();
        entities.chain(actors).for_each(|node| places.add(&node, core.governor.above(&node.owner)));
        places.tree(query, &core.supervisors)
    }

    /// Lets nothing in any more and waits until everything in line is answered, for at most `deadline`; says whether that
    /// was reached.
    pub async fn drain(&self, deadline: Duration) -> bool {
        let line = &self.0.core.line;
        line.close();
        let timeout = self.0.core.journal.env().sleep(deadline);
        tokio::select! {
            biased;
            () = line.drained() => true,
            () = timeout => false,
        }
    }
}
