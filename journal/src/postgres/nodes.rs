//! The nodes that share the schema. Their clock is the database's.

use super::connections::Connections;
use super::lease::{self, interval};
use super::number::unsigned;
use super::timers::{distinct, only};
use super::{PostgresStore, fault};
use crate::nodes::{GONE_KEPT, check};
use crate::{Claim, KnownNode, Member, NodeStore, Standing, StoreError, StoreResult};
use ionveil_kernel::NodeId;
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::time::Duration;

async fn announce(control: &Connections, member: &Member, standing: Standing, first: bool, lease: Duration) -> Result<(), StoreError> {
    check(member)?;
    let query = sqlx::query(include_str!("sql/announce.sql")).bind(member.node.0).bind(standing.number());
    let query = query.bind(&member.address).bind(&member.release).bind(first).bind(interval(lease)?).bind(interval(GONE_KEPT)?);
    control.rows(query).await.map(drop)
}

async fn nodes(control: &Connections) -> Result<Vec<KnownNode>, StoreError> {
    let rows = control.rows(sqlx::query(include_str!("sql/nodes.sql"))).await?;
    rows.iter().map(known).collect::<Result<Vec<_>, _>>().map_err(fault::repeatable)
}

fn known(row: &PgRow) -> Result<KnownNode, sqlx::Error> {
    let micros = |column| Ok::<_, sqlx::Error>(Duration::from_micros(unsigned(row.try_get(column)?)?));
    Ok(KnownNode {
        member: Member { node: NodeId(row.try_get(0)?), address: row.try_get(2)?, release: row.try_get(3)? },
        // What a later release calls otherwise takes no partitions that this one knows of.
        standing: Standing::from_number(row.try_get(1)?).unwrap_or(Standing::Starting),
        up_for: micros(4)?,
        silent_for: micros(5)?,
        remaining: micros(6)?,
    })
}

impl NodeStore for PostgresStore {
    fn announce<'a>(&'a self, member: &'a Member, standing: Standing, first: bool, lease: Duration) -> StoreResult<'a, ()> {
        Box::pin(announce(&self.control, member, standing, first, lease))
    }

    fn nodes(&self) -> StoreResult<'_, Vec<KnownNode>> {
        Box::pin(nodes(&self.control))
    }

    fn withdraw(&self, node: NodeId) -> StoreResult<'_, ()> {
        let query = sqlx::query(include_str!("sql/withdraw.sql")).bind(node.0);
        Box::pin(async move { self.control.rows(query).await.map(drop) })
    }

    fn claim_of<'a>(&'a self, node: NodeId, partitions: &'a [u16], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        Box::pin(lease::claim(&self.control, node, Some(distinct(partitions)), lease))
    }

    fn release_of<'a>(&'a self, node: NodeId, claims: &'a [Claim]) -> StoreResult<'a, ()> {
        Box::pin(lease::release_of(&self.control, node, claims))
    }

    fn secret(&self) -> StoreResult<'_, Option<Vec<u8>>> {
        Box::pin(async {
            let rows = self.control.rows(sqlx::query(include_str!("sql/secret.sql"))).await?;
            only::<Vec<u8>>(&rows).map(Some)
        })
    }
}
