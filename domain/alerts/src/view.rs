//! The lists of alerts and notifications and an alert's history: what a recorded event changes in a row.
//!
//! Data only: which tables, and how they are written, is the views' business.

use crate::alert::{self, Cause, Status};
use crate::pager::{self, About, NOTIFICATION_KIND, Then};
use crate::words::{Channel, Level, Severity};
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an event of an alert changes in its row.
#[derive(Clone, Debug, PartialEq)]
pub enum AlertChange {
    /// A row comes.
    New(Box<AlertRow>),
    /// Fields of the row change; those that are none stay.
    Update {
        /// The status.
        status: Option<Status>,
        /// The level.
        level: Option<Level>,
        /// Whether nobody was reached.
        undelivered: Option<bool>,
        /// Who acknowledged it and when.
        acknowledged: Option<(String, Timestamp)>,
        /// Who resolved it and when.
        resolved: Option<(String, Timestamp)>,
        /// When.
        at: Timestamp,
    },
}

/// An alert as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
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
}

/// What `recorded` changes in the list of alerts; the row is that of its stream. None, if it is no event of an alert.
///
/// # Errors
/// [`DecodeError`] if the event cannot be read: then the view stands still, it never passes over an event.
pub fn project(recorded: &Recorded) -> Result<Option<AlertChange>, DecodeError> {
    if recorded.stream.kind.as_str() != alert::KIND {
        return Ok(None);
    }
    Ok(Some(change(alert::Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data)?)))
}

fn change(event: alert::Event) -> AlertChange {
    use alert::Event;
    let to = |status, level, undelivered, at| AlertChange::Update { status, level, undelivered, acknowledged: None, resolved: None, at };
    match event {
        Event::Raised(of) => {
            let status = if of.call.is_some() { Status::Open } else { Status::Suppressed };
            let firing = *of.firing;
            AlertChange::New(Box::new(AlertRow {
                rule: firing.rule,
                incident: firing.incident,
                severity: firing.severity,
                status,
                level: Level::L1,
                title: firing.title,
                description: firing.description,
                created_at: of.at,
            }))
        }
        Event::Acknowledged(of) => {
            let acknowledged = Some((of.by, of.at));
            AlertChange::Update {
                status: Some(Status::Acknowledged),
                level: None,
                undelivered: None,
                acknowledged,
                resolved: None,
                at: of.at,
            }
        }
        Event::Resolved(of) => {
            let resolved = Some((of.by, of.at));
            AlertChange::Update { status: Some(Status::Resolved), level: None, undelivered: None, acknowledged: None, resolved, at: of.at }
        }
        Event::Reopened(of) => to(Some(Status::Open), None, None, of.at),
        Event::Escalated(of) => to(Some(Status::Escalated), Some(of.call.level), None, of.at),
        Event::Repeated(of) => to(None, None, None, of.at),
        Event::Undelivered(of) => to(None, None, Some(true), of.at),
        Event::Delivered(of) => to(None, None, Some(false), of.at),
        Event::DeliveryFailed(of) => to(None, None, None, of.at),
    }
}

/// A line of an alert's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What happened: the event's type.
    pub what: String,
    /// Who: a subject, of what happened by itself that of the system.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The level that was told, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Why it escalated, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who was called, as `channel:recipient`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// The line that a recorded event of an alert is in its history.
///
/// # Errors
/// [`DecodeError`] if it is none, or cannot be read.
pub fn entry(recorded: &Recorded) -> Result<Entry, DecodeError> {
    use alert::Event;
    let event = Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data)?;
    let mut entry = Entry {
        what: event.event_type().to_owned(),
        by: recorded.actor.to_string(),
        at: recorded.occurred_at,
        level: None,
        cause: None,
        note: None,
        targets: Vec::new(),
    };
    let mut called = |call: alert::Call| {
        entry.level = Some(call.level);
        entry.targets = call.targets.iter().map(|target| format!("{}:{}", target.channel, target.recipient)).collect();
    };
    match event {
        Event::Raised(of) => of.call.into_iter().for_each(called),
        Event::Reopened(of) => called(of.call),
        Event::Repeated(of) => called(of.call),
        Event::Escalated(of) => {
            called(of.call);
            (entry.cause, entry.note) = (Some(of.cause), of.reason);
        }
        Event::Acknowledged(of) => entry.note = of.note,
        Event::Resolved(of) => entry.note = Some(of.note),
        Event::Undelivered(of) => entry.level = Some(of.level),
        Event::Delivered(alert::Delivered { target, .. }) | Event::DeliveryFailed(alert::DeliveryFailed { target, .. }) => {
            entry.targets = vec![format!("{}:{}", target.channel, target.recipient)];
        }
    }
    Ok(entry)
}

/// How a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationStatus {
    /// It is to be sent.
    Pending,
    /// It goes, or went, with a digest.
    Digest,
    /// The receiver has it.
    Sent,
    /// It was given up.
    Failed,
    /// Whether the receiver has it is not known: of the last attempt, or at the end.
    Unknown,
}

impl NotificationStatus {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Digest => "digest",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for NotificationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an event of a notification changes in its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationChange {
    /// The recipient.
    pub recipient: EntityId,
    /// How it stands; none: as before.
    pub status: Option<NotificationStatus>,
    /// Over what, where the row is new.
    pub channel: Option<Channel>,
    /// The alert and its step, where the row is new and it is about one.
    pub about: Option<pager::Step>,
    /// The digest that it goes with, if it does.
    pub digest: Option<EntityId>,
    /// The attempt, if one is told of.
    pub attempt: Option<u32>,
    /// Whether it is not known what came of that attempt.
    pub is_unknown: bool,
    /// Why an attempt failed.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What `recorded` changes in the list of notifications; the row is that of its stream. None, if it is no event of one.
///
/// # Errors
/// [`DecodeError`] if the event cannot be read: then the view stands still.
pub fn project_notification(recorded: &Recorded) -> Result<Option<NotificationChange>, DecodeError> {
    use pager::Event;
    if recorded.stream.kind.as_str() != NOTIFICATION_KIND {
        return Ok(None);
    }
    let bare = |at| NotificationChange {
        recipient: recorded.owner.id.clone(),
        status: None,
        channel: None,
        about: None,
        digest: None,
        attempt: None,
        is_unknown: false,
        reason: None,
        at,
    };
    let change = match Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data)? {
        Event::Queued(of) => {
            let about = if let About::Step(step) = of.about { Some(step) } else { None };
            NotificationChange { status: Some(NotificationStatus::Pending), channel: Some(of.channel), about, ..bare(of.at) }
        }
        Event::Held(of) => NotificationChange {
            status: Some(NotificationStatus::Digest),
            channel: Some(of.channel),
            about: Some(of.about),
            digest: Some(of.digest),
            ..bare(of.at)
        },
        Event::AttemptBegun(of) => NotificationChange { attempt: Some(of.attempt), ..bare(of.at) },
        Event::Retried(of) => NotificationChange { attempt: Some(of.attempt), ..bare(of.at) },
        Event::AttemptEnded(of) => {
            let status = match (&of.then, of.outcome) {
                (Then::Settled { outcome, .. }, _) => Some(stands(*outcome)),
                (Then::Retry { .. }, pager::Outcome::Unknown) => Some(NotificationStatus::Unknown),
                (Then::Retry { .. }, _) => None,
            };
            let is_unknown = of.outcome == pager::Outcome::Unknown;
            NotificationChange { status, attempt: Some(of.attempt), is_unknown, reason: of.reason, ..bare(of.at) }
        }
    };
    Ok(Some(change))
}

const fn stands(outcome: pager::Outcome) -> NotificationStatus {
    match outcome {
        pager::Outcome::Sent => NotificationStatus::Sent,
        pager::Outcome::Failed => NotificationStatus::Failed,
        pager::Outcome::Unknown => NotificationStatus::Unknown,
    }
}

#[cfg(test)]
mod tests;
