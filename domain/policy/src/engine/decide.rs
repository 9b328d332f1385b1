//! What a command leads to: the rules of `ladder.rs`, told in events.

use crate::engine::event::{AlertCleared, AlertRaised, Deescalated, Escalated, Event, OutcomeRecorded, PolicyInForce, Reset};
use crate::engine::{Rejection, State, micros};
use crate::ladder::{Rules, Step};
use crate::level;
use ionveil_kernel::{DecideEnv, EntityId, Policy, PolicyLevel, Timestamp};

pub(crate) fn observe(rules: &Rules, state: &State, success: bool, env: &DecideEnv<'_>) -> Vec<Event> {
    let mut ladder = state.ladder();
    let step = ladder.observe(rules, micros(env.occurred_at), success);
    let (from, to, term, at) = (state.level, level::at(ladder.level), state.term, env.occurred_at);
    let policy = in_force(env.policy);
    let mut events = vec![Event::OutcomeRecorded(OutcomeRecorded { success, streak: ladder.streak, burst: ladder.burst, policy })];
    events.extend(step.map(|step| match step {
        Step::Up { burst } => {
            let reason = format!("{burst} failures in a row");
            Event::Escalated(Escalated { from, to, burst, reason, term, at })
        }
        Step::Down { streak } => {
            let reason = format!("{streak} successes in a row");
            Event::Deescalated(Deescalated { from, to, streak, reason, term, at })
        }
    }));
    events.extend(alert(from, to));
    events
}

/// The tree's node is a text here because the kernel knows no tree; one that is no id is left out.
fn in_force(policy: &Policy) -> PolicyInForce {
    let node = policy.node.as_deref().and_then(|node| EntityId::new(node).ok());
    PolicyInForce { level: policy.level, node, version: policy.version }
}

pub(crate) fn reset(state: &State, to: PolicyLevel, term: u64, at: Timestamp) -> Result<Vec<Event>, Rejection> {
    if term <= state.term {
        return Err(Rejection::StaleTerm);
    }
    let reset = Event::Reset(Reset { level: to, term, at });
    Ok(std::iter::once(reset).chain(alert(state.level, to)).collect())
}

/// A change of level raises an alert, or clears it on normal.
fn alert(from: PolicyLevel, to: PolicyLevel) -> Option<Event> {
    match to {
        to if from == to => None,
        PolicyLevel::Normal => Some(Event::AlertCleared(AlertCleared { from })),
        level => Some(Event::AlertRaised(AlertRaised { severity: level::severity(level), level })),
    }
}
