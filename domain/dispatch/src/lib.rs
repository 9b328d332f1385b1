//! Dispatch: calls come in, are ranked, and units are sent; everyone agrees on how full the queues are.
//!
//! An incident, a unit and an assignment are an entity each (`incident:`, `unit:`, `assignment:<org>:<id>`), an organisation's
//! waiting orders one more (`pool:<org>:<name>`), its dispatch numbers another (`desk:<org>:dispatch`), and what it says of itself the
//! last (`organisation:<org>:settings`). They keep in step through reactors; none reads another's state. Queue health and intake
//! are functions without a state of their own.
//!
//! | to read | folder or file |
//! |---|---|
//! | severity and priority, times to keep, triage, mutual aid, cost | `scale.rs`, `sla.rs`, `triage.rs`, `cost.rs` |
//! | what texts say, where things are, when somebody is expected | `words.rs`, `geo.rs`, `eta.rs` |
//! | orders, manifests, and the plain algorithm of planning | `manifest.rs`, `plan.rs` |
//! | response times, what others reported | `response.rs`, `report.rs` |
//! | incidents, units, and what brings them together | `incident/`, `unit/`, `assignment/`, `desk.rs`, `react.rs` |
//! | the orders that wait | `pool/` |
//! | how healthy a queue is | `queue/` |
//! | what an organisation promises | `settings.rs` |
//! | big batches of commands | `intake/` |
//! | the lists of incidents and units | `view.rs` |
//!
//! The invariants of each entity are numbered in its own `mod.rs`; `evolve` names them when a stored history breaks one.
//!
//! Architecture invariant: no time, no I/O, no randomness; nothing here depends on another context.

pub mod assignment;
mod calendar;
pub mod cost;
pub mod desk;
pub mod eta;
pub mod fault;
pub mod geo;
pub mod incident;
pub mod intake;
pub mod manifest;
pub mod plan;
pub mod pool;
pub mod queue;
pub mod react;
pub mod report;
pub mod response;
pub mod scale;
pub mod settings;
pub mod sla;
pub mod triage;
pub mod unit;
pub mod view;
pub mod words;

/// What says nothing is not written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(crate) const fn is_zero(number: &u32) -> bool {
    *number == 0
}
