//! What another tree would have refused of work that was accepted, and what would have gone over its limits.
//!
//! What a command does to the tree itself is in `tree/preview.rs`; where the work is read from is the caller's business.

mod replay;
#[cfg(test)]
mod tests;
mod work;

pub use replay::{EXAMPLES_MAX, Refused, Replay, Sum};
pub use work::{Work, WorkKind};
