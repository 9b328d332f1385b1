//! How two incidents become one. The primary begins and ends; the secondary answers in between.

use crate::incident::event::{Absorbed, Event, JoinDeclineReason, JoinDeclined, MergeBegun, MergeEnded, Merged};
use crate::incident::reject::Rejection;
use crate::incident::state::{AssignedUnit, Incident};
use crate::scale::Priority;
use ionveil_kernel::{DecideEnv, EntityId, Timestamp};

/// What was begun, or is over and done, is not begun again.
pub(crate) fn begin(incident: &Incident, secondary: &EntityId, env: &DecideEnv<'_>) -> Result<Option<Event>, Rejection> {
    if incident.id == *secondary {
        return Err(Rejection::SelfMerge);
    }
    if incident.merging.contains(secondary) || incident.merged_from.contains(secondary) {
        return Ok(None);
    }
    Ok(Some(Event::MergeBegun(MergeBegun { secondary: secondary.clone(), at: env.occurred_at })))
}

pub(crate) fn join(incident: Option<&Incident>, primary: &EntityId, at: Timestamp) -> Option<Event> {
    let declined = |reason| Some(Event::JoinDeclined(JoinDeclined { primary: primary.clone(), reason }));
    match incident {
        None => declined(JoinDeclineReason::Unknown),
        // A repeat: it was answered.
        Some(incident) if incident.merged_into.as_ref() == Some(primary) => None,
        Some(incident) if incident.has_ended() => declined(JoinDeclineReason::TerminalIncident),
        Some(incident) if !incident.merging.is_empty() => declined(JoinDeclineReason::MergePending),
        Some(incident) => {
            let (into, units) = (primary.clone(), incident.units.clone());
            Some(Event::Merged(Merged { into, units, priority: incident.priority, depth: incident.depth, at }))
        }
    }
}

/// The union of the units, the primary's first; the more urgent priority. A unit may be on both lists, by two assignments: word
/// of its leaving is on its way to one of them, and which one is known to the unit alone. It says so when it is redirected.
pub(crate) fn absorb(
    incident: &Incident,
    (secondary, depth): (&EntityId, u32),
    units: &[AssignedUnit],
    priority: Priority,
    at: Timestamp,
) -> Option<Event> {
    let units = units.iter().filter(|assigned| !incident.units.contains(assigned)).cloned().collect();
    let priority = incident.priority.or_more_urgent(priority);
    let depth = incident.depth.max(depth.saturating_add(1));
    let absorbed = Absorbed { secondary: secondary.clone(), units, priority, depth, at };
    incident.merging.contains(secondary).then_some(Event::Absorbed(absorbed))
}

pub(crate) fn end(incident: &Incident, secondary: &EntityId, reason: JoinDeclineReason) -> Option<Event> {
    let ended = MergeEnded { secondary: secondary.clone(), reason };
    incident.merging.contains(secondary).then_some(Event::MergeEnded(ended))
}
