//! Nodes on a file: one process has it, so that only nodes of that process can share it, and they know each other through the
//! process.

use super::{SqliteStore, bits};
use crate::nodes::check;
use crate::{Claim, KnownNode, Member, NodeStore, Standing, StoreResult};
use ionveil_kernel::NodeId;
use std::future::ready;
use std::time::Duration;
use tokio::time::Instant;

impl SqliteStore {
    fn since_opened(&self) -> Duration {
        Instant::now().saturating_duration_since(self.opened)
    }
}

impl NodeStore for SqliteStore {
    fn announce<'a>(&'a self, member: &'a Member, standing: Standing, first: bool, lease: Duration) -> StoreResult<'a, ()> {
        let checked = check(member);
        Box::pin(ready(checked.map(|()| self.nodes.announce(member, standing, first, lease, self.since_opened()))))
    }

    fn nodes(&self) -> StoreResult<'_, Vec<KnownNode>> {
        Box::pin(ready(Ok(self.nodes.nodes(self.since_opened()))))
    }

    fn withdraw(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.nodes.withdraw(node);
        Box::pin(ready(Ok(())))
    }

    fn claim_of<'a>(&'a self, node: NodeId, partitions: &'a [u16], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        Box::pin(self.claim_free(node, bits(partitions), lease))
    }

    fn release_of<'a>(&'a self, node: NodeId, claims: &'a [Claim]) -> StoreResult<'a, ()> {
        Box::pin(self.give_up_some(node, claims))
    }

    /// There is nobody to keep it from.
    fn secret(&self) -> StoreResult<'_, Option<Vec<u8>>> {
        Box::pin(ready(Ok(None)))
    }
}
