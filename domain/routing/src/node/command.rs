//! What can be asked of a node.

use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with the name in `type`; unknown fields are refused. Whoever learns how something went at
/// an endpoint sends `{"type": "report_health_sample", "value": 1.0}` to it, for example a reactor on a channel's attempts;
/// of an endpoint that is no node it is refused as `unknown_endpoint`, which does no harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Registers the node, or reports the load of one that is registered. The same load again changes nothing.
    Report {
        /// The service that it belongs to; it keeps it.
        service: EntityId,
        /// How long it takes to answer, in milliseconds.
        latency_ms: u32,
        /// How many wait there.
        queue_depth: u32,
        /// How busy it is: 1 is fully, more is possible; 0 to [`super::SATURATION_MAX`]; 9 decimal places are kept.
        saturation: f64,
    },
    /// Reports how something went there.
    ReportHealthSample {
        /// From 0, a failure, to 1, a success; 9 decimal places are kept.
        value: f64,
        /// When; none: now. At most five minutes ahead, which counts as now; what is older than the window has no effect.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// Makes the node dear: it gets something only where all others are dearer.
    MarkDegraded,
    /// Takes the node out until it recovers.
    EnterMaintenance,
    /// Ends degradation or maintenance: the node warms up.
    Recover,
    /// Does what time alone brings about. From the node's own timer only.
    Review {
        /// When it was due.
        due: Timestamp,
    },
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Report { .. } => "report",
            Self::ReportHealthSample { .. } => "report_health_sample",
            Self::MarkDegraded => "mark_degraded",
            Self::EnterMaintenance => "enter_maintenance",
            Self::Recover => "recover",
            Self::Review { .. } => "review",
        }
    }
}
