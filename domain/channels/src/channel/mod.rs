//! A channel: one entity, `channel:<org>:<name>`, that says what may be sent over it, and remembers what came of it.

mod command;
mod decide;
mod driver;
mod event;
mod evolve;
mod reject;
mod state;

#[cfg(test)]
mod tests;

pub use command::{Command, Form, Report};
pub use decide::{REASON_CHARS_MAX, RETRY_AFTER_MAX};
pub use driver::{
    BODY_BYTES_MAX, Driver, HEADER_BYTES_MAX, HEADERS_MAX, LATENCY_MS_MAX, Login, METHODS, SECRET_PREFIX, SUBJECT_BYTES_MAX,
    TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX, Text, URL_BYTES_MAX,
};
pub use event::{
    Blocked, BreakerCleared, BreakerForced, BreakerReleased, BreakerTransitioned, Changed, Created, Deleted, Event, OutcomeRecorded,
    ProbeAdmitted, Setup, Unblocked,
};
pub use reject::{Fault, Rejection, RejectionClass};
pub use state::{Live, State};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, StreamId, Timer, TimerPolicy, Timestamp};

/// The kind of entity; its id is the channel's name.
pub const KIND: &str = "channel";

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Channel;

/// The state, with the name that the breaker's events carry.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Named {
    /// The channel's name.
    pub name: String,
    /// Its state.
    pub state: State,
}

impl Decider for Channel {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = Named;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, id: &StreamId) -> Named {
        Named { name: decide::name_of(id).to_owned(), state: State::Absent }
    }

    fn decide(&self, state: &Named, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        let events = decide::decide(&state.name, &state.state, command, env)?;
        Ok(events.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: Named, (): &(), event: &Event) -> Result<Named, BrokenInvariant> {
        Ok(Named { state: evolve::evolve(state.state, event)?, name: state.name })
    }

    fn timers(&self, state: &Named) -> Vec<Timer> {
        let Some(live) = state.state.live() else { return Vec::new() };
        let block = live.blocked.as_ref().and_then(|blocked| blocked.until).map(|until| ("block", until));
        let dues = live.breaker.dues(&live.setup.breaker).into_iter().chain(block);
        dues.map(|(name, due)| Timer { name: name.to_owned(), due, policy: TimerPolicy::FireOnceLate }).collect()
    }

    fn on_timer(&self, name: &str, _due: Timestamp) -> Option<Command> {
        ["half_open", "probe", "force", "block"].contains(&name).then_some(Command::Tick)
    }
}
