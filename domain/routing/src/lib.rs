//! Where work is sent: each endpoint of a service is a node whose health is learned from samples; sick ones are kept out,
//! those that come back get little traffic first, and every answer says why each candidate is in or out.
//!
//! A node is one entity with one stream, `routing-node:<org>:<endpoint>`. To choose among nodes is a question, not a
//! decision: it changes nothing and costs no event. It is asked of a [`Topology`], which is kept up with the nodes' states.
//!
//! | to read | folder or file |
//! |---|---|
//! | the settings, with their defaults | `settings.rs` |
//! | health and its trend, warm-up, scores | `health.rs`, `warmup.rs`, `score.rs` |
//! | the entity | `node/` |
//! | choosing among the nodes of a service, and why | `pool.rs`, `standing.rs` |
//! | chains of services by intent, risk, regions, ground stations | `topology.rs`, `route.rs`, `intent.rs`, `reach.rs` |
//! | choosing among channels by latency, reliability and cost | `channel.rs` |
//! | what helps when regions fail: failover, replay, backoff | `resilience/` |
//!
//! # Invariants of a node
//! `evolve` names them by number when a stored history breaks one.
//! 1. The first event is `node_registered`.
//! 2. No other event is.
//! 3. `node_excluded` and `warmup_started` follow an active node.
//! 4. `node_readmitted` follows an excluded one.
//! 5. `warmup_completed` and `warmup_cancelled` follow a warming one.
//! 6. `node_degraded` and `maintenance_entered` follow neither a warming node nor one that is so already.
//! 7. `node_recovered` follows a degraded node or one in maintenance.
//! 8. A saturation is from 0 to 1,000,000; a sample is from 0 to 1.
//!
//! Source: `latticeforge.md` L1 and L2, `aetherops.md` E2, `ionveil.md` 3.3.
//!
//! Architecture invariant: no time, no I/O, no randomness; nothing here depends on another context. Breakers and channels
//! are another context's: what they learn comes here as samples.

pub mod channel;
mod health;
pub mod intent;
pub mod node;
mod pool;
pub mod reach;
pub mod resilience;
mod route;
mod score;
mod settings;
mod standing;
mod topology;
mod warmup;

#[cfg(test)]
mod tests;

pub use health::{Health, SAMPLES_MAX, Sample, Samples};
pub use pool::{Available, Candidate, NoCandidates, Selection};
pub use route::{BlockedNode, NoRoute, Request, Route, RouteFault, Stop, risk_gate};
pub use score::{DEGRADED_PENALTY, adjusted_score, base_score, weight};
pub use settings::Settings;
pub use standing::{Out, SATURATION_LIMIT};
pub use topology::{Current, Topology};
pub use warmup::{START_FRACTION, fraction};
