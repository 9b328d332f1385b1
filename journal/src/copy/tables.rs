//! What a journal consists of, and how `COPY` spells a value (its text format,
//! <https://www.postgresql.org/docs/current/sql-copy.html>). Both stores name their columns alike.

/// A table of a journal.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Name and form of each column.
    pub(crate) columns: &'static [(&'static str, Form)],
    /// The order in which SQLite has the rows anyway.
    pub(crate) order: &'static str,
    /// SQLite does not keep the partition, Postgres does: it follows from the owner, who is named in the first three columns.
    pub(crate) partition_missing: bool,
}

/// The form of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Number,
    Truth,
    Uuid,
    Bytes,
    Text,
}

use Form::{Bytes, Number, Text, Truth, Uuid};

/// All of them but `meta`, `heads` and `leases`, which the target makes itself, and the snapshots.
pub(crate) const TABLES: [Table; 6] = [
    Table {
        name: "events",
        columns: &[
            ("partition", Number),
            ("position", Number),
            ("org", Text),
            ("kind", Text),
            ("id", Text),
            ("sequence_number", Number),
            ("owner_kind", Text),
            ("owner_id", Text),
            ("event_type", Text),
            ("schema_version", Number),
            ("event_id", Uuid),
            ("occurred_at", Number),
            ("recorded_at", Number),
            ("correlation_id", Uuid),
            ("causation_id", Uuid),
            ("actor", Text),
            ("traceparent", Text),
            ("data", Text),
        ],
        order: "place",
        partition_missing: false,
    },
    Table {
        name: "receipts",
        columns: &[
            ("org", Text),
            ("kind", Text),
            ("id", Text),
            ("command_id", Uuid),
            ("body_hash", Bytes),
            ("version", Number),
            ("position", Number),
            ("events", Number),
            ("recorded_at", Number),
        ],
        order: "command_id, org, kind, id",
        partition_missing: true,
    },
    Table {
        name: "timers",
        columns: &[
            ("org", Text),
            ("kind", Text),
            ("id", Text),
            ("name", Text),
            ("partition", Number),
            ("due", Number),
            ("policy", Number),
            ("armed", Number),
            ("consumed", Truth),
        ],
        order: "org, kind, id, name",
        partition_missing: false,
    },
    Table {
        name: "reactor_checkpoints",
        columns: &[("reactor", Text), ("partition", Number), ("position", Number)],
        order: "reactor, partition",
        partition_missing: false,
    },
    Table {
        name: "outbox",
        columns: &[
            ("effect_id", Uuid),
            ("partition", Number),
            ("position", Number),
            ("reactor", Text),
            ("org", Text),
            ("target", Text),
            ("channel", Text),
            ("class", Number),
            ("payload", Text),
            ("correlation_id", Uuid),
            ("causation_id", Uuid),
            ("traceparent", Text),
            ("state", Number),
            ("attempts", Number),
            ("not_before", Number),
            ("last_error", Text),
        ],
        order: "rowid",
        partition_missing: false,
    },
    Table {
        name: "dead_letters",
        columns: &[
            ("letter", Uuid),
            ("org", Text),
            ("kind", Text),
            ("id", Text),
            ("command_id", Uuid),
            ("command", Text),
            ("meta", Text),
            ("fault", Text),
            ("panics", Number),
            ("parked_at", Number),
        ],
        order: "rowid",
        partition_missing: false,
    },
];

impl Table {
    /// The names of the columns, with commas.
    pub(crate) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Adds a text, its delimiters escaped.
pub(crate) fn write_text(text: &str, line: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            other => line.push(other),
        }
    }
}

/// Adds bytes as hexadecimal digits.
pub(crate) fn write_hex(bytes: &[u8], line: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    line.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_is_escaped() {
        let mut line = Vec::new();
        write_text("a\tb\\N\r\nö", &mut line);
        assert_eq!(line, "a\\tb\\\\N\\r\\nö".as_bytes());
        line.clear();
        write_hex(&[0, 0x9f, 0xff], &mut line);
        assert_eq!(line, b"009fff");
    }
}
