//! The runtime on virtual time: the same seed gives the same trace, and whatever the store, the deciders or the callers
//! do, callers and journal agree.

mod cluster;
mod common;
mod drain;
mod forward;
mod frozen;
mod govern;
mod model;
mod overload;
mod panics;
mod reactors;
mod snapshots;
mod spans;
mod store_down;
mod takeover;
mod timers;
mod trace;
mod tree;
mod world;

use crate::testkit::{alarm, tally};
