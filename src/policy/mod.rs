//! Operational policy on this node: the published trees, by which everything else is decided.

mod trees;

pub use trees::{Trees, TreesError, load_all};
