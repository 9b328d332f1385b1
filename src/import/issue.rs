//! What an import has to say about a row: where it is, which field, and why, with a stable code.
//!
//! An issue is a finding, not an error: the import goes on with the next step or row.

use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Why something in the file was not taken as it stands. The code is stable; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A quoted field is not closed, or goes on after its closing quote.
    #[error("a quote is not closed where its field ends; the line was left out")]
    BadQuoting,
    /// The row is longer than the reader keeps.
    #[error("the row is longer than {0} bytes and was left out")]
    RowTooLong(usize),
    /// The row has fewer fields than the header.
    #[error("{found} fields under a header of {expected}; which are missing cannot be known, the row was left out")]
    ShortRow {
        /// The fields of the row.
        found: usize,
        /// The fields of the header.
        expected: usize,
    },
    /// The row has more fields than the header.
    #[error("{found} fields under a header of {expected}; which are too many cannot be known, the row was left out")]
    LongRow {
        /// The fields of the row.
        found: usize,
        /// The fields of the header.
        expected: usize,
    },
    /// The field holds bytes that are no text.
    #[error("not UTF-8 text; {}", none(.left_out))]
    InvalidUtf8 {
        /// What was not imported for it.
        left_out: Vec<String>,
    },
    /// The row has no id.
    #[error("the row has no id and was left out")]
    MissingId,
    /// The id is not one that the journal takes.
    #[error("{0}; the row was left out")]
    InvalidId(String),
    /// The id stood in an earlier row of the same file.
    #[error("the id stands in line {0} already; this row was left out")]
    DuplicateId(u64),
    /// The value cannot be kept as an attribute.
    #[error("{0}; the attribute was left out")]
    InvalidAttribute(String),
    /// The row names no region.
    #[error("the row names no region, so what it stands for belongs to the root")]
    MissingRegion,
    /// What the row names cannot be a node of the policy tree.
    #[error("{0}; no zone was taken from it")]
    InvalidZone(String),
    /// The node is another one in the policy tree, or in an earlier row.
    #[error("{node} is {stands} and stays so")]
    ZoneElsewhere {
        /// The node.
        node: String,
        /// What it is, and where.
        stands: String,
    },
    /// The time does not have a form that the mapping names.
    #[error("{text:?} is no time in the form of the mapping; {}", none(.left_out))]
    UnreadableTime {
        /// The start of what stands there.
        text: String,
        /// What was not imported for it.
        left_out: Vec<String>,
    },
    /// The clock was put forward over that local time: it never was.
    #[error("{text} never was in {zone}, the clock was put forward over it; {}", none(.left_out))]
    NonexistentTime {
        /// What stands there.
        text: String,
        /// The time zone.
        zone: String,
        /// What was not imported for it.
        left_out: Vec<String>,
    },
    /// The clock was put back over that local time: it was twice. It is taken as said here.
    #[error("{text} was twice in {zone}; taken as {taken}, {why}")]
    AmbiguousTime {
        /// What stands there.
        text: String,
        /// The time zone.
        zone: String,
        /// The instant that was taken, with its offset.
        taken: String,
        /// Why that one.
        why: &'static str,
    },
    /// The stamp is empty, though a later one is not.
    #[error("empty, though {} given; {}", are(.later), none(.left_out))]
    MissingStamp {
        /// The columns after it that are filled.
        later: Vec<String>,
        /// What was not imported for it.
        left_out: Vec<String>,
    },
    /// The stamp lies before the one that it follows.
    #[error("{time} lies before {previous} of {previous_column:?}; {}", none(.left_out))]
    Backwards {
        /// The time of this stamp, UTC.
        time: String,
        /// The time of the last step that was taken, UTC.
        previous: String,
        /// Its column.
        previous_column: String,
        /// What was not imported for it.
        left_out: Vec<String>,
    },
    /// The mapping's machine has no such step from the state that the row has reached.
    #[error("no step leads from {from:?} to {to:?}, so it was left out")]
    UnlawfulStep {
        /// The state reached.
        from: String,
        /// The state that the mapping names.
        to: String,
    },
    /// The row does not say of dispatch what it must.
    #[error("{0}; no incident, unit or assignment was made of the row")]
    InvalidResponse(String),
    /// A stage of the response cannot be.
    #[error("{0}; the stage was left out")]
    InvalidStage(String),
    /// The command was refused when it was carried out; the refusal's own code and text.
    #[error("{detail}")]
    Refused {
        /// The stable code of the refusal, such as `idempotency_key_reused`.
        code: String,
        /// Its text.
        detail: String,
    },
}

fn are(columns: &[String]) -> String {
    let names = columns.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(" and ");
    format!("{names} {}", if columns.len() == 1 { "is" } else { "are" })
}

/// `a and b were left out`.
fn none(left_out: &[String]) -> String {
    format!("{} {} left out", left_out.join(" and "), if left_out.len() == 1 { "was" } else { "were" })
}

impl Reason {
    /// What was not imported for this reason, for those that can stop more than their own step.
    pub(super) fn left_out(&mut self) -> Option<&mut Vec<String>> {
        match self {
            Self::InvalidUtf8 { left_out }
            | Self::UnreadableTime { left_out, .. }
            | Self::NonexistentTime { left_out, .. }
            | Self::MissingStamp { left_out, .. }
            | Self::Backwards { left_out, .. } => Some(left_out),
            Self::BadQuoting
            | Self::RowTooLong(_)
            | Self::ShortRow { .. }
            | Self::LongRow { .. }
            | Self::MissingId
            | Self::InvalidId(_)
            | Self::DuplicateId(_)
            | Self::InvalidAttribute(_)
            | Self::MissingRegion
            | Self::InvalidZone(_)
            | Self::ZoneElsewhere { .. }
            | Self::AmbiguousTime { .. }
            | Self::UnlawfulStep { .. }
            | Self::InvalidResponse(_)
            | Self::InvalidStage(_)
            | Self::Refused { .. } => None,
        }
    }

    /// The stable snake_case code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::BadQuoting => "bad_quoting",
            Self::RowTooLong(_) => "row_too_long",
            Self::ShortRow { .. } => "short_row",
            Self::LongRow { .. } => "long_row",
            Self::InvalidUtf8 { .. } => "invalid_utf8",
            Self::MissingId => "missing_id",
            Self::InvalidId(_) => "invalid_id",
            Self::DuplicateId(_) => "duplicate_id",
            Self::InvalidAttribute(_) => "invalid_attribute",
            Self::MissingRegion => "missing_region",
            Self::InvalidZone(_) => "invalid_zone",
            Self::ZoneElsewhere { .. } => "zone_elsewhere",
            Self::UnreadableTime { .. } => "unreadable_time",
            Self::NonexistentTime { .. } => "nonexistent_time",
            Self::AmbiguousTime { .. } => "ambiguous_time",
            Self::MissingStamp { .. } => "missing_stamp",
            Self::Backwards { .. } => "backwards",
            Self::UnlawfulStep { .. } => "unlawful_step",
            Self::InvalidResponse(_) => "invalid_response",
            Self::InvalidStage(_) => "invalid_stage",
            Self::Refused { code, .. } => code,
        }
    }
}

/// A finding about one row, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// The line on which the row starts, from 1 with the header.
    pub line: u64,
    /// The row's id, if it has a lawful one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The column; none if the whole row is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why.
    #[serde(flatten, serialize_with = "reason")]
    pub reason: Reason,
}

fn reason<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        code: &'a str,
        reason: String,
    }
    Shown { code: reason.code(), reason: reason.to_string() }.serialize(serializer)
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(id) = &self.id {
            write!(f, "{id}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{} [{}]", self.reason, self.reason.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_reads_as_a_line_and_as_flat_json() {
        let reason = Reason::MissingStamp { later: vec!["On Scene".into()], left_out: vec!["arrived".into()] };
        let issue = Issue { file: "a.csv".into(), line: 7, id: Some("x".into()), field: Some("Response".into()), reason };
        assert_eq!(issue.to_string(), "a.csv:7: x: Response: empty, though \"On Scene\" is given; arrived was left out [missing_stamp]");
        let json = serde_json::to_value(&issue).unwrap();
        assert_eq!(json["code"], "missing_stamp");
        assert_eq!(json["reason"], "empty, though \"On Scene\" is given; arrived was left out");
        assert_eq!(json["line"], 7);
    }
}
