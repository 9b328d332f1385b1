//! What becomes of entities that fail: restart budgets, and the supervisors that a failure climbs to.

mod budget;
mod supervisors;

pub(crate) use budget::Budget;
pub use budget::RestartLimits;
pub(crate) use supervisors::{Path, Supervisors, Verdict};
pub use supervisors::{Strategy, Supervision, SupervisorStatus};
