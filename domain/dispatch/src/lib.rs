//! Dispatch.
mod calendar;
mod codec;
pub mod cost;
pub mod eta;
pub mod geo;
#[cfg(test)]
mod golden;
pub mod manifest;
pub mod plan;
pub mod policy;
pub mod pool;
pub mod scale;
pub mod sla;
pub mod triage;
pub mod words;
