//! The pool of an organisation's waiting orders (specification of IonVeil §5.3): one entity, `pool:<org>:<name>`, that keeps
//! them sorted, so that the first of 100,000 are found without sorting. What it answers is what the plain algorithm of
//! [`crate::plan`] would, on the same orders in the same order of arrival.
//!
//! Requests that come within a window share one pass at its end; the answers are those of running them one after another in
//! order of arrival. The window is durable and its end a timer; whatever comes after the end, timer or not, finds it closed.
//! With a window of 0 each request is answered at once.
//!
//! # Invariants
//! 1. Insertion numbers go up by one from 0; an order is put in under an id that does not wait.
//! 2. What is reprioritised or withdrawn waits.
//! 3. A request waits once, in a window that ends when the others' does, and not after it was answered.
//! 4. Requests that wait are answered first come, first served; no other while any waits.
//! 5. What is dispatched waits, and is as it was put in or reprioritised last.
//!
//! Architecture invariant: how full the pool is, is judged by [`crate::queue`] alone; here only the limit is known.

mod command;
mod decide;
mod event;
mod evolve;
mod order;
mod reject;
mod sorted;
mod state;
mod stored;
mod take;

#[cfg(test)]
mod tests;

pub use command::{AgencyRequest, Command};
pub use event::{Event, OrderPooled, OrderReprioritised, OrderWithdrawn, OrdersDispatched, PlanRequested, Planned, Request, Share, Wish};
pub use order::{InvalidPlace, Order, Place, RawOrder, Reason, Why};
pub use reject::{Fault, FaultKind, Faults, Rejection};
pub use state::State;

use ionveil_kernel::{
    BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, StreamId, Timer, TimerPolicy, Timestamp,
};
use std::time::Duration;

/// The kind of entity.
pub const KIND: &str = "pool";
/// The most orders of one [`Command::Insert`]: they still fit into one append.
pub const ORDERS_PER_INSERT_MAX: usize = 10_000;
/// The most agencies of one [`Command::TakeBatch`].
pub const AGENCIES_MAX: usize = 1_000;
/// The most requests that wait for the end of a window.
pub const REQUESTS_PER_WINDOW_MAX: usize = 1_000;
/// So many of the latest answers are remembered by the pool itself, for repeats. Older repeats are known by their receipts.
pub const ANSWERS_MAX: usize = 1_000;
/// Fewer are, if they have more orders than this in all; the latest always is.
pub const ANSWERED_ORDERS_MAX: usize = 100_000;
/// How many orders may wait, where nothing else is said.
pub const LIMIT_DEFAULT: i64 = 100_000;
/// The most that may be said.
pub const LIMIT_MAX: i64 = 1_000_000;
/// How long requests are gathered, in milliseconds, where nothing else is said.
pub const WINDOW_MS_DEFAULT: i64 = 100;
/// The longest that may be said: a minute.
pub const WINDOW_MS_MAX: i64 = 60_000;
const WINDOW: &str = "window";
/// The one pool of an organisation.
const ID: &str = "main";

/// The name of an organisation's pool.
///
/// # Errors
/// Never: the kind and the id are lawful names.
pub fn stream(org: &Org) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, EntityId::new(ID)?))
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// The window is negative or too long.
    #[error("the window of a pool is from 0 to {WINDOW_MS_MAX} ms")]
    Window,
    /// The limit is 0, below or too high.
    #[error("the limit of a pool is from 1 to {LIMIT_MAX} orders")]
    Limit,
}

/// The decider.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    window: Duration,
    limit: usize,
}

impl Pool {
    /// A pool that gathers requests for `window_ms` (0: not at all) and takes in at most `limit` orders.
    ///
    /// # Errors
    /// [`InvalidSetting`] for the first that lies outside its range.
    pub fn new(window_ms: i64, limit: i64) -> Result<Self, InvalidSetting> {
        if !(0..=WINDOW_MS_MAX).contains(&window_ms) {
            return Err(InvalidSetting::Window);
        }
        let limit = usize::try_from(limit).ok().filter(|_| (1..=LIMIT_MAX).contains(&limit)).ok_or(InvalidSetting::Limit)?;
        Ok(Self { window: Duration::from_millis(window_ms.unsigned_abs()), limit })
    }

    /// How many orders may wait.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self { window: Duration::from_millis(WINDOW_MS_DEFAULT.unsigned_abs()), limit: LIMIT_DEFAULT.unsigned_abs() as usize }
    }
}

impl Decider for Pool {
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
        Ok(decide::decide(self, state, command, env)?.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, mut state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::apply(&mut state, event)?;
        Ok(state)
    }

    /// Planning is subject to the policy of the whole organisation: one agency that is halted does not stop the others.
    fn scope(&self, _owner: &StreamId, _state: &State, command: &Command) -> Option<Vec<EntityId>> {
        matches!(command, Command::Take { .. } | Command::TakeBatch { .. }).then(Vec::new)
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        state.window_due().map(|due| Timer { name: WINDOW.to_owned(), due, policy: TimerPolicy::FireOnceLate }).into_iter().collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        (name == WINDOW).then_some(Command::CloseWindow { due })
    }
}
