//! The audit's list: what a recorded event of a tree makes of a row.
//!
//! Data only: which table, and how it is written, is the views' business.

use crate::tree::{AuditRecord, Event, NODE_KIND, audit};
use ionveil_kernel::{DecodeError, EventCodec, Org, Recorded};

/// A line of an organisation's audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The organisation.
    pub org: Org,
    /// The line.
    pub record: AuditRecord,
}

/// The row that `recorded` makes; none if it is no event of a tree, or one that the audit does not tell.
///
/// # Errors
/// [`DecodeError`] if the event cannot be read: then the view stands still, it never passes over an event.
pub fn project(recorded: &Recorded) -> Result<Option<Row>, DecodeError> {
    if recorded.stream.kind.as_str() != NODE_KIND {
        return Ok(None);
    }
    let event = Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data)?;
    Ok(audit(&event, recorded).map(|record| Row { org: recorded.stream.org.clone(), record }))
}
