//! `import calls` and `import zones`: turns a table of responses, one a row, into commands of the workflow context, and into
//! the nodes of a policy tree.
//!
//! A [`Mapping`] says what the columns mean, [`Plans`] reads the file as a stream and yields a [`RowPlan`] for each row,
//! and a [`Report`] adds up what became of them. Nothing here writes, asks a clock or knows a server: whoever drives a
//! plan sends its steps, in order, to the runtime or over HTTP, and notes the outcome in the report.

mod clock;
mod columns;
mod dispatch;
mod issue;
mod mapping;
mod places;
mod plan;
mod report;
mod response;
mod rows;
mod zones;

pub use columns::{HeaderError, MissingColumn};
pub use dispatch::{Deed, DispatchReport, Figures, Overlap, RESPONSES_MAX, Responses, Times};
pub use issue::{Issue, Reason};
pub use mapping::{Cancel, Mapping, MappingError, StepColumn};
pub use places::{Agencies, Zones};
pub use plan::{OpenError, Plans, RowPlan, Step};
pub use report::{Findings, ISSUES_KEPT_MAX, Outcome, Report};
pub use response::{Call, Dispatch, Response, Stages};
pub use rows::ROW_BYTES_MAX;
pub use zones::{ZoneNode, ZoneOutcome, ZonePlan, ZoneReport, ZonesError, stands};
