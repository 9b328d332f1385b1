//! Folds a page of events into rows in memory, so that the tables are asked once and written once per page.

use ionveil_kernel::{EntityId, EventId, Org, Recorded};
use ionveil_workflow::KIND;
use ionveil_workflow::view::{Row, project};
use std::collections::BTreeMap;

/// The name of a row: its place in the table.
pub(crate) type Key = (Org, EntityId);

/// An event that a view cannot take in. It stands still there; the event is never passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// The partition that stands still.
    pub partition: u16,
    /// The event's position.
    pub position: u64,
    /// The event.
    pub event_id: EventId,
    /// The stream that it belongs to.
    pub stream: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The names of the rows that `events` change, once each, in order; not of those that begin among them, which the
/// tables cannot have.
pub(crate) fn keys(events: &[Recorded]) -> Vec<Key> {
    let ours = events.iter().filter(|event| event.stream.kind.as_str() == KIND);
    let mut places: Vec<_> = ours.map(|event| (&event.stream.org, &event.stream.id, event.sequence_number)).collect();
    places.sort_unstable();
    places.dedup_by_key(|(org, id, _)| (*org, *id));
    places.into_iter().filter(|(_, _, first)| *first > 1).map(|(org, id, _)| (org.clone(), id.clone())).collect()
}

/// The rows after `events`, those that changed only, in the order of their names.
///
/// # Errors
/// The index of the first event that cannot be taken in, and what is wrong with it; the rows are lost then.
pub(crate) fn fold(rows: Vec<Row>, events: &[Recorded]) -> Result<Vec<Row>, (usize, Poison)> {
    let mut known: BTreeMap<Key, Slot> =
        rows.into_iter().map(|row| ((row.org.clone(), row.id.clone()), Slot { row: Some(row), changed: false })).collect();
    for (index, event) in events.iter().enumerate().filter(|(_, event)| event.stream.kind.as_str() == KIND) {
        let slot = known.entry((event.stream.org.clone(), event.stream.id.clone())).or_default();
        let before = slot.row.as_ref().map_or(0, |row| row.version);
        let row = project(slot.row.take(), event).map_err(|error| (index, poison(event, &error)))?;
        slot.changed |= row.as_ref().is_some_and(|row| row.version != before);
        slot.row = row;
    }
    Ok(known.into_values().filter(|slot| slot.changed).filter_map(|slot| slot.row).collect())
}

#[derive(Default)]
struct Slot {
    row: Option<Row>,
    changed: bool,
}

fn poison(event: &Recorded, error: &dyn std::error::Error) -> Poison {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    Poison {
        partition: event.partition,
        position: event.position,
        event_id: event.event_id,
        stream: event.stream.to_string(),
        reason: format!("{error}{source}"),
    }
}
