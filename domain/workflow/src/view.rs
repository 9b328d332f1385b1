//! The list view: what a recorded event makes of a workflow's row.
//!
//! Data only: which table, and how it is written, is the views' business.

use crate::event::Event;
use crate::{Attributes, KIND, StateDefinition, catalog, policy};
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Org, Recorded, Timestamp};

/// A workflow in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The organisation that owns it.
    pub org: Org,
    /// Unique within the organisation.
    pub id: EntityId,
    /// The name of its machine.
    pub machine: String,
    /// The terminal states of a machine that is not built in, as a JSON list; none for a built-in machine.
    pub terminal_states: Option<String>,
    /// The states of such a machine that assign something, as a JSON list; none for a built-in machine.
    pub assigning_states: Option<String>,
    /// The present state.
    pub state: String,
    /// Whether nothing leads out of it.
    pub terminal: bool,
    /// The sequence number of the last event.
    pub version: u64,
    /// A JSON object of scalars.
    pub attributes: String,
    /// When the last event happened.
    pub occurred_at: Timestamp,
    /// When the journal learned of it.
    pub recorded_at: Timestamp,
}

/// Why an event cannot be put into the list.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The payload cannot be read.
    #[error("the event cannot be read")]
    Unreadable(#[source] DecodeError),
    /// Events before it are missing in the row, or its history does not begin with its beginning.
    #[error("event {sequence_number} of {stream} does not follow the row's version {version}")]
    OutOfOrder {
        /// The stream.
        stream: String,
        /// The event's place in it.
        sequence_number: u64,
        /// What the row had seen; 0 without a row.
        version: u64,
    },
    /// The machine is neither built in nor defined by the first event.
    #[error("the law of the machine {0:?} is not known")]
    UnknownMachine(String),
}

/// The row after `recorded`. An event that the row has in it already changes nothing; an event of another kind of entity
/// makes no row.
///
/// # Errors
/// [`ViewError`]: then the view stands still, it never passes over an event.
pub fn project(previous: Option<Row>, recorded: &Recorded) -> Result<Option<Row>, ViewError> {
    let version = previous.as_ref().map_or(0, |row| row.version);
    if recorded.stream.kind.as_str() != KIND || recorded.sequence_number <= version {
        return Ok(previous);
    }
    let out_of_order = || ViewError::OutOfOrder { stream: recorded.stream.to_string(), sequence_number: recorded.sequence_number, version };
    if recorded.sequence_number != version + 1 {
        return Err(out_of_order());
    }
    let event = Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data).map_err(ViewError::Unreadable)?;
    let row = match previous {
        None => begin(recorded, event)?.ok_or_else(out_of_order)?,
        Some(row) => Row { state: target(event).unwrap_or(row.state), ..row },
    };
    finish(row, recorded).map(Some)
}

/// The first row, if the event is a first one.
fn begin(recorded: &Recorded, event: Event) -> Result<Option<Row>, ViewError> {
    let (machine, definition, state, attributes) = match event {
        Event::Registered(event) => (event.machine, event.definition, Some(event.to), event.attributes),
        Event::Cloned(mut event) => (event.machine, event.definition, event.stack.pop(), event.attributes),
        Event::StepStarted(_)
        | Event::StepCompleted(_)
        | Event::StepFailed(_)
        | Event::Transitioned(_)
        | Event::RolledBack(_)
        | Event::Cancelled(_)
        | Event::Reconciled(_) => return Ok(None),
    };
    let text =
        |value: serde_json::Result<String>| value.map_err(|error| ViewError::Unreadable(DecodeError::invalid(&recorded.event_type, error)));
    let listed = |which: fn(&StateDefinition) -> bool| {
        let states = definition.as_ref().map(|definition| definition.states.iter().filter(|state| which(state)));
        states.map(|states| text(serde_json::to_string(&states.map(|state| &state.name).collect::<Vec<_>>()))).transpose()
    };
    Ok(Some(Row {
        org: recorded.stream.org.clone(),
        id: recorded.stream.id.clone(),
        machine,
        terminal_states: listed(|state| state.to.is_empty())?,
        assigning_states: listed(|state| state.assigns)?,
        state: state.unwrap_or_default(),
        terminal: false,
        version: 0,
        attributes: text(serde_json::to_string(&attributes))?,
        occurred_at: recorded.occurred_at,
        recorded_at: recorded.recorded_at,
    }))
}

/// The state that a later event leads to, if it changes the state.
fn target(event: Event) -> Option<String> {
    match event {
        Event::Registered(_) | Event::Cloned(_) | Event::StepStarted(_) => None,
        Event::StepCompleted(event) => Some(event.to),
        Event::StepFailed(event) => Some(event.to),
        Event::Transitioned(event) => Some(event.to),
        Event::RolledBack(event) => Some(event.to),
        Event::Cancelled(event) => Some(event.to),
        Event::Reconciled(event) => Some(event.to),
    }
}

fn finish(row: Row, recorded: &Recorded) -> Result<Row, ViewError> {
    let terminal = match &row.terminal_states {
        None => catalog::built_in(&row.machine).map(|machine| machine.is_terminal(&row.state)),
        Some(states) => serde_json::from_str(states).ok().map(|states: Vec<String>| states.contains(&row.state)),
    };
    Ok(Row {
        terminal: terminal.ok_or_else(|| ViewError::UnknownMachine(row.machine.clone()))?,
        version: recorded.sequence_number,
        occurred_at: recorded.occurred_at,
        recorded_at: recorded.recorded_at,
        ..row
    })
}

/// The nodes of the policy tree that a move was subject to, if `recorded` is one that assigned something: work that policy
/// can stop. `row` is the row after it.
#[must_use]
pub fn assigned(row: &Row, recorded: &Recorded) -> Option<Vec<EntityId>> {
    let moved = matches!(&*recorded.event_type, "transitioned" | "step_completed");
    if !moved || row.version != recorded.sequence_number || !assigns(row) {
        return None;
    }
    let attributes = serde_json::from_str::<Attributes>(&row.attributes).unwrap_or_default();
    Some(policy::nodes(&attributes))
}

/// Whether a move into the row's state assigns something.
fn assigns(row: &Row) -> bool {
    match &row.assigning_states {
        None => catalog::built_in(&row.machine).is_some_and(|machine| machine.assigns(&row.state)),
        Some(states) => serde_json::from_str(states).is_ok_and(|states: Vec<String>| states.contains(&row.state)),
    }
}
