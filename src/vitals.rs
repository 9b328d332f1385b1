//! Whether this node can append, how far its lists are behind and how its reactors are, as figures of `/metrics`: for alerts.

use ionveil_actors::Runtime;
use ionveil_journal::Journal;
use ionveil_views::Status;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use tokio::sync::watch;

/// Looks when it is asked.
pub struct Vitals {
    /// Whose leases.
    pub journal: Journal,
    /// What the projector says.
    pub views: watch::Receiver<Status>,
    /// Whose reactors.
    pub runtime: Runtime,
}

impl fmt::Debug for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vitals")
    }
}

impl Collector for Vitals {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (behind, healthy) = {
            let status = self.views.borrow();
            (status.total() - status.done(), status.healthy())
        };
        let figures = [
            ("journal_ready", "Whether this node owns its partitions and can append", i64::from(self.journal.ready())),
            ("views_behind", "Events that the list views have not taken in", i64::try_from(behind).unwrap_or(i64::MAX)),
            ("views_healthy", "Whether the list views go on: 0 if one stands still at an event or its store is away", i64::from(healthy)),
        ];
        for (name, help, value) in figures {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        self.encode_reactors(encoder)
    }
}

impl Vitals {
    fn encode_reactors(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let reactors = self.runtime.reactors();
        let count = ConstCounter::new(0_u64);
        let mut events =
            encoder.encode_descriptor("reactor_events", "Events that a reactor has read since the start", None, count.metric_type())?;
        for reactor in &reactors {
            ConstCounter::new(reactor.events).encode(events.encode_family(&[("reactor", reactor.name)])?)?;
        }
        let gauge = ConstGauge::new(0_i64);
        let help = "Whether a reactor stands still at an event: what it leads to waits";
        let mut stuck = encoder.encode_descriptor("reactor_stuck", help, None, gauge.metric_type())?;
        for reactor in &reactors {
            ConstGauge::new(i64::from(reactor.fault.is_some())).encode(stuck.encode_family(&[("reactor", reactor.name)])?)?;
        }
        Ok(())
    }
}
