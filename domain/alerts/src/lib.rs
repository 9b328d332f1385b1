//! Alerts: rules watch every call against its target, somebody is told before it is missed, and whoever does not answer is
//! followed by the next level, until somebody does.
//!
//! An organisation's rules, suppressions, escalation policy, recipients and watched incidents are one entity
//! (`alert-monitor:<org>:monitor`, with a stream `sla-watch:<org>:<incident>` for each incident), because they decide together
//! whether a rule fires. An alert that was raised is another (`alert:<org>:<id>`), and what one recipient is sent a third
//! (`pager:<org>:<recipient>`, with a stream `notification:<org>:<id>` for each message). They keep in step through reactors.
//!
//! | to read | folder or file |
//! |---|---|
//! | severities, levels, channels, priorities and their minutes | `words.rs` |
//! | rules, when they hold, what they say | `rule.rs`, `condition.rs`, `firing.rs` |
//! | alerts of other systems | `external.rs` |
//! | error budgets of service level objectives | `slo.rs` |
//! | suppressions, recipients and their shifts, escalation policies and plans | `suppression.rs`, `recipient.rs`, `escalation.rs` |
//! | the monitor, an alert, a recipient's pager, what keeps them in step | `monitor/`, `alert/`, `pager/`, `react.rs` |
//! | active alerts in memory | `board.rs` |
//! | a rule tried on the past | `trial.rs` |
//! | lists and histories | `view.rs` |
//! | what is wrong with a form | `fault.rs`, `reject.rs` |
//!
//! The invariants of each entity are numbered in its own `mod.rs`; `evolve` names them when a stored history breaks one.
//!
//! Names and addresses of recipients are personal data and never come in here (`docs/adr/0002-personal-data.md`).
//!
//! Architecture invariant: no time, no I/O, no randomness; nothing here depends on another context.

pub mod alert;
pub mod board;
pub mod condition;
#[cfg(test)]
mod daylight;
pub mod escalation;
pub mod external;
pub mod fault;
pub mod firing;
#[cfg(test)]
mod golden;
pub mod monitor;
pub mod pager;
pub mod react;
pub mod recipient;
pub mod reject;
pub mod rule;
pub mod slo;
pub mod suppression;
#[cfg(test)]
mod testing;
pub mod trial;
pub mod view;
pub mod words;
