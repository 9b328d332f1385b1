//! One node: store, journal, entities and views, put together. The composition root below all edges.

use crate::alerts::{self, Alerting};
use crate::analytics::Live;
use crate::analytics::arrivals::ArrivalsToAnalytics;
use crate::arrivals::ArrivalsToPolicy;
use crate::channels::{Channels, ChannelsError, Detectors, Drivers, Registry as ChannelRegistry};
use crate::cluster::{Link, Secret};
use crate::config::Config;
use crate::intake::{Intakes, Running};
use crate::organisations::{self, Organisations, OrganisationsError};
use crate::pools::{self, Pools};
use crate::queues::Queues;
use crate::samples::ChannelsToRouting;
use crate::simulations::{self, SimulationsToRuns, Simulator};
use crate::situation::Situation;
use crate::store::Place;
use crate::telemetry::{self, Tracing};
use crate::topologies::{self, Topologies};
use crate::trees::{Trees, TreesError, load_all};
use crate::vitals::Vitals;
use ionveil_actors::{EffectHandler, Host, RegisterError, Runtime};
use ionveil_alerts::alert::Alerts;
use ionveil_alerts::monitor::Monitor;
use ionveil_alerts::pager::Pager;
use ionveil_analytics::aggregator::Aggregator;
use ionveil_channels::channel::Channel;
use ionveil_channels::detector::FailureDetector;
use ionveil_channels::failover::Failover;
use ionveil_dispatch::assignment::Assignments;
use ionveil_dispatch::desk::Desk;
use ionveil_dispatch::incident::Incidents;
use ionveil_dispatch::intake::Intake;
use ionveil_dispatch::pool::Pool;
use ionveil_dispatch::react::{FromAssignments, FromDesk, FromIncidents, FromUnits};
use ionveil_dispatch::settings::Settings;
use ionveil_dispatch::unit::Units;
use ionveil_journal::{Journal, Member, Store, StoreError};
use ionveil_kernel::{Decider, Env, NodeId, Org, Reactor};
use ionveil_policy::engine::Engine;
use ionveil_policy::react::{EngineToTree, TreeToEngine};
use ionveil_policy::simulation::Simulation;
use ionveil_policy::tree::Tree;
use ionveil_routing::node::RoutingNode;
use ionveil_views::{Contacts, Location, Projector, ProjectorConfig, Status, Views, ViewsError};
use ionveil_workflow::{Machines, Workflow};
use prometheus_client::registry::Registry;
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The file of the views in a data directory.
pub(crate) const VIEWS_FILE: &str = "views.sqlite";

/// Why a node could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The journal's store.
    #[error("open the journal")]
    Journal(#[from] StoreError),
    /// The views' store.
    #[error("open the views")]
    Views(#[from] ViewsError),
    /// The policy trees.
    #[error("publish the policy trees")]
    Policy(#[from] TreesError),
    /// The settings of the organisations.
    #[error("publish the settings of the organisations")]
    Organisations(#[from] OrganisationsError),
    /// The channels.
    #[error("publish the channels")]
    Channels(#[from] ChannelsError),
    /// The sender of traces.
    #[cfg(feature = "otlp")]
    #[error("prepare to send traces")]
    Telemetry(#[from] crate::telemetry::OtlpError),
    /// The client that forwards commands.
    #[error("prepare to forward commands to other nodes")]
    Forward(#[from] reqwest::Error),
    /// A kind that a host brought.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// The entities of each kind, by the type of their decider.
pub type Hosts = BTreeMap<TypeId, Box<dyn Any + Send + Sync>>;

type Step = Box<dyn FnOnce(&Runtime, &mut Hosts) -> Result<(), RegisterError> + Send>;

/// What a host brings beside our own kinds.
#[derive(Default)]
pub struct Kinds {
    steps: Vec<Step>,
    detectors: Detectors,
    tracing: Option<Tracing>,
}

impl Kinds {
    /// Adds a kind of entities.
    pub fn entity<D: Decider>(&mut self, decider: D) {
        self.steps.push(Box::new(move |runtime, hosts| {
            hosts.insert(TypeId::of::<D>(), Box::new(runtime.entity(Arc::new(decider))?));
            Ok(())
        }));
    }

    /// Adds a reactor.
    pub fn reactor(&mut self, reactor: Arc<dyn Reactor>) {
        self.steps.push(Box::new(move |runtime, _| runtime.reactor(reactor)));
    }

    /// Adds a channel.
    pub fn effects(&mut self, channel: &str, handler: Arc<dyn EffectHandler>) {
        let channel = channel.to_owned();
        self.steps.push(Box::new(move |runtime, _| {
            runtime.effects(&channel, handler);
            Ok(())
        }));
    }

    /// Adds a failure detector that channels may name.
    pub fn detector(&mut self, name: &str, detector: Arc<dyn FailureDetector>) {
        self.detectors.insert(name.to_owned(), detector);
    }

    /// Records traces, in place of what `[telemetry]` says.
    pub fn tracing(&mut self, tracing: Tracing) {
        self.tracing = Some(tracing);
    }

    fn register(self, runtime: &Runtime) -> Result<(Hosts, Detectors), RegisterError> {
        let mut hosts = Hosts::new();
        self.steps.into_iter().try_for_each(|step| step(runtime, &mut hosts))?;
        Ok((hosts, self.detectors))
    }
}

/// A cheap handle on one node.
#[derive(Clone)]
pub struct Node {
    /// Clock, randomness, spawning.
    pub env: Env,
    /// The journal's store, for reading.
    pub store: Arc<dyn Store>,
    /// The journal, which owns the partitions.
    pub journal: Journal,
    /// The way to the other nodes of the same store; none if this one has it for itself.
    pub link: Option<Arc<Link>>,
    /// When it was opened, by the monotonic clock.
    pub opened_at: Duration,
    /// The supervised entities of all kinds.
    pub runtime: Runtime,
    /// How long a caller waits for an answer.
    pub deadline: Duration,
    /// The entities of each kind, by the type of their decider: `Host<D>` behind `Any`.
    pub hosts: Arc<Hosts>,
    /// The workflows.
    pub workflows: Host<Workflow>,
    /// The policy trees, one entity per organisation.
    pub policy_trees: Host<Tree>,
    /// The engines of their nodes.
    pub policy_engines: Host<Engine>,
    /// The simulations.
    pub simulations: Host<Simulation>,
    /// What lets them run.
    pub simulator: Simulator,
    /// The nodes that work is sent to.
    pub routing_nodes: Host<RoutingNode>,
    /// What is known of them.
    pub topologies: Arc<Topologies>,
    /// The channels, and what is routed over them.
    pub channels: Channels,
    /// The incidents.
    pub incidents: Host<Incidents>,
    /// The units.
    pub units: Host<Units>,
    /// The assignments of units to incidents.
    pub assignments: Host<Assignments>,
    /// The desks that number them, one per organisation.
    pub desks: Host<Desk>,
    /// The settings of the organisations.
    pub settings: Host<Settings>,
    /// What is published of them.
    pub organisations: Arc<Organisations>,
    /// What watches the targets, and pages.
    pub alerting: Alerting,
    /// What is known of units and incidents.
    pub situation: Arc<Situation>,
    /// The orders that wait.
    pub pools: Pools,
    /// The batches that are taken in.
    pub intakes: Intakes,
    /// What says how healthy the queues are.
    pub queues: Queues,
    /// Those who know each posted event of dispatches.
    pub aggregators: Host<Aggregator>,
    /// The numbers as they move.
    pub analytics: Arc<Live>,
    /// What is published of the trees.
    pub trees: Arc<Trees>,
    /// The machines that workflows can be registered with.
    pub machines: Arc<Machines>,
    /// The lists.
    pub views: Views,
    /// How far the lists have come.
    pub views_status: watch::Receiver<Status>,
    stop_views: Arc<watch::Sender<bool>>,
    /// Who takes traces, if anybody does.
    pub tracing: Option<Tracing>,
    /// What the bridges to NATS count.
    pub nats_figures: crate::nats::Figures,
    /// What is counted.
    pub registry: Arc<Registry>,
}

/// Whether a node has its store for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It does, and waits for the partitions until it has them.
    Alone,
    /// Other nodes may be there, if the store is one that several can share; on any other it is alone.
    Beside,
}

impl Node {
    /// Opens the store, takes its partitions, starts the entities' host on `arbiters` and lets the views follow.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn open(
        config: &Config,
        data_dir: Option<&Path>,
        id: NodeId,
        env: Env,
        arbiters: Vec<actix::ArbiterHandle>,
    ) -> Result<Self, NodeError> {
        Self::open_with(config, data_dir, id, env, arbiters, Kinds::default(), Sharing::Alone).await
    }

    /// As [`Self::open`], with kinds, reactors and channels of a host's own. One that stands [beside](Sharing::Beside) others owns
    /// nothing before [`Self::take_part`].
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn open_with(
        config: &Config,
        data_dir: Option<&Path>,
        id: NodeId,
        env: Env,
        arbiters: Vec<actix::ArbiterHandle>,
        kinds: Kinds,
        sharing: Sharing,
    ) -> Result<Self, NodeError> {
        let place = Place::of(&config.store);
        let shared = sharing == Sharing::Beside && matches!(place, Place::Postgres(_));
        let store = place.open(&env, config.store.partitions, config.journal.lease).await?;
        let location = views_location(&place, data_dir)?;
        let views = Views::open(&location, store.partitions()).await?;
        let contacts = Contacts::open(&location).await?;
        let opened_at = env.monotonic();
        let journal = open_journal(&store, &env, id, config, shared).await?;
        let secret = if shared { store.secret().await?.map(Secret::new) } else { None };
        let link = secret.map(|secret| Link::new(env.clone(), secret)).transpose()?.map(Arc::new);
        let machines = Arc::new(config.machines.clone());
        let mut registry = Registry::default();
        let runtime = Runtime::new(journal.clone(), config.runtime.clone(), &mut registry, arbiters);
        let tracing = match kinds.tracing.clone() {
            Some(tracing) => Some(tracing),
            None => telemetry::of(config, id)?,
        };
        // A runtime that was made here has nobody else.
        let _first = tracing.as_ref().map(|tracing| runtime.trace(tracing.spans()));
        if let Some(link) = link.clone() {
            let _first = runtime.forward(link);
        }
        let trees = Arc::new(Trees::default());
        let policy_trees = runtime.entity_observed(Arc::new(config.policy.tree), trees.clone())?;
        load_all(&trees, &*store, &policy_trees).await?;
        let _first = runtime.govern(trees.clone());
        let policy_engines = runtime.entity(Arc::new(config.policy.engine.clone()))?;
        let simulations = runtime.entity(Arc::new(Simulation))?;
        let topologies = Arc::new(Topologies::new(config.routing, env.clone()));
        let routing_nodes = runtime.entity_observed(Arc::new(RoutingNode { settings: config.routing }), topologies.clone())?;
        topologies::load_all(&topologies, &*store, routing_nodes.loader()).await?;
        let workflows = runtime.entity(Arc::new(Workflow::new(machines.clone())))?;
        let published = Arc::new(ChannelRegistry::default());
        let channel_host = runtime.entity_observed(Arc::new(Channel), published.clone())?;
        published.load_all(&*store, channel_host.loader()).await?;
        let dispatch_host = runtime.entity(Arc::new(Failover))?;
        let situation = Arc::new(Situation::new(env.clone()));
        let incidents = runtime.entity_observed(Arc::new(Incidents), situation.clone())?;
        let units = runtime.entity_observed(Arc::new(Units), situation.clone())?;
        let assignments = runtime.entity_observed(Arc::new(Assignments), situation.clone())?;
        let desks = runtime.entity(Arc::new(Desk))?;
        let organisations = Arc::new(Organisations::default());
        let settings = runtime.entity_observed(Arc::new(Settings), organisations.clone())?;
        organisations::load_all(&organisations, &*store, &settings).await?;
        let published_pools = Arc::new(pools::Published::new(env.clone()));
        let pool_host = runtime.entity_observed(Arc::new(config.pool), published_pools.clone())?;
        pools::load_all(&published_pools, &*store, &pool_host).await?;
        let of_alerts = alerts::Entities::register(&runtime, &config.alerts)?;
        let intake_host = runtime.entity(Arc::new(Intake))?;
        let running = Running::new(env.clone());
        let aggregators = runtime.entity(Arc::new(Aggregator { retention: config.analytics.retention }))?;
        let boards = of_alerts.boards.clone();
        let open_alerts = Box::new(move |org: &Org| boards.active_of(org));
        let analytics = Arc::new(Live::new(&config.analytics, env.clone(), store.clone(), views.clone(), open_alerts));
        let queues = Queues::new(config, published_pools.clone(), running.clone(), trees.clone(), store.clone());
        registry.sub_registry_with_prefix("ionveil").register_collector(Box::new(queues.clone()));
        let (mut hosts, detectors) = kinds.register(&runtime)?;
        hosts.insert(TypeId::of::<Incidents>(), Box::new(incidents.clone()));
        hosts.insert(TypeId::of::<Units>(), Box::new(units.clone()));
        hosts.insert(TypeId::of::<Assignments>(), Box::new(assignments.clone()));
        hosts.insert(TypeId::of::<Desk>(), Box::new(desks.clone()));
        hosts.insert(TypeId::of::<Settings>(), Box::new(settings.clone()));
        hosts.insert(TypeId::of::<Pool>(), Box::new(pool_host.clone()));
        hosts.insert(TypeId::of::<Intake>(), Box::new(intake_host.clone()));
        hosts.insert(TypeId::of::<Monitor>(), Box::new(of_alerts.monitors.clone()));
        hosts.insert(TypeId::of::<Alerts>(), Box::new(of_alerts.alerts.clone()));
        hosts.insert(TypeId::of::<Pager>(), Box::new(of_alerts.pagers.clone()));
        hosts.insert(TypeId::of::<Aggregator>(), Box::new(aggregators.clone()));
        hosts.insert(TypeId::of::<Channel>(), Box::new(channel_host.clone()));
        hosts.insert(TypeId::of::<Failover>(), Box::new(dispatch_host.clone()));
        hosts.insert(TypeId::of::<Workflow>(), Box::new(workflows.clone()));
        hosts.insert(TypeId::of::<Tree>(), Box::new(policy_trees.clone()));
        hosts.insert(TypeId::of::<Engine>(), Box::new(policy_engines.clone()));
        hosts.insert(TypeId::of::<Simulation>(), Box::new(simulations.clone()));
        hosts.insert(TypeId::of::<RoutingNode>(), Box::new(routing_nodes.clone()));
        runtime.reactor(Arc::new(EngineToTree))?;
        runtime.reactor(Arc::new(TreeToEngine))?;
        runtime.reactor(Arc::new(ChannelsToRouting::new(topologies.clone())))?;
        runtime.reactor(Arc::new(ArrivalsToPolicy { trees: trees.clone(), organisations: organisations.clone() }))?;
        runtime.reactor(Arc::new(ArrivalsToAnalytics { organisations: organisations.clone() }))?;
        runtime.reactor(Arc::new(FromUnits))?;
        runtime.reactor(Arc::new(FromIncidents))?;
        runtime.reactor(Arc::new(FromAssignments))?;
        runtime.reactor(Arc::new(FromDesk))?;
        let hosts = Arc::new(hosts);
        let places = config.policy.simulations_max;
        let simulator = Simulator::new(journal.clone(), simulations.clone(), trees.clone(), config.runtime.deadline, places);
        runtime.effects(simulations::CHANNEL, Arc::new(simulator.clone()));
        runtime.reactor(Arc::new(SimulationsToRuns))?;
        if journal.shared() {
            env.spawn(simulator.clone().recover_taken());
        } else {
            env.spawn(simulator.clone().recover_all((0..).zip(store.heads().await?).collect()));
        }
        let of_channels = &config.channels;
        let drivers = Drivers::new(of_channels.allow.clone(), of_channels.secrets.clone(), of_channels.roots.clone(), env.clone())
            .map_err(ChannelsError::from)?;
        let deadline = config.runtime.deadline;
        let channels = Channels::new(env.clone(), (channel_host, dispatch_host), published, drivers, (detectors, trees.clone()), deadline);
        registry.sub_registry_with_prefix("ionveil").register_collector(Box::new(alerts::figures(&of_alerts.boards)));
        let alerting = Alerting::start(&runtime, env.clone(), of_alerts, contacts, channels.clone(), config)?;
        let pools = Pools::new(env.clone(), pool_host, published_pools, deadline);
        let intakes = Intakes::new(env.clone(), intake_host, running, config);
        let projector = Projector::new(views.clone(), store.clone(), env.clone(), ProjectorConfig::default());
        let falls_to = journal.clone();
        let projector = projector.only(move |partition| falls_to.works_for(partition));
        let (views_status, (stop_views, stopped)) = (projector.status(), watch::channel(false));
        env.spawn(situation.clone().catch_up(views.clone(), store.clone(), stopped.clone()));
        alerting.watch(views.clone(), &stopped);
        env.spawn(analytics.clone().follow(journal.commits(), stopped.clone()));
        env.spawn(projector.run(journal.commits(), stopped));
        let vitals = Vitals { journal: journal.clone(), views: views_status.clone(), runtime: runtime.clone() };
        registry.sub_registry_with_prefix("ionveil").register_collector(Box::new(vitals));
        let nats_figures = crate::nats::Figures::register(&mut registry);
        let (registry, stop_views) = (Arc::new(registry), Arc::new(stop_views));
        Ok(Self {
            env,
            store,
            journal,
            link,
            opened_at,
            runtime,
            deadline,
            hosts,
            workflows,
            policy_trees,
            policy_engines,
            simulations,
            simulator,
            routing_nodes,
            topologies,
            channels,
            incidents,
            units,
            assignments,
            desks,
            settings,
            organisations,
            alerting,
            situation,
            pools,
            intakes,
            queues,
            aggregators,
            analytics,
            trees,
            machines,
            views,
            views_status,
            stop_views,
            tracing,
            nats_figures,
            registry,
        })
    }

    /// Takes its share of the partitions, if there are other nodes; they reach this one at `address`, or not at all.
    pub async fn take_part(&self, address: Option<String>) {
        if let Err(error) = self.journal.take_part(address).await {
            tracing::warn!(%error, "this node takes no partitions yet; it tries again");
        }
    }

    /// Hands everything over to other nodes, if there are any; what is asked here goes on to be answered.
    pub async fn leave(&self) {
        if let Err(error) = self.journal.leave().await {
            tracing::warn!(%error, "the partitions were not handed over; they are free when their lease ends");
        }
    }

    /// How many events the views are behind; none if they stand still on an error.
    #[must_use]
    pub fn views_behind(&self) -> Option<u64> {
        let status = self.views_status.borrow();
        status.healthy().then(|| status.total() - status.done())
    }

    /// Finishes what is in line (for at most `deadline`), gives the partitions up and closes the store; says whether
    /// everything was finished.
    pub async fn close(&self, deadline: Duration) -> bool {
        self.simulator.close();
        let drained = self.runtime.drain(deadline).await;
        self.stop_views.send_replace(true);
        self.views.close().await;
        self.alerting.contacts().close().await;
        if let Err(error) = self.journal.close().await {
            tracing::warn!(error = %error, "the partitions were not given up; their lease will end by itself");
        }
        if let Some(tracing) = &self.tracing {
            tracing.flush().await;
        }
        drained
    }
}

pub(crate) fn views_location(place: &Place, data_dir: Option<&Path>) -> Result<Location, ViewsError> {
    match (place, data_dir) {
        (Place::Postgres(url), _) => Location::parse(url.secret()),
        (Place::Sqlite(_), Some(folder)) => Ok(Location::Sqlite(folder.join(VIEWS_FILE))),
        (Place::Memory, _) | (Place::Sqlite(_), None) => Ok(Location::Memory),
    }
}

async fn open_journal(store: &Arc<dyn Store>, env: &Env, node: NodeId, config: &Config, shared: bool) -> Result<Journal, StoreError> {
    let (store, env, settings) = (store.clone(), env.clone(), config.journal.clone());
    if !shared {
        return Journal::open(store, env, node, settings).await;
    }
    let address = config.node.address.clone().unwrap_or_default();
    let member = Member { node, address, release: env!("CARGO_PKG_VERSION").to_owned() };
    Journal::prepare(store, env, member, settings).await
}
