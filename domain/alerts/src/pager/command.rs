//! What can be asked of a pager.

use crate::words::{Channel, Severity};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver has it.
    Sent,
    /// It certainly has not.
    Failed,
    /// It may have it.
    Unknown,
}

/// A wish. Its serde form is tagged with its name in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// The recipient is to be told of an alert.
    Page {
        /// Which.
        alert: EntityId,
        /// In which of its steps.
        step: u32,
        /// Over what.
        channel: Channel,
        /// How bad it is.
        severity: Severity,
    },
    /// The recipient is to get a test message, which no limit holds up.
    Test {
        /// Over what.
        channel: Channel,
    },
    /// An attempt to send begins: what was begun under this number before, and has not been reported, is unknown.
    Begin {
        /// Of which notification.
        notification: EntityId,
        /// Which.
        attempt: u32,
    },
    /// An attempt has ended.
    Report {
        /// Of which notification.
        notification: EntityId,
        /// Which.
        attempt: u32,
        /// What came of it.
        outcome: Outcome,
        /// Whether it would fail again.
        #[serde(default)]
        permanent: bool,
        /// Why it failed, or is not known: without personal data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What is due by now is done. From the timers.
    Pass {
        /// When it was due.
        due: Timestamp,
    },
}
