//! Operational policy: a tree of nodes with cascading levels, an engine per node that moves its level by outcomes, a preview
//! of what a change would do, and a simulator on the same rules.

mod codec;
pub mod engine;
pub mod ladder;
pub mod level;
pub mod preview;
pub mod react;
pub mod simulation;
pub mod tree;
