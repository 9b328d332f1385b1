//! The tables in a SQLite file of their own: one connection writes, a few read beside it.
//!
//! A commit is not waited for to reach the disk: rows and checkpoint are lost together, and what is lost is read from
//! the journal again.

use super::apply::{Stored, Work};
use super::reads::reads;
use super::{Lists, VERSION, VIEW, migrator};
use crate::alerts::{AlertKey, AlertRow};
use crate::fold::Key;
use crate::work::{WorkRow, by_hour};
use crate::{AttemptRow, AuditRow, IncidentRow, MinuteRow, SealRun, UnitRow, ViewsError, WorkflowRow};
use ionveil_kernel::{Org, Recorded};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, Sqlite, Transaction};
use std::path::Path;
use std::time::Duration;

/// Connections that read.
const READERS: u32 = 4;
/// How long a writer waits for another process to end its transaction.
const BUSY: Duration = Duration::from_secs(5);

/// Rows that SQLite's thread reads ahead; a few would mean a change of threads for every few rows.
const ROWS_BUFFERED: usize = 1_024;

pub(crate) struct SqliteTables {
    writer: SqlitePool,
    readers: SqlitePool,
    lists: Lists,
}

pub(crate) struct SqliteWork(Transaction<'static, Sqlite>);

reads!(SqliteTables, SqliteRow);

impl SqliteTables {
    /// Opens a file, or a database in memory.
    pub(super) async fn open(path: Option<&Path>) -> Result<Self, ViewsError> {
        let writer = pool(1).connect_with(options(path)).await?;
        let migrator = migrator([
            ("workflows", include_str!("../../../migrations/sqlite/views/0001_workflows.sql")),
            ("policy", include_str!("../../../migrations/sqlite/views/0002_policy.sql")),
            ("work_hours", include_str!("../../../migrations/sqlite/views/0003_work_hours.sql")),
            ("channels", include_str!("../../../migrations/sqlite/views/0004_channels.sql")),
            ("dispatch", include_str!("../../../migrations/sqlite/views/0005_dispatch.sql")),
            ("alerts", include_str!("../../../migrations/sqlite/views/0006_alerts.sql")),
            ("analytics", include_str!("../../../migrations/sqlite/views/0007_analytics.sql")),
        ]);
        migrator.run(&writer).await.map_err(ViewsError::Schema)?;
        // A database in memory belongs to its connection.
        let readers = if path.is_some() { pool(READERS).connect_lazy_with(options(path).read_only(true)) } else { writer.clone() };
        Ok(Self { writer, readers, lists: Lists::new() })
    }

    /// Begins a transaction. SQLite has one writer at a time, so it is alone in any case.
    pub(super) async fn work(&self, _alone: bool) -> Result<SqliteWork, ViewsError> {
        Ok(SqliteWork(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn options(path: Option<&Path>) -> SqliteConnectOptions {
    let options =
        SqliteConnectOptions::new().busy_timeout(BUSY).foreign_keys(false).row_buffer_size(ROWS_BUFFERED).disable_statement_logging();
    match path {
        None => options.in_memory(true),
        Some(path) => {
            options.filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
        }
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false).max_lifetime(None).idle_timeout(None)
}

impl Work for SqliteWork {
    async fn lock(&mut self, partition: u16) -> Result<(i64, u64), ViewsError> {
        let query = sqlx::query(include_str!("sql/sqlite/lock.sql")).bind(VIEW).bind(partition);
        let row = query.fetch_one(&mut *self.0).await?;
        Ok((row.try_get(0)?, super::count(row.try_get(1)?)?))
    }

    async fn load(&mut self, keys: &[Key]) -> Result<Vec<WorkflowRow>, ViewsError> {
        let query = sqlx::query(include_str!("sql/sqlite/load.sql")).bind(names(keys));
        query.fetch_all(&mut *self.0).await?.iter().map(workflow).collect()
    }

    async fn load_incidents(&mut self, keys: &[Key]) -> Result<Vec<IncidentRow>, ViewsError> {
        let query = sqlx::query(include_str!("sql/sqlite/load_incidents.sql")).bind(names(keys));
        query.fetch_all(&mut *self.0).await?.iter().map(kept).collect()
    }

    async fn store_incidents(&mut self, rows: &[IncidentRow]) -> Result<(), ViewsError> {
        let values = super::incident_columns(rows)?;
        let query = sqlx::query(include_str!("sql/sqlite/store_incidents.sql")).bind(json!(values).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn load_units(&mut self, keys: &[Key]) -> Result<Vec<UnitRow>, ViewsError> {
        let query = sqlx::query(include_str!("sql/sqlite/load_units.sql")).bind(names(keys));
        query.fetch_all(&mut *self.0).await?.iter().map(kept).collect()
    }

    async fn store_units(&mut self, rows: &[UnitRow]) -> Result<(), ViewsError> {
        let values = super::unit_columns(rows)?;
        let query = sqlx::query(include_str!("sql/sqlite/store_units.sql")).bind(json!(values).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn load_alerts(&mut self, keys: &[AlertKey]) -> Result<Vec<(Org, AlertRow)>, ViewsError> {
        let keys: Vec<_> = keys.iter().map(|(org, kind, id)| [org.as_str(), kind, id.as_str()]).collect();
        let query = sqlx::query(include_str!("sql/sqlite/load_alerts.sql")).bind(json!(keys).to_string());
        query.fetch_all(&mut *self.0).await?.iter().map(alert).collect()
    }

    async fn store_alerts(&mut self, rows: &[(Org, AlertRow)]) -> Result<(), ViewsError> {
        let rows = rows.iter().map(|(org, row)| row.columns(org)).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query(include_str!("sql/sqlite/store_alerts.sql")).bind(json!(rows).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn store(&mut self, rows: &[WorkflowRow]) -> Result<(), ViewsError> {
        let rows = rows.iter().map(values).collect::<Vec<_>>();
        let query = sqlx::query(include_str!("sql/sqlite/store.sql")).bind(json!(rows).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn note_work(&mut self, rows: &[WorkRow]) -> Result<(), ViewsError> {
        let row = |row: &WorkRow| {
            let place = &row.place;
            let scope = row.scope.to_text()?;
            Ok(json!([row.org.as_str(), scope, place.occurred_at.micros(), place.partition, place.position]))
        };
        let values = rows.iter().map(row).collect::<Result<Vec<_>, ViewsError>>()?;
        let query = sqlx::query(include_str!("sql/sqlite/note_work.sql")).bind(json!(values).to_string());
        query.execute(&mut *self.0).await?;
        let query = sqlx::query(include_str!("sql/sqlite/note_hours.sql")).bind(json!(by_hour(rows)?).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn note_audit(&mut self, rows: &[AuditRow]) -> Result<(), ViewsError> {
        let row = |AuditRow { org, record }: &AuditRow| {
            Ok(json!([org.as_str(), record.seq, record.node.as_str(), record.time.micros(), super::text(record)?]))
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, ViewsError>>()?;
        let query = sqlx::query(include_str!("sql/sqlite/note_audit.sql")).bind(json!(rows).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn note_attempts(&mut self, rows: &[AttemptRow]) -> Result<(), ViewsError> {
        let row = |AttemptRow { org, attempt }: &AttemptRow| {
            let (at, number) = (attempt.at.micros(), attempt.number);
            Ok(json!([org.as_str(), at, attempt.dispatch_id.as_str(), number, attempt.channel.as_str(), super::text(attempt)?]))
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, ViewsError>>()?;
        let query = sqlx::query(include_str!("sql/sqlite/note_attempts.sql")).bind(json!(rows).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn load_minutes(&mut self, rows: &[(Org, MinuteRow)]) -> Result<Vec<(Org, MinuteRow)>, ViewsError> {
        let keys: Vec<_> = rows.iter().map(|(org, row)| minute_key(org, row)).collect();
        let query = sqlx::query(include_str!("sql/sqlite/load_minutes.sql")).bind(json!(keys).to_string());
        query.fetch_all(&mut *self.0).await?.iter().map(minute).collect()
    }

    async fn store_minutes(&mut self, rows: &[(Org, MinuteRow)]) -> Result<(), ViewsError> {
        let values = super::minute_columns(rows)?;
        let query = sqlx::query(include_str!("sql/sqlite/store_minutes.sql")).bind(json!(values).to_string());
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn last_seals(&mut self, org: &Org, partition: u16) -> Result<Option<SealRun>, ViewsError> {
        let query = sqlx::query(include_str!("sql/last_seals.sql")).bind(org.as_str()).bind(partition);
        query.fetch_optional(&mut *self.0).await?.as_ref().map(seals).transpose()
    }

    async fn note_seals(&mut self, org: &Org, partition: u16, run: &SealRun) -> Result<(), ViewsError> {
        let (last, first) = (super::integer(run.last_position())?, super::integer(run.first_sequence)?);
        let query = sqlx::query(include_str!("sql/note_seals.sql")).bind(org.as_str()).bind(partition).bind(last).bind(first);
        query.bind(run.previous.to_string()).bind(run.to_text()).execute(&mut *self.0).await?;
        Ok(())
    }

    async fn checkpoint(&mut self, partition: u16, position: i64, last: Option<&Recorded>) -> Result<(), ViewsError> {
        let query = sqlx::query(include_str!("sql/checkpoint.sql")).bind(VIEW).bind(partition).bind(position);
        let event = last.map(|event| super::integer(event.position)).transpose()?;
        query.bind(event).bind(last.map(|event| event.event_id.to_string())).execute(&mut *self.0).await?;
        Ok(())
    }

    async fn checkpoints(&mut self) -> Result<Vec<Stored>, ViewsError> {
        let query = sqlx::query(include_str!("sql/checkpoints.sql")).bind(VIEW);
        query.fetch_all(&mut *self.0).await?.iter().map(stored).collect()
    }

    async fn reset(&mut self, partitions: u16) -> Result<(), ViewsError> {
        for statement in include_str!("sql/sqlite/clear.sql").split(';') {
            sqlx::query(statement).execute(&mut *self.0).await?;
        }
        sqlx::query(include_str!("sql/forget.sql")).bind(VIEW).execute(&mut *self.0).await?;
        for partition in 0..partitions {
            let query = sqlx::query(include_str!("sql/begin.sql")).bind(VIEW).bind(partition).bind(VERSION);
            query.execute(&mut *self.0).await?;
        }
        Ok(())
    }

    async fn commit(self) -> Result<(), ViewsError> {
        Ok(self.0.commit().await?)
    }
}

/// A JSON list of `[org, id]`.
fn names(keys: &[Key]) -> String {
    let keys: Vec<_> = keys.iter().map(|(org, id)| [org.as_str(), id.as_str()]).collect();
    json!(keys).to_string()
}

/// As `load_minutes.sql` looks for it.
fn minute_key(org: &Org, MinuteRow { key, .. }: &MinuteRow) -> serde_json::Value {
    json!([org.as_str(), key.minute.micros(), &*key.region, key.severity, &*key.unit_type])
}

/// In the order of `store.sql`.
fn values(row: &WorkflowRow) -> serde_json::Value {
    let terminal = i64::from(row.terminal);
    let (occurred_at, recorded_at) = (row.occurred_at.micros(), row.recorded_at.micros());
    json!([
        row.org.as_str(),
        row.id.as_str(),
        row.machine,
        row.terminal_states,
        row.assigning_states,
        row.state,
        terminal,
        row.version,
        row.attributes,
        occurred_at,
        recorded_at
    ])
}
