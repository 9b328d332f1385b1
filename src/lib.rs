//! IonVeil: a supervised, event-sourced actor runtime and, on it, an operations control plane. This crate puts the rooms
//! of the house together and holds its edges: command line, HTTP, configuration, imports.
//!
//! Architecture invariants: no SQL text, no decision; what a machine or a journal may do is said below.
#![expect(clippy::disallowed_methods, reason = "the edges bring clock, threads and tasks; what they call gets an Env")]

/// The supervised runtime.
pub use ionveil_actors as actors;
/// A shipped context: alerts.
pub use ionveil_alerts as alerts_domain;
/// A shipped context: analytics and the audit trail.
pub use ionveil_analytics as analytics_domain;
/// A shipped context: channels of dispatch.
pub use ionveil_channels as channels_domain;
/// A shipped context: incidents, units and what brings them together.
/// A shipped context: dispatch.
pub use ionveil_dispatch as dispatch;
/// The event store.
pub use ionveil_journal as journal;
/// The shared words: deciders, ids, metadata, `Env`.
pub use ionveil_kernel as kernel;
/// A shipped context: operational policy.
pub use ionveil_policy as policy;
/// A shipped context: routing and resilience.
pub use ionveil_routing as routing;
/// A shipped context: workflows.
pub use ionveil_workflow as workflow;

pub mod alerts;
pub mod analytics;
pub mod arrivals;
pub mod audit;
pub mod auth;
pub mod channels;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod datadir;
pub mod embed;
pub mod http;
pub mod import;
pub mod intake;
pub mod nats;
pub mod node;
pub mod organisations;
pub mod pools;
pub mod queues;
pub mod remote;
pub mod reports;
pub mod samples;
pub mod services;
pub mod simulations;
pub mod situation;
pub mod spelling;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod topologies;
pub mod trees;
pub mod verify;
pub mod vitals;
pub mod web;
