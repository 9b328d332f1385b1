//! A file that is copied elsewhere: read row by row, and written by nobody meanwhile.

use super::columns::Columns;
use super::{SqliteSettings, fault, lease, open};
use crate::copy::{CopyError, Ends, Form, Table, partition_of, write_hex, write_text};
use crate::{Lease, StoreError};
use futures_util::{Stream, TryStreamExt};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::path::Path;
use std::pin::Pin;

/// The rows of a table.
type Rows<'a> = Pin<Box<dyn Stream<Item = Result<SourceRow, StoreError>> + Send + 'a>>;

/// A transaction that holds the file's write lock until it is dropped; it changes nothing.
pub(crate) struct Source {
    connection: SqliteConnection,
    pub(crate) partitions: u16,
    /// By partition.
    pub(crate) epochs: Vec<u64>,
}

/// One row.
pub(crate) struct SourceRow(SqliteRow);

impl Source {
    /// Opens the file, which must be there and owned by nobody.
    ///
    /// # Errors
    /// `InUse`, `Source`.
    pub(crate) async fn open(path: &Path) -> Result<Self, CopyError> {
        let (connection, partitions, leases) = Self::locked(path).await.map_err(CopyError::Source)?;
        match leases.iter().find(|lease| lease.node.is_some() && !lease.remaining.is_zero()) {
            Some(lease) => Err(CopyError::InUse { which: "the source", lease: *lease }),
            None => Ok(Self { connection, partitions, epochs: leases.iter().map(|lease| lease.epoch).collect() }),
        }
    }

    async fn locked(path: &Path) -> Result<(SqliteConnection, u16, Vec<Lease>), StoreError> {
        let options = open::common_options(path, SqliteSettings::default());
        let mut connection = options.connect().await.map_err(fault::of)?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.map_err(fault::of)?;
        let partitions = open::partitions(&mut connection).await?;
        let leases = lease::stored(&mut connection).await?;
        match leases.len() == usize::from(partitions) {
            true => Ok((connection, partitions, leases)),
            false => Err(StoreError::Corrupt(format!("{partitions} partitions and {} leases", leases.len()))),
        }
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// As any read.
    pub(crate) async fn count(&mut self, table: &Table) -> Result<u64, StoreError> {
        let query = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {}", table.name)));
        let row = query.fetch_one(&mut self.connection).await.map_err(fault::of)?;
        Columns(&row).count(0)
    }

    /// Events and last position of each partition that has events.
    ///
    /// # Errors
    /// As any read.
    pub(crate) async fn heads(&mut self) -> Result<Ends, StoreError> {
        let query = sqlx::query("SELECT partition, count(*), max(position) FROM events GROUP BY partition");
        let rows = query.fetch_all(&mut self.connection).await.map_err(fault::of)?;
        let end = |row: &SqliteRow| Ok((Columns(row).count(0)?, (Columns(row).count(1)?, Columns(row).count(2)?)));
        rows.iter().map(end).collect()
    }

    /// All rows of a table, a few at a time.
    pub(crate) fn rows(&mut self, table: &Table) -> Rows<'_> {
        let query = format!("SELECT {} FROM {} ORDER BY {}", table.names(), table.name, table.order);
        Box::pin(sqlx::query(AssertSqlSafe(query)).fetch(&mut self.connection).map_ok(SourceRow).map_err(fault::of))
    }
}

impl SourceRow {
    /// Adds the row as a line for `COPY`.
    ///
    /// # Errors
    /// `Corrupt` if a value is not of its form.
    pub(crate) fn write(&self, table: &Table, partitions: u16, line: &mut Vec<u8>) -> Result<(), StoreError> {
        for (column, (_, form)) in table.columns.iter().enumerate() {
            if column > 0 {
                line.push(b'\t');
            }
            self.value(column, *form, line)?;
        }
        if table.partition_missing {
            partition_of(&Columns(&self.0).stream(0)?, partitions, line);
        }
        line.push(b'\n');
        Ok(())
    }

    fn value(&self, column: usize, form: Form, line: &mut Vec<u8>) -> Result<(), StoreError> {
        let columns = Columns(&self.0);
        if columns.is_null(column)? {
            line.extend_from_slice(b"\\N");
            return Ok(());
        }
        match form {
            Form::Number => line.extend_from_slice(columns.integer(column)?.to_string().as_bytes()),
            Form::Truth => line.push(if columns.integer(column)? == 0 { b'f' } else { b't' }),
            Form::Uuid => write_hex(columns.uuid(column)?.as_bytes(), line),
            Form::Bytes => {
                line.extend_from_slice(b"\\\\x");
                write_hex(columns.bytes(column)?, line);
            }
            Form::Text => write_text(columns.text(column)?, line),
        }
        Ok(())
    }
}
