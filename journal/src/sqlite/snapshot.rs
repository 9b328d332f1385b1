//! Folded states, kept to save time. It does not know when one is out of date: the reader compares versions.

use super::SqliteStore;
use super::columns::Columns;
use super::fault;
use super::rows::Values;
use crate::{Snapshot, StoreError};
use ionveil_kernel::StreamId;
use sqlx::sqlite::SqliteRow;

impl SqliteStore {
    pub(super) async fn find_snapshot(&self, owner: &StreamId) -> Result<Option<Snapshot>, StoreError> {
        let query =
            sqlx::query(include_str!("sql/find_snapshot.sql")).bind(owner.org.as_str()).bind(owner.kind.as_str()).bind(owner.id.as_str());
        let row = query.fetch_optional(&self.readers).await.map_err(fault::of)?;
        row.as_ref().map(snapshot).transpose()
    }

    pub(super) async fn keep_snapshot(&self, owner: &StreamId, snapshot: &Snapshot) -> Result<(), StoreError> {
        let values = values(owner, snapshot)?;
        let mut write = self.begin().await?;
        let put = sqlx::query_with(include_str!("sql/put_snapshot.sql"), values.0).execute(write.connection()).await;
        write.end(put.map(drop).map_err(fault::of)).await
    }
}

fn values(owner: &StreamId, snapshot: &Snapshot) -> Result<Values, StoreError> {
    let mut values = Values::default();
    values.push(owner.org.as_str())?;
    values.push(owner.kind.as_str())?;
    values.push(owner.id.as_str())?;
    values.push(snapshot.state_schema)?;
    values.push(snapshot.reducer)?;
    values.push_count("version", snapshot.version)?;
    values.push_count("position", snapshot.position)?;
    values.push(snapshot.occurred_at.micros())?;
    values.push(snapshot.recorded_at.micros())?;
    values.push(snapshot.state.as_str())?;
    Ok(values)
}

fn snapshot(row: &SqliteRow) -> Result<Snapshot, StoreError> {
    let columns = Columns(row);
    Ok(Snapshot {
        state_schema: columns.count(0)?,
        reducer: columns.count(1)?,
        version: columns.count(2)?,
        position: columns.count(3)?,
        occurred_at: columns.instant(4)?,
        recorded_at: columns.instant(5)?,
        state: columns.text(6)?.to_owned(),
    })
}
