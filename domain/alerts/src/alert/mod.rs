//! Alerts (specification of IonVeil §6.3): one entity each, `alert:<org>:<id>`, from the firing of a rule to its resolution.
//!
//! | status | acknowledge | resolve | escalate |
//! |---|---|---|---|
//! | open, escalated | acknowledged | resolved | the next level |
//! | acknowledged | nothing (the first stays) | resolved | `not_escalatable` |
//! | suppressed | `not_acknowledgeable` | resolved | `not_escalatable` |
//! | resolved | `already_resolved` | `already_resolved` | `already_resolved` |
//!
//! What happens by itself is due at one instant, a durable timer: the next level is told when the present one has had its time;
//! where it has got as high as it gets, that level is told again; an acknowledgement for a time ends. Each is one step, and the
//! next one counts from when it was made, however late that was.
//!
//! Each time that somebody is to be told is a step with a number; who it is is decided then, by who is on shift. When nobody is,
//! or nobody could be reached, the alert shows `undelivered` and the next level is told at once.
//!
//! # Invariants
//! 1. It is raised once, and first.
//! 2. What has been resolved only hears of what was sent; the table above holds.
//! 3. It goes up one level at a time; steps go up by one.
//! 4. What is heard of somebody belongs to the present step, once.

mod command;
mod decide;
mod event;
mod evolve;
mod reject;
mod state;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{
    Acknowledged, Call, Cause, Delivered, DeliveryFailed, Escalated, Event, Raised, Reopened, Repeated, Resolved, Undelivered,
};
pub use reject::Rejection;
pub use state::{Alert, Mark, Next, State, Status, UNDELIVERED_RETRY};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, StreamId, Timer, TimerPolicy, Timestamp};

/// The kind of entity.
pub const KIND: &str = "alert";

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alerts;

impl Decider for Alerts {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::Absent
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        Ok(decide::decide(state, command, env)?.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let next = state.alert().and_then(Alert::next);
        let timer = |next: Next| Timer { name: next.name().to_owned(), due: next.due(), policy: TimerPolicy::FireOnceLate };
        next.map(timer).into_iter().collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        ["escalate", "repeat", "reopen"].contains(&name).then_some(Command::Pass { due })
    }
}
