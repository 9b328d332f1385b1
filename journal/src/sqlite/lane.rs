//! The one connection that writes, and its transactions. It knows no table.
//!
//! A transaction takes the connection out of the lane and puts it back when it has ended. A future that is dropped in the
//! middle takes the connection with it: closing it rolls back, and the next transaction opens a new one, which waits for
//! the lock of the old.

use super::checkpoints::Checkpoints;
use super::columns::Columns;
use super::fault;
use crate::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use tokio::sync::{Mutex, MutexGuard};

/// A log of this size is folded back and begun anew, even if readers kept the automatic checkpoints from doing so: what
/// is in the log is read whole when the file is opened after a crash.
const LOG_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Lane {
    options: SqliteConnectOptions,
    log: PathBuf,
    slot: Mutex<Slot>,
}

struct Slot {
    connection: Option<SqliteConnection>,
    checkpoints: Checkpoints,
    closed: bool,
    /// The size of the log that is next worth an attempt to fold it back.
    log_bytes_max: u64,
}

/// A transaction that holds the file's write lock.
pub(super) struct Write<'a> {
    slot: MutexGuard<'a, Slot>,
    connection: SqliteConnection,
    log: &'a Path,
}

impl Lane {
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let mut log = options.get_filename().as_os_str().to_owned();
        log.push("-wal");
        let checkpoints = Checkpoints::start(options.clone());
        let slot = Slot { connection: Some(connection), checkpoints, closed: false, log_bytes_max: LOG_BYTES_MAX };
        Self { options, log: log.into(), slot: Mutex::new(slot) }
    }

    /// Begins a transaction, after the one before has ended.
    pub(super) async fn begin(&self) -> Result<Write<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        if slot.closed {
            return Err(StoreError::unavailable("the store is closed"));
        }
        let mut connection = match slot.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(fault::of)?,
        };
        match sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await {
            Ok(_) => Ok(Write { slot, connection, log: &self.log }),
            Err(error) => {
                slot.connection = Some(connection);
                Err(fault::of(error))
            }
        }
    }

    /// Ends the lane; waits for the transaction under way.
    pub(super) async fn close(&self) {
        let mut slot = self.slot.lock().await;
        slot.closed = true;
        slot.checkpoints.stop().await;
        if let Some(connection) = slot.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the journal's file was not closed cleanly");
        }
    }
}

impl Write<'_> {
    /// The connection, inside the transaction.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Commits if `outcome` is good, else rolls back; hands `outcome` on.
    pub(super) async fn end<T>(self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match outcome {
            Ok(value) => self.commit().await.map(|()| value),
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        match sqlx::query("COMMIT").execute(&mut self.connection).await {
            Ok(_) => {
                self.slot.checkpoints.committed();
                self.bound_log().await;
                self.slot.connection = Some(self.connection);
                Ok(())
            }
            Err(error) => {
                self.roll_back().await;
                Err(fault::of_commit(error))
            }
        }
    }

    /// Closing rolls back in every state that a failed statement can leave behind.
    async fn roll_back(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the connection was not closed cleanly after a failed transaction");
        }
    }

    /// Waits for readers at most as long as the connection waits for any lock; a reader that never ends would make every
    /// commit wait, so that each attempt in vain doubles the size at which the next one is made.
    async fn bound_log(&mut self) {
        let bytes = std::fs::metadata(self.log).map_or(0, |log| log.len());
        if bytes <= self.slot.log_bytes_max {
            return;
        }
        let folded = sqlx::query("PRAGMA wal_checkpoint(RESTART)").fetch_one(&mut self.connection).await;
        let busy = folded.map_err(fault::of).and_then(|row| Columns(&row).integer(0));
        if matches!(busy, Ok(0)) {
            self.slot.log_bytes_max = LOG_BYTES_MAX;
        } else {
            self.slot.log_bytes_max = bytes.saturating_mul(2);
            tracing::warn!(bytes, "a reader keeps the journal's write-ahead log from being folded back");
        }
    }
}
