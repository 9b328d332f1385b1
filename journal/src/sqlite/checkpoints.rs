//! Folds the write-ahead log back into the file on a connection of its own, beside the one that writes: a commit waits for
//! no page of the file.
//!
//! The log can begin anew only when all of it is folded back, and under load only the writer comes to that point, between two
//! transactions: it folds back what is left once the log is long (`wal_autocheckpoint`), which is little then.

use super::columns::Columns;
use super::fault;
use crate::StoreError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// So many pages of the log that are not folded back yet are worth a run.
const PAGES_MIN: i64 = 500;

/// The task that does it; it ends with this value.
pub(super) struct Checkpoints {
    committed: Arc<Notify>,
    task: JoinSet<()>,
}

impl Checkpoints {
    /// Begins, on the runtime that is asked from.
    pub(super) fn start(options: SqliteConnectOptions) -> Self {
        let (committed, mut task) = (Arc::new(Notify::new()), JoinSet::new());
        task.spawn(run(options, committed.clone()));
        Self { committed, task }
    }

    /// Something was committed.
    pub(super) fn committed(&self) {
        self.committed.notify_one();
    }

    /// Ends it; waits until its connection is out of use.
    pub(super) async fn stop(&mut self) {
        self.task.shutdown().await;
    }
}

async fn run(options: SqliteConnectOptions, committed: Arc<Notify>) {
    let mut connection = None;
    loop {
        committed.notified().await;
        match fold(&options, connection.take()).await {
            Ok(kept) => connection = Some(kept),
            // The writer folds back by itself, only later.
            Err(error) => tracing::debug!(%error, "the journal's write-ahead log was not folded back"),
        }
    }
}

/// Folds back if enough has gathered. Whoever reads or writes is not waited for, and does not wait.
async fn fold(options: &SqliteConnectOptions, connection: Option<SqliteConnection>) -> Result<SqliteConnection, StoreError> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => options.connect().await.map_err(fault::of)?,
    };
    let log = sqlx::query("PRAGMA wal_checkpoint(NOOP)").fetch_one(&mut connection).await.map_err(fault::of)?;
    let (pages, folded) = (Columns(&log).integer(1)?, Columns(&log).integer(2)?);
    if pages - folded >= PAGES_MIN {
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut connection).await.map_err(fault::of)?;
    }
    Ok(connection)
}
