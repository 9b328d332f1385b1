//! The few structures of shared memory that are made by hand: [`Gate`] and [`Permit`] (admission), [`DrainLatch`] (what a
//! node waits for before it stops), [`EpochCell`] (what a node owns, and until when), [`Circuit`] (whether a call may pass a
//! breaker).
//!
//! Architecture invariants: nothing here is unsafe, knows a runtime, a clock or a message, or waits without bound for a
//! thread that has stopped. Every ordering that matters has a name and a reason in `order.rs`. `loom-tests/` compiles
//! these very files over loom and searches their interleavings, once as they are and once for every mutant of `order.rs`.

mod circuit;
mod epoch;
mod gate;
mod latch;
mod order;
mod permit;
mod shim;

pub use circuit::{CIRCUIT_COUNT_MAX, Circuit, Flow, Pass, Shut, Standing, Untold};
pub use epoch::EpochCell;
pub use gate::{Gate, Refused};
pub use latch::{DrainLatch, Drained};
pub use permit::{Gated, Permit};
