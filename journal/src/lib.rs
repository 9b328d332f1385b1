//! The journal: the one place where what was decided is kept. A port ([`Store`]), its stores, the group commit that
//! batches appends, and the feed that everything else reads.
//!
//! Architecture invariants: it knows no context's events (payloads are text) and no actor. SQL lives in `.sql` files
//! beside each store. Nobody but the owner of a partition appends to it, and the store itself refuses the others.

mod append;
mod copy;
mod cursor;
mod dead_letters;
mod error;
mod feed;
mod journal;
mod lease;
mod membership;
mod memory;
mod news;
mod nodes;
mod outbox;
mod port;
mod postgres;
mod recent;
mod share;
mod sqlite;
pub mod testkit;
mod timers;
mod writer;

pub use append::{APPEND_EVENTS_MAX, Append, NewEvent, Receipt, Verdict};
pub use copy::{Copied, CopyError, CopyProgress, copy_to_postgres};
pub use cursor::{Cursor, InvalidCursor};
pub use dead_letters::{DeadLetter, DeadLetterStore};
pub use error::StoreError;
pub use feed::Feed;
pub use journal::{AppendFailure, HEAR_EVERY, Journal, JournalConfig, OnOutcome, Outcome};
pub use membership::{Partitions, Share, Steward};
pub use memory::MemoryStore;
pub use nodes::{GONE_KEPT, KnownNode, Member, NODE_TEXT_MAX, NodeStore, Standing};
pub use outbox::{NewOutboxRow, OutboxRow, OutboxState, OutboxStore, OutboxWhat, Reacted, Settlement};
pub use port::{Claim, Filter, Lease, PARTITIONS_DEFAULT, PARTITIONS_MAX, Page, Range, Snapshot, Store, StoreResult};
pub use postgres::{AppliedMigration, PostgresOptions, PostgresStore};
pub use sqlite::{SqliteSettings, SqliteStore};
pub use timers::{ArmedTimer, TIMER_NAME_MAX, TimerChange, TimerChangeKind, TimerStore};
