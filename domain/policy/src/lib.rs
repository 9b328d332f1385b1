//! Operational policy: a tree of nodes with cascading levels, an engine per node that moves its level by outcomes, a preview
//! of what a change would do, and a simulator on the same rules.
//!
//! An organisation's tree is one entity that owns a stream per node, `policy-node:<org>:<node>`; a node's engine is an entity
//! with one stream, `policy-engine:<org>:<node>`. A node obeys the strictest of what its parent obeys, what a person told it
//! and what its engine reached. What an engine reaches is a wish to the tree, carried by a reactor.
//!
//! | to read | folder or file |
//! |---|---|
//! | levels and what each means, the rules that move them | `level.rs`, `ladder.rs` |
//! | the tree, the engine of a node, what keeps them in step | `tree/`, `engine/`, `react.rs` |
//! | what a change would have refused | `preview/` |
//! | what the list of the audit shows | `view.rs` |
//! | settings tried on made-up or real outcomes | `simulation/` |
//!
//! # Invariants of the tree
//! `evolve` names them by number when a stored history breaks one.
//! 1. An event is of a node that is in the tree, unless it adds one; so is the parent that a node moves to.
//! 2. A node is added once, under a node that is there; only the first node of a tree has no parent.
//! 3. A node never comes under itself or a node below it, nor stays where it is; a node with children is not removed.
//! 4. `from`, `parent` and `level` are what is there: the parent, the override's or the engine's level; a change of an
//!    engine's level changes it.
//! 5. Only the root's base changes; only other nodes have overrides and changes of their engine.
//! 6. Audit numbers go up by one from 1.
//! 7. A term is the tree's version when it began; 0 of nodes that came before any was removed. Within a term an engine is
//!    heard at growing versions only.
//!
//! # Invariants of the engine
//! 1. `from` is the present level; an alert is of the level just reached.
//! 2. A step leads to the next level, up or down.
//! 3. A reset begins a later term.
//! 4. A success leaves no burst, a failure no streak.
//!
//! Architecture invariant: no time, no I/O, no randomness; nothing here depends on another context.

pub mod engine;
pub mod ladder;
pub mod level;
pub mod preview;
pub mod react;
pub mod simulation;
pub mod tree;
pub mod view;
