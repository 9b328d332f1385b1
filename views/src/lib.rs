//! Read models: what was recorded, as rows that can be listed. A view is a cache: each page of events is written with
//! its checkpoint in one transaction, and the whole can be thrown away and read anew from the journal at any time.
//!
//! [`Views`] holds the tables (a SQLite file apart from the journal, or a Postgres schema), [`Projector`] keeps them up
//! with the journal. What an event makes of a row is decided in the domain's `view` modules.
//!
//! Architecture invariants: no commands and no actor; nothing here writes to the journal; no event is ever passed over.

mod alerts;
mod contacts;
mod error;
mod filter;
mod fold;
mod location;
mod projector;
mod seals;
mod status;
mod tables;
mod views;
mod work;

pub use alerts::{AlertFilter, AlertPlace, AlertRecord, NotificationFilter, NotificationRecord};
pub use contacts::{CONTACTS_FILE, Contacts};
pub use error::{Behind, ViewsError};
pub use filter::{AttemptFilter, AttemptPlace, AuditFilter, IncidentFilter, IncidentPlace, UnitFilter, WorkflowFilter};
pub use fold::Poison;
pub use ionveil_analytics::store::Row as MinuteRow;
pub use ionveil_channels::view::{Attempt, Row as AttemptRow};
pub use ionveil_dispatch::view::{IncidentRow, UnitRow};
pub use ionveil_policy::view::Row as AuditRow;
pub use ionveil_workflow::view::Row as WorkflowRow;
pub use location::Location;
pub use projector::{Projector, ProjectorConfig};
pub use seals::SealRun;
pub use status::{Phase, Status};
pub use views::{Applied, Checkpoint, PAGE_ROWS_MAX, Views};
pub use work::{ScopeCount, WorkPlace, WorkScope};
