//! Several real servers on one real Postgres, under callers that record what was acknowledged: one is killed, frozen, stopped in
//! order; afterwards the journal holds exactly what they were told.
#![expect(clippy::disallowed_methods, reason = "these tests bring a clock and tasks of their own: the servers are other processes")]

mod audit;
mod blows;
mod chaos;
mod field;
mod frozen;
mod halted;
mod killed;
mod known;
mod published;
mod quarantined;
mod roles;
mod simulated;
mod stage;
mod stopped;
