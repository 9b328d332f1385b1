//! Operational policy in a whole node on a real store: what readers see beside cascades, and what is decided after a level
//! was acknowledged.

mod duty;
pub(crate) mod given;
mod halted;
mod readers;
mod stays;
mod wishes;
