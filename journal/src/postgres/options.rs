//! How to use a Postgres: what a host may choose, and the time limits that follow from the lease. Reads no environment
//! and no file.

use crate::{PARTITIONS_DEFAULT, PARTITIONS_MAX, StoreError};
use std::time::Duration;

/// What a host may choose about a [`crate::PostgresStore`].
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The schema that holds the journal's tables: `[a-z_][a-z0-9_]{0,62}`. Several journals can live in one database.
    pub schema: String,
    /// How many partitions a new journal gets (1 to 64). One that exists keeps its own number.
    pub partitions: u16,
    /// Whether to bring the schema up to date when connecting.
    pub migrate: bool,
    /// What the server shows for our sessions.
    pub application_name: String,
    /// The lease that owners will take: every limit on an append stays below it.
    pub lease: Duration,
    /// The most connections that read at once (1 or more).
    pub readers: u32,
    /// The longest that a read may take.
    pub read_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: "ionveil".to_owned(),
            partitions: PARTITIONS_DEFAULT,
            migrate: true,
            application_name: "ionveil".to_owned(),
            lease: Duration::from_secs(3),
            readers: 8,
            read_timeout: Duration::from_secs(30),
        }
    }
}

impl PostgresOptions {
    /// Refuses what cannot work. The schema's name is put into SQL text, so it must be a plain identifier.
    pub(super) fn validate(&self) -> Result<(), StoreError> {
        let mut bytes = self.schema.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        let plain = first && self.schema.len() <= 63 && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !plain || self.schema.starts_with("pg_") {
            return Err(StoreError::Invalid("the schema must match [a-z_][a-z0-9_]{0,62} and not start with pg_".to_owned()));
        }
        if self.partitions == 0 || self.partitions > PARTITIONS_MAX {
            return Err(StoreError::Invalid(format!("the number of partitions must be from 1 to {PARTITIONS_MAX}")));
        }
        if self.readers == 0 {
            return Err(StoreError::Invalid("at least one reader is needed".to_owned()));
        }
        if self.lease < Duration::from_millis(100) {
            return Err(StoreError::Invalid("the lease must be 100 ms or longer".to_owned()));
        }
        Ok(())
    }
}

/// Time limits of one kind of session. The server's are shorter than the client's, so that the server's own word
/// ("nothing was stored") usually comes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// `lock_timeout`, and `idle_in_transaction_session_timeout`.
    pub(super) lock: Duration,
    /// `statement_timeout`, and `tcp_user_timeout`.
    pub(super) statement: Duration,
    /// How long the client waits for an answer before it gives the connection up.
    pub(super) client: Duration,
}

impl Limits {
    /// For what must be over before a lease of this length is.
    pub(super) fn within(lease: Duration) -> Self {
        Self { lock: lease / 3, statement: lease * 2 / 3, client: lease * 5 / 6 }
    }

    /// For reads: they hold no lock that anybody waits for.
    pub(super) fn reading(timeout: Duration) -> Self {
        Self { lock: timeout / 2, statement: timeout, client: timeout + timeout / 4 }
    }
}
