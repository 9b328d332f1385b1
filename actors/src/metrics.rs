//! What the runtime counts. A value that is passed, so that two instances in one process count apart. The only label is the
//! kind of entity, of which there are as many as deciders: nothing that comes from outside becomes a label.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    kind: &'static str,
}

/// From 50 µs to about 26 s, each bucket twice the one before.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(50e-6, 2.0, 20))
    }
}

type Seconded = Family<Label, Histogram, Seconds>;

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $family:ty => $metric:ty, $register:expr, $help:literal;)*) => {
        /// Every figure of the runtime, for all kinds.
        #[derive(Clone)]
        pub(crate) struct Metrics {
            $($name: $family,)*
        }

        /// The figures of one kind.
        pub(crate) struct KindMetrics {
            $($(#[$doc])* pub(crate) $name: $metric,)*
        }

        impl Metrics {
            /// Registers all of them under `ionveil_…{kind="…"}`.
            pub(crate) fn register(registry: &mut Registry) -> Self {
                let registry = registry.sub_registry_with_prefix("ionveil");
                Self { $($name: $register(registry, stringify!($name), $help),)* }
            }

            /// Those of one kind.
            pub(crate) fn of(&self, kind: &'static str) -> KindMetrics {
                let label = Label { kind };
                KindMetrics { $($name: self.$name.get_or_create(&label).clone(),)* }
            }
        }
    };
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Family<Label, Counter> {
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Family<Label, Gauge> {
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

fn seconds(registry: &mut Registry, name: &str, help: &str) -> Seconded {
    let family = Seconded::new_with_constructor(Seconds);
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

metrics! {
    /// Commands that were taken in.
    commands: Family<Label, Counter> => Counter, counter, "Commands that were taken in";
    /// Commands that were committed.
    committed: Family<Label, Counter> => Counter, counter, "Commands that were committed";
    /// Commands that had been accepted before.
    repeated: Family<Label, Counter> => Counter, counter, "Commands that had been accepted before";
    /// Commands that were refused.
    rejected: Family<Label, Counter> => Counter, counter, "Commands that were refused";
    /// Commands that were turned away for want of room.
    shed: Family<Label, Counter> => Counter, counter, "Commands that were turned away for want of room";
    /// Commands whose callers had given up before they were decided.
    expired: Family<Label, Counter> => Counter, counter, "Commands whose callers had given up before they were decided";
    /// Speculative decisions that were taken again because what they rested on was not committed.
    redecided: Family<Label, Counter> => Counter, counter, "Decisions that were taken again after a failed commit or a restart";
    /// Panics that were caught.
    panics: Family<Label, Counter> => Counter, counter, "Panics that were caught";
    /// Entities that were folded anew after a failure.
    restarts: Family<Label, Counter> => Counter, counter, "Entities that were restarted after a failure";
    /// Entities that were quarantined.
    quarantines: Family<Label, Counter> => Counter, counter, "Entities that were quarantined";
    /// Commands that were sent to the node that owns their entity.
    forwarded: Family<Label, Counter> => Counter, counter, "Commands that were sent to the node that owns their entity";
    /// Commands that were parked as dead letters.
    dead_letters: Family<Label, Counter> => Counter, counter, "Commands that were parked as dead letters";
    /// Entities that were folded from the journal.
    recoveries: Family<Label, Counter> => Counter, counter, "Entities that were folded from the journal";
    /// Entities that were let go because they had no work.
    passivations: Family<Label, Counter> => Counter, counter, "Entities that were let go because they had no work";
    /// Entities that had to wait because the store could not be reached.
    suspensions: Family<Label, Counter> => Counter, counter, "Entities that were suspended because the store could not be reached";
    /// Handlers that took longer than they may.
    frozen: Family<Label, Counter> => Counter, counter, "Handlers that took longer than they may";
    /// Timers that fired.
    timers_fired: Family<Label, Counter> => Counter, counter, "Timers that fired";
    /// Timers that were passed over by their policy.
    timers_skipped: Family<Label, Counter> => Counter, counter, "Timers that were passed over by their policy";
    /// Timers that were consumed without being answered by a change of theirs.
    timers_consumed: Family<Label, Counter> => Counter, counter, "Timers that were consumed although their entity refused them or left them as they were";
    /// Entities in memory.
    resident: Family<Label, Gauge> => Gauge, gauge, "Entities in memory";
    /// Entities in quarantine.
    quarantined: Family<Label, Gauge> => Gauge, gauge, "Entities in quarantine";
    /// From being taken in to being committed.
    commit_latency: Seconded => Histogram, seconds, "From being taken in to being committed";
    /// From being taken in to being decided.
    queue_wait: Seconded => Histogram, seconds, "From being taken in to being decided";
    /// How late timers fired.
    timer_lag: Seconded => Histogram, seconds, "How late timers fired";
}
