//! The monitor of an organisation: one entity, `alert-monitor:<org>:monitor`, that owns a stream for each incident that it
//! watches, `sla-watch:<org>:<incident>`.
//!
//! Rules, suppressions, escalation policy, recipients and watches are one entity because they decide together, at one instant:
//! whether a rule fires for an incident, whether that is quiet, whether it was told before, how many breaches came in a row,
//! and who is told; a policy names recipients that are there; a rule that changes moves the deadlines of what is watched.
//! An alert that was raised is an entity of its own, and keeps nobody waiting here.
//!
//! Alerts of other systems (`external.rs`) are known here as long as they last, so that what is sent again raises no second one;
//! when they end by themselves is the timer `external`.
//!
//! # Deadlines
//! The next instant at which a rule may fire for a watch is kept in order of time; the first of all is the timer `deadline`,
//! stored by the append that changed it. When it comes, the incidents that are due are checked *as of then*: so a warning that
//! was missed while nobody could fire it is no warning any more once the target is missed, and never are both raised by one check.
//! A deadline fires a rule once for an incident. The 30 s pass is the same check, and finds nothing.
//!
//! | to read | file |
//! |---|---|
//! | what can be asked, what can happen, what is known | `command.rs`, `event.rs`, `state.rs`, `stored.rs` |
//! | what follows from what | `decide.rs`, `check.rs`, `reject.rs`, `evolve.rs` |
//!
//! # Invariants
//! 1. What is removed, lifted or ended is there.
//! 2. An event of an incident is in that incident's stream, all others are in the monitor's own.
//! 3. A watch starts once.
//! 4. A rule that fires for an incident fires for one that is watched or was asked about.
//! 5. An alert of another system is raised again only after it has ended.

mod check;
mod command;
mod decide;
mod event;
mod evolve;
mod external;
mod reject;
mod state;
mod stored;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{
    Asked, BudgetsEvaluated, Event, ExternalEnded, ExternalRaised, ExternalSeen, Fired, Outcome, PolicySet, RecipientPut, RecipientRemoved,
    RuleCleared, RulePut, RuleRemoved, SuppressionBegun, SuppressionLifted, TargetsSet, WatchChecked, WatchEnded, WatchPrioritised,
    WatchStarted,
};
pub use reject::Rejection;
pub use state::{Lasting, State, Watch};

use ionveil_kernel::{
    BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, Part, StreamId, Timer, TimerPolicy, Timestamp,
};

/// The kind of entity.
pub const KIND: &str = "alert-monitor";
/// The kind of the streams that it owns, one per incident.
pub const WATCH_KIND: &str = "sla-watch";
/// The id of the one monitor of an organisation.
pub const ID: &str = "monitor";
/// The most rules of an organisation.
pub const RULES_MAX: usize = 200;
/// The most suppressions that are neither lifted nor over.
pub const SUPPRESSIONS_MAX: usize = 1_000;
/// The most recipients of an organisation.
pub const RECIPIENTS_MAX: usize = 1_000;
/// The most incidents that are watched at a time.
pub const WATCHES_MAX: usize = 100_000;
const DEADLINE: &str = "deadline";
const BUDGETS: &str = "budgets";
const EXTERNAL: &str = "external";

/// The name of an organisation's monitor.
///
/// # Errors
/// Never: the kind and the id are lawful names.
pub fn stream(org: &Org) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, EntityId::new(ID)?))
}

/// A stream of a monitor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonitorPart {
    /// Its own.
    Own,
    /// That of an incident.
    Watch(EntityId),
}

impl Part for MonitorPart {
    fn stream(&self, owner: &StreamId) -> StreamId {
        // The name is lawful, so the other one is never taken; a test holds that.
        let kind = Kind::new(WATCH_KIND).unwrap_or_else(|_| owner.kind.clone());
        match self {
            Self::Own => owner.clone(),
            Self::Watch(incident) => StreamId::new(owner.org.clone(), kind, incident.clone()),
        }
    }

    fn of(owner: &StreamId, stream: &StreamId) -> Option<Self> {
        if owner == stream {
            return Some(Self::Own);
        }
        let own = owner.kind.as_str() == KIND && owner.org == stream.org && stream.kind.as_str() == WATCH_KIND;
        own.then(|| Self::Watch(stream.id.clone()))
    }
}

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Monitor;

impl Decider for Monitor {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    // Deadlines are to be kept to the second, and there is one of it per organisation.
    const STAYS: bool = true;

    type Part = MonitorPart;
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        decide::Case { state, env }.decide(command)
    }

    fn evolve(&self, state: State, part: &MonitorPart, event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, part, event)
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let timer = |name: &str, due: Timestamp| Timer { name: name.to_owned(), due, policy: TimerPolicy::FireOnceLate };
        let deadline = state.next_due().map(|due| timer(DEADLINE, due));
        let external = state.next_external().map(|due| timer(EXTERNAL, due));
        deadline.into_iter().chain(state.next_evaluation().map(|due| timer(BUDGETS, due))).chain(external).collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        match name {
            DEADLINE => Some(Command::Due { due }),
            BUDGETS => Some(Command::Evaluate { due }),
            EXTERNAL => Some(Command::EndExternal { due }),
            _ => None,
        }
    }
}
