//! Each piece alone, with the specification's figures.

mod backoff;
mod coordinator;
mod failover;
mod replay;
