//! Given past events, when a command comes, then these events follow: one harness for every decider, and the laws that
//! each of them must keep. For tests only; it panics with what it found.

mod counter;
mod golden;

pub use counter::{Added, Count, Counter, TooMuch};
pub use golden::{golden, unreadable};

use crate::{
    BodyHash, Caller, CommandId, CorrelationId, DecideEnv, Decider, Decision, EventCodec, IdSource, Meta, Part, Policy, Rejection, Role,
    StreamId, Timestamp,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Ids 1, 2, 3 …
#[derive(Default)]
pub struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn next_id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// A caller of organisation `test` with the given role.
///
/// # Panics
/// Never: the organisation's name is lawful.
#[must_use]
pub fn caller(role: Role) -> Caller {
    Caller { org: "test".parse().expect("lawful name"), subject: "user:test".into(), role }
}

/// Metadata of a command with an id made from `number`.
#[must_use]
pub fn meta(number: u128) -> Meta {
    Meta {
        command_id: CommandId(Uuid::from_u128(number)),
        body_hash: BodyHash::of(&[&number.to_be_bytes()]),
        correlation_id: CorrelationId(Uuid::from_u128(number)),
        causation_id: None,
        caller: caller(Role::Admin),
        occurred_at: None,
        expected_version: None,
        traceparent: None,
    }
}

/// Given/when/then for one entity.
pub struct Given<D: Decider> {
    decider: D,
    owner: StreamId,
    events: Decision<D>,
    now: Timestamp,
    policy: Policy,
}

/// What a command led to.
pub struct Then<D: Decider> {
    outcome: Result<Decision<D>, D::Rejection>,
    state: D::State,
}

/// Starts with an entity that has the id `x` in organisation `test` and the given past.
///
/// # Panics
/// If the decider's kind is no lawful name.
pub fn given<D: Decider>(decider: D, events: impl IntoIterator<Item = (D::Part, D::Event)>) -> Given<D> {
    let owner = format!("{}:test:x", D::KIND).parse().expect("lawful kind");
    Given { decider, owner, events: events.into_iter().collect(), now: Timestamp::from_micros(0), policy: Policy::default() }
}

impl<D: Decider> Given<D> {
    /// Sets the clock.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Sets the policy in force.
    #[must_use]
    pub fn under(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Lets a command come as a dead letter or another node gets it, checks the laws on what follows, and keeps the outcome.
    ///
    /// # Panics
    /// If the past is unlawful, the command does not survive its stored form, or a law is broken (see [`check_laws`]).
    #[must_use]
    pub fn when(self, command: D::Command) -> Then<D> {
        self.when_unstored(stored(&command))
    }

    /// As [`Given::when`], for a command that only a host's own code can make and that has no stored form: with a `NaN`, say.
    ///
    /// # Panics
    /// If the past is unlawful or a law is broken.
    #[must_use]
    pub fn when_unstored(self, command: D::Command) -> Then<D> {
        let state = fold(&self.decider, &self.owner, &self.events);
        let cause = meta(1);
        let env = DecideEnv { now: self.now, occurred_at: self.now, ids: &CountingIds::default(), cause: &cause, policy: &self.policy };
        let outcome = self.decider.decide(&state, &command, &env);
        check_causes(&self.decider, outcome.as_deref().unwrap_or_default());
        let mut all = self.events;
        all.extend(outcome.iter().flatten().cloned());
        check_laws(&self.decider, &self.owner, &all);
        Then { outcome, state: fold(&self.decider, &self.owner, &all) }
    }
}

impl<D: Decider> Then<D> {
    /// Expects exactly these events, and yields the state after them.
    ///
    /// # Panics
    /// If anything else came out.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = (D::Part, D::Event)>) -> D::State {
        assert_eq!(self.outcome.expect("accepted"), events.into_iter().collect::<Vec<_>>());
        self.state
    }

    /// Expects a refusal with this code, and yields it.
    ///
    /// # Panics
    /// If the command was accepted or refused otherwise.
    #[track_caller]
    pub fn then_rejected(self, code: &str) -> D::Rejection {
        let rejection = self.outcome.expect_err("refused");
        assert_eq!(rejection.code(), code, "{rejection}");
        rejection
    }
}

/// `command` as it is read back from its stored form.
#[track_caller]
fn stored<C: Serialize + DeserializeOwned>(command: &C) -> C {
    let text = serde_json::to_string(command).expect("every command has a stored form");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("a stored command loads: {error}: {text}"))
}

/// The state after `events`.
///
/// # Panics
/// If an event cannot follow.
#[track_caller]
pub fn fold<D: Decider>(decider: &D, owner: &StreamId, events: &[(D::Part, D::Event)]) -> D::State {
    let evolve = |state, (part, event): &(D::Part, D::Event)| decider.evolve(state, part, event).expect("a lawful event");
    events.iter().fold(decider.initial(owner), evolve)
}

/// Checks on a lawful history: every event survives its stored form, every part its stream name, every state its
/// snapshot, and a snapshot plus the rest is the whole.
///
/// # Panics
/// If a law is broken.
#[track_caller]
pub fn check_laws<D: Decider>(decider: &D, owner: &StreamId, events: &[(D::Part, D::Event)]) {
    for (part, event) in events {
        let stored = event.encode().expect("every event has a stored form");
        let back = D::Event::decode(event.event_type(), event.schema_version(), &stored).expect("a stored event loads");
        assert_eq!(&back, event, "an event survives its stored form");
        assert_eq!(D::Part::of(owner, &part.stream(owner)).as_ref(), Some(part), "a part survives its stream name");
    }
    let whole = fold(decider, owner, events);
    for cut in [0, events.len() / 2, events.len()] {
        let snapshot = serde_json::to_string(&fold(decider, owner, &events[..cut])).expect("every state has a stored form");
        let restored: D::State = serde_json::from_str(&snapshot).expect("a stored state loads");
        let evolve = |state, (part, event): &(D::Part, D::Event)| decider.evolve(state, part, event).expect("a lawful event");
        assert_eq!(events[cut..].iter().fold(restored, evolve), whole, "snapshot at {cut} plus the rest is the whole");
    }
}

/// Checks on a decision that no event is caused by itself or a later one.
///
/// # Panics
/// If one is.
#[track_caller]
pub fn check_causes<D: Decider>(decider: &D, decision: &[(D::Part, D::Event)]) {
    for (place, cause) in decider.causes(decision).into_iter().enumerate() {
        assert!(place < decision.len() && cause.is_none_or(|cause| cause < place), "event {place} is caused by an earlier one: {cause:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::{Added, Count, Counter, CountingIds, check_laws, given};
    use crate::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, IdSource, StreamId};
    use serde::{Deserialize, Serialize};

    /// An event that forgets what it says once it is stored.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Forgetful(u64);

    impl EventCodec for Forgetful {
        fn event_type(&self) -> &'static str {
            "forgetful"
        }

        fn schema_version(&self) -> u32 {
            1
        }

        fn encode(&self) -> Result<String, DecodeError> {
            Ok("0".into())
        }

        fn decode(_event_type: &str, _schema_version: u32, _data: &str) -> Result<Self, DecodeError> {
            Ok(Self(0))
        }
    }

    struct Unlawful;

    impl Decider for Unlawful {
        const KIND: &'static str = "unlawful";
        const STATE_SCHEMA: u32 = 1;
        const REDUCER: u32 = 1;
        type Part = ();
        type State = u64;
        type Command = u64;
        type Event = Forgetful;
        type Rejection = super::TooMuch;

        fn initial(&self, _id: &StreamId) -> u64 {
            0
        }

        fn decide(&self, _state: &u64, command: &u64, _env: &DecideEnv<'_>) -> Result<Decision<Self>, super::TooMuch> {
            Ok(vec![((), Forgetful(*command))])
        }

        fn causes(&self, decision: &[((), Forgetful)]) -> Vec<Option<usize>> {
            decision.iter().map(|(_, event)| usize::try_from(event.0).ok().filter(|cause| *cause < 7)).collect()
        }

        fn evolve(&self, state: u64, _part: &(), event: &Forgetful) -> Result<u64, BrokenInvariant> {
            Ok(state + event.0)
        }
    }

    #[test]
    #[should_panic(expected = "an event survives its stored form")]
    fn an_event_that_its_stored_form_loses_is_found() {
        let _found = given(Unlawful, []).when(7);
    }

    #[test]
    #[should_panic(expected = "event 0 is caused by an earlier one: Some(0)")]
    fn an_event_that_causes_itself_is_found() {
        let _found = given(Unlawful, []).when(0);
    }

    #[test]
    #[should_panic(expected = "accepted")]
    fn expecting_events_of_a_refused_command_fails() {
        given(Counter { limit: 1 }, []).when(Count(2)).then([((), Added(2))]);
    }

    #[test]
    #[should_panic(expected = "refused")]
    fn expecting_a_refusal_of_an_accepted_command_fails() {
        given(Counter { limit: 2 }, []).when(Count(2)).then_rejected("too_much");
    }

    #[test]
    fn a_lawful_history_passes_at_every_cut() {
        let owner = "counter:test:x".parse().expect("lawful name");
        check_laws(&Counter::default(), &owner, &[((), Added(1)), ((), Added(2)), ((), Added(3))]);
    }

    #[test]
    fn ids_count_from_one() {
        let ids = CountingIds::default();
        assert_eq!([ids.next_id().as_u128(), ids.next_id().as_u128()], [1, 2]);
    }
}
