//! What helps when regions fail (`latticeforge.md` L2, `aetherops.md` E2): pieces that stand alone, each with tests of its
//! own. All but the coordinator are plain functions of what they are given.
//!
//! | to read | file |
//! |---|---|
//! | which region takes over | `failover.rs` |
//! | how a take-over goes on, step by step | `coordinator.rs` |
//! | how much is replayed, how, and where | `replay.rs` |
//! | how long to wait before another try | `backoff.rs` |

mod backoff;
mod coordinator;
mod failover;
mod replay;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use coordinator::{ERRORS_MAX, FailoverCoordinator, Stage};
pub use failover::{Region, RegionState, degraded_regions, failover_priority, select_region};
pub use replay::{
    InvalidBatchSize, Mode, OutageClass, ReplayPlan, ReplayRequest, batch_size, budget, build_replay_plan, coverage, duration_s, mode,
    outage_class, partition, retries,
};
