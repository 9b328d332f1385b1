//! One decision: the checks that hold for every kind, the decider, the fold and the stored form, all before anything is
//! queued: what cannot be folded or encoded is never stored.

use crate::answer::AskError;
use crate::loader::Loaded;
use ionveil_journal::{APPEND_EVENTS_MAX, Append, NewEvent};
use ionveil_kernel::{DecideEnv, Decider, Decision, Env, EventCodec, EventId, IdSource, Meta, Part, Policy, StreamId, Timestamp};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How far a clock may be ahead of ours.
const FUTURE_MAX: Duration = Duration::from_secs(300);

/// What a command leads to.
pub(crate) enum Decided<D: Decider> {
    /// To be appended; the state after it.
    Accepted { append: Append, after: Box<Loaded<D>> },
    /// Refused.
    Refused(AskError<D::Rejection>),
    /// The decider panicked, or decided what cannot be folded or stored.
    Broken(String),
}

pub(crate) fn decide<D: Decider>(
    decider: &D,
    env: &Env,
    owner: &StreamId,
    tip: &Loaded<D>,
    command: &D::Command,
    meta: &Meta,
    generation: u64,
) -> Decided<D> {
    let now = env.now();
    let occurred_at = match check(tip, meta, now) {
        Ok(occurred_at) => occurred_at,
        Err(refusal) => return Decided::Refused(refusal),
    };
    let context = DecideEnv { now, occurred_at, ids: env, cause: meta, policy: &Policy::default() };
    // The state is only borrowed and the events are thrown away on a panic, so nothing half-done can be seen.
    match catch_unwind(AssertUnwindSafe(|| decider.decide(&tip.state, command, &context))) {
        Ok(Ok(events)) => accept(decider, env, owner, tip, events, meta, occurred_at, generation),
        Ok(Err(rejection)) => Decided::Refused(AskError::Rejected(rejection)),
        Err(_panic) => Decided::Broken(format!("the decider of {} panicked", D::KIND)),
    }
}

fn check<D: Decider>(tip: &Loaded<D>, meta: &Meta, now: Timestamp) -> Result<Timestamp, AskError<D::Rejection>> {
    if let Some(expected) = meta.expected_version.filter(|expected| *expected != tip.version) {
        return Err(AskError::VersionConflict { expected, actual: tip.version });
    }
    match meta.occurred_at {
        Some(given) if given < tip.occurred_at => Err(AskError::OccurredBeforePrevious { last: tip.occurred_at }),
        Some(given) if given > now.after(FUTURE_MAX) => Err(AskError::OccurredInFuture),
        Some(given) => Ok(given),
        None => Ok(now.max(tip.occurred_at)),
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one independent fact of the decision")]
fn accept<D: Decider>(
    decider: &D,
    env: &Env,
    owner: &StreamId,
    tip: &Loaded<D>,
    events: Decision<D>,
    meta: &Meta,
    occurred_at: Timestamp,
    generation: u64,
) -> Decided<D> {
    if events.len() > APPEND_EVENTS_MAX {
        return Decided::Broken(format!("a decision of {} has {} events", D::KIND, events.len()));
    }
    let mut after = tip.clone();
    let mut new_events = Vec::with_capacity(events.len());
    for (part, event) in &events {
        let stream = part.stream(owner);
        let sequence_number = after.last(owner, &stream) + 1;
        let folded = catch_unwind(AssertUnwindSafe(|| decider.evolve(after.state.clone(), part, event)));
        after.state = match folded {
            Ok(Ok(state)) => state,
            Ok(Err(broken)) => return Decided::Broken(broken.to_string()),
            Err(_panic) => return Decided::Broken(format!("the fold of {} panicked", D::KIND)),
        };
        after.advance(owner, &stream, sequence_number);
        after.occurred_at = occurred_at.max(after.occurred_at);
        let data = match event.encode() {
            Ok(data) => data,
            Err(error) => return Decided::Broken(error.to_string()),
        };
        new_events.push(NewEvent {
            event_id: EventId(env.next_id()),
            stream,
            sequence_number,
            event_type: Cow::Borrowed(event.event_type()),
            schema_version: event.schema_version(),
            data,
            occurred_at,
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id.unwrap_or(meta.command_id.0),
            actor: meta.caller.subject.clone(),
            traceparent: meta.traceparent.clone(),
        });
    }
    let append = Append {
        owner: owner.clone(),
        generation,
        command_id: meta.command_id,
        body_hash: meta.body_hash,
        version: after.version,
        events: new_events,
        timers: Vec::new(),
    };
    Decided::Accepted { append, after: Box::new(after) }
}
