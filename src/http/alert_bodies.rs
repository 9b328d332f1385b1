//! Alerts, rules, suppressions, recipients and notifications as clients see them.

use crate::alerts::Contact;
use crate::http::alert_requests::LevelShape;
use crate::time::Rfc3339;
use ionveil_alerts::alert::{Alert, Mark, Status};
use ionveil_alerts::condition::Condition;
use ionveil_alerts::escalation::EscalationPolicy;
use ionveil_alerts::recipient::Recipient;
use ionveil_alerts::rule::Rule;
use ionveil_alerts::suppression::Suppression;
use ionveil_alerts::trial::Trial;
use ionveil_alerts::view::Entry;
use ionveil_alerts::words::Channel;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_views::{AlertRecord, NotificationRecord};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who did something, and when.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertMark)]
pub struct MarkBody {
    /// Who.
    #[schema(example = "user:jane")]
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
}

/// What an alert of another system was sent with.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertOrigin)]
pub struct OriginBody {
    /// Its labels.
    labels: BTreeMap<String, String>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// An alert.
#[derive(Serialize, ToSchema)]
#[schema(as = Alert)]
pub struct AlertBody {
    /// Its id.
    id: String,
    /// The rule that fired.
    rule: String,
    /// The incident, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
    /// How bad it is.
    #[schema(pattern = "^(info|warning|critical|emergency)$")]
    severity: String,
    /// How it stands.
    #[schema(pattern = "^(open|escalated|acknowledged|suppressed|resolved)$")]
    status: String,
    /// Who is to know.
    #[schema(pattern = "^L[1-4]$")]
    level: String,
    /// In a line.
    title: String,
    /// In figures.
    description: String,
    /// Whether nobody could be told when it was last known.
    undelivered: bool,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When any of this changed last; absent where one alert is shown with its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Rfc3339>,
    /// What an alert of another system was sent with; only where one alert is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginBody>,
    /// Who takes care of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<MarkBody>,
    /// Who says that it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<MarkBody>,
}

fn mark(mark: Option<(String, Timestamp)>) -> Option<MarkBody> {
    mark.map(|(by, at)| MarkBody { by, at: Rfc3339(at) })
}

impl From<AlertRecord> for AlertBody {
    fn from(record: AlertRecord) -> Self {
        Self {
            id: record.id.to_string(),
            rule: record.rule.to_string(),
            incident: record.incident.map(|id| id.to_string()),
            severity: record.severity.to_string(),
            status: record.status.to_string(),
            level: record.level.to_string(),
            title: record.title,
            description: record.description,
            undelivered: record.undelivered,
            created_at: Rfc3339(record.created_at),
            updated_at: Some(Rfc3339(record.updated_at)),
            origin: None,
            acknowledged: mark(record.acknowledged),
            resolved: mark(record.resolved),
        }
    }
}

impl AlertBody {
    /// The alert as its entity has it.
    #[must_use]
    pub fn new(id: &EntityId, alert: &Alert) -> Self {
        let of = |mark: &Option<Mark>| mark.as_ref().map(|mark| MarkBody { by: mark.by.clone(), at: Rfc3339(mark.at) });
        let firing = &alert.firing;
        Self {
            id: id.to_string(),
            rule: firing.rule.to_string(),
            incident: firing.incident.as_ref().map(ToString::to_string),
            severity: firing.severity.to_string(),
            status: alert.status.to_string(),
            level: alert.level.to_string(),
            title: firing.title.clone(),
            description: firing.description.clone(),
            undelivered: alert.undelivered && alert.status != Status::Resolved,
            created_at: Rfc3339(firing.at),
            updated_at: None,
            origin: firing.origin.clone().map(|origin| OriginBody { labels: origin.labels, url: origin.url }),
            acknowledged: of(&alert.acknowledged),
            resolved: of(&alert.resolved),
        }
    }
}

/// A page of alerts.
#[derive(Serialize, ToSchema)]
pub struct AlertList {
    /// Newest first.
    pub(super) items: Vec<AlertBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// How many there are on all pages.
    pub(super) total: u64,
}

/// A line of an alert's history.
#[derive(Serialize, ToSchema)]
pub struct AlertEntry {
    /// What happened.
    #[schema(example = "escalated")]
    what: String,
    /// Who did it.
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// The level that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    /// Why it escalated.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// What somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Who was called, as `channel:recipient`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    targets: Vec<String>,
}

impl From<Entry> for AlertEntry {
    fn from(entry: Entry) -> Self {
        let cause = entry.cause.and_then(|cause| serde_json::to_value(cause).ok()).and_then(|cause| cause.as_str().map(str::to_owned));
        let (level, at) = (entry.level.map(|level| level.to_string()), Rfc3339(entry.at));
        Self { what: entry.what, by: entry.by, at, level, cause, note: entry.note, targets: entry.targets }
    }
}

/// An alert and what has happened to it.
#[derive(Serialize, ToSchema)]
pub struct AlertWithHistory {
    /// The alert.
    #[serde(flatten)]
    pub(super) alert: AlertBody,
    /// Oldest first; of a long history the last 1,000 lines.
    pub(super) history: Vec<AlertEntry>,
    /// Rises with each of its events; the ETag.
    #[schema(minimum = 1)]
    pub(super) version: u64,
}

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRule)]
pub struct RuleBody {
    /// Its id; rules run in the order of their ids.
    id: String,
    /// What it is called.
    name: String,
    /// What it is for.
    description: String,
    /// When it fires.
    condition: String,
    /// What the condition needs to know.
    #[schema(value_type = Object)]
    threshold_config: Value,
    /// How bad that is.
    severity: String,
    /// Over what the first level is told.
    channels: Vec<String>,
    /// After so long the alert goes to the second level.
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_after_minutes: Option<u32>,
    /// So long there is no second alert of the same incident.
    suppression_window_minutes: u32,
    /// Whether it fires at all.
    enabled: bool,
}

fn names(channels: &[Channel]) -> Vec<String> {
    channels.iter().map(ToString::to_string).collect()
}

impl From<&Rule> for RuleBody {
    fn from(rule: &Rule) -> Self {
        // A condition is an object with its kind as the only key.
        let inner = serde_json::to_value(&rule.condition).ok().and_then(|value| value.as_object()?.values().next().cloned());
        let mut config = inner.unwrap_or_else(|| json!({}));
        if matches!(rule.condition, Condition::BurnRate(_)) {
            config["metric"] = json!("slo_burn_rate");
        }
        Self {
            id: rule.id.to_string(),
            name: rule.name.clone(),
            description: rule.description.clone(),
            condition: rule.condition.kind().to_owned(),
            threshold_config: config,
            severity: rule.severity.to_string(),
            channels: names(&rule.channels),
            escalation_after_minutes: rule.escalation_after_minutes,
            suppression_window_minutes: rule.suppression_window_minutes,
            enabled: rule.enabled,
        }
    }
}

/// All rules of an organisation.
#[derive(Serialize, ToSchema)]
pub struct AlertRules {
    /// In the order in which they run.
    pub(super) items: Vec<RuleBody>,
}

/// What a rule would have done.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRuleTrial)]
pub struct TrialBody {
    /// How many incidents were looked at.
    incidents: u64,
    /// How often it would have fired.
    alerts: u64,
    /// How often nobody of the first level would have been there.
    undelivered: u64,
    /// How often each recipient would have been told, by `channel:recipient`.
    pages: BTreeMap<String, u64>,
    /// At what hours (0 to 23) of their own clocks.
    #[schema(min_items = 24, max_items = 24)]
    by_hour: Vec<u64>,
    /// The first firings.
    firings: Vec<FiringBody>,
}

/// A firing.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRuleFiring)]
pub struct FiringBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// For which incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
}

impl TrialBody {
    /// What came of a trial on so many incidents.
    #[must_use]
    pub fn new(incidents: u64, trial: &Trial) -> Self {
        let firing = |(at, incident): &(Timestamp, Option<EntityId>)| FiringBody {
            at: Rfc3339(*at),
            incident: incident.as_ref().map(ToString::to_string),
        };
        Self {
            incidents,
            alerts: trial.alerts,
            undelivered: trial.undelivered,
            pages: trial.pages.iter().map(|((recipient, channel), count)| (format!("{channel}:{recipient}"), *count)).collect(),
            by_hour: trial.by_hour.to_vec(),
            firings: trial.firings.iter().map(firing).collect(),
        }
    }
}

/// What a check came to.
#[derive(Serialize, ToSchema)]
pub struct CheckedIncident {
    /// The alerts that were raised by it.
    pub(super) alerts: Vec<RaisedBody>,
}

/// An alert that was raised.
#[derive(Serialize, ToSchema)]
#[schema(as = RaisedAlert)]
pub struct RaisedBody {
    /// Its id.
    pub(super) id: String,
    /// The rule.
    pub(super) rule: String,
    /// Whether it is suppressed.
    pub(super) suppressed: bool,
}

/// A suppression.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub struct SuppressionBody {
    /// Its id.
    id: String,
    /// Matches the whole id of the rules that it means.
    pattern: String,
    /// Why.
    reason: String,
    /// Who.
    by: String,
    /// From then on.
    #[schema(value_type = String, format = DateTime)]
    from: Rfc3339,
    /// Until then, which is not in it.
    #[schema(value_type = String, format = DateTime)]
    until: Rfc3339,
    /// Whether it is in force now.
    active: bool,
}

impl SuppressionBody {
    /// As it stands at `now`.
    #[must_use]
    pub fn new(one: &Suppression, now: Timestamp) -> Self {
        let (id, pattern) = (one.id.to_string(), one.pattern.as_str().to_owned());
        let (from, until, active) = (Rfc3339(one.from), Rfc3339(one.until), now < one.until);
        Self { id, pattern, reason: one.reason.clone(), by: one.by.clone(), from, until, active }
    }
}

/// The suppressions that were not lifted.
#[derive(Serialize, ToSchema)]
pub struct Suppressions {
    /// By id.
    pub(super) items: Vec<SuppressionBody>,
}

/// What was removed.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovedFromAlerts)]
pub struct RemovedBody {
    /// Its id.
    pub(super) id: String,
    /// Always `true`.
    pub(super) removed: bool,
    /// Of a suppression: whether it was still in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) was_active: Option<bool>,
}

/// The escalation policy.
#[derive(Serialize, ToSchema)]
#[schema(as = EscalationPolicy)]
pub struct PolicyBody {
    /// What it is called.
    name: String,
    /// Its levels, lowest first.
    levels: Vec<LevelShape>,
    /// The highest level is told again so often.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_after_minutes: Option<u32>,
    /// How often an alert escalates.
    max_escalations: u32,
}

impl From<&EscalationPolicy> for PolicyBody {
    fn from(policy: &EscalationPolicy) -> Self {
        let level = |level: &ionveil_alerts::escalation::PolicyLevel| LevelShape {
            level: level.level.to_string(),
            timeout_minutes: level.timeout_minutes.into(),
            recipients: level.recipients.iter().map(ToString::to_string).collect(),
            channels: Some(names(&level.channels)),
        };
        Self {
            name: policy.name.clone(),
            levels: policy.levels.iter().map(level).collect(),
            repeat_after_minutes: policy.repeat_after_minutes,
            max_escalations: policy.max_escalations,
        }
    }
}

/// Whom alerts reach.
#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub struct RecipientBody {
    /// An opaque id.
    id: String,
    /// What they are called.
    name: String,
    /// By channel: the address, where it is kept, or `(kept)` where it is a secret by itself.
    addresses: BTreeMap<String, String>,
    /// When they work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::http::unit_requests::ShiftShape>)]
    shift: Option<ionveil_kernel::Shift>,
    /// The zone in which they are shown times.
    time_zone: String,
    /// Whether they are on shift now.
    on_shift: bool,
}

impl RecipientBody {
    /// As it is known in the journal and beside it.
    #[must_use]
    pub fn new(recipient: &Recipient, contact: &Contact, now: Timestamp) -> Self {
        let address = |channel: &Channel| {
            let shown = contact.addresses.get(channel).map_or_else(|| "(missing)".to_owned(), |address| address.shown(*channel));
            (channel.to_string(), shown)
        };
        Self {
            id: recipient.id.to_string(),
            name: contact.name.clone(),
            addresses: recipient.channels.iter().map(address).collect(),
            shift: recipient.shift.clone(),
            time_zone: recipient.time_zone.clone(),
            on_shift: recipient.is_on_shift(now),
        }
    }
}

/// All recipients of an organisation.
#[derive(Serialize, ToSchema)]
pub struct Recipients {
    /// By id; of each its channels, without addresses.
    pub(super) items: Vec<RecipientLine>,
}

/// A recipient in a list.
#[derive(Serialize, ToSchema)]
pub struct RecipientLine {
    /// An opaque id.
    pub(super) id: String,
    /// The channels of which there is an address.
    pub(super) channels: Vec<String>,
    /// Whether they are on shift now.
    pub(super) on_shift: bool,
}

impl RecipientLine {
    /// As it stands at `now`.
    #[must_use]
    pub fn new(recipient: &Recipient, now: Timestamp) -> Self {
        Self { id: recipient.id.to_string(), channels: names(&recipient.channels), on_shift: recipient.is_on_shift(now) }
    }
}

/// Test messages on their way.
#[derive(Serialize, ToSchema)]
pub struct RecipientTest {
    /// To whom.
    pub(super) recipient: String,
    /// The notifications; what came of them stands in the list of notifications.
    pub(super) notifications: Vec<TestBody>,
}

/// One test message.
#[derive(Serialize, ToSchema)]
#[schema(as = TestNotification)]
pub struct TestBody {
    /// Its id, which the receiver sees.
    pub(super) id: String,
    /// Over what.
    pub(super) channel: String,
}

/// A notification.
#[derive(Serialize, ToSchema)]
#[schema(as = Notification)]
pub struct NotificationBody {
    /// Its id, which the receiver sees.
    id: String,
    /// To whom.
    recipient: String,
    /// Over what.
    channel: String,
    /// The alert; absent of tests and digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<String>,
    /// Its step.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    /// The digest that it goes with.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// How it stands.
    #[schema(pattern = "^(pending|digest|sent|failed|unknown)$")]
    status: String,
    /// The last attempt; 0: none yet.
    attempt: u32,
    /// Attempts of which it is not known whether the receiver has them; they were repeated under the same id.
    unknown_attempts: Vec<u32>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was wanted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When any of this changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

impl From<NotificationRecord> for NotificationBody {
    fn from(record: NotificationRecord) -> Self {
        let (alert, step) = record.about.map(|(alert, step)| (alert.to_string(), step)).unzip();
        Self {
            id: record.id.to_string(),
            recipient: record.recipient.to_string(),
            channel: record.channel.to_string(),
            alert,
            step,
            digest: record.digest.map(|id| id.to_string()),
            status: record.status.to_string(),
            attempt: record.attempt,
            unknown_attempts: record.unknown,
            reason: record.reason,
            created_at: Rfc3339(record.created_at),
            updated_at: Rfc3339(record.updated_at),
        }
    }
}

/// A page of notifications.
#[derive(Serialize, ToSchema)]
pub struct NotificationList {
    /// Newest first.
    pub(super) items: Vec<NotificationBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// How many there are on all pages.
    pub(super) total: u64,
}
