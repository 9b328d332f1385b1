//! Nodes in memory: several of one process may share the store.

use super::{MemoryStore, Partition};
use crate::nodes::check;
use crate::{Claim, KnownNode, Member, NodeStore, Standing, StoreResult};
use ionveil_kernel::NodeId;
use std::time::Duration;

impl MemoryStore {
    /// Takes what is free of the partitions that are `wanted`.
    pub(super) fn take(&self, node: NodeId, lease: Duration, wanted: impl Fn(u16) -> bool) -> StoreResult<'_, Vec<Claim>> {
        let now = self.env.monotonic();
        self.with(|inner| {
            let free = |partition: &Partition| partition.node.is_none_or(|owner| owner == node) || partition.lease_until <= now;
            let taken = inner.partitions.iter_mut().zip(0_u16..).filter(|(partition, number)| wanted(*number) && free(partition));
            let take = |(partition, number): (&mut Partition, u16)| {
                partition.epoch += 1;
                partition.node = Some(node);
                partition.lease_until = now + lease;
                Claim { partition: number, epoch: partition.epoch }
            };
            taken.map(take).collect()
        })
    }
}

impl NodeStore for MemoryStore {
    fn announce<'a>(&'a self, member: &'a Member, standing: Standing, first: bool, lease: Duration) -> StoreResult<'a, ()> {
        let checked = check(member);
        self.attempt(|_| checked.map(|()| self.nodes.announce(member, standing, first, lease, self.env.monotonic())))
    }

    fn nodes(&self) -> StoreResult<'_, Vec<KnownNode>> {
        self.with(|_| self.nodes.nodes(self.env.monotonic()))
    }

    fn withdraw(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.with(|_| self.nodes.withdraw(node))
    }

    fn claim_of<'a>(&'a self, node: NodeId, partitions: &'a [u16], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.take(node, lease, |partition| partitions.contains(&partition))
    }

    fn release_of<'a>(&'a self, node: NodeId, claims: &'a [Claim]) -> StoreResult<'a, ()> {
        self.with(|inner| {
            for claim in claims {
                let Some(partition) = inner.partitions.get_mut(usize::from(claim.partition)) else { continue };
                if partition.node == Some(node) && partition.epoch == claim.epoch {
                    partition.node = None;
                    partition.lease_until = Duration::ZERO;
                }
            }
        })
    }

    fn secret(&self) -> StoreResult<'_, Option<Vec<u8>>> {
        self.with(|_| Some(self.secret.to_vec()))
    }
}
