//! Who owns which partition: epochs and leases. Lease time is the clock of this machine as SQLite reads it.

use super::SqliteStore;
use super::columns::Columns;
use super::fault;
use crate::{Claim, Lease, StoreError};
use ionveil_kernel::NodeId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use std::time::Duration;

impl SqliteStore {
    pub(super) async fn claim_free(&self, node: NodeId, wanted: i64, lease: Duration) -> Result<Vec<Claim>, StoreError> {
        let mut write = self.begin().await?;
        let outcome = claim(write.connection(), node, wanted, lease).await;
        write.end(outcome).await
    }

    pub(super) async fn raise_epochs(&self, node: NodeId, claims: &[Claim], lease: Duration) -> Result<Vec<Claim>, StoreError> {
        let mut write = self.begin().await?;
        let outcome = reclaim(write.connection(), node, claims, lease).await;
        write.end(outcome).await
    }

    pub(super) async fn prolong_leases(&self, node: NodeId, claims: &[Claim], lease: Duration) -> Result<Vec<Claim>, StoreError> {
        let mut write = self.begin().await?;
        let outcome = heartbeat(write.connection(), node, claims, lease).await;
        write.end(outcome).await
    }

    pub(super) async fn give_up_leases(&self, node: NodeId) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let released = sqlx::query(include_str!("sql/release_leases.sql")).bind(node.0).execute(write.connection()).await;
        write.end(released.map(drop).map_err(fault::of)).await
    }

    pub(super) async fn give_up_some(&self, node: NodeId, claims: &[Claim]) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let outcome = release(write.connection(), node, claims).await;
        write.end(outcome).await
    }

    pub(super) async fn all_leases(&self) -> Result<Vec<Lease>, StoreError> {
        let rows = sqlx::query(include_str!("sql/leases.sql")).fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(lease).collect()
    }
}

/// Who holds what, as the transaction of `connection` sees it.
pub(super) async fn stored(connection: &mut SqliteConnection) -> Result<Vec<Lease>, StoreError> {
    let rows = sqlx::query(include_str!("sql/leases.sql")).fetch_all(connection).await.map_err(fault::of)?;
    rows.iter().map(lease).collect()
}

/// `wanted`: a bit for each partition.
async fn claim(connection: &mut SqliteConnection, node: NodeId, wanted: i64, lease: Duration) -> Result<Vec<Claim>, StoreError> {
    let taken = sqlx::query(include_str!("sql/claim_leases.sql")).bind(node.0).bind(micros(lease)).bind(wanted);
    let rows = taken.fetch_all(&mut *connection).await.map_err(fault::of)?;
    let mut partitions = rows.iter().map(|row| Columns(row).count::<u16>(0)).collect::<Result<Vec<_>, _>>()?;
    partitions.sort_unstable();
    let mut claims = Vec::with_capacity(partitions.len());
    for partition in partitions {
        claims.push(raise(connection, partition).await?);
    }
    Ok(claims)
}

async fn raise(connection: &mut SqliteConnection, partition: u16) -> Result<Claim, StoreError> {
    let raised = sqlx::query(include_str!("sql/raise_epoch.sql")).bind(partition).fetch_all(connection).await.map_err(fault::of)?;
    let row = raised.first().ok_or_else(|| StoreError::Corrupt(format!("no head of partition {partition}")))?;
    Ok(Claim { partition, epoch: Columns(row).count(0)? })
}

async fn reclaim(connection: &mut SqliteConnection, node: NodeId, claims: &[Claim], lease: Duration) -> Result<Vec<Claim>, StoreError> {
    let held = heartbeat(connection, node, claims, lease).await?;
    let mut raised = Vec::with_capacity(held.len());
    for claim in held {
        raised.push(raise(connection, claim.partition).await?);
    }
    Ok(raised)
}

async fn heartbeat(connection: &mut SqliteConnection, node: NodeId, claims: &[Claim], lease: Duration) -> Result<Vec<Claim>, StoreError> {
    let mut held = Vec::with_capacity(claims.len());
    for claim in claims {
        let epoch = i64::try_from(claim.epoch).map_err(|_| fault::out_of_range("epoch"))?;
        let prolong = sqlx::query(include_str!("sql/prolong_lease.sql")).bind(claim.partition).bind(node.0).bind(epoch).bind(micros(lease));
        if prolong.execute(&mut *connection).await.map_err(fault::of)?.rows_affected() == 1 {
            held.push(*claim);
        }
    }
    Ok(held)
}

async fn release(connection: &mut SqliteConnection, node: NodeId, claims: &[Claim]) -> Result<(), StoreError> {
    for claim in claims {
        let release = sqlx::query(include_str!("sql/release_lease.sql")).bind(claim.partition).bind(node.0).bind(super::epoch(*claim)?);
        release.execute(&mut *connection).await.map_err(fault::of)?;
    }
    Ok(())
}

/// Bounded by a century, so that adding it to the clock cannot overflow.
fn micros(lease: Duration) -> i64 {
    const CENTURY: i64 = 100 * 366 * 86_400 * 1_000_000;
    i64::try_from(lease.as_micros()).unwrap_or(CENTURY).min(CENTURY)
}

fn lease(row: &SqliteRow) -> Result<Lease, StoreError> {
    let columns = Columns(row);
    Ok(Lease {
        partition: columns.count(0)?,
        epoch: columns.count(1)?,
        node: columns.maybe_uuid(2)?.map(NodeId),
        remaining: Duration::from_micros(columns.count(3)?),
    })
}
