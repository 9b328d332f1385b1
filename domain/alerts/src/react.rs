//! What follows outside of the entity: how incidents, the monitor, alerts and pagers keep in step, as data.
//!
//! | event | leads to |
//! |---|---|
//! | an incident's `created`, `updated`, `absorbed` | monitor: `prioritised` |
//! | an incident's `units_attached`, `transitioned` to *dispatched*, `unit_reported` as *dispatched* | monitor: `dispatched` |
//! | an incident's `transitioned` to *on scene*, `unit_reported` as *on scene* | monitor: `arrived` |
//! | an incident's `closed`, `archived`, `merged` | monitor: `ended` |
//! | monitor `fired`, `external_raised` | alert: `raise` |
//! | watch `ended`, monitor `external_ended` | their alerts: `resolve` |
//! | alert `raised`, `escalated`, `repeated`, `reopened` | pagers of those called: `page` |
//! | alert `resolved`, of one without an incident | monitor: `alert_resolved` |
//! | notification `queued`, `retried` | the effect `notify` |
//! | notification `attempt_ended`, settled | alerts: `delivered`, `delivery_failed` |

use crate::escalation::Target;
use crate::pager::{NOTIFICATION_KIND, Outcome, Then};
use crate::words::Priority;
use crate::{alert, monitor, pager};
use ionveil_kernel::{DecodeError, EffectClass, EntityId, EventCodec, Kind, Reaction, Reactor, Recorded, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The bridge that sends notifications.
pub const NOTIFY: &str = "notify";
/// The kind of an incident. Its events belong to another context and are known here by their stored form.
const INCIDENT_KIND: &str = "incident";
const DISPATCHED: &str = "dispatched";
const ON_SCENE: &str = "on_scene";
/// What is recorded so much later than it happened is history: an import tells it whole, and nobody is paged about the past.
const HISTORY: Duration = Duration::from_secs(3_600);

/// What the bridge is given. It tells the pager before it sends (`begin`) and afterwards (`report`); what it says is in the alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// The recipient, whose pager is told.
    pub recipient: EntityId,
    /// The notification's id, which the receiver sees.
    pub notification: EntityId,
    /// Which attempt.
    pub attempt: u32,
}

fn invalid(event: &Recorded, error: impl std::fmt::Display) -> DecodeError {
    DecodeError::invalid(&event.event_type, error)
}

fn ask(event: &Recorded, kind: &str, id: EntityId, command: &impl Serialize) -> Result<Reaction, DecodeError> {
    let kind = Kind::new(kind).map_err(|error| invalid(event, error))?;
    let command = serde_json::to_string(command).map_err(|error| invalid(event, error))?;
    Ok(Reaction::Command { to: StreamId::new(event.stream.org.clone(), kind, id), command })
}

fn ask_monitor(event: &Recorded, command: &monitor::Command) -> Result<Reaction, DecodeError> {
    let id = EntityId::new(monitor::ID).map_err(|error| invalid(event, error))?;
    ask(event, monitor::KIND, id, command)
}

/// What is read of an incident's event.
#[derive(Deserialize)]
struct OfIncident {
    priority: Option<Priority>,
    to: Option<String>,
    stage: Option<String>,
    at: Option<Timestamp>,
}

/// What follows from an incident's events. What is told as history begins nothing, but ends what has begun.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromIncidents;

impl Reactor for FromIncidents {
    fn name(&self) -> &'static str {
        "alerts-from-incidents"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(INCIDENT_KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let incident = event.stream.id.clone();
        let wanted = ["created", "updated", "absorbed", "units_attached", "unit_reported", "transitioned", "closed", "archived", "merged"];
        if !wanted.contains(&event.event_type.as_ref()) {
            return Ok(Vec::new());
        }
        let read: OfIncident = serde_json::from_str(&event.data).map_err(|error| invalid(event, error))?;
        let at = read.at.unwrap_or(event.occurred_at);
        let is_history = event.recorded_at.since(event.occurred_at) > HISTORY;
        let command = match (event.event_type.as_ref(), read.priority, read.to.as_deref().or(read.stage.as_deref())) {
            ("created" | "updated" | "absorbed" | "units_attached", _, _) | (_, _, Some(DISPATCHED)) if is_history => return Ok(Vec::new()),
            ("created" | "updated" | "absorbed", Some(priority), _) => monitor::Command::Prioritised { incident, priority },
            ("units_attached", _, _) | ("transitioned" | "unit_reported", _, Some(DISPATCHED)) => {
                monitor::Command::Dispatched { incident, at }
            }
            ("transitioned" | "unit_reported", _, Some(ON_SCENE)) => monitor::Command::Arrived { incident, at },
            ("closed" | "archived" | "merged", _, _) => monitor::Command::Ended { incident, at },
            (_, _, _) => return Ok(Vec::new()),
        };
        Ok(vec![ask_monitor(event, &command)?])
    }
}

fn raise(event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
    match monitor::Event::decode(&event.event_type, event.schema_version, &event.data)? {
        monitor::Event::Fired(fired) => {
            let id = fired.firing.alert.clone();
            Ok(vec![ask(event, alert::KIND, id, &alert::Command::Raise { firing: fired.firing })?])
        }
        monitor::Event::ExternalRaised(raised) => {
            let id = raised.firing.alert.clone();
            Ok(vec![ask(event, alert::KIND, id, &alert::Command::Raise { firing: raised.firing })?])
        }
        monitor::Event::ExternalEnded(ended) => {
            let note = "who sent it says that it is over, or has not sent it again".to_owned();
            Ok(vec![ask(event, alert::KIND, ended.alert, &alert::Command::Resolve { note })?])
        }
        monitor::Event::WatchEnded(ended) => {
            let note = match ended.outcome {
                monitor::Outcome::Met | monitor::Outcome::Breached => "somebody has come, or the incident has ended",
                monitor::Outcome::Unanswered => "the incident has ended",
            };
            let resolve = alert::Command::Resolve { note: note.to_owned() };
            ended.alerts.into_iter().map(|alert| ask(event, alert::KIND, alert, &resolve)).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// What follows from a monitor's own events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromMonitor;

impl Reactor for FromMonitor {
    fn name(&self) -> &'static str {
        "alerts-from-monitor"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(monitor::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        raise(event)
    }
}

/// What follows from the events of an incident's watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromWatches;

impl Reactor for FromWatches {
    fn name(&self) -> &'static str {
        "alerts-from-watches"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(monitor::WATCH_KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        raise(event)
    }
}

/// What follows from an alert's events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromAlerts;

impl Reactor for FromAlerts {
    fn name(&self) -> &'static str {
        "alerts-from-alerts"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(alert::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        use alert::Event;
        let id = &event.stream.id;
        let call = match Event::decode(&event.event_type, event.schema_version, &event.data)? {
            Event::Raised(of) => of.call,
            Event::Escalated(of) => Some(of.call),
            Event::Repeated(of) => Some(of.call),
            Event::Reopened(of) => Some(of.call),
            Event::Resolved(of) => {
                let resolved = |rule| monitor::Command::AlertResolved { rule, alert: id.clone() };
                return of.rule.map(|rule| ask_monitor(event, &resolved(rule))).into_iter().collect();
            }
            Event::Acknowledged(_) | Event::Undelivered(_) | Event::Delivered(_) | Event::DeliveryFailed(_) => None,
        };
        let Some(call) = call else { return Ok(Vec::new()) };
        let (step, severity) = (call.step, call.severity);
        let page = |Target { channel, recipient }| {
            ask(event, pager::KIND, recipient, &pager::Command::Page { alert: id.clone(), step, channel, severity })
        };
        call.targets.into_iter().map(page).collect()
    }
}

/// What follows from a notification's events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromPagers;

impl Reactor for FromPagers {
    fn name(&self) -> &'static str {
        "alerts-from-pagers"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(NOTIFICATION_KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        use pager::Event;
        match Event::decode(&event.event_type, event.schema_version, &event.data)? {
            Event::Queued(_) => Ok(vec![notify(event, 1)?]),
            Event::Retried(of) => Ok(vec![notify(event, of.attempt)?]),
            Event::AttemptEnded(pager::AttemptEnded { then: Then::Settled { outcome, channel, steps }, .. }) => {
                let target = Target { channel, recipient: event.owner.id.clone() };
                let tell = |pager::Step { alert, step }| {
                    let target = target.clone();
                    let command = match outcome {
                        Outcome::Sent => alert::Command::Delivered { step, target },
                        Outcome::Failed | Outcome::Unknown => alert::Command::DeliveryFailed { step, target },
                    };
                    ask(event, alert::KIND, alert, &command)
                };
                steps.into_iter().map(tell).collect()
            }
            Event::AttemptEnded(_) | Event::Held(_) | Event::AttemptBegun(_) => Ok(Vec::new()),
        }
    }
}

/// Repeatable: the pager tells a second run of the same attempt from the first.
fn notify(event: &Recorded, attempt: u32) -> Result<Reaction, DecodeError> {
    let payload = Notify { recipient: event.owner.id.clone(), notification: event.stream.id.clone(), attempt };
    let payload = serde_json::to_string(&payload).map_err(|error| invalid(event, error))?;
    Ok(Reaction::Effect { channel: NOTIFY.to_owned(), class: EffectClass::Repeatable, payload })
}

#[cfg(test)]
mod tests;
