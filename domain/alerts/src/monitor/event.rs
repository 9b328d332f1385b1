//! What can happen to a monitor: stable type names, one schema version each. Those that begin with `watch_` or tell of an
//! incident are in the stream of that incident's watch, all others in the monitor's own.

use crate::escalation::EscalationPolicy;
use crate::firing::Firing;
use crate::recipient::Recipient;
use crate::rule::Rule;
use crate::suppression::Suppression;
use crate::words::{Priority, Targets};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        /// A rule is there, or is another.
        RulePut = "rule_put" v 1,
        /// A rule has gone.
        RuleRemoved = "rule_removed" v 1,
        /// Rules are quiet.
        SuppressionBegun = "suppression_begun" v 1,
        /// Rules are quiet no longer.
        SuppressionLifted = "suppression_lifted" v 1,
        /// The escalation policy is another.
        PolicySet = "escalation_policy_set" v 1,
        /// A recipient is there, or is another.
        RecipientPut = "recipient_put" v 1,
        /// A recipient has gone.
        RecipientRemoved = "recipient_removed" v 1,
        /// The organisation's targets are others.
        TargetsSet = "targets_set" v 1,
        /// The priority of an incident is known, and with it the target.
        WatchPrioritised = "watch_prioritised" v 1,
        /// Time runs.
        WatchStarted = "watch_started" v 1,
        /// A deadline came, or somebody asked.
        WatchChecked = "watch_checked" v 1,
        /// Time has stopped.
        WatchEnded = "watch_ended" v 1,
        /// A rule fired: an alert is wanted.
        Fired = "fired" v 1,
        /// The error budgets were looked at.
        BudgetsEvaluated = "budgets_evaluated" v 1,
        /// A rule without an incident may fire again.
        RuleCleared = "rule_cleared" v 1,
        /// Another system says that something is wrong: an alert is wanted.
        ExternalRaised = "external_raised" v 1,
        /// It says so again.
        ExternalSeen = "external_seen" v 1,
        /// It says so no longer.
        ExternalEnded = "external_ended" v 1,
    }
}

/// Payload of [`Event::RulePut`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulePut {
    /// The rule.
    pub rule: Rule,
    /// Who: a subject.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::RuleRemoved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRemoved {
    /// Which.
    pub rule: EntityId,
    /// Who: a subject.
    pub by: String,
}

/// Payload of [`Event::SuppressionBegun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressionBegun {
    /// The suppression.
    pub suppression: Suppression,
}

/// Payload of [`Event::SuppressionLifted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressionLifted {
    /// Which.
    pub suppression: EntityId,
    /// Whether it was still active.
    pub was_active: bool,
    /// Who: a subject.
    pub by: String,
}

/// Payload of [`Event::PolicySet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// The policy.
    pub policy: EscalationPolicy,
    /// Who: a subject.
    pub by: String,
}

/// Payload of [`Event::RecipientPut`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientPut {
    /// The recipient.
    pub recipient: Recipient,
    /// Who did it: a subject.
    pub by: String,
}

/// Payload of [`Event::RecipientRemoved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientRemoved {
    /// Which.
    pub recipient: EntityId,
    /// Who did it: a subject.
    pub by: String,
}

/// Payload of [`Event::TargetsSet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsSet {
    /// By priority.
    pub targets: Targets,
    /// Who: a subject.
    pub by: String,
}

/// Payload of [`Event::WatchPrioritised`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchPrioritised {
    /// The priority.
    pub priority: Priority,
    /// Minutes from dispatch to arrival.
    pub target_minutes: u32,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::WatchStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchStarted {
    /// From when time runs.
    pub dispatched_at: Timestamp,
    /// When that was known.
    pub at: Timestamp,
}

/// Payload of [`Event::WatchChecked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchChecked {
    /// As of when.
    pub at: Timestamp,
    /// Whether it was seen for the first time that the target is missed.
    pub breached: bool,
    /// The rules that held and had not fired; those that then fired follow as [`Event::Fired`].
    pub held: Vec<EntityId>,
    /// What somebody who asked said of the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// What somebody said of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its priority.
    pub priority: Priority,
    /// When somebody was sent.
    pub dispatched_at: Timestamp,
    /// Minutes from dispatch to arrival.
    pub target_minutes: u32,
    /// Who asked: a subject.
    pub by: String,
}

/// What became of an incident's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Somebody came in time.
    Met,
    /// Nobody did.
    Breached,
    /// It ended before.
    Unanswered,
}

/// Payload of [`Event::WatchEnded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchEnded {
    /// When.
    pub at: Timestamp,
    /// What became of the target.
    pub outcome: Outcome,
    /// Its alerts: there is nothing left to do about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<EntityId>,
}

/// Payload of [`Event::Fired`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fired {
    /// What it says.
    pub firing: Box<Firing>,
}

/// Payload of [`Event::BudgetsEvaluated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetsEvaluated {
    /// The calls before this minute (since 1970) were looked at.
    pub minute: i64,
}

/// Payload of [`Event::RuleCleared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleCleared {
    /// The rule.
    pub rule: EntityId,
    /// Its alert, which is resolved.
    pub alert: EntityId,
}

/// Payload of [`Event::ExternalRaised`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalRaised {
    /// What it says; its rule names it by its labels.
    pub firing: Box<Firing>,
    /// When it ends, unless it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// Payload of [`Event::ExternalSeen`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalSeen {
    /// Those whose end is another, and when they now end.
    pub ends: BTreeMap<EntityId, Option<Timestamp>>,
}

/// Payload of [`Event::ExternalEnded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalEnded {
    /// Which.
    pub rule: EntityId,
    /// Its alert.
    pub alert: EntityId,
}
