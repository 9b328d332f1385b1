//! Alerts, their history and notifications as clients see them.

use crate::time::Rfc3339;
use ionveil_alerts::alert::{Alert, Mark, Status};
use ionveil_alerts::view::Entry;
use ionveil_alerts::words::Channel;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_views::{AlertRecord, NotificationRecord};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Channels as clients write them.
pub(super) fn names(channels: &[Channel]) -> Vec<String> {
    channels.iter().map(ToString::to_string).collect()
}

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
