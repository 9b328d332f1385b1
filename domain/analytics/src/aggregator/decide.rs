//! What a command leads to.

use crate::aggregator::{Command, DispatchObserved, EVENTS_MAX, Event, State};
use crate::observation::fingerprint;
use crate::reject::Rejection;
use ionveil_kernel::Timestamp;
use std::collections::BTreeSet;

pub(super) fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let Command::Ingest { events } = command;
    if events.len() > EVENTS_MAX {
        return Err(Rejection::TooManyEvents { limit: EVENTS_MAX });
    }
    let mut fresh = BTreeSet::new();
    let mut is_new = |event_id: &str| !state.knows(event_id) && fresh.insert(fingerprint(event_id));
    let accepted = events.iter().filter(|seen| seen.event_id.is_empty() || is_new(&seen.event_id));
    Ok(accepted.map(|seen| Event::DispatchObserved(DispatchObserved { observation: seen.clone(), received_at: now })).collect())
}
