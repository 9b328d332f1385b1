//! The HTTP interface of the real binary, as a client meets it: over a socket, with and without credentials, in good and
//! in bad faith. Each test serves its own data and ends its server.
#![expect(clippy::disallowed_methods, reason = "the server is another process; these tests wait for its end on a thread")]

mod answer;
mod bodies;
mod channels;
mod client;
mod drain;
mod exposure;
mod failover;
mod feed;
mod given;
mod idempotency;
mod intake;
mod lists;
mod machines;
mod orders;
mod past;
mod policy;
mod policy_engine;
mod policy_past;
mod policy_repeats;
mod policy_tree;
mod policy_unmet;
mod policy_work;
mod preconditions;
mod queues;
mod raw;
mod resilience;
mod root;
mod routes;
mod routing;
mod schemathesis;
mod simulation_faults;
mod simulation_history;
mod simulation_runs;
mod simulations;
mod streams;
mod system;
mod tenants;
mod tokens;
mod urgent;
mod wire;
mod workflows;
