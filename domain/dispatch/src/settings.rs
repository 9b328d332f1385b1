//! What an organisation says of itself: one entity for each, `organisation:<org>:settings`. Today these are the times that it
//! promises (specification of IonVeil §2.2), which count before the tables of the house (decision D03).
//!
//! # Invariants
//! 1. A change changes something.

use crate::sla::Promises;
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, StreamId, Timestamp};
use serde::{Deserialize, Serialize};

/// The kind of entity.
pub const KIND: &str = "organisation";
/// The id of an organisation's settings.
pub const SETTINGS_ID: &str = "settings";

/// The stream of an organisation's settings.
///
/// # Errors
/// Never: the names are lawful.
pub fn stream(org: &Org) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, EntityId::new(SETTINGS_ID)?))
}

/// What can be asked of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Says what is promised from now on: the whole table. Severities that it does not name keep the times of the house. The
    /// same again changes nothing.
    SetSla {
        /// The table.
        sla: Promises,
    },
}

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// Other times are promised.
        SlaSet = "sla_set" v 1,
    }
}

/// Payload of [`Event::SlaSet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlaSet {
    /// The whole table.
    pub sla: Promises,
    /// When.
    pub at: Timestamp,
}

/// What an organisation says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What it promises.
    pub sla: Promises,
}

/// Settings refuse nothing: a table that cannot be kept is no [`Promises`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings;

impl Decider for Settings {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        let Command::SetSla { sla } = command;
        if *sla == state.sla {
            return Ok(Vec::new());
        }
        Ok(vec![((), Event::SlaSet(SlaSet { sla: sla.clone(), at: env.occurred_at }))])
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        let Event::SlaSet(SlaSet { sla, .. }) = event;
        if *sla == state.sla {
            return Err(BrokenInvariant { kind: KIND, number: 1, detail: "the same times are promised already".to_owned() });
        }
        Ok(State { sla: sla.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Priority, Severity};
    use crate::sla::Promise;
    use ionveil_kernel::testkit::{fold, given};

    fn promises(response_minutes: u32) -> Promises {
        let worst = Promise { response_minutes, resolution_minutes: 90 };
        Promises::new([(Severity::WORST, worst)].into()).unwrap()
    }

    fn set(response_minutes: u32) -> ((), Event) {
        ((), Event::SlaSet(SlaSet { sla: promises(response_minutes), at: Timestamp::from_micros(0) }))
    }

    #[test]
    fn what_is_promised_last_counts_and_the_same_again_is_nothing_new() {
        let ask = |response_minutes| Command::SetSla { sla: promises(response_minutes) };
        let state = given(Settings, []).when(ask(4)).then([set(4)]);
        assert_eq!(Priority::ALL.map(|priority| state.sla.response_minutes(priority)), [4, 10, 20, 45, 120]);
        given(Settings, [set(4)]).when(ask(4)).then([]);
        given(Settings, [set(4)]).when(ask(3)).then([set(3)]);
        given(Settings, []).when(Command::SetSla { sla: Promises::default() }).then([]);
        let stored = serde_json::to_string(&ask(4)).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&stored).unwrap(), ask(4), "as a dead letter keeps it");
        let owner = stream(&Org::new("acme").unwrap()).unwrap();
        assert_eq!(owner.to_string(), "organisation:acme:settings");
        let state = fold(&Settings, &owner, &[set(4)]);
        assert_eq!(Settings.evolve(state, &(), &set(4).1).unwrap_err().number, 1);
    }

    #[test]
    fn stored_forms_load() {
        let expected = Event::SlaSet(SlaSet { sla: promises(4), at: Timestamp::from_micros(7) });
        ionveil_kernel::testkit::golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/settings"), Event::TYPES, &[("sla_set.v1", expected)]);
        let kept = r#"{"sla":{"5":{"response_minutes":9,"resolution_minutes":1}},"at":0}"#;
        ionveil_kernel::testkit::unreadable::<Event>(Event::TYPES, &[("sla_set", kept)]);
    }
}
