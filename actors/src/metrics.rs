//! What a host counts. A value that is passed, so that two hosts in one process count apart.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of one kind of entity.
#[derive(Clone, Default)]
pub struct HostMetrics {
    /// Commands that were taken in.
    pub commands: Counter,
    /// Commands that were committed.
    pub committed: Counter,
    /// Commands that had been accepted before.
    pub repeated: Counter,
    /// Commands that were refused.
    pub rejected: Counter,
    /// Commands that were turned away for want of room.
    pub shed: Counter,
    /// Speculative decisions that were taken again because what they rested on was not committed.
    pub redecided: Counter,
    /// Entities whose history could not be folded, or whose decider panicked.
    pub quarantined: Counter,
    /// Entities in memory.
    pub resident: Gauge,
}

impl HostMetrics {
    /// Registers all of them under `ionveil_<kind>_…`.
    pub fn register(&self, registry: &mut Registry, kind: &str) {
        let registry = registry.sub_registry_with_prefix(format!("ionveil_{}", kind.replace('-', "_")));
        registry.register("commands", "Commands that were taken in", self.commands.clone());
        registry.register("committed", "Commands that were committed", self.committed.clone());
        registry.register("repeated", "Commands that had been accepted before", self.repeated.clone());
        registry.register("rejected", "Commands that were refused", self.rejected.clone());
        registry.register("shed", "Commands that were turned away for want of room", self.shed.clone());
        registry.register("redecided", "Decisions that were taken again after a failed commit", self.redecided.clone());
        registry.register("quarantined", "Entities that could not be folded or whose decider panicked", self.quarantined.clone());
        registry.register("resident", "Entities in memory", self.resident.clone());
    }
}
