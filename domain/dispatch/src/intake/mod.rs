//! Intake of big batches of commands (specification of LatticeForge L3): validated row by row, deduplicated, ordered. A bad
//! row never blocks a good one. Who stores what was accepted, and how often a batch is taken in, is not decided here.
//!
//! Rows may come one by one ([`Pipeline::push`]), or be validated elsewhere and in parallel ([`validate`]) and come as they
//! were found, in the order of the rows ([`Pipeline::take`]): the outcome is the same.

mod row;

#[cfg(test)]
mod tests;

pub use row::{IntakeCommand, RowError, validate};

use ionveil_kernel::Timestamp;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

/// How far ahead a command is urgent, in minutes, where nothing else is said.
pub const URGENT_MINUTES_DEFAULT: i64 = 20;

/// What two rows have in common that mean the same: command, satellite and intent.
type Identity = (Arc<str>, Arc<str>, Arc<str>);

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
