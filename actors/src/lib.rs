//! The runtime: one actix actor per entity, started on demand by a [`Host`], deciding on speculative state and answering
//! only after the commit. Generic over the decider.
//!
//! Architecture invariants: no SQL, no HTTP, no context's rules. Nobody outside gets an actix `Addr`: a [`Host`] is the
//! only handle. Time, randomness and spawning come from [`ionveil_kernel::Env`]; [`TokioEnv`] and [`SimEnv`] bring it.

mod answer;
mod decision;
mod entity;
mod env;
mod host;
mod loader;
mod metrics;
mod pipeline;
mod sim;

pub use answer::{AskError, Reply};
pub use env::TokioEnv;
pub use host::{Host, HostConfig};
pub use loader::{LoadError, Loaded, Loader, Until};
pub use metrics::HostMetrics;
pub use sim::{SimEnv, simulate};
