//! Intake of big batches of commands (specification of LatticeForge L3): validated row by row, deduplicated, ordered. A bad
//! row never blocks a good one.
//!
//! Rows may come one by one ([`Pipeline::push`]), or be validated elsewhere and in parallel ([`validate`]) and come as they
//! were found, in the order of the rows ([`Pipeline::take`]): the outcome is the same.
//!
//! What came of a batch is kept by an entity, `intake:<org>:<batch>`: the batch first, with the digest of its rows and the
//! instant that decided what had expired; then, piece by piece, its [`Item`]s: errors by row, duplicates by row, accepted
//! commands in their order. Where a crash cut a batch off, the same rows are worked out again with the same instant, and the
//! pieces that are missing follow.
//!
//! # Invariants
//! 1. A batch is accepted once, before everything else of it.
//! 2. Its items are as many as it says: errors, then duplicates, then commands.
//! 3. It is completed once, with its last item.

mod command;
mod decide;
mod event;
mod reject;
mod row;
mod state;

#[cfg(test)]
mod entity_tests;
#[cfg(test)]
mod tests;

pub use command::{Command, Item};
pub use event::{BatchAccepted, BatchCompleted, CommandRejected, DuplicateSuppressed, Event};
pub use reject::Rejection;
pub use row::{IntakeCommand, RowError, validate};
pub use state::{State, Taken};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

/// How far ahead a command is urgent, in minutes, where nothing else is said.
pub const URGENT_MINUTES_DEFAULT: i64 = 20;

/// The kind of entity.
pub const KIND: &str = "intake";
/// The most items of one [`Command::Add`]: they fit into one append.
pub const ITEMS_PER_ADD_MAX: usize = 10_000;

/// The name of a batch's entity.
///
/// # Errors
/// Never: the kind is a lawful name.
pub fn stream(org: &Org, batch: EntityId) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, batch))
}

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intake;

impl Decider for Intake {
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

    fn decide(&self, state: &State, command: &Command, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        Ok(decide::decide(state, command)?.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        state.after(event)
    }
}

/// What two rows have in common that mean the same: command, satellite and intent.
pub type Identity = (Arc<str>, Arc<str>, Arc<str>);

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// By deadline, then by command id as text; full ties in the order of the rows.
    pub accepted: Vec<IntakeCommand>,
    /// By row; a row may have several.
    pub errors: Vec<RowError>,
    /// How many there were of what.
    pub stats: Stats,
}

/// Every row is accepted, rejected or a duplicate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    /// All rows.
    pub rows: usize,
    /// Rows that became commands.
    pub accepted: usize,
    /// Rows with errors.
    pub rejected: usize,
    /// Good rows that repeat an earlier one.
    pub duplicates: usize,
    /// How long it took, in microseconds, as whoever ran it measured.
    pub elapsed_us: u64,
}

/// Takes in the rows of one batch.
#[derive(Debug)]
pub struct Pipeline {
    now: Timestamp,
    /// Of accepted rows only: a row that was refused, an expired one say, shadows no later one.
    seen: HashSet<Identity, BuildHasherDefault<DefaultHasher>>,
    batch: Batch,
}

impl Pipeline {
    /// Begins a batch at `now`, which decides what has expired.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now, seen: HashSet::default(), batch: Batch::default() }
    }

    /// Takes in the next row.
    pub fn push(&mut self, row: Value) {
        let found = validate(self.batch.stats.rows, row, self.now);
        self.take(found);
    }

    /// Takes in what [`validate`] found of the next row.
    pub fn take(&mut self, found: Result<IntakeCommand, Vec<RowError>>) {
        let Batch { accepted, errors, stats } = &mut self.batch;
        stats.rows += 1;
        match found {
            Err(found) => {
                stats.rejected += 1;
                errors.extend(found);
            }
            Ok(command) if self.seen.insert(command.identity()) => {
                stats.accepted += 1;
                accepted.push(command);
            }
            Ok(_) => stats.duplicates += 1,
        }
    }

    /// The outcome, after `elapsed`.
    #[must_use]
    pub fn finish(self, elapsed: Duration) -> Batch {
        let mut batch = self.batch;
        batch.accepted.sort_by(|a, b| (a.deadline, &a.command_id).cmp(&(b.deadline, &b.command_id)));
        batch.stats.elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        batch
    }
}

/// The outcome of all rows at once.
#[must_use]
pub fn run(rows: impl IntoIterator<Item = Value>, now: Timestamp, elapsed: Duration) -> Batch {
    let mut pipeline = Pipeline::new(now);
    rows.into_iter().for_each(|row| pipeline.push(row));
    pipeline.finish(elapsed)
}

/// Whether a command is due within so many minutes (at least one), in whole seconds, the last one included.
#[must_use]
pub fn is_urgent(deadline: Timestamp, now: Timestamp, horizon_minutes: i64) -> bool {
    is_due_within(deadline, now, horizon_minutes.max(1).saturating_mul(60))
}

/// The same with a horizon in seconds.
#[must_use]
pub fn is_due_within(deadline: Timestamp, now: Timestamp, horizon_s: i64) -> bool {
    let seconds = |at: Timestamp| at.micros().div_euclid(1_000_000);
    seconds(deadline) <= seconds(now).saturating_add(horizon_s)
}

/// The satellites that commands are for, sorted, each once.
#[must_use]
pub fn unique_satellites(commands: &[IntakeCommand]) -> Vec<&str> {
    commands.iter().map(|command| &*command.satellite_id).collect::<BTreeSet<_>>().into_iter().collect()
}
