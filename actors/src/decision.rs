//! One decision: the checks that hold for every kind, the decider, the fold, the timers and the stored form, all before
//! anything is queued: what cannot be folded or encoded is never stored.

use crate::answer::AskError;
use crate::fault;
use crate::govern::Governor;
use crate::loader::Loaded;
use ionveil_journal::{APPEND_EVENTS_MAX, Append, ArmedTimer, NewEvent, TimerChange, TimerChangeKind};
use ionveil_kernel::{
    DecideEnv, Decider, Decision, Env, EventCodec, EventId, IdSource, Meta, Part, StreamId, Timer, TimerPolicy, Timestamp,
};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How far a clock may be ahead of ours.
const FUTURE_MAX: Duration = Duration::from_secs(300);
/// The most timers that a state may wish for.
const TIMERS_MAX: usize = 256;

/// What a command leads to.
pub(crate) enum Decided<D: Decider> {
    /// To be appended; the state after it.
    Accepted { append: Append, after: Box<Loaded<D>> },
    /// Refused.
    Refused(AskError<D::Rejection>),
    /// What the decider decided cannot be folded or stored.
    Broken(String),
    /// The decider panicked: what it says is in the text.
    Panicked(String),
}

/// What is decided on, and by whom.
pub(crate) struct Case<'a, D: Decider> {
    pub(crate) decider: &'a D,
    pub(crate) env: &'a Env,
    pub(crate) owner: &'a StreamId,
    pub(crate) tip: &'a Loaded<D>,
    pub(crate) command: &'a D::Command,
    pub(crate) meta: &'a Meta,
    /// The timer that the command stands for, if it does.
    pub(crate) firing: Option<&'a ArmedTimer>,
    pub(crate) generation: u64,
    pub(crate) governor: &'a Governor,
}

impl<D: Decider> Case<'_, D> {
    /// Decides. Nothing outside can be seen half-done after a panic: the state is only borrowed or copied.
    pub(crate) fn decide(&self) -> Decided<D> {
        match catch_unwind(AssertUnwindSafe(|| self.checked())) {
            Ok(decided) => decided,
            Err(panic) => Decided::Panicked(fault::message(&*panic)),
        }
    }

    fn checked(&self) -> Decided<D> {
        let now = self.env.now();
        let occurred_at = match self.check(now) {
            Ok(occurred_at) => occurred_at,
            Err(refusal) => return Decided::Refused(refusal),
        };
        let policy = self.governor.policy(self.decider, self.owner, &self.tip.state, self.command);
        let context = DecideEnv { now, occurred_at, ids: self.env, cause: self.meta, policy: &policy };
        match self.decider.decide(&self.tip.state, self.command, &context) {
            Ok(events) => self.accept(events, occurred_at).unwrap_or_else(Decided::Broken),
            Err(rejection) => Decided::Refused(AskError::Rejected(rejection)),
        }
    }

    /// When the command happened, or why it cannot be decided on at all.
    fn check(&self, now: Timestamp) -> Result<Timestamp, AskError<D::Rejection>> {
        let (tip, meta) = (self.tip, self.meta);
        if let Some(timer) = self.firing {
            return self.check_firing(timer, now);
        }
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

    /// A timer that was missed and is to fire for each time that it was due happens when it was due, so that a decider that
    /// goes on from there comes to each of them; any other happens now.
    fn check_firing(&self, timer: &ArmedTimer, now: Timestamp) -> Result<Timestamp, AskError<D::Rejection>> {
        if !self.timers(&self.tip.state).iter().any(|wished| same(wished, timer)) {
            return Err(AskError::NotArmed);
        }
        let happened = match timer.policy {
            TimerPolicy::FireAll => timer.due,
            TimerPolicy::FireOnceLate | TimerPolicy::Skip => now,
        };
        Ok(happened.max(self.tip.occurred_at))
    }

    fn timers(&self, state: &D::State) -> Vec<Timer> {
        self.decider.timers(state)
    }

    fn accept(&self, events: Decision<D>, occurred_at: Timestamp) -> Result<Decided<D>, String> {
        if events.len() > APPEND_EVENTS_MAX {
            return Err(format!("a decision of {} has {} events", D::KIND, events.len()));
        }
        let mut after = self.tip.clone();
        let causes = self.decider.causes(&events);
        let mut new_events: Vec<NewEvent> = Vec::with_capacity(events.len());
        for (place, (part, event)) in events.iter().enumerate() {
            let stream = part.stream(self.owner);
            let sequence_number = after.last(self.owner, &stream) + 1;
            after.state = self.decider.evolve(after.state, part, event).map_err(|broken| broken.to_string())?;
            after.advance(self.owner, &stream, sequence_number);
            after.occurred_at = occurred_at.max(after.occurred_at);
            let mut recorded = self.recorded(event, stream, sequence_number, occurred_at)?;
            if let Some(cause) = causes.get(place).copied().flatten() {
                let cause = new_events.get(cause).ok_or_else(|| format!("event {place} of {} is caused by a later one", D::KIND))?;
                recorded.causation_id = cause.event_id.0;
            }
            new_events.push(recorded);
        }
        let timers = if new_events.is_empty() && self.firing.is_none() { Vec::new() } else { self.changed_timers(&after.state)? };
        let append = Append {
            owner: self.owner.clone(),
            generation: self.generation,
            command_id: self.meta.command_id,
            body_hash: self.meta.body_hash,
            version: after.version,
            events: new_events,
            timers,
        };
        Ok(Decided::Accepted { append, after: Box::new(after) })
    }

    fn recorded(&self, event: &D::Event, stream: StreamId, sequence_number: u64, occurred_at: Timestamp) -> Result<NewEvent, String> {
        let meta = self.meta;
        Ok(NewEvent {
            event_id: EventId(self.env.next_id()),
            stream,
            sequence_number,
            event_type: Cow::Borrowed(event.event_type()),
            schema_version: event.schema_version(),
            data: event.encode().map_err(|error| error.to_string())?,
            occurred_at,
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id.unwrap_or(meta.command_id.0),
            actor: meta.caller.subject.clone(),
            traceparent: meta.traceparent.clone(),
        })
    }

    /// What the append does to the timers' rows. A timer that fired and is wished for unchanged is consumed: it does not
    /// fire again until it is armed anew.
    fn changed_timers(&self, after: &D::State) -> Result<Vec<TimerChange>, String> {
        let (before, after) = (self.timers(&self.tip.state), self.timers(after));
        if after.len() > TIMERS_MAX {
            return Err(format!("a state of {} wishes for {} timers", D::KIND, after.len()));
        }
        let gone = before.iter().filter(|old| !after.iter().any(|new| new.name == old.name));
        let disarmed = gone.map(|old| change(old, TimerChangeKind::Disarm));
        let fresh = after.iter().filter(|new| !before.contains(new));
        let armed = fresh.map(|new| change(new, TimerChangeKind::Arm { due: new.due, policy: new.policy }));
        let left = after.iter().filter(|new| self.firing.is_some_and(|fired| same(new, fired)) && before.contains(new));
        Ok(disarmed.chain(armed).chain(left.map(|left| change(left, TimerChangeKind::Consume))).collect())
    }
}

fn same(wished: &Timer, armed: &ArmedTimer) -> bool {
    wished.name == armed.name && wished.due == armed.due
}

fn change(timer: &Timer, change: TimerChangeKind) -> TimerChange {
    TimerChange { name: timer.name.clone(), change }
}
