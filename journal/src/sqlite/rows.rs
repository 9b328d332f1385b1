//! Statements over many rows at once, cut into a few fixed sizes so that each is prepared once, and the binding of values.

use super::fault;
use crate::StoreError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, SqlSafeStr, SqlStr};
use std::sync::Arc;

/// Rows per statement, largest first. 256 is the usual batch; 256 × 17 columns stay far below SQLite's 32,766 variables.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// One statement in several sizes.
pub(super) struct ManyRows {
    columns: usize,
    variants: Vec<(usize, SqlStr)>,
}

impl ManyRows {
    /// Takes a text that holds `/*rows*/` where the rows of `columns` values go.
    pub(super) fn new(text: &str, columns: usize) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let variant = |size: usize| {
            let text: Arc<str> = text.replace("/*rows*/", &vec![row.as_str(); size].join(",")).into();
            (size, AssertSqlSafe(text).into_sql_str())
        };
        Self { columns, variants: SIZES.into_iter().map(variant).collect() }
    }

    /// The statements for `rows`, with the values that `push` lays out for each; it is told the row's number.
    pub(super) fn filled<'a, T>(
        &'a self,
        rows: &'a [T],
        push: impl Fn(&mut Values, usize, &T) -> Result<(), StoreError> + 'a,
    ) -> impl Iterator<Item = Result<(SqlStr, Values), StoreError>> + 'a {
        let mut done = 0;
        std::iter::from_fn(move || {
            let (size, sql) = self.variants.iter().find(|(size, _)| *size <= rows.len() - done)?;
            let mut values = Values::with_room(size * self.columns);
            let laid_out = (done..).zip(&rows[done..done + size]).try_for_each(|(n, row)| push(&mut values, n, row));
            done += size;
            Some(laid_out.map(|()| (sql.clone(), values)))
        })
    }

    /// What the statements for `rows` find, one after the other.
    pub(super) async fn fetch<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        push: impl Fn(&mut Values, usize, &T) -> Result<(), StoreError>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut found = Vec::new();
        for statement in self.filled(rows, push) {
            let (sql, values) = statement?;
            found.extend(sqlx::query_with(sql, values.0).fetch_all(&mut *connection).await.map_err(fault::of)?);
        }
        Ok(found)
    }
}

/// Values to be bound, in order.
#[derive(Default)]
pub(super) struct Values(pub(super) SqliteArguments);

impl Values {
    fn with_room(values: usize) -> Self {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(values, 0);
        Self(arguments)
    }

    /// Adds one value.
    pub(super) fn push<'t, T>(&mut self, value: T) -> Result<(), StoreError>
    where
        T: sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 't,
    {
        self.0.add(value).map_err(|error| StoreError::Invalid(error.to_string()))
    }

    /// Adds a count or place; SQLite's integers have 63 bits for it.
    pub(super) fn push_count(&mut self, what: &'static str, value: u64) -> Result<(), StoreError> {
        let value = i64::try_from(value).map_err(|_| fault::out_of_range(what))?;
        self.push(value)
    }
}
