//! The views: one contract for every database, and the projector that keeps them up with a journal.

mod alerts;
mod contract;
mod dispatch;
mod given;
mod keeping_up;
mod policy;
mod stored;
