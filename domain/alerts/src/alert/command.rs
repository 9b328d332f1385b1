//! What can be asked of an alert.

use crate::escalation::Target;
use crate::firing::Firing;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with its name in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// It is there.
    Raise {
        /// What the rule says.
        firing: Box<Firing>,
    },
    /// Somebody takes care of it.
    Acknowledge {
        /// What they say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// For so long; then it opens again. For ever, without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minutes: Option<i64>,
    },
    /// It is over.
    Resolve {
        /// How; not only blanks.
        note: String,
    },
    /// The next level has to know.
    Escalate {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What is due by now is done, one step of it. From the timers, and from the pass that is made all the same.
    Pass {
        /// When it was due.
        due: Timestamp,
    },
    /// Somebody was reached.
    Delivered {
        /// In which step.
        step: u32,
        /// Who, over what.
        target: Target,
    },
    /// Somebody could not be reached, for good.
    DeliveryFailed {
        /// In which step.
        step: u32,
        /// Who, over what.
        target: Target,
    },
}
