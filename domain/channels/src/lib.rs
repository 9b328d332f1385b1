//! Channels of dispatch: the one circuit breaker of the house, what counts as a failure, which channel comes next when one
//! fails, and which addresses may be called at all.
//!
//! A channel is one entity, `channel:<org>:<name>`, that owns its breaker, its reliability and its blocks. A dispatch that is
//! routed over channels is one entity, `failover:<org>:<dispatch>`: each attempt is recorded before it is sent and again when
//! it is known what came of it. Sending is the edge's business.
//!
//! | to read | folder or file |
//! |---|---|
//! | the breaker: policy, states, what moves it | `breaker/` |
//! | outcome to failure, success or neither | `detector.rs` |
//! | a channel: driver, breaker, reliability, blocks | `channel/` |
//! | the chain of a dispatch, attempt by attempt | `failover/` |
//! | reliability and score | `score.rs` |
//! | addresses that are nobody's business | `address/` |
//! | what the list of attempts shows | `view.rs` |
//!
//! # What is journaled of outcomes
//! An outcome is recorded if it changes what is folded: every failure; a success that clears failures, closes the breaker,
//! moves the reliability, or counts in a window of calls. Success on a channel that is well changes nothing and costs no
//! append: reliability comes to rest (at 1.0, or at 0.9998 or 0.9999 after failures, where four decimals do not move any more).
//!
//! # Invariants of a channel
//! `evolve` names them by number when a stored history breaks one.
//! 1. Only a channel that is there changes; it is created once, unless it was deleted.
//! 2. A transition leaves the state that the breaker is in, for another one.
//! 3. A probe is admitted while the breaker is half open.
//!
//! # Invariants of a failover
//! 1. It is requested once, and first.
//! 2. Channels come in the order of the chain; at most one attempt is under way.
//! 3. Only an attempt whose outcome is not known is concluded.
//! 4. Nothing is begun once a channel has delivered, or the chain is exhausted.
//!
//! Architecture invariant: no time, no I/O, no randomness; nothing here depends on another context.

pub mod address;
pub mod breaker;
pub mod channel;
pub mod detector;
pub mod failover;
#[cfg(test)]
mod golden;
pub mod score;
pub mod view;
