//! Checks on what was recorded: partitions are dense and their time never goes back; every entity folds to the same
//! state twice from its events, and from its snapshot.

use crate::config::Config;
use crate::node::Node;
use ionveil_actors::{LoadError, Loaded, Loader};
use ionveil_alerts::alert::Alerts;
use ionveil_alerts::monitor::Monitor;
use ionveil_alerts::pager::Pager;
use ionveil_analytics::aggregator::Aggregator;
use ionveil_channels::channel::Channel;
use ionveil_channels::failover::Failover;
use ionveil_dispatch::assignment::Assignments;
use ionveil_dispatch::desk::Desk;
use ionveil_dispatch::incident::Incidents;
use ionveil_dispatch::intake::Intake;
use ionveil_dispatch::pool::Pool;
use ionveil_dispatch::settings::Settings;
use ionveil_dispatch::unit::Units;
use ionveil_journal::{Filter, Snapshot, Store, StoreError};
use ionveil_kernel::{Decider, Recorded, StreamId, Timestamp};
use ionveil_policy::engine::Engine;
use ionveil_policy::simulation::Simulation;
use ionveil_policy::tree::Tree;
use ionveil_routing::node::RoutingNode;
use ionveil_workflow::Workflow;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// The most findings that a report keeps; all are counted.
pub const FINDINGS_KEPT_MAX: usize = 1_000;
const CHUNK: usize = 4_096;

/// What was found, the first first.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Events that were read.
    pub events: u64,
    /// Entities that were replayed.
    pub entities: u64,
    /// Everything that is not as it must be.
    pub findings_total: u64,
    /// The first [`FINDINGS_KEPT_MAX`].
    pub findings: Vec<Finding>,
}

/// One thing that is not as it must be.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The stream, or `partition N`.
    pub stream: String,
    /// `gap`, `time_went_back`, `unreadable` or `diverged`.
    pub code: &'static str,
    /// What was found.
    pub detail: String,
}

impl Report {
    fn found(&mut self, stream: impl fmt::Display, code: &'static str, detail: String) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_KEPT_MAX {
            self.findings.push(Finding { stream: stream.to_string(), code, detail });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{}: {}: {}", finding.code, finding.stream, finding.detail)?;
        }
        write!(f, "{} events read, {} entities replayed, {} findings", self.events, self.entities, self.findings_total)
    }
}

/// How entities are replayed: a loader for each kind of this release.
#[derive(Clone)]
pub struct Kinds {
    workflows: Loader<Workflow>,
    policy_trees: Loader<Tree>,
    policy_engines: Loader<Engine>,
    simulations: Loader<Simulation>,
    routing_nodes: Loader<RoutingNode>,
    channels: Loader<Channel>,
    dispatches: Loader<Failover>,
    incidents: Loader<Incidents>,
    units: Loader<Units>,
    assignments: Loader<Assignments>,
    desks: Loader<Desk>,
    settings: Loader<Settings>,
    pools: Loader<Pool>,
    intakes: Loader<Intake>,
    monitors: Loader<Monitor>,
    alerts: Loader<Alerts>,
    pagers: Loader<Pager>,
    aggregators: Loader<Aggregator>,
}

impl Kinds {
    /// As a node with these settings would replay them.
    #[must_use]
    pub fn new(config: &Config, store: &Arc<dyn Store>) -> Self {
        Self {
            workflows: Loader::new(Arc::new(Workflow::new(Arc::new(config.machines.clone()))), store.clone()),
            policy_trees: Loader::new(Arc::new(config.policy.tree), store.clone()),
            policy_engines: Loader::new(Arc::new(config.policy.engine.clone()), store.clone()),
            simulations: Loader::new(Arc::new(Simulation), store.clone()),
            routing_nodes: Loader::new(Arc::new(RoutingNode { settings: config.routing }), store.clone()),
            channels: Loader::new(Arc::new(Channel), store.clone()),
            dispatches: Loader::new(Arc::new(Failover), store.clone()),
            incidents: Loader::new(Arc::new(Incidents), store.clone()),
            units: Loader::new(Arc::new(Units), store.clone()),
            assignments: Loader::new(Arc::new(Assignments), store.clone()),
            desks: Loader::new(Arc::new(Desk), store.clone()),
            settings: Loader::new(Arc::new(Settings), store.clone()),
            pools: Loader::new(Arc::new(config.pool), store.clone()),
            intakes: Loader::new(Arc::new(Intake), store.clone()),
            monitors: Loader::new(Arc::new(Monitor), store.clone()),
            alerts: Loader::new(Arc::new(Alerts), store.clone()),
            pagers: Loader::new(Arc::new(config.alerts.pager), store.clone()),
            aggregators: Loader::new(Arc::new(Aggregator { retention: config.analytics.retention }), store.clone()),
        }
    }

    /// As this node replays them.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        Self {
            workflows: node.workflows.loader().clone(),
            policy_trees: node.policy_trees.loader().clone(),
            policy_engines: node.policy_engines.loader().clone(),
            simulations: node.simulations.loader().clone(),
            routing_nodes: node.routing_nodes.loader().clone(),
            channels: node.channels.loaders().0.clone(),
            dispatches: node.channels.loaders().1.clone(),
            incidents: node.incidents.loader().clone(),
            units: node.units.loader().clone(),
            assignments: node.assignments.loader().clone(),
            desks: node.desks.loader().clone(),
            settings: node.settings.loader().clone(),
            pools: node.pools.host().loader().clone(),
            intakes: node.intakes.host().loader().clone(),
            monitors: node.alerting.monitors().loader().clone(),
            alerts: node.alerting.alerts().loader().clone(),
            pagers: node.alerting.pagers().loader().clone(),
            aggregators: node.aggregators.loader().clone(),
        }
    }

    /// Replays an entity of any kind, as [`check_entity`] does; of an unknown kind it says so.
    ///
    /// # Errors
    /// As [`check_entity`].
    pub async fn check(&self, entity: &StreamId, report: &mut Report) -> Result<u64, StoreError> {
        match entity.kind.as_str() {
            Tree::KIND => check_entity(&self.policy_trees, entity, report).await,
            Engine::KIND => check_entity(&self.policy_engines, entity, report).await,
            Simulation::KIND => check_entity(&self.simulations, entity, report).await,
            RoutingNode::KIND => check_entity(&self.routing_nodes, entity, report).await,
            Channel::KIND => check_entity(&self.channels, entity, report).await,
            Failover::KIND => check_entity(&self.dispatches, entity, report).await,
            Incidents::KIND => check_entity(&self.incidents, entity, report).await,
            Units::KIND => check_entity(&self.units, entity, report).await,
            Assignments::KIND => check_entity(&self.assignments, entity, report).await,
            Desk::KIND => check_entity(&self.desks, entity, report).await,
            Settings::KIND => check_entity(&self.settings, entity, report).await,
            Pool::KIND => check_entity(&self.pools, entity, report).await,
            Intake::KIND => check_entity(&self.intakes, entity, report).await,
            Monitor::KIND => check_entity(&self.monitors, entity, report).await,
            Alerts::KIND => check_entity(&self.alerts, entity, report).await,
            Pager::KIND => check_entity(&self.pagers, entity, report).await,
            Aggregator::KIND => check_entity(&self.aggregators, entity, report).await,
            _workflow => check_entity(&self.workflows, entity, report).await,
        }
    }
}

/// Reads a partition from end to end: positions are dense, `recorded_at` never goes back.
///
/// # Errors
/// As [`Store::read_partition`].
pub async fn check_partition(
    store: &dyn Store,
    partition: u16,
    report: &mut Report,
    mut progress: impl FnMut(u64),
) -> Result<(), StoreError> {
    let (mut last, mut time) = (0, Timestamp::MIN);
    loop {
        let page = store.read_partition(partition, last, CHUNK, &Filter::default()).await?;
        for event in &page.events {
            if event.position != last + 1 {
                report.found(format_args!("partition {partition}"), "gap", format!("position {} follows {last}", event.position));
            }
            if event.recorded_at < time {
                report.found(
                    &event.stream,
                    "time_went_back",
                    format!("event {} was recorded before the one before it", event.sequence_number),
                );
            }
            (last, time) = (event.position, event.recorded_at);
        }
        report.events += page.events.len() as u64;
        progress(page.events.len() as u64);
        if page.events.is_empty() {
            return Ok(());
        }
    }
}

/// Replays an entity: twice from its events, side by side, and from its snapshot; says how many events it has.
///
/// # Errors
/// If the store cannot be read; what cannot be folded is a finding.
pub async fn check_entity<D: Decider>(loader: &Loader<D>, entity: &StreamId, report: &mut Report) -> Result<u64, StoreError> {
    report.entities += 1;
    if entity.kind.as_str() != D::KIND {
        report.found(entity, "unreadable", format!("this release knows no entities of kind {}", entity.kind));
        return Ok(0);
    }
    let snapshot = loader.store().snapshot(entity).await?;
    let mut replays = Replays::new(loader, entity, snapshot.as_ref());
    loop {
        let Loaded { version, position, .. } = replays.first;
        let events = loader.store().read_entity(entity, version, position, CHUNK).await?;
        for event in &events {
            if let Err(error) = replays.apply(loader, entity, event) {
                report.found(entity, "unreadable", explain(&error));
                return Ok(replays.first.version);
            }
        }
        if events.len() < CHUNK {
            replays.compare(entity, report);
            return Ok(replays.first.version);
        }
    }
}

/// Three ways to the same state.
struct Replays<D: Decider> {
    first: Loaded<D>,
    second: Loaded<D>,
    /// Joins once the others have come to it.
    from_snapshot: Option<Loaded<D>>,
}

impl<D: Decider> Replays<D> {
    fn new(loader: &Loader<D>, entity: &StreamId, snapshot: Option<&Snapshot>) -> Self {
        let from_snapshot = snapshot.and_then(|snapshot| loader.restore(snapshot));
        Self { first: loader.empty(entity), second: loader.empty(entity), from_snapshot }
    }

    fn apply(&mut self, loader: &Loader<D>, entity: &StreamId, event: &Recorded) -> Result<(), LoadError> {
        let take = |loaded: &mut Loaded<D>| std::mem::replace(loaded, loader.empty(entity));
        self.first = loader.apply(entity, take(&mut self.first), event)?;
        self.second = loader.apply(entity, take(&mut self.second), event)?;
        if let Some(loaded) = self.from_snapshot.take_if(|loaded| event.position > loaded.position) {
            self.from_snapshot = Some(loader.apply(entity, loaded, event)?);
        }
        Ok(())
    }

    fn compare(&self, entity: &StreamId, report: &mut Report) {
        let ways = [("a second replay", Some(&self.second)), ("its snapshot and the rest", self.from_snapshot.as_ref())];
        for (way, again) in ways.into_iter().filter_map(|(way, again)| Some((way, again?))) {
            let same = |a: &Loaded<D>, b: &Loaded<D>| a.state == b.state && a.version == b.version && a.occurred_at == b.occurred_at;
            if !same(&self.first, again) {
                let (was, is) = ((self.first.version, &self.first.state), (again.version, &again.state));
                report.found(entity, "diverged", format!("{way} gives {is:?}, the first replay {was:?}"));
            }
        }
    }
}

fn explain(error: &LoadError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("failed to {error}{}", source.unwrap_or_default())
}
