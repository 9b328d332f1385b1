//! A dispatch that is routed over channels: one entity, `failover:<org>:<dispatch>`. It knows the chain and what came of each
//! channel; whether a channel may be used, and what an answer means, is told to it. Each attempt is recorded before anything
//! is sent: after a crash it is under way until its deadline, and unknown then.

mod bound;
mod decide;
mod event;
mod request;
mod state;

#[cfg(test)]
mod tests;

pub use bound::{Bound, failovers_max};
pub use event::{
    AnsweredLate, AttemptBegun, ChannelAttempted, ChannelSkipped, Event, FailoverExhausted, Outcome, Requested, RouteSelected,
};
pub use request::{
    BACKUPS_MAX, BLOCKED_MAX, Backup, Fault, LATENCY_THRESHOLD_MS_DEFAULT, LATENCY_THRESHOLD_MS_MAX, MAX_FAILOVERS_DEFAULT, RequestForm,
};
pub use state::{End, Entry, Live, State};

use crate::breaker::Permit;
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, StreamId, Timer, TimerPolicy, Timestamp};
use serde::{Deserialize, Serialize};

/// The kind of entity; its id is the dispatch's.
pub const KIND: &str = "failover";
/// The reason of an attempt that nobody knows the outcome of.
pub const CRASHED: &str = "no_result";

/// What is done with the channel that comes next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// It is passed over.
    Skip {
        /// Why.
        reason: String,
    },
    /// It fails without anything being sent, and counts as an attempt.
    Fail {
        /// Why.
        reason: String,
    },
    /// It is about to be sent over; nothing comes after this.
    Begin {
        /// Whether nothing is really sent.
        simulated: bool,
        /// The leave of its breaker.
        permit: Option<Permit>,
        /// By then, in milliseconds, it is known what came of it, unless the process dies.
        within_ms: u64,
    },
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// Which: its number in the log.
    pub number: u32,
    /// What it came to; not [`Outcome::Skipped`].
    pub outcome: Outcome,
    /// Why it failed, or is not known.
    #[serde(default)]
    pub reason: Option<String>,
    /// How long it took, if that is known, in milliseconds.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// The HTTP status, if there was one.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// The limits of the level that cut the call short.
    #[serde(default)]
    pub bound: Option<Bound>,
}

/// What can be asked. Its serde form is tagged with the name in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Begins.
    Start {
        /// What was asked for.
        request: Box<Requested>,
        /// What is done with the first channels.
        steps: Vec<Step>,
        /// What the policy in force leaves of it; none: all that was asked for.
        #[serde(default)]
        bound: Option<Bound>,
    },
    /// Goes on.
    Proceed {
        /// What came of the attempt that was under way, or is not known; none: it was concluded before.
        concluded: Option<Conclusion>,
        /// What is done with the next channels.
        steps: Vec<Step>,
        /// What the policy in force leaves of it now; none: all that was asked for.
        #[serde(default)]
        bound: Option<Bound>,
    },
    /// Takes in an answer to an attempt that was given up.
    AnswerLate {
        /// Which: its number in the log.
        number: u32,
        /// Whether it was delivered after all.
        delivered: bool,
        /// How long it took, in milliseconds.
        latency_ms: f64,
        /// The HTTP status, if there was one.
        #[serde(default)]
        http_status: Option<u16>,
    },
    /// Gives up an attempt whose deadline is over: its process has died.
    Cut,
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Proceed { .. } => "proceed",
            Self::AnswerLate { .. } => "answer_late",
            Self::Cut => "cut",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is a dispatch of this id; of another request, or it is not the first that asks.
    #[error("there is a dispatch of this id already")]
    DuplicateDispatch,
    /// There is none of this id.
    #[error("there is no dispatch of this id")]
    NotFound,
    /// The attempt is not the last one, or its outcome is known.
    #[error("the attempt is not one whose outcome is awaited")]
    StaleAttempt,
    /// No channel may be tried, or not this one.
    #[error("no further channel may be tried")]
    NoNextChannel,
    /// The policy in force is halted.
    #[error("nothing is sent while {0}")]
    PolicyHalted(Box<ionveil_kernel::Halt>),
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::DuplicateDispatch => "duplicate_dispatch",
            Self::NotFound => "dispatch_not_found",
            Self::StaleAttempt => "stale_attempt",
            Self::NoNextChannel => "no_next_channel",
            Self::PolicyHalted(_) => "policy_halted",
        }
    }
}

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failover;

impl Decider for Failover {
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
        state.evolve(event)
    }

    /// Beginning is subject to the policy of the zone; what was begun is carried to its end.
    fn scope(&self, _owner: &StreamId, _state: &State, command: &Command) -> Option<Vec<EntityId>> {
        let Command::Start { request, .. } = command else { return None };
        Some(request.zone.iter().cloned().collect())
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let due = state.live().and_then(Live::under_way).and_then(|(_, entry)| entry.under_way_until);
        due.map(|due| Timer { name: "cut".to_owned(), due, policy: TimerPolicy::FireOnceLate }).into_iter().collect()
    }

    fn on_timer(&self, name: &str, _due: Timestamp) -> Option<Command> {
        (name == "cut").then_some(Command::Cut)
    }
}
