//! Postgres: the common rules, and the interleavings that only a server with many sessions can bring about. Each test
//! has a database of its own.

mod effects;
pub(crate) mod given;
mod interleaving;
mod ownership;
mod schema;
mod severed;
mod silent;

super::contract::contract_suite!(given::fresh);
super::feed::feed_suite!(given::fresh);
super::node::node_suite!(given::fresh);
