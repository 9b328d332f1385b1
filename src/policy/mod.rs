//! Operational policy on this node: the published trees, by which everything else is decided, and the runs of the simulator.

pub mod simulations;
mod trees;

pub use trees::{Trees, TreesError, load_all};
