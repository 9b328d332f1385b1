//! What another system reported of a unit's work.

use crate::fault::Check;
use crate::report::{Stage, check_source};
use crate::unit::event::{Event, WorkReported};
use crate::unit::evolve::{Evolved, broken};
use crate::unit::reject::Rejection;
use crate::unit::state::{Availability, Phase, Unit};
use ionveil_kernel::{EntityId, Timestamp};

/// It is never refused because the unit is taken: that it was on both is what was reported.
pub(super) fn report(
    unit: &Unit,
    assignment: &EntityId,
    incident: &EntityId,
    stage: Stage,
    source: &str,
    at: Timestamp,
) -> Result<Event, Rejection> {
    let mut check = Check::default();
    let source = check_source(&mut check, source);
    check.finish()?;
    let overlaps = other(unit, assignment);
    Ok(Event::WorkReported(WorkReported { assignment: assignment.clone(), incident: incident.clone(), stage, overlaps, source, at }))
}

/// The other assignment that the unit is on.
fn other(unit: &Unit, assignment: &EntityId) -> Option<EntityId> {
    unit.assignment().filter(|on| *on != assignment).cloned()
}

/// What was reported is shown unless an assignment of ours holds the unit; of several that were reported, the one that began last.
pub(super) fn evolve(unit: Unit, event: &WorkReported) -> Evolved<Unit> {
    if event.overlaps != other(&unit, &event.assignment) {
        return broken(5, "what was reported overlaps the assignment that the unit is on");
    }
    let engaged =
        |status| Phase::Engaged { status, assignment: event.assignment.clone(), incident: event.incident.clone(), reported: true };
    let to = event.stage.availability();
    let phase = match &unit.phase {
        Phase::Free { .. } if to.is_engaged() => engaged(to),
        Phase::Engaged { status, assignment, reported: true, .. } if *assignment == event.assignment => match event.stage {
            Stage::Available => Phase::Free { status: Availability::Available },
            // Reports that come in another order lead nobody back.
            Stage::Dispatched | Stage::EnRoute | Stage::OnScene => engaged(to.max(*status)),
        },
        Phase::Engaged { reported: true, .. } if event.stage == Stage::Dispatched => engaged(to),
        held @ (Phase::Free { .. } | Phase::Reserved { .. } | Phase::Engaged { .. }) => held.clone(),
    };
    Ok(Unit { phase, changed_at: event.at, ..unit })
}
