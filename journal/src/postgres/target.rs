//! A schema into which a journal is copied, in one transaction that nobody sees before its commit.

use super::connections::parse;
use super::number::{self, unsigned};
use super::{PostgresOptions, fault, lease, schema};
use crate::StoreError;
use crate::copy::{CopyError, Ends, TABLES, Table};
use sqlx::postgres::{PgCopyIn, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqlSafeStr};

/// The connection, with its transaction open from [`Target::begin`] to [`Target::commit`]. Dropping it takes all back.
pub(crate) struct Target(PgConnection);

/// Takes the rows of one table.
pub(crate) struct Sink<'a>(PgCopyIn<&'a mut PgConnection>);

impl Target {
    /// Connects, and makes the tables where they are missing.
    ///
    /// # Errors
    /// `Target`.
    pub(crate) async fn open(url: &str, options: &PostgresOptions) -> Result<Self, CopyError> {
        let connect = parse(url, options).map_err(CopyError::Target)?;
        schema::migrate(url, options).await.map_err(CopyError::Target)?;
        Ok(Self(schema::open(&connect).await.map_err(CopyError::Target)?))
    }

    /// Begins: locks out whoever wants to start on the schema, and makes sure that it is empty and nobody's. It may have been
    /// made with another number of partitions, as long as nothing was stored.
    ///
    /// # Errors
    /// `InUse`, `NotEmpty`, `Target`.
    pub(crate) async fn begin(&mut self, partitions: u16, epochs: &[u64]) -> Result<(), CopyError> {
        self.run("BEGIN").await?;
        self.run("LOCK TABLE meta, heads, leases IN ACCESS EXCLUSIVE MODE").await?;
        for table in &TABLES {
            if self.number(format!("SELECT count(*) FROM (SELECT FROM {} LIMIT 1) one", table.name)).await? > 0 {
                return Err(CopyError::NotEmpty(table.name));
            }
        }
        let leases = lease::stored(&mut self.0).await.map_err(CopyError::Target)?;
        if let Some(lease) = leases.into_iter().find(|lease| lease.node.is_some() && !lease.remaining.is_zero()) {
            return Err(CopyError::InUse { which: "the target", lease });
        }
        self.make(partitions, epochs).await.map_err(|error| CopyError::Target(fault::repeatable(error)))
    }

    /// Epochs begin where the source's were, and above those of whoever was here: a node that woke up could else append.
    async fn make(&mut self, partitions: u16, epochs: &[u64]) -> Result<(), sqlx::Error> {
        let floor: i64 = sqlx::query("SELECT coalesce(max(epoch) + 1, 0) FROM heads").fetch_one(&mut self.0).await?.try_get(0)?;
        for table in ["snapshots", "leases", "heads", "meta"] {
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut self.0).await?;
        }
        let make = sqlx::query(include_str!("sql/make_meta.sql")).bind(schema::FORMAT).bind(i16::try_from(partitions).unwrap_or(i16::MAX));
        make.execute(&mut self.0).await?;
        let epochs: Vec<i64> = epochs.iter().map(|epoch| i64::try_from(*epoch).unwrap_or(i64::MAX).max(floor)).collect();
        sqlx::query(include_str!("sql/copy_heads.sql")).bind(epochs).execute(&mut self.0).await?;
        sqlx::query("INSERT INTO leases (partition, epoch, expires_at) SELECT partition, epoch, clock_timestamp() FROM heads")
            .execute(&mut self.0)
            .await?;
        Ok(())
    }

    /// Where the rows of `table` go.
    ///
    /// # Errors
    /// `Target`.
    pub(crate) async fn sink(&mut self, table: &Table) -> Result<Sink<'_>, CopyError> {
        let partition = if table.partition_missing { ", partition" } else { "" };
        let copy = format!("COPY {} ({}{partition}) FROM STDIN", table.name, table.names());
        Ok(Sink(self.0.copy_in_raw(&copy).await.map_err(failed)?))
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// `Target`.
    pub(crate) async fn count(&mut self, table: &Table) -> Result<u64, CopyError> {
        self.number(format!("SELECT count(*) FROM {}", table.name)).await
    }

    /// Events and last position of each partition that has events.
    ///
    /// # Errors
    /// `Target`.
    pub(crate) async fn heads(&mut self) -> Result<Ends, CopyError> {
        let rows = sqlx::query("SELECT partition, count(*), max(position) FROM events GROUP BY partition").fetch_all(&mut self.0).await;
        let end = |row: &PgRow| Ok((number::partition(row.try_get(0)?)?, (unsigned(row.try_get(1)?)?, unsigned(row.try_get(2)?)?)));
        rows.and_then(|rows| rows.iter().map(end).collect()).map_err(failed)
    }

    /// Makes all of it known at once, with what the planner should know of it.
    ///
    /// # Errors
    /// `Target`; with [`StoreError::OutcomeUnknown`] it may be whole.
    pub(crate) async fn commit(mut self) -> Result<(), CopyError> {
        for table in &TABLES {
            self.run(format!("ANALYZE {}", table.name)).await?;
        }
        sqlx::raw_sql("COMMIT").execute(&mut self.0).await.map_err(|error| CopyError::Target(StoreError::unknown(error)))?;
        // The server notices a closed socket as well.
        let _ = self.0.close().await;
        Ok(())
    }

    async fn run(&mut self, sql: impl Into<String>) -> Result<(), CopyError> {
        let sql = AssertSqlSafe(sql.into()).into_sql_str();
        sqlx::raw_sql(sql).execute(&mut self.0).await.map(drop).map_err(failed)
    }

    async fn number(&mut self, sql: String) -> Result<u64, CopyError> {
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.0).await;
        row.and_then(|row| unsigned(row.try_get(0)?)).map_err(failed)
    }
}

impl Sink<'_> {
    /// Sends lines.
    ///
    /// # Errors
    /// `Target`.
    pub(crate) async fn send(&mut self, lines: &[u8]) -> Result<(), CopyError> {
        self.0.send(lines).await.map(drop).map_err(failed)
    }

    /// Waits until all of them are stored.
    ///
    /// # Errors
    /// `Target`, also for lines that the server did not take.
    pub(crate) async fn finish(self) -> Result<(), CopyError> {
        self.0.finish().await.map(drop).map_err(failed)
    }
}

/// Nothing is stored before the commit, so anything before it may be repeated.
fn failed(error: sqlx::Error) -> CopyError {
    CopyError::Target(fault::repeatable(error))
}
