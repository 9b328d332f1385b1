//! Limits of a runtime.

use crate::supervision::Supervision;
use std::time::Duration;

/// Limits of a runtime; all of them hold for one node.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// The most commands in line at one entity, those that are worked on included.
    pub queue_max: usize,
    /// The most commands in line at all entities together.
    pub in_line_max: usize,
    /// The most commands that are worked on (decided and not yet answered) at all entities together. It bounds how far
    /// behind an urgent command's commit can be.
    pub in_flight_max: usize,
    /// The most entities in memory.
    pub resident_max: usize,
    /// The most entities that are folded from the journal at once.
    pub recoveries_max: usize,
    /// How long an entity without work stays in memory.
    pub idle: Duration,
    /// How long a caller waits unless he says otherwise.
    pub deadline: Duration,
    /// After how many events since the last snapshot the next is written; more where the last one was of more than 64 bytes for
    /// each of them.
    pub snapshot_every: u64,
    /// How long a handler may run before it is reported as frozen.
    pub handler_budget: Duration,
    /// The most dead letters of one organisation.
    pub dead_letters_max: u64,
    /// The most effects that are sent at once.
    pub dispatch_max: usize,
    /// The most timers that fire in a second, at least 1: when very many are due at one moment, the rest of the store is left
    /// to other commands.
    pub timers_per_s: u32,
    /// How late a timer with the policy *skip* may be before it is passed over.
    pub timer_skip_after: Duration,
    /// What becomes of entities that fail.
    pub supervision: Supervision,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            queue_max: 1_024,
            in_line_max: 16_384,
            in_flight_max: 1_024,
            resident_max: 100_000,
            recoveries_max: 64,
            idle: Duration::from_secs(60),
            deadline: Duration::from_secs(10),
            snapshot_every: 1_000,
            handler_budget: Duration::from_millis(500),
            dead_letters_max: 10_000,
            dispatch_max: 64,
            timers_per_s: 4_000,
            timer_skip_after: Duration::from_secs(5),
            supervision: Supervision::default(),
        }
    }
}
