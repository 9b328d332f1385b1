//! The tables in a Postgres schema of their own. Several nodes may write: the checkpoint's row is locked first, so that
//! a page is taken in once.
//!
//! A commit is not waited for to reach the disk: rows and checkpoint are lost together, and what is lost is read from
//! the journal again.

use super::apply::{Stored, Work};
use super::reads::reads;
use super::{Lists, STEPS_TABLE, VERSION, VIEW, migrator, safe};
use crate::alerts::{AlertKey, AlertRow};
use crate::fold::Key;
use crate::work::{WorkRow, by_hour};
use crate::{AttemptRow, AuditRow, IncidentRow, MinuteRow, SealRun, UnitRow, ViewsError, WorkflowRow};
use ionveil_kernel::{Org, Recorded};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Connection, PgConnection, Postgres, Row, Transaction};
use std::str::FromStr;
use std::time::Duration;

/// Connections of one node.
const CONNECTIONS: u32 = 4;
/// How long a reader waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A node that froze in a transaction holds its checkpoint back from the others for so long.
const SETTINGS: [(&str, &str); 4] =
    [("synchronous_commit", "off"), ("lock_timeout", "10s"), ("statement_timeout", "30s"), ("idle_in_transaction_session_timeout", "5s")];

pub(crate) struct PostgresTables {
    readers: PgPool,
    lists: Lists,
}

pub(crate) struct PostgresWork(Transaction<'static, Postgres>);

reads!(PostgresTables, PgRow);

impl PostgresTables {
    pub(super) async fn open(url: &str, schema: &str) -> Result<Self, ViewsError> {
        if !is_lawful(schema) {
            return Err(ViewsError::Invalid(format!("schema {schema:?} must match [a-z_][a-z0-9_]{{0,62}}")));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| ViewsError::Invalid(error.to_string()))?;
        let options = options.application_name("ionveil-views").options([("search_path", schema)]).disable_statement_logging();
        migrate(options.clone(), schema).await?;
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        Ok(Self { readers: pool.connect_with(options.options(SETTINGS)).await?, lists: Lists::new() })
    }

    /// Begins a transaction; `alone` keeps every other writer out.
    pub(super) async fn work(&self, alone: bool) -> Result<PostgresWork, ViewsError> {
        let mut work = self.readers.begin().await?;
        if alone {
            sqlx::query(include_str!("sql/postgres/alone.sql")).execute(&mut *work).await?;
        }
        Ok(PostgresWork(work))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
    }
}

fn is_lawful(schema: &str) -> bool {
    let (bytes, letter) = (schema.as_bytes(), |b: &u8| b.is_ascii_lowercase() || *b == b'_');
    bytes.len() <= 63 && bytes.first().is_some_and(letter) && bytes.iter().all(|b| letter(b) || b.is_ascii_digit())
}

/// Makes schema and tables, or brings them up to date.
async fn migrate(options: PgConnectOptions, schema: &str) -> Result<(), ViewsError> {
    let mut connection = options.connect().await?;
    create_schema(&mut connection, schema).await?;
    let migrator = migrator([
        ("workflows", include_str!("../../../migrations/postgres/views/0001_workflows.sql")),
        ("policy", include_str!("../../../migrations/postgres/views/0002_policy.sql")),
        ("work_hours", include_str!("../../../migrations/postgres/views/0003_work_hours.sql")),
        ("channels", include_str!("../../../migrations/postgres/views/0004_channels.sql")),
        ("dispatch", include_str!("../../../migrations/postgres/views/0005_dispatch.sql")),
        ("alerts", include_str!("../../../migrations/postgres/views/0006_alerts.sql")),
        ("analytics", include_str!("../../../migrations/postgres/views/0007_analytics.sql")),
    ]);
    migrator.run_direct(None, &mut connection, false).await.map_err(ViewsError::Schema)?;
    Ok(connection.close().await?)
}

/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create one even where it exists, so look first. Two nodes that start
/// at once both find it missing; the lock of the migrations lets the second wait.
async fn create_schema(connection: &mut PgConnection, schema: &str) -> Result<(), ViewsError> {
    let there = sqlx::query("SELECT to_regnamespace($1) IS NOT NULL").bind(schema);
    if there.fetch_one(&mut *connection).await?.try_get(0)? {
        return Ok(());
    }
    let mut work = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext($1))").bind(STEPS_TABLE).execute(&mut *work).await?;
    sqlx::query(safe(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))).execute(&mut *work).await?;
    Ok(work.commit().await?)
}

impl Work for PostgresWork {
    async fn lock(&mut self, partition: u16) -> Result<(i64, u64), ViewsError> {
        let query = sqlx::query(include_str!("sql/postgres/lock.sql")).bind(VIEW).bind(i32::from(partition));
        let row = query.fetch_one(&mut *self.0).await?;
        Ok((row.try_get(0)?, super::count(row.try_get(1)?)?))
    }

    async fn load(&mut self, keys: &[Key]) -> Result<Vec<WorkflowRow>, ViewsError> {
        let (orgs, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(org, id)| (org.as_str(), id.as_str())).unzip();
        let query = sqlx::query(include_str!("sql/postgres/load.sql")).bind(orgs).bind(ids);
        query.fetch_all(&mut *self.0).await?.iter().map(workflow).collect()
    }

    async fn load_incidents(&mut self, keys: &[Key]) -> Result<Vec<IncidentRow>, ViewsError> {
        let (orgs, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(org, id)| (org.as_str(), id.as_str())).unzip();
        let query = sqlx::query(include_str!("sql/postgres/load_incidents.sql")).bind(orgs).bind(ids);
        query.fetch_all(&mut *self.0).await?.iter().map(kept).collect()
    }

    async fn store_incidents(&mut self, rows: &[IncidentRow]) -> Result<(), ViewsError> {
        let rows = super::incident_columns(rows)?;
        let query = sqlx::query(include_str!("sql/postgres/store_incidents.sql"))
            .bind(column(&rows, |row| row.0))
            .bind(column(&rows, |row| row.1))
            .bind(column(&rows, |row| row.2))
            .bind(column(&rows, |row| row.3))
            .bind(column(&rows, |row| row.4))
            .bind(column(&rows, |row| row.5))
            .bind(column(&rows, |row| row.6))
            .bind(column(&rows, |row| row.7))
            .bind(column(&rows, |row| row.8.as_str()))
            .bind(column(&rows, |row| row.9))
            .bind(column(&rows, |row| row.10));
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn load_units(&mut self, keys: &[Key]) -> Result<Vec<UnitRow>, ViewsError> {
        let (orgs, ids): (Vec<_>, Vec<_>) = keys.iter().map(|(org, id)| (org.as_str(), id.as_str())).unzip();
        let query = sqlx::query(include_str!("sql/postgres/load_units.sql")).bind(orgs).bind(ids);
        query.fetch_all(&mut *self.0).await?.iter().map(kept).collect()
    }

    async fn store_units(&mut self, rows: &[UnitRow]) -> Result<(), ViewsError> {
        let rows = super::unit_columns(rows)?;
        let query = sqlx::query(include_str!("sql/postgres/store_units.sql"))
            .bind(column(&rows, |row| row.0))
            .bind(column(&rows, |row| row.1))
            .bind(column(&rows, |row| row.2))
            .bind(column(&rows, |row| row.3))
            .bind(column(&rows, |row| row.4))
            .bind(column(&rows, |row| row.5.as_str()))
            .bind(column(&rows, |row| row.6))
            .bind(column(&rows, |row| row.7));
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn load_alerts(&mut self, keys: &[AlertKey]) -> Result<Vec<(Org, AlertRow)>, ViewsError> {
        let query = sqlx::query(include_str!("sql/postgres/load_alerts.sql"))
            .bind(column(keys, |(org, _, _)| org.as_str()))
            .bind(column(keys, |(_, kind, _)| *kind))
            .bind(column(keys, |(_, _, id)| id.as_str()));
        query.fetch_all(&mut *self.0).await?.iter().map(alert).collect()
    }

    async fn store_alerts(&mut self, rows: &[(Org, AlertRow)]) -> Result<(), ViewsError> {
        let rows = rows.iter().map(|(org, row)| row.columns(org)).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query(include_str!("sql/postgres/store_alerts.sql"))
            .bind(column(&rows, |row| row.0))
            .bind(column(&rows, |row| row.1))
            .bind(column(&rows, |row| row.2))
            .bind(column(&rows, |row| row.3))
            .bind(column(&rows, |row| row.4))
            .bind(column(&rows, |row| row.5))
            .bind(column(&rows, |row| row.6.as_str()));
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn store(&mut self, rows: &[WorkflowRow]) -> Result<(), ViewsError> {
        let versions = rows.iter().map(|row| super::integer(row.version)).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query(include_str!("sql/postgres/store.sql"))
            .bind(column(rows, |row| row.org.as_str()))
            .bind(column(rows, |row| row.id.as_str()))
            .bind(column(rows, |row| row.machine.as_str()))
            .bind(column(rows, |row| row.terminal_states.as_deref()))
            .bind(column(rows, |row| row.assigning_states.as_deref()))
            .bind(column(rows, |row| row.state.as_str()))
            .bind(column(rows, |row| row.terminal))
            .bind(versions)
            .bind(column(rows, |row| row.attributes.as_str()))
            .bind(column(rows, |row| row.occurred_at.micros()))
            .bind(column(rows, |row| row.recorded_at.micros()));
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn note_work(&mut self, rows: &[WorkRow]) -> Result<(), ViewsError> {
        let scopes = rows.iter().map(|row| row.scope.to_text()).collect::<Result<Vec<_>, _>>()?;
        let positions = rows.iter().map(|row| super::integer(row.place.position)).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query(include_str!("sql/postgres/note_work.sql"))
            .bind(column(rows, |row| row.org.as_str()))
            .bind(scopes)
            .bind(column(rows, |row| row.place.occurred_at.micros()))
            .bind(column(rows, |row| i32::from(row.place.partition)))
            .bind(positions);
        query.execute(&mut *self.0).await?;
        let hours = by_hour(rows)?;
        let query = sqlx::query(include_str!("sql/postgres/note_hours.sql"))
            .bind(column(&hours, |(org, _, _, _)| org.as_str()))
            .bind(column(&hours, |(_, scope, _, _)| scope.as_str()))
            .bind(column(&hours, |(_, _, hour, _)| *hour))
            .bind(column(&hours, |(_, _, _, works)| *works));
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn note_audit(&mut self, rows: &[AuditRow]) -> Result<(), ViewsError> {
        let numbers = rows.iter().map(|row| super::integer(row.record.seq)).collect::<Result<Vec<_>, _>>()?;
        let lines = rows.iter().map(|row| super::text(&row.record)).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query(include_str!("sql/postgres/note_audit.sql"))
            .bind(column(rows, |row| row.org.as_str()))
            .bind(numbers)
            .bind(column(rows, |row| row.record.node.as_str()))
            .bind(column(rows, |row| row.record.time.micros()))
            .bind(lines);
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn note_attempts(&mut self, rows: &[AttemptRow]) -> Result<(), ViewsError> {
        let lines = rows.iter().map(|row| super::text(&row.attempt)).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query(include_str!("sql/postgres/note_attempts.sql"))
            .bind(column(rows, |row| row.org.as_str()))
            .bind(column(rows, |row| row.attempt.at.micros()))
            .bind(column(rows, |row| row.attempt.dispatch_id.as_str()))
            .bind(column(rows, |row| i64::from(row.attempt.number)))
            .bind(column(rows, |row| row.attempt.channel.as_str()))
            .bind(lines);
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn load_minutes(&mut self, rows: &[(Org, MinuteRow)]) -> Result<Vec<(Org, MinuteRow)>, ViewsError> {
        let query = sqlx::query(include_str!("sql/postgres/load_minutes.sql"))
            .bind(column(rows, |(org, _)| org.as_str()))
            .bind(column(rows, |(_, row)| row.key.minute.micros()))
            .bind(column(rows, |(_, row)| &*row.key.region))
            .bind(column(rows, |(_, row)| i64::from(row.key.severity)))
            .bind(column(rows, |(_, row)| &*row.key.unit_type));
        query.fetch_all(&mut *self.0).await?.iter().map(minute).collect()
    }

    async fn store_minutes(&mut self, rows: &[(Org, MinuteRow)]) -> Result<(), ViewsError> {
        let rows = super::minute_columns(rows)?;
        let query = sqlx::query(include_str!("sql/postgres/store_minutes.sql"))
            .bind(column(&rows, |row| row.0))
            .bind(column(&rows, |row| row.1))
            .bind(column(&rows, |row| row.2))
            .bind(column(&rows, |row| row.3))
            .bind(column(&rows, |row| row.4))
            .bind(column(&rows, |row| row.5.as_str()));
        query.execute(&mut *self.0).await?;
        Ok(())
    }

    async fn last_seals(&mut self, org: &Org, partition: u16) -> Result<Option<SealRun>, ViewsError> {
        let query = sqlx::query(include_str!("sql/last_seals.sql")).bind(org.as_str()).bind(i32::from(partition));
        query.fetch_optional(&mut *self.0).await?.as_ref().map(seals).transpose()
    }

    async fn note_seals(&mut self, org: &Org, partition: u16, run: &SealRun) -> Result<(), ViewsError> {
        let (last, first) = (super::integer(run.last_position())?, super::integer(run.first_sequence)?);
        let query = sqlx::query(include_str!("sql/note_seals.sql")).bind(org.as_str()).bind(i32::from(partition)).bind(last).bind(first);
        query.bind(run.previous.to_string()).bind(run.to_text()).execute(&mut *self.0).await?;
        Ok(())
    }

    async fn checkpoint(&mut self, partition: u16, position: i64, last: Option<&Recorded>) -> Result<(), ViewsError> {
        let query = sqlx::query(include_str!("sql/checkpoint.sql")).bind(VIEW).bind(i32::from(partition)).bind(position);
        let event = last.map(|event| super::integer(event.position)).transpose()?;
        query.bind(event).bind(last.map(|event| event.event_id.to_string())).execute(&mut *self.0).await?;
        Ok(())
    }

    async fn checkpoints(&mut self) -> Result<Vec<Stored>, ViewsError> {
        let query = sqlx::query(include_str!("sql/checkpoints.sql")).bind(VIEW);
        query.fetch_all(&mut *self.0).await?.iter().map(stored).collect()
    }

    async fn reset(&mut self, partitions: u16) -> Result<(), ViewsError> {
        sqlx::query(include_str!("sql/postgres/clear.sql")).execute(&mut *self.0).await?;
        sqlx::query(include_str!("sql/forget.sql")).bind(VIEW).execute(&mut *self.0).await?;
        for partition in 0..partitions {
            let query = sqlx::query(include_str!("sql/begin.sql")).bind(VIEW).bind(i32::from(partition)).bind(VERSION);
            query.execute(&mut *self.0).await?;
        }
        Ok(())
    }

    async fn commit(self) -> Result<(), ViewsError> {
        Ok(self.0.commit().await?)
    }
}

fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
