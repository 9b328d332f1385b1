//! What can be asked of a monitor.

use crate::escalation::PolicyForm;
use crate::external::External;
use crate::recipient::RecipientForm;
use crate::rule::RuleForm;
use crate::words::{Priority, Targets};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with its name in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// A rule is there from now on, in the place of one of the same id.
    PutRule {
        /// The rule.
        rule: RuleForm,
    },
    /// A rule goes.
    RemoveRule {
        /// Which.
        rule: EntityId,
    },
    /// Rules fire without telling anybody for a while.
    Suppress {
        /// Matches the whole id of the rules.
        pattern: String,
        /// How long; above 0.
        minutes: i64,
        /// Why.
        reason: String,
    },
    /// A suppression ends early.
    LiftSuppression {
        /// Which.
        suppression: EntityId,
    },
    /// The escalation policy from now on.
    SetPolicy {
        /// The policy.
        policy: PolicyForm,
    },
    /// A recipient is there from now on, in the place of one of the same id.
    PutRecipient {
        /// The recipient.
        recipient: RecipientForm,
    },
    /// A recipient goes, whom no level names.
    RemoveRecipient {
        /// Which.
        recipient: EntityId,
    },
    /// The organisation's own minutes from dispatch to arrival, for what is prioritised from now on.
    SetTargets {
        /// By priority.
        targets: Targets,
    },
    /// An incident has this priority.
    Prioritised {
        /// Which.
        incident: EntityId,
        /// The priority.
        priority: Priority,
    },
    /// Somebody was sent to an incident.
    Dispatched {
        /// Which.
        incident: EntityId,
        /// When; the first time counts.
        at: Timestamp,
    },
    /// Somebody has come.
    Arrived {
        /// Where.
        incident: EntityId,
        /// When.
        at: Timestamp,
    },
    /// An incident has ended in another way.
    Ended {
        /// Which.
        incident: EntityId,
        /// When.
        at: Timestamp,
    },
    /// A person or another system wants an incident checked now: every rule that holds fires, unless it has within its window.
    Check {
        /// Which.
        incident: EntityId,
        /// Its priority, 1 to 5.
        priority: i64,
        /// When somebody was sent.
        dispatched_at: Timestamp,
        /// As of when; now, without it, and never later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        now: Option<Timestamp>,
    },
    /// Deadlines have come. From the timer.
    Due {
        /// Which.
        due: Timestamp,
    },
    /// The pass that is made every 30 s all the same: it finds what the timers missed, which is nothing.
    Sweep,
    /// The error budgets are looked at. From the timer.
    Evaluate {
        /// The end of the minute.
        due: Timestamp,
    },
    /// Other systems say what is wrong, or no longer is.
    External {
        /// Each once; at most [`ALERTS_MAX`](crate::external::ALERTS_MAX).
        alerts: Vec<External>,
    },
    /// Alerts of other systems end that were not sent again. From the timer.
    EndExternal {
        /// Which have ended by then.
        due: Timestamp,
    },
    /// An alert of a rule that knows no incident, or of another system, is resolved.
    AlertResolved {
        /// The rule.
        rule: EntityId,
        /// The alert.
        alert: EntityId,
    },
}
