//! Who owns which partition. The lease clock is the database's; every change of hands locks the head, so it waits for
//! an append under way, for `lock_timeout` at most.

use super::connections::Connections;
use super::fault;
use super::number::{self, unsigned};
use crate::{Claim, Lease, StoreError};
use ionveil_kernel::NodeId;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, Row};
use std::time::Duration;

/// `wanted`: only these; without, all.
pub(super) async fn claim(
    control: &Connections,
    node: NodeId,
    wanted: Option<Vec<i16>>,
    lease: Duration,
) -> Result<Vec<Claim>, StoreError> {
    let claimable = control.rows(sqlx::query(include_str!("sql/claimable.sql")).bind(node.0).bind(wanted)).await?;
    let mut claims = Vec::with_capacity(claimable.len());
    for row in &claimable {
        claims.extend(take_over(control, node, row.try_get(0).map_err(fault::repeatable)?, None, lease).await?);
    }
    Ok(claims)
}

pub(super) async fn reclaim(control: &Connections, node: NodeId, claims: &[Claim], lease: Duration) -> Result<Vec<Claim>, StoreError> {
    let mut raised = Vec::with_capacity(claims.len());
    for claim in claims {
        let (partition, epoch) = numbers(claim)?;
        raised.extend(take_over(control, node, partition, Some(epoch), lease).await?);
    }
    Ok(raised)
}

async fn take_over(
    control: &Connections,
    node: NodeId,
    partition: i16,
    epoch: Option<i64>,
    lease: Duration,
) -> Result<Option<Claim>, StoreError> {
    let query = sqlx::query(include_str!("sql/take_over.sql")).bind(partition).bind(node.0).bind(epoch).bind(interval(lease)?);
    let rows = control.rows(query).await?;
    let taken = |row: &PgRow| row.try_get::<Option<i64>, _>(0)?.map(|epoch| claimed(partition, epoch)).transpose();
    rows.first().map_or(Ok(None), taken).map_err(fault::repeatable)
}

pub(super) async fn heartbeat(control: &Connections, node: NodeId, claims: &[Claim], lease: Duration) -> Result<Vec<Claim>, StoreError> {
    let numbers = claims.iter().map(numbers).collect::<Result<Vec<_>, _>>()?;
    let (partitions, epochs): (Vec<i16>, Vec<i64>) = numbers.into_iter().unzip();
    let query = sqlx::query(include_str!("sql/heartbeat.sql")).bind(node.0).bind(partitions).bind(epochs).bind(interval(lease)?);
    let rows = control.rows(query).await?;
    let held = rows.iter().map(|row| claimed(row.try_get(0)?, row.try_get(1)?)).collect::<Result<Vec<_>, _>>();
    let held = held.map_err(fault::repeatable)?;
    Ok(claims.iter().filter(|claim| held.contains(claim)).copied().collect())
}

pub(super) async fn release(control: &Connections, node: NodeId) -> Result<(), StoreError> {
    control.rows(sqlx::query(include_str!("sql/release.sql")).bind(node.0)).await.map(|_| ())
}

pub(super) async fn release_of(control: &Connections, node: NodeId, claims: &[Claim]) -> Result<(), StoreError> {
    let numbers = claims.iter().map(numbers).collect::<Result<Vec<_>, _>>()?;
    let (partitions, epochs): (Vec<i16>, Vec<i64>) = numbers.into_iter().unzip();
    control.rows(sqlx::query(include_str!("sql/release_of.sql")).bind(node.0).bind(partitions).bind(epochs)).await.map(|_| ())
}

pub(super) async fn leases(control: &Connections) -> Result<Vec<Lease>, StoreError> {
    let rows = control.rows(sqlx::query(include_str!("sql/leases.sql"))).await?;
    rows.iter().map(leased).collect::<Result<Vec<_>, _>>().map_err(fault::repeatable)
}

/// Who holds what, as the transaction of `connection` sees it.
pub(super) async fn stored(connection: &mut PgConnection) -> Result<Vec<Lease>, StoreError> {
    let rows = sqlx::query(include_str!("sql/leases.sql")).fetch_all(connection).await.map_err(fault::repeatable)?;
    rows.iter().map(leased).collect::<Result<Vec<_>, _>>().map_err(fault::repeatable)
}

fn leased(row: &PgRow) -> Result<Lease, sqlx::Error> {
    let Claim { partition, epoch } = claimed(row.try_get(0)?, row.try_get(1)?)?;
    let remaining = Duration::from_micros(unsigned(row.try_get(3)?)?);
    Ok(Lease { partition, epoch, node: row.try_get::<Option<_>, _>(2)?.map(NodeId), remaining })
}

fn claimed(partition: i16, epoch: i64) -> Result<Claim, sqlx::Error> {
    Ok(Claim { partition: number::partition(partition)?, epoch: unsigned(epoch)? })
}

pub(super) fn numbers(claim: &Claim) -> Result<(i16, i64), StoreError> {
    let unlawful = |_| StoreError::Invalid(format!("no such claim: {claim:?}"));
    Ok((i16::try_from(claim.partition).map_err(unlawful)?, i64::try_from(claim.epoch).map_err(unlawful)?))
}

pub(super) fn interval(lease: Duration) -> Result<PgInterval, StoreError> {
    let microseconds = i64::try_from(lease.as_micros()).map_err(|_| StoreError::Invalid("the lease is too long".to_owned()))?;
    Ok(PgInterval { months: 0, days: 0, microseconds })
}
