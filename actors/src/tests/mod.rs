//! The runtime on virtual time: the same seed gives the same trace, and whatever the store does, callers and journal
//! agree with a plain sequential model.

mod model;
mod panics;
mod tally;
mod trace;
