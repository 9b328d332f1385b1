//! Statements over many rows at once, cut into a few fixed sizes so that each is prepared once, and the binding of values.

use super::fault;
use crate::StoreError;
use sqlx::sqlite::SqliteArguments;
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

    /// Cuts `rows` into pieces that a statement fits exactly.
    pub(super) fn pieces<'a, T>(&'a self, rows: &'a [T]) -> impl Iterator<Item = (SqlStr, &'a [T])> {
        let mut rest = rows;
        std::iter::from_fn(move || {
            let (size, sql) = self.variants.iter().find(|(size, _)| *size <= rest.len())?;
            let (piece, after) = rest.split_at(*size);
            rest = after;
            Some((sql.clone(), piece))
        })
    }

    /// Room for the values of `rows` rows.
    pub(super) fn values(&self, rows: usize) -> Values {
        let mut values = Values(SqliteArguments::default());
        values.0.reserve(self.columns * rows, 0);
        values
    }
}

/// Values to be bound, in order.
#[derive(Default)]
pub(super) struct Values(pub(super) SqliteArguments);

impl Values {
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
