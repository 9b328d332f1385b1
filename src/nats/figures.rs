//! What the bridges count, for `/metrics`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Label = [(&'static str, &'static str); 1];

/// What the bridges count. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    connected: Family<Label, Gauge>,
    connects: Family<Label, Counter>,
    failures: Family<Label, Counter>,
    commands: Family<Label, Counter>,
    batches: Family<Label, Counter>,
    /// Events that JetStream has acknowledged.
    pub(super) published: Counter,
    /// Events of our partitions that it has not.
    lag: Gauge,
    /// How many it had, of those partitions, when that was last known.
    acknowledged: Arc<AtomicU64>,
    /// How often a partition was published again because the stream had been made anew or had lost something.
    pub(super) rewinds: Counter,
}

impl Figures {
    /// Figures that `registry` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let (figures, registry) = (Self::default(), registry.sub_registry_with_prefix("ionveil_nats"));
        registry.register("connected", "Whether a bridge is connected and at work", figures.connected.clone());
        registry.register("connects", "How often a bridge has connected", figures.connects.clone());
        registry.register("failures", "How often a bridge could not connect or had to begin anew", figures.failures.clone());
        registry.register("published", "Events that JetStream has acknowledged", figures.published.clone());
        registry.register("lag", "Events of the node's partitions that JetStream has not acknowledged", figures.lag.clone());
        let help = "Partitions that were published again because the stream was made anew or had lost something";
        registry.register("rewinds", help, figures.rewinds.clone());
        registry.register("commands", "Commands that were answered, by outcome", figures.commands.clone());
        registry.register("batches", "Batches that came in from JetStream, by outcome", figures.batches.clone());
        figures
    }

    /// So much was acknowledged of what there is.
    pub(super) fn measured(&self, acknowledged: u64, there: u64) {
        self.acknowledged.store(acknowledged, Ordering::Relaxed);
        self.fell_behind(there);
    }

    /// So much there is by now.
    pub(super) fn fell_behind(&self, there: u64) {
        let lag = there.saturating_sub(self.acknowledged.load(Ordering::Relaxed));
        self.lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
    }

    pub(super) fn set_connected(&self, bridge: &'static str, connected: bool) {
        self.connected.get_or_create(&[("bridge", bridge)]).set(i64::from(connected));
        if connected {
            self.connects.get_or_create(&[("bridge", bridge)]).inc();
        }
    }

    pub(super) fn failed(&self, bridge: &'static str) {
        self.failures.get_or_create(&[("bridge", bridge)]).inc();
    }

    pub(super) fn command(&self, outcome: &'static str) {
        self.commands.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(super) fn batch(&self, outcome: &'static str) {
        self.batches.get_or_create(&[("outcome", outcome)]).inc();
    }
}
