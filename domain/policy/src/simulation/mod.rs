//! The policy simulator: tries a scenario (levels and thresholds) on a pattern of outcomes, in virtual time, on the very
//! ladder that the live engine climbs. It touches no live state, reads no clock and no history: whoever runs it brings the
//! outcomes, and counts how many runs there are at once.
//!
//! A simulation is one entity with one stream, `simulation:<org>:<id>`.
//!
//! | to read | file |
//! |---|---|
//! | virtual time | `span.rs` |
//! | what is tried: scenarios, and the builder of them | `scenario.rs` |
//! | on what: patterns as they are asked for, checked, and made | `form.rs`, `pattern.rs`, `generate.rs`, `events.rs` |
//! | the run, and what came of it | `run.rs`, `outcome.rs`, `result.rs` |
//! | several runs side by side | `compare.rs`, `recommend.rs` |
//! | the entity | `command.rs`, `event.rs`, `state.rs`, `decide.rs`, `evolve.rs`, `reject.rs` |
//!
//! # Invariants
//! `evolve` names them by number when a stored history breaks one.
//! 1. The first event is `created`.
//! 2. No other event is.
//! 3. `started` follows `created`; it follows another `started` only if it says `restarted`, and says so only then.
//! 4. `completed` and `failed` follow `started`.
//! 5. `cancelled` follows `created` or `started`.
//! 6. The outcome of `completed` is one of the simulation's own scenario and duration.

mod command;
mod compare;
mod decide;
mod event;
mod events;
mod evolve;
mod form;
mod generate;
mod outcome;
mod pattern;
mod recommend;
mod reject;
mod result;
mod run;
mod scenario;
mod span;
mod state;

#[cfg(test)]
mod tests;

pub use command::{Command, DURATION_S_DEFAULT};
pub use compare::{NotCompared, SCENARIOS_MAX, compare};
pub use event::{Cancelled, Completed, Created, Event, Failed, Started};
pub use events::Events;
pub use form::{PatternForm, SourceForm};
pub use generate::Generator;
pub use outcome::{Direction, Outcome, TRANSITIONS_MAX, Transition};
pub use pattern::{EVENTS_MAX, GIVEN_EVENTS_MAX, History, Pattern, Source};
pub use recommend::{Recommendation, recommend};
pub use reject::{Fault, FaultKind, Faults, Rejection, RejectionClass};
pub use result::{InOrder, PatternSummary, SimulationResult, Totals, TransitionView};
pub use run::{PROGRESS_EVERY, Stopped, policy_at, run};
pub use scenario::{LEVELS_MAX, METADATA_MAX, NAME_CHARS_MAX, Scenario, ScenarioBuilder};
pub use span::{SECONDS_MAX, Span};
pub use state::{ERROR_CHARS_MAX, Live, Phase, State, Status};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, StreamId};

/// The kind of entity, first word of the streams' names.
pub const KIND: &str = "simulation";

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simulation;

impl Decider for Simulation {
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

    fn decide(&self, state: &State, command: &Command, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        decide::decide(state, command).map(|event| event.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }
}
