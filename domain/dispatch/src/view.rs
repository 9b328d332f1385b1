//! The lists of incidents and units: what a recorded event makes of a row. A row is the entity as its own events tell it,
//! so that a list never says anything else than the entity does. Data only: which table, and how it is written, is the
//! views' business.

use crate::{incident, unit};
use ionveil_kernel::{BrokenInvariant, Decider, DecodeError, EntityId, EventCodec, Org, Recorded, Timestamp};

/// An entity in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<S> {
    /// The organisation that owns it.
    pub org: Org,
    /// Unique within the organisation.
    pub id: EntityId,
    /// The sequence number of its last event.
    pub version: u64,
    /// What its events have led to.
    pub state: S,
    /// When the last event happened.
    pub occurred_at: Timestamp,
    /// When the journal learned of it.
    pub recorded_at: Timestamp,
}

/// An incident in the list.
pub type IncidentRow = Row<incident::State>;
/// A unit in the list.
pub type UnitRow = Row<unit::State>;

/// Why an event cannot be put into a list.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The payload cannot be read.
    #[error("the event cannot be read")]
    Unreadable(#[source] DecodeError),
    /// It cannot follow what the row has seen.
    #[error("the event cannot follow")]
    Broken(#[source] BrokenInvariant),
    /// Events before it are missing in the row.
    #[error("event {sequence_number} of {stream} does not follow the row's version {version}")]
    OutOfOrder {
        /// The stream.
        stream: String,
        /// The event's place in it.
        sequence_number: u64,
        /// What the row had seen.
        version: u64,
    },
}

/// The row after `recorded`; none if it is an event of another kind of entity and there was none. An event that the row has in
/// it already changes nothing. Without a row the event may have any number: what an entity that was never made has answered
/// (a unit that nobody registered, when it was asked for) needs no row.
///
/// # Errors
/// [`ViewError`]: then the view stands still, it never passes over an event.
pub fn project<D: Decider<Part = ()>>(
    decider: &D,
    previous: Option<Row<D::State>>,
    recorded: &Recorded,
) -> Result<Option<Row<D::State>>, ViewError> {
    let version = previous.as_ref().map_or(0, |row| row.version);
    let Recorded { stream, sequence_number, .. } = recorded;
    if stream.kind.as_str() != D::KIND || *sequence_number <= version {
        return Ok(previous);
    }
    if previous.is_some() && *sequence_number != version + 1 {
        return Err(ViewError::OutOfOrder { stream: stream.to_string(), sequence_number: *sequence_number, version });
    }
    let event = D::Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data).map_err(ViewError::Unreadable)?;
    let state = previous.map_or_else(|| decider.initial(stream), |row| row.state);
    Ok(Some(Row {
        org: stream.org.clone(),
        id: stream.id.clone(),
        version: *sequence_number,
        state: decider.evolve(state, &(), &event).map_err(ViewError::Broken)?,
        occurred_at: recorded.occurred_at,
        recorded_at: recorded.recorded_at,
    }))
}

#[cfg(test)]
mod tests {
    use super::{Row, ViewError, project};
    use crate::unit::{self, AssignmentDeclined, DeclineReason, DutyChanged, Event, Registered, Units};
    use ionveil_kernel::{CorrelationId, EntityId, EventCodec, EventId, Recorded, Timestamp};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn recorded(kind: &str, sequence_number: u64, event: &Event) -> Recorded {
        let stream: ionveil_kernel::StreamId = format!("{kind}:acme:e1").parse().unwrap();
        Recorded {
            event_id: EventId(Uuid::nil()),
            owner: stream.clone(),
            stream,
            sequence_number,
            partition: 0,
            position: sequence_number,
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            data: event.encode().unwrap(),
            occurred_at: Timestamp::from_micros(7),
            recorded_at: Timestamp::from_micros(8),
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: Uuid::nil(),
            actor: "user:jane".into(),
            traceparent: None,
        }
    }

    fn registered() -> Event {
        let (name, unit_type, at) = ("E1".to_owned(), "engine".to_owned(), Timestamp::from_micros(1));
        Event::Registered(Registered {
            name,
            unit_type,
            agency: None,
            skills: BTreeSet::new(),
            capacity: 4,
            position: None,
            shift: None,
            at,
        })
    }

    fn off_duty() -> Event {
        Event::DutyChanged(DutyChanged { from: unit::Duty::OnDuty, to: unit::Duty::OffDuty, at: Timestamp::from_micros(2) })
    }

    type Units1 = Option<Row<unit::State>>;

    fn after(previous: Units1, number: u64, event: &Event) -> Result<Units1, ViewError> {
        project(&Units, previous, &recorded("unit", number, event))
    }

    #[test]
    fn a_row_is_what_the_events_have_led_to() {
        let first = after(None, 1, &registered()).unwrap();
        let second = after(first.clone(), 2, &off_duty()).unwrap().unwrap();
        assert_eq!((second.version, second.state.live().unwrap().duty), (2, unit::Duty::OffDuty));
        assert_eq!(after(Some(second.clone()), 2, &off_duty()).unwrap(), Some(second.clone()), "an event counts once");
        assert!(matches!(after(Some(second), 4, &off_duty()), Err(ViewError::OutOfOrder { sequence_number: 4, version: 2, .. })));
        assert!(matches!(after(first, 2, &registered()), Err(ViewError::Broken(_))));
    }

    #[test]
    fn what_was_never_registered_may_have_answered_before() {
        let declined = AssignmentDeclined { assignment: EntityId::new("a").unwrap(), reason: DeclineReason::Unknown };
        let absent = after(None, 1, &Event::AssignmentDeclined(declined)).unwrap().unwrap();
        assert!(absent.state.live().is_none());
        assert!(after(None, 2, &registered()).unwrap().unwrap().state.live().is_some());
    }

    #[test]
    fn other_kinds_make_no_row() {
        assert_eq!(project(&Units, None, &recorded("incident", 1, &registered())).unwrap(), None);
    }
}
