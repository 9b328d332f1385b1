//! The runtime: one actix actor per entity, started on demand by a [`Host`], deciding on speculative state and answering
//! only after the commit. Generic over the decider.
//!
//! Begin with [`Runtime`] (kinds, the tree, dead letters), [`Host`] (ask an entity), [`ActorSpec`] (actors without a journal),
//! [`EffectHandler`] (what leaves the house) and [`testkit`] (virtual time, faults, seeds).
//!
//! Architecture invariants: no SQL, no HTTP, no context's rules. Nobody outside gets an actix `Addr`: a [`Host`] is the
//! only handle. Time, randomness and spawning come from [`ionveil_kernel::Env`]; [`TokioEnv`] and [`SimEnv`] bring it.

mod afar;
mod answer;
mod class;
mod config;
mod core;
mod decision;
mod dispatch;
mod entity;
mod env;
mod everywhere;
mod fault;
mod follow;
mod forest;
mod forward;
mod govern;
mod host;
mod inbox;
mod kind;
mod letters;
mod loader;
mod metrics;
mod pipeline;
mod place;
mod rate;
mod route;
mod runtime;
mod sending;
mod sim;
mod slot;
mod slots;
mod steward;
mod supervised;
mod supervision;
pub mod testkit;
#[cfg(test)]
mod tests;
mod tracer;
mod tree;
mod turnstile;
mod watch;
mod zoo;

pub use answer::{AskError, Reply};
pub use class::Class;
pub use config::RuntimeConfig;
pub use dispatch::{EffectHandler, OnUnknown, ReactorStatus, SendError};
pub use env::TokioEnv;
pub use forward::{Answered, Forward, ForwardError, Parcel, Untold};
pub use govern::{Branch, Observer, Policies};
pub use host::{Delivery, Host};
pub use kind::Carried;
pub use letters::ReplayError;
pub use loader::{LoadError, Loaded, Loader, Until};
pub use runtime::{RegisterError, Runtime};
pub use sim::{SimEnv, simulate};
pub use slot::Phase;
pub use supervised::{ActorHandle, ActorSpec, SupervisedActor, TellError};
pub use supervision::{RestartLimits, Strategy, Supervision, SupervisorStatus};
pub use tree::{Tree, TreeNode, TreeQuery};
