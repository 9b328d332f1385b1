//! Opening a file: settings, migrations, and the rows that are there from the first day. The lock on the data directory
//! is taken elsewhere.

use super::append::Statements;
use super::columns::Columns;
use super::lane::Lane;
use super::rows::ManyRows;
use super::{SqliteSettings, SqliteStore, fault};
use crate::nodes::NodeTable;
use crate::recent::Recent;
use crate::{PARTITIONS_MAX, StoreError};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr};
use std::path::Path;

/// The form of what is stored; a file of another form is refused.
const FORMAT: i64 = 1;
/// Pages (of 4 KiB) in the log after which a commit folds them back. Measured: 1,000 (the default) syncs the file too
/// often under load; at 4,000 a log left by a crash is still read in some 20 ms.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Pages that the writer keeps: 16 MiB. A commit that has split pages looks through all that are kept (`pcache1Truncate`, 1.4 ms
/// with 64 MiB); what is not kept is in the system's cache.
const WRITER_CACHE: &str = "-16384";
/// The log's file is cut to this when it begins anew.
const LOG_BYTES_KEPT: u32 = 32 << 20;

/// Opens for writing; makes the file and its tables where they are missing.
pub(super) async fn writable(path: &Path, settings: SqliteSettings) -> Result<SqliteStore, StoreError> {
    if settings.partitions == 0 || settings.partitions > PARTITIONS_MAX {
        return Err(StoreError::Invalid(format!("partitions must be from 1 to {PARTITIONS_MAX}")));
    }
    let options = write_options(path, settings);
    let mut connection = options.connect().await.map_err(fault::of)?;
    migrator().run_direct(None, &mut connection, false).await.map_err(fault::of_migration)?;
    initialise(&mut connection, settings.partitions).await?;
    let partitions = partitions(&mut connection).await?;
    let readers = readers(path, settings);
    Ok(store(partitions, Some(Lane::new(options, connection)), readers))
}

/// Opens for reading beside the process that writes.
pub(super) async fn read_only(path: &Path) -> Result<SqliteStore, StoreError> {
    let settings = SqliteSettings::default();
    let mut connection = read_options(path, settings).connect().await.map_err(fault::of)?;
    let partitions = partitions(&mut connection).await?;
    Ok(store(partitions, None, readers(path, settings)))
}

fn store(partitions: u16, lane: Option<Lane>, readers: SqlitePool) -> SqliteStore {
    let insert_outbox = ManyRows::new(include_str!("sql/insert_outbox.sql"), 15);
    let (nodes, opened, recent) = (NodeTable::default(), tokio::time::Instant::now(), Recent::new(partitions));
    SqliteStore { partitions, lane, readers, statements: Statements::new(), insert_outbox, recent, nodes, opened }
}

fn migrator() -> Migrator {
    let step = |version, name: &'static str, text: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        step(1, "journal", include_str!("../../../migrations/sqlite/journal/0001_journal.sql")),
        step(2, "timers", include_str!("../../../migrations/sqlite/journal/0002_timers.sql")),
        step(3, "outbox", include_str!("../../../migrations/sqlite/journal/0003_outbox.sql")),
        step(4, "dead letters", include_str!("../../../migrations/sqlite/journal/0004_dead_letters.sql")),
    ])
}

fn write_options(path: &Path, settings: SqliteSettings) -> SqliteConnectOptions {
    let options = common_options(path, settings)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
        .pragma("cache_size", WRITER_CACHE);
    match settings.pages_max {
        Some(pages) => options.pragma("max_page_count", pages.to_string()),
        None => options,
    }
}

fn read_options(path: &Path, settings: SqliteSettings) -> SqliteConnectOptions {
    common_options(path, settings).read_only(true)
}

pub(super) fn common_options(path: &Path, settings: SqliteSettings) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(settings.busy_timeout)
        .foreign_keys(false)
        .row_buffer_size(256)
        .pragma("cache_size", "-16384")
        .disable_statement_logging()
}

fn readers(path: &Path, settings: SqliteSettings) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(settings.readers).test_before_acquire(false).max_lifetime(None);
    pool.connect_lazy_with(read_options(path, settings))
}

/// The first opening decides how many partitions there are; later ones find the rows.
async fn initialise(connection: &mut SqliteConnection, partitions: u16) -> Result<(), StoreError> {
    let meta = sqlx::query(include_str!("sql/initialise.sql")).bind(partitions).bind(FORMAT);
    meta.execute(&mut *connection).await.map_err(fault::of)?;
    sqlx::query(include_str!("sql/initialise_heads.sql")).execute(&mut *connection).await.map_err(fault::of)?;
    sqlx::query(include_str!("sql/initialise_leases.sql")).execute(&mut *connection).await.map_err(fault::of)?;
    Ok(())
}

pub(super) async fn partitions(connection: &mut SqliteConnection) -> Result<u16, StoreError> {
    let row = sqlx::query(include_str!("sql/meta.sql")).fetch_one(connection).await.map_err(fault::of)?;
    let columns = Columns(&row);
    match columns.integer(1)? {
        FORMAT => columns.count(0),
        other => Err(StoreError::Incompatible(format!("format {other}, this release reads {FORMAT}"))),
    }
}
