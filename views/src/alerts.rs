//! Alerts and notifications as they are listed: what events make of their rows, and which rows a reader wants.

use crate::ViewsError;
use ionveil_alerts::alert::{self, Status};
use ionveil_alerts::pager::NOTIFICATION_KIND;
use ionveil_alerts::view::{AlertChange, NotificationChange, NotificationStatus, project, project_notification};
use ionveil_alerts::words::{Channel, Level, Severity};
use ionveil_kernel::{DecodeError, EntityId, Org, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of a row: organisation, kind, id.
pub(crate) type AlertKey = (Org, &'static str, EntityId);

/// An alert as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// Its id.
    pub id: EntityId,
    /// The rule.
    pub rule: EntityId,
    /// The incident, if it is about one.
    pub incident: Option<EntityId>,
    /// How bad it is.
    pub severity: Severity,
    /// How it stands.
    pub status: Status,
    /// Who is to know.
    pub level: Level,
    /// In a line.
    pub title: String,
    /// In figures.
    pub description: String,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When any of this changed last.
    pub updated_at: Timestamp,
    /// Whether nobody was reached.
    pub undelivered: bool,
    /// Who acknowledged it and when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// Who resolved it and when.
    pub resolved: Option<(String, Timestamp)>,
}

/// A notification as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// Its id, which the receiver sees.
    pub id: EntityId,
    /// To whom.
    pub recipient: EntityId,
    /// Over what.
    pub channel: Channel,
    /// The alert and its step; none: a test, or a digest of many.
    pub about: Option<(EntityId, u32)>,
    /// The digest that it goes with.
    pub digest: Option<EntityId>,
    /// How it stands.
    pub status: NotificationStatus,
    /// The last attempt.
    pub attempt: u32,
    /// Attempts whose outcome is not known.
    pub unknown: Vec<u32>,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// When it was wanted.
    pub created_at: Timestamp,
    /// When any of this changed last.
    pub updated_at: Timestamp,
}

/// A row of either kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AlertRow {
    /// An alert.
    Alert(AlertRecord),
    /// A notification.
    Notification(NotificationRecord),
}

/// In the order of `store_alerts.sql`.
pub(crate) type AlertColumns<'a> = (&'a str, &'static str, &'a str, i64, &'a str, &'static str, String);

impl AlertRow {
    pub(crate) fn read(kind: &str, record: &str) -> Result<Self, ViewsError> {
        let corrupt = |error: serde_json::Error| ViewsError::Corrupt(format!("a row of alerts: {error}"));
        match kind {
            alert::KIND => serde_json::from_str(record).map(Self::Alert).map_err(corrupt),
            _ => serde_json::from_str(record).map(Self::Notification).map_err(corrupt),
        }
    }

    pub(crate) fn columns<'a>(&'a self, org: &'a Org) -> Result<AlertColumns<'a>, ViewsError> {
        Ok(match self {
            Self::Alert(of) => {
                let (topic, status) = (of.severity.as_str(), of.status.as_str());
                (org.as_str(), alert::KIND, of.id.as_str(), of.created_at.micros(), topic, status, crate::tables::text(of)?)
            }
            Self::Notification(of) => {
                let topic = of.about.as_ref().map_or("", |(alert, _)| alert.as_str());
                (
                    org.as_str(),
                    NOTIFICATION_KIND,
                    of.id.as_str(),
                    of.created_at.micros(),
                    topic,
                    of.status.as_str(),
                    crate::tables::text(of)?,
                )
            }
        })
    }
}

/// The kind under which a stream's rows are kept, if it has any.
fn kind_of(event: &Recorded) -> Option<&'static str> {
    [alert::KIND, NOTIFICATION_KIND].into_iter().find(|kind| *kind == event.stream.kind.as_str())
}

/// The names of the rows that `events` change.
pub(crate) fn alert_keys(events: &[Recorded]) -> Vec<AlertKey> {
    let key = |event: &Recorded| Some((event.stream.org.clone(), kind_of(event)?, event.stream.id.clone()));
    let mut keys: Vec<_> = events.iter().filter_map(key).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Rows while a page is folded, each with whether it has changed.
#[derive(Debug, Default)]
pub(crate) struct AlertSlots(BTreeMap<AlertKey, (AlertRow, bool)>);

impl AlertSlots {
    pub(crate) fn of(rows: Vec<(Org, AlertRow)>) -> Self {
        let slot = |(org, row): (Org, AlertRow)| match &row {
            AlertRow::Alert(of) => ((org, alert::KIND, of.id.clone()), (row, false)),
            AlertRow::Notification(of) => ((org, NOTIFICATION_KIND, of.id.clone()), (row, false)),
        };
        Self(rows.into_iter().map(slot).collect())
    }

    /// Takes an event in; says whether it was one of these kinds.
    pub(crate) fn take(&mut self, event: &Recorded) -> Result<bool, DecodeError> {
        let Some(kind) = kind_of(event) else { return Ok(false) };
        let key = (event.stream.org.clone(), kind, event.stream.id.clone());
        if let Some(change) = project(event)? {
            self.alert(key, change);
        } else if let Some(change) = project_notification(event)? {
            self.notification(key, change);
        }
        Ok(true)
    }

    fn alert(&mut self, key: AlertKey, change: AlertChange) {
        match change {
            AlertChange::New(new) => {
                let record = AlertRecord {
                    id: key.2.clone(),
                    rule: new.rule,
                    incident: new.incident,
                    severity: new.severity,
                    status: new.status,
                    level: new.level,
                    title: new.title,
                    description: new.description,
                    created_at: new.created_at,
                    updated_at: new.created_at,
                    undelivered: false,
                    acknowledged: None,
                    resolved: None,
                };
                self.0.insert(key, (AlertRow::Alert(record), true));
            }
            AlertChange::Update { status, level, undelivered, acknowledged, resolved, at } => {
                let Some((AlertRow::Alert(row), changed)) = self.0.get_mut(&key) else { return };
                row.status = status.unwrap_or(row.status);
                row.level = level.unwrap_or(row.level);
                row.undelivered = undelivered.unwrap_or(row.undelivered);
                row.acknowledged = acknowledged.or_else(|| row.acknowledged.take());
                row.resolved = resolved.or_else(|| row.resolved.take());
                row.updated_at = at;
                *changed = true;
            }
        }
    }

    fn notification(&mut self, key: AlertKey, change: NotificationChange) {
        let about = change.about.map(|step| (step.alert, step.step));
        if let (Some(status), Some(channel), None) = (change.status, change.channel, self.0.get(&key)) {
            let record = NotificationRecord {
                id: key.2.clone(),
                recipient: change.recipient,
                channel,
                about,
                digest: change.digest,
                status,
                attempt: 0,
                unknown: Vec::new(),
                reason: None,
                created_at: change.at,
                updated_at: change.at,
            };
            self.0.insert(key, (AlertRow::Notification(record), true));
            return;
        }
        let Some((AlertRow::Notification(row), changed)) = self.0.get_mut(&key) else { return };
        row.status = change.status.unwrap_or(row.status);
        row.attempt = change.attempt.unwrap_or(row.attempt);
        if change.is_unknown {
            row.unknown.extend(change.attempt);
        }
        row.reason = change.reason.or_else(|| row.reason.take());
        row.updated_at = change.at;
        *changed = true;
    }

    /// The rows that changed, in the order of their names.
    pub(crate) fn changed(self) -> Vec<(Org, AlertRow)> {
        let changed = self.0.into_iter().filter(|(_, (_, changed))| *changed);
        changed.map(|((org, _, _), (row, _))| (org, row)).collect()
    }
}

/// Which alerts of an organisation a reader wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only those that are so bad.
    pub severity: Option<Severity>,
    /// Only those in this status; none: those that are active.
    pub status: Option<Status>,
}

/// Which notifications of an organisation a reader wants; an empty filter means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Only those about this alert.
    pub alert: Option<EntityId>,
    /// Only those in this status.
    pub status: Option<NotificationStatus>,
}

/// A place in a list of alerts or notifications, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertPlace {
    /// When it was made.
    pub created_at: Timestamp,
    /// Its id.
    pub id: EntityId,
}

/// A filter as it is said in SQL: which rows, and the texts to bind behind those that are taken.
#[derive(Clone, Debug)]
pub(crate) struct AlertRows {
    pub(crate) kind: &'static str,
    conditions: Vec<(&'static str, String)>,
    active: bool,
}

impl From<&AlertFilter> for AlertRows {
    fn from(filter: &AlertFilter) -> Self {
        let topic = filter.severity.map(|severity| ("topic", severity.as_str().to_owned()));
        let status = filter.status.map(|status| ("status", status.as_str().to_owned()));
        Self { kind: alert::KIND, active: filter.status.is_none(), conditions: topic.into_iter().chain(status).collect() }
    }
}

impl From<&NotificationFilter> for AlertRows {
    fn from(filter: &NotificationFilter) -> Self {
        let topic = filter.alert.as_ref().map(|alert| ("topic", alert.to_string()));
        let status = filter.status.map(|status| ("status", status.as_str().to_owned()));
        Self { kind: NOTIFICATION_KIND, active: false, conditions: topic.into_iter().chain(status).collect() }
    }
}

impl AlertRows {
    /// `text` with the conditions; their parameters follow the `taken` ones of the text.
    pub(crate) fn put_into(&self, text: &str, taken: usize) -> String {
        let numbered = self.conditions.iter().zip(taken + 1..).map(|((column, _), number)| format!(" AND {column} = ${number}"));
        let active = if self.active { " AND status IN ('open', 'acknowledged', 'escalated')" } else { "" };
        text.replace("/*filter*/", &(numbered.collect::<String>() + active))
    }

    /// The texts to bind, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().map(|(_, value)| value.as_str())
    }
}
