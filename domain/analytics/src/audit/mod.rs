//! The audit trail: every change as an entry that is linked to the one before (specification of IonVeil §4.7, decision D20), so
//! that one that was taken out, altered or moved shows.
//!
//! A chain belongs to one organisation and one writer, who numbers its entries from 1. The checksum of an entry is the SHA-256
//! of the canonical JSON of its fields, the checksum before it among them. What was cut off at the end shows only against a
//! head that is kept elsewhere ([`Head`]).
//!
//! | to read | file |
//! |---|---|
//! | JSON with one form only | `canonical.rs` |
//! | changes, entries, checksums | `entry.rs` |
//! | whether a chain is whole | `verify.rs` |
//! | which entries somebody wants, and a report on them | `query.rs` |
//!
//! It fetches nothing that data name, and builds no query text (trap T78).

mod canonical;
mod entry;
mod query;
mod verify;

#[cfg(test)]
mod tests;

pub use canonical::{NotCanonical, canonical};
pub use entry::{Change, Checksum, Entry, Head};
pub use query::{AuditQuery, AuditReport, report};
pub use verify::{Broken, Defect, Verifier, verify};
