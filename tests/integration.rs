//! The one integration binary: everything that needs more than one crate, a real store or a running process. Each module
//! builds its own universe; nothing is shared but servers that are started once and stopped with this process.

mod cli;
mod cluster;
mod crash;
mod embed;
mod http;
mod import;
mod journal;
mod nats;
mod operators;
mod policy;
mod support;
mod views;
