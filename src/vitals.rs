//! Whether this node can append, and how far its lists are behind, as figures of `/metrics`: what `/health` says, for alerts.

use ionveil_journal::Journal;
use ionveil_views::Status;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use tokio::sync::watch;

/// Looks when it is asked.
pub struct Vitals {
    /// Whose leases.
    pub journal: Journal,
    /// What the projector says.
    pub views: watch::Receiver<Status>,
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
        Ok(())
    }
}
