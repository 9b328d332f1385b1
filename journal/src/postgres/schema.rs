//! Makes the tables and brings them up to date. Decides nothing about their contents but the number of partitions.

use super::connections::parse;
use super::{fault, options::PostgresOptions};
use crate::StoreError;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, SqlSafeStr};
use std::collections::BTreeSet;

/// The shape of stored rows. A release that cannot read another shape must not try.
pub(super) const FORMAT: i32 = 1;
const TABLE: &str = "journal_migrations";

/// One schema step per file, never changed after a release.
const STEPS: [(i64, &str, &str); 7] = [
    (1, "journal", include_str!("../../../migrations/postgres/journal/0001_journal.sql")),
    (2, "append", include_str!("../../../migrations/postgres/journal/0002_append.sql")),
    (3, "leases", include_str!("../../../migrations/postgres/journal/0003_leases.sql")),
    (4, "timers", include_str!("../../../migrations/postgres/journal/0004_timers.sql")),
    (5, "outbox", include_str!("../../../migrations/postgres/journal/0005_outbox.sql")),
    (6, "dead letters", include_str!("../../../migrations/postgres/journal/0006_dead_letters.sql")),
    (7, "nodes", include_str!("../../../migrations/postgres/journal/0007_nodes.sql")),
];

/// A schema step that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number; steps are applied in this order.
    pub version: i64,
    /// What it is about.
    pub description: String,
}

/// Applies what is missing, one transaction per step, under an advisory lock, and names it.
pub(super) async fn migrate(url: &str, options: &PostgresOptions) -> Result<Vec<AppliedMigration>, StoreError> {
    let mut connection = open(&parse(url, options)?).await?;
    let applied = apply(&mut connection, &options.schema).await?;
    connection.close().await.map_err(fault::repeatable)?;
    Ok(applied)
}

/// Reads how many partitions the journal has; decides it if the journal is new.
pub(super) async fn found(connect: &PgConnectOptions, options: &PostgresOptions) -> Result<u16, StoreError> {
    let mut connection = open(connect).await?;
    let partitions = make(&mut connection, options.partitions).await?;
    connection.close().await.map_err(fault::repeatable)?;
    Ok(partitions)
}

pub(super) async fn open(connect: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    // A step may rewrite a large table, and another node may be at it already.
    let patient = connect.clone().options([("statement_timeout", "0"), ("lock_timeout", "60s")]);
    patient.connect().await.map_err(fault::repeatable)
}

async fn apply(connection: &mut PgConnection, schema: &str) -> Result<Vec<AppliedMigration>, StoreError> {
    // Also the first table and the schema itself cannot be made by two at once. Closing the connection unlocks as well.
    connection.lock().await.map_err(fault::migrating)?;
    create_schema(connection, schema).await?;
    let migrator = migrator();
    connection.ensure_migrations_table(TABLE).await.map_err(fault::migrating)?;
    let before: BTreeSet<i64> =
        connection.list_applied_migrations(TABLE).await.map_err(fault::migrating)?.iter().map(|done| done.version).collect();
    migrator.run_direct(None, connection, false).await.map_err(fault::migrating)?;
    connection.unlock().await.map_err(fault::migrating)?;
    let new = migrator.iter().filter(|step| !before.contains(&step.version));
    Ok(new.map(|step| AppliedMigration { version: step.version, description: step.description.to_string() }).collect())
}

/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create one even where it exists, so look first.
async fn create_schema(connection: &mut PgConnection, schema: &str) -> Result<(), StoreError> {
    let there = sqlx::query("SELECT to_regnamespace($1) IS NOT NULL").bind(schema);
    let there: bool = there.fetch_one(&mut *connection).await.and_then(|row| row.try_get(0)).map_err(fault::repeatable)?;
    if !there {
        let create = AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        sqlx::raw_sql(create).execute(connection).await.map_err(fault::repeatable)?;
    }
    Ok(())
}

fn migrator() -> Migrator {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(STEPS.into_iter().map(step).collect());
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_locking(false);
    migrator
}

async fn make(connection: &mut PgConnection, partitions: u16) -> Result<u16, StoreError> {
    let wanted = i16::try_from(partitions).unwrap_or(i16::MAX);
    let row = async {
        let mut transaction = connection.begin().await?;
        sqlx::query(include_str!("sql/make_meta.sql")).bind(FORMAT).bind(wanted).execute(&mut *transaction).await?;
        sqlx::query(include_str!("sql/make_heads.sql")).execute(&mut *transaction).await?;
        sqlx::query(include_str!("sql/make_leases.sql")).execute(&mut *transaction).await?;
        let row = sqlx::query("SELECT format, partitions FROM meta").fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok((row.try_get::<i32, _>(0)?, row.try_get::<i16, _>(1)?))
    };
    let (format, made) = row.await.map_err(fault::repeatable)?;
    if format != FORMAT {
        return Err(StoreError::Incompatible(format!("its format is {format}, this release knows {FORMAT}")));
    }
    if made != wanted {
        tracing::warn!(partitions = made, configured = wanted, "the journal keeps the number of partitions that it was made with");
    }
    u16::try_from(made).map_err(|_| StoreError::Corrupt(format!("{made} partitions")))
}
