//! The timeline of an incident: what its events say to people, one line each. Data only: where it is kept is the views'
//! business.

use crate::incident::KIND;
use crate::incident::event::Event;
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Recorded, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The place in the incident's stream, from 1.
    pub sequence_number: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a subject.
    pub actor: Arc<str>,
    /// The type of the event.
    pub event_type: Cow<'static, str>,
    /// What happened, in words.
    pub text: String,
}

/// The line that `recorded` makes; none if it is no event of an incident.
///
/// # Errors
/// [`DecodeError`] if the event cannot be read: then the view stands still, it never passes over an event.
pub fn entry(recorded: &Recorded) -> Result<Option<Entry>, DecodeError> {
    if recorded.stream.kind.as_str() != KIND {
        return Ok(None);
    }
    let event = Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data)?;
    Ok(Some(Entry {
        sequence_number: recorded.sequence_number,
        at: recorded.occurred_at,
        actor: Arc::clone(&recorded.actor),
        event_type: recorded.event_type.clone(),
        text: told(&event),
    }))
}

fn told(event: &Event) -> String {
    match event {
        Event::Created(event) if event.by_keyword => format!("reported, {} by what the texts say", event.priority),
        Event::Created(event) => format!("reported, {}", event.priority),
        Event::Updated(event) => {
            let fields = [
                ("title", event.title.is_some()),
                ("description", event.description.is_some()),
                ("priority", event.priority.is_some()),
                ("category", event.category.is_some()),
                ("position", event.position.is_some()),
            ];
            let changed: Vec<_> = fields.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
            format!("changed: {}", changed.join(", "))
        }
        Event::Remarked(event) => event.text.clone(),
        Event::Transitioned(event) => format!("{} to {}", event.from.as_str(), event.to.as_str()),
        Event::Closed(event) => format!("closed, {} released", units(event.units.len())),
        Event::Archived(event) => format!("put away, {} released", units(event.units.len())),
        Event::MergeBegun(event) => format!("is about to take in {}", event.secondary),
        Event::Merged(event) => format!("merged into {}, with {}", event.into, units(event.units.len())),
        Event::JoinDeclined(event) => format!("does not join {}", event.primary),
        Event::Absorbed(event) => format!("has taken in {}, with {}", event.secondary, units(event.units.len())),
        Event::MergeEnded(event) => format!("has not taken in {}", event.secondary),
        Event::UnitsAttached(event) => {
            let names: Vec<_> = event.units.iter().map(EntityId::as_str).collect();
            let replaced = event.replaced.as_ref().map(|old| format!(" for {}", old.unit)).unwrap_or_default();
            format!("assigned {}{replaced}", names.join(", "))
        }
        Event::AttachDeclined(event) => format!("assignment {} came too late", event.assignment),
        Event::UnitLeft(event) => format!("{} has left", event.unit),
        Event::UnitReported(event) => format!("{} {}, as was reported", event.unit, event.stage.as_str()),
    }
}

fn units(count: usize) -> String {
    if count == 1 { "1 unit".to_owned() } else { format!("{count} units") }
}
