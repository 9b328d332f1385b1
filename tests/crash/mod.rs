//! What was acknowledged survives: callers drive a real server over HTTP while it is killed, frozen, cut off from its
//! database or left without room, and afterwards the journal holds exactly what they were told.
//!
//! Each test prints its seed; `IONVEIL_TEST_SEED` repeats it (the choices, not the threads' timing).
#![expect(clippy::disallowed_methods, reason = "these tests bring a clock and tasks of their own: the server is another process")]

mod alerts;
mod assignments;
mod away;
pub(crate) mod callers;
mod cascades;
mod channels;
mod cut;
mod disk;
mod expiry;
mod fenced;
mod intake;
mod killed;
pub(crate) mod ledger;
mod levers;
mod moved;
pub(crate) mod scene;
pub(crate) mod seed;
mod told;
