//! Commands that were set aside.

use super::SqliteStore;
use super::columns::Columns;
use super::fault;
use super::rows::Values;
use crate::dead_letters::check;
use crate::outbox::without_zero;
use crate::{DeadLetter, DeadLetterStore, StoreError, StoreResult};
use ionveil_kernel::{CommandId, Org};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use uuid::Uuid;

impl SqliteStore {
    /// Whether one row was changed by `query`.
    async fn changes_one(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let changed = query.execute(write.connection()).await.map_err(fault::of);
        write.end(changed.map(|changed| changed.rows_affected() == 1)).await
    }

    async fn park_letter(&self, letter: &DeadLetter, max: u64) -> Result<bool, StoreError> {
        check(letter)?;
        let values = values(letter, max)?;
        self.changes_one(sqlx::query_with(include_str!("sql/park.sql"), values.0)).await
    }

    async fn letters(&self, org: Option<&Org>, after: Option<Uuid>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let query = sqlx::query(include_str!("sql/dead_letters.sql"))
            .bind(org.map(Org::as_str))
            .bind(after.map_or(Vec::new(), |after| after.as_bytes().to_vec()))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(letter).collect()
    }

    async fn one_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let query = sqlx::query(include_str!("sql/dead_letter.sql")).bind(id);
        query.fetch_optional(&self.readers).await.map_err(fault::of)?.as_ref().map(letter).transpose()
    }
}

impl DeadLetterStore for SqliteStore {
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool> {
        Box::pin(self.park_letter(letter, max))
    }

    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>> {
        Box::pin(self.letters(org, after, limit))
    }

    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>> {
        Box::pin(self.one_letter(id))
    }

    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool> {
        Box::pin(self.changes_one(sqlx::query(include_str!("sql/discard.sql")).bind(id)))
    }
}

fn values(letter: &DeadLetter, max: u64) -> Result<Values, StoreError> {
    let mut values = Values::default();
    values.push(letter.id)?;
    values.push(letter.owner.org.as_str())?;
    values.push(letter.owner.kind.as_str())?;
    values.push(letter.owner.id.as_str())?;
    values.push(letter.command_id.0)?;
    values.push(letter.command.as_str())?;
    values.push(letter.meta.as_str())?;
    values.push(without_zero(&letter.fault).into_owned())?;
    values.push(letter.panics)?;
    values.push(letter.parked_at.micros())?;
    values.push(i64::try_from(max).unwrap_or(i64::MAX))?;
    Ok(values)
}

fn letter(row: &SqliteRow) -> Result<DeadLetter, StoreError> {
    let columns = Columns(row);
    Ok(DeadLetter {
        id: columns.uuid(0)?,
        owner: columns.stream(1)?,
        command_id: CommandId(columns.uuid(4)?),
        command: columns.text(5)?.to_owned(),
        meta: columns.text(6)?.to_owned(),
        fault: columns.text(7)?.to_owned(),
        panics: columns.count(8)?,
        parked_at: columns.instant(9)?,
    })
}
