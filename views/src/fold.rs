//! Folds a page of events into rows in memory, so that the tables are asked once and written once per page.

use crate::alerts::{AlertRow, AlertSlots};
use crate::work::{WorkRow, WorkScope, scope_of};
use ionveil_analytics::aggregator;
use ionveil_analytics::store::{Buffer, Row as MinuteRow};
use ionveil_channels::view as channels;
use ionveil_dispatch::incident::{self, Incidents};
use ionveil_dispatch::unit::{self, Units};
use ionveil_dispatch::view as dispatch;
use ionveil_kernel::{Decider, EntityId, EventCodec, EventId, Org, Recorded};
use ionveil_policy::preview::WorkKind;
use ionveil_policy::view as policy;
use ionveil_workflow::KIND;
use ionveil_workflow::view::{Row, ViewError, assigned, project};
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

/// The names of the rows of a kind that `events` change, once each, in order; not of those that begin among them, which the
/// tables cannot have.
pub(crate) fn keys(events: &[Recorded], kind: &str) -> Vec<Key> {
    let ours = events.iter().filter(|event| event.stream.kind.as_str() == kind);
    let mut places: Vec<_> = ours.map(|event| (&event.stream.org, &event.stream.id, event.sequence_number)).collect();
    places.sort_unstable();
    places.dedup_by_key(|(org, id, _)| (*org, *id));
    places.into_iter().filter(|(_, _, first)| *first > 1).map(|(org, id, _)| (org.clone(), id.clone())).collect()
}

/// The rows that a page of events changes, as the tables have them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) workflows: Vec<Row>,
    pub(crate) incidents: Vec<dispatch::IncidentRow>,
    pub(crate) units: Vec<dispatch::UnitRow>,
    pub(crate) alerts: Vec<(Org, AlertRow)>,
}

/// What a page of events makes of the tables.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The workflows that changed, as they are now, in the order of their names.
    pub(crate) workflows: Vec<Row>,
    /// The incidents that changed, likewise.
    pub(crate) incidents: Vec<dispatch::IncidentRow>,
    /// The units that changed, likewise.
    pub(crate) units: Vec<dispatch::UnitRow>,
    /// The alerts and notifications that changed, likewise.
    pub(crate) alerts: Vec<(Org, AlertRow)>,
    /// New work that policy can stop.
    pub(crate) work: Vec<WorkRow>,
    /// New lines of the audit.
    pub(crate) audit: Vec<policy::Row>,
    /// Attempts over channels, each once, as it is known now.
    pub(crate) attempts: Vec<channels::Row>,
    /// Observed dispatches by minute, to be added to the rows that there are.
    pub(crate) minutes: Vec<(Org, MinuteRow)>,
}

/// What `events` make of `rows`, those that they change.
///
/// # Errors
/// The index of the first event that cannot be taken in, and what is wrong with it; the rows are lost then.
pub(crate) fn fold(rows: Rows, events: &[Recorded]) -> Result<Changes, (usize, Poison)> {
    let (mut incidents, mut units, mut alerts) = (Slots::of(rows.incidents), Slots::of(rows.units), AlertSlots::of(rows.alerts));
    let mut known: BTreeMap<Key, Slot> =
        rows.workflows.into_iter().map(|row| ((row.org.clone(), row.id.clone()), Slot { row: Some(row), changed: false })).collect();
    let (mut changes, mut attempts) = (Changes::default(), BTreeMap::new());
    let mut minutes: BTreeMap<&Org, Buffer> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let scope = scope_of(event).map_err(|error| (index, poison(event, &error)))?;
        changes.work.extend(scope.map(|scope| WorkRow::new(scope, event)));
        if event.stream.kind.as_str() == KIND {
            let slot = known.entry((event.stream.org.clone(), event.stream.id.clone())).or_default();
            let work = slot.take(event).map_err(|error| (index, poison(event, &error)))?;
            changes.work.extend(work);
        } else if event.stream.kind.as_str() == incident::KIND {
            incidents.take(&Incidents, event).map_err(|error| (index, poison(event, &error)))?;
        } else if event.stream.kind.as_str() == unit::KIND {
            units.take(&Units, event).map_err(|error| (index, poison(event, &error)))?;
        } else if alerts.take(event).map_err(|error| (index, poison(event, &error)))? {
        } else if event.stream.kind.as_str() == aggregator::KIND {
            let seen = aggregator::Event::decode(&event.event_type, event.schema_version, &event.data);
            let aggregator::Event::DispatchObserved(seen) = seen.map_err(|error| (index, poison(event, &error)))?;
            minutes.entry(&event.stream.org).or_default().add(&seen.observation);
        } else if let Some(row) = channels::project(event).map_err(|error| (index, poison(event, &error)))? {
            attempts.insert((row.org.clone(), row.attempt.dispatch_id.clone(), row.attempt.number), row);
        } else {
            changes.audit.extend(policy::project(event).map_err(|error| (index, poison(event, &error)))?);
        }
    }
    changes.minutes = minutes.into_iter().flat_map(|(org, mut all)| all.flush().into_iter().map(|row| (org.clone(), row))).collect();
    changes.attempts = attempts.into_values().collect();
    changes.alerts = alerts.changed();
    changes.incidents = incidents.changed(|state| state.live().is_some());
    changes.units = units.changed(|state| state.live().is_some());
    changes.workflows = known.into_values().filter(|slot| slot.changed).filter_map(|slot| slot.row).collect();
    Ok(changes)
}

/// Rows of one kind of dispatch, with whether each has changed.
struct Slots<S>(BTreeMap<Key, (Option<dispatch::Row<S>>, bool)>);

impl<S> Slots<S> {
    fn of(rows: Vec<dispatch::Row<S>>) -> Self {
        Self(rows.into_iter().map(|row| ((row.org.clone(), row.id.clone()), (Some(row), false))).collect())
    }

    fn take<D: Decider<Part = (), State = S>>(&mut self, decider: &D, event: &Recorded) -> Result<(), dispatch::ViewError> {
        let (row, changed) = self.0.entry((event.stream.org.clone(), event.stream.id.clone())).or_default();
        let before = row.as_ref().map_or(0, |row| row.version);
        *row = dispatch::project(decider, row.take(), event)?;
        *changed |= row.as_ref().is_some_and(|row| row.version != before);
        Ok(())
    }

    /// The rows that changed and are of something.
    fn changed(self, is_there: impl Fn(&S) -> bool) -> Vec<dispatch::Row<S>> {
        let changed = self.0.into_values().filter(|(_, changed)| *changed).filter_map(|(row, _)| row);
        changed.filter(|row| is_there(&row.state)).collect()
    }
}

#[derive(Default)]
struct Slot {
    row: Option<Row>,
    changed: bool,
}

impl Slot {
    /// Takes in an event of the workflow; answers with the work that it is, if it is any.
    fn take(&mut self, event: &Recorded) -> Result<Option<WorkRow>, ViewError> {
        let before = self.row.as_ref().map_or(0, |row| row.version);
        self.row = project(self.row.take(), event)?;
        let changed = self.row.as_ref().filter(|row| row.version != before);
        self.changed |= changed.is_some();
        Ok(changed.and_then(|row| assigned(row, event)).map(|nodes| {
            let scope = WorkScope { kind: WorkKind::Assign, nodes, over: None };
            WorkRow::new(scope, event)
        }))
    }
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
