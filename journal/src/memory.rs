//! The store in memory: for tests, simulation and what may be forgotten. The plainest form of the contract.

mod dead_letters;
mod nodes;
mod outbox;
mod timers;

use crate::nodes::NodeTable;
use crate::{
    Append, ArmedTimer, Claim, DeadLetter, Filter, Lease, OutboxRow, Page, Receipt, Snapshot, Store, StoreError, StoreResult, Verdict,
};
use ionveil_kernel::{BoxFuture, CommandId, Env, NodeId, Org, Recorded, StreamId, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;
use uuid::Uuid;

/// The same in every run: a simulation repeats itself. Whoever lets strangers choose names keeps them elsewhere.
type Fixed = foldhash::fast::FixedState;

/// Keeps everything in this process; it is gone with it.
pub struct MemoryStore {
    env: Env,
    inner: Mutex<Inner>,
    nodes: NodeTable,
    secret: [u8; 16],
}

#[derive(Default)]
struct Inner {
    partitions: Vec<Partition>,
    streams: HashMap<StreamId, Vec<(u16, usize)>, Fixed>,
    owned: HashMap<StreamId, Vec<(u16, usize)>, Fixed>,
    receipts: HashMap<(StreamId, CommandId), Receipt, Fixed>,
    snapshots: BTreeMap<StreamId, Snapshot>,
    timers: BTreeMap<(StreamId, String), ArmedTimer>,
    /// Those of them that wait, by when they are due.
    due: BTreeSet<timers::Place>,
    /// By reactor and partition.
    checkpoints: BTreeMap<(String, u16), u64>,
    outbox: BTreeMap<Uuid, OutboxRow>,
    dead_letters: BTreeMap<Uuid, DeadLetter>,
}

#[derive(Default)]
struct Partition {
    epoch: u64,
    node: Option<NodeId>,
    lease_until: Duration,
    events: Vec<Recorded>,
}

impl MemoryStore {
    /// An empty store of `partitions` partitions (1 to 64) whose lease clock is `env`'s monotonic one.
    #[must_use]
    pub fn new(env: Env, partitions: u16) -> Self {
        let partitions = (0..partitions.clamp(1, crate::PARTITIONS_MAX)).map(|_| Partition::default()).collect();
        let secret = env.random().to_be_bytes();
        Self { env, inner: Mutex::new(Inner { partitions, ..Inner::default() }), nodes: NodeTable::default(), secret }
    }

    fn with<T: Send + 'static>(&self, f: impl FnOnce(&mut Inner) -> T) -> StoreResult<'_, T> {
        self.attempt(|inner| Ok(f(inner)))
    }

    fn attempt<T: Send + 'static>(&self, f: impl FnOnce(&mut Inner) -> Result<T, StoreError>) -> StoreResult<'_, T> {
        let result = f(&mut self.inner.lock());
        Box::pin(std::future::ready(result))
    }
}

impl Inner {
    fn append<'a>(&mut self, claims: &[Claim], batch: &'a [Append], now: Timestamp) -> Vec<Verdict> {
        // Of this batch: the commands, and the owners of what was turned away.
        let (mut seen, mut broken) = (HashSet::<_, Fixed>::default(), HashSet::<_, Fixed>::default());
        let mut verdict = |append: &'a Append| {
            let twice = !seen.insert((&append.owner, append.command_id));
            let verdict = if twice { Verdict::Conflict } else { self.judge(claims, append, broken.contains(&append.owner), now) };
            if !matches!(verdict, Verdict::Accepted(_)) {
                broken.insert(&append.owner);
            }
            verdict
        };
        batch.iter().map(&mut verdict).collect()
    }

    fn judge(&mut self, claims: &[Claim], append: &Append, broken: bool, now: Timestamp) -> Verdict {
        let partition = append.owner.partition(u16::try_from(self.partitions.len()).unwrap_or(u16::MAX));
        let epoch = self.partitions[usize::from(partition)].epoch;
        if !claims.contains(&Claim { partition, epoch }) {
            return Verdict::Fenced;
        }
        match self.receipts.get(&(append.owner.clone(), append.command_id)) {
            Some(receipt) => Verdict::Duplicate(receipt.clone()),
            None if broken || !self.follows(append) => Verdict::Conflict,
            None => Verdict::Accepted(self.store(partition, append, now)),
        }
    }

    /// Whether `claim` is the present one of its partition.
    fn holds(&self, claim: Claim) -> bool {
        self.partitions.get(usize::from(claim.partition)).is_some_and(|partition| partition.epoch == claim.epoch)
    }

    fn follows(&self, append: &Append) -> bool {
        let mut expected: BTreeMap<&StreamId, u64> = BTreeMap::new();
        append.events.iter().all(|event| {
            let last = expected.entry(&event.stream).or_insert_with(|| self.streams.get(&event.stream).map_or(0, |s| s.len() as u64));
            *last += 1;
            *last == event.sequence_number
        })
    }

    fn store(&mut self, number: u16, append: &Append, now: Timestamp) -> Receipt {
        let partition = &mut self.partitions[usize::from(number)];
        let recorded_at = partition.events.last().map_or(now, |last| last.recorded_at.max(now));
        for event in &append.events {
            let place = (number, partition.events.len());
            self.streams.entry(event.stream.clone()).or_default().push(place);
            self.owned.entry(append.owner.clone()).or_default().push(place);
            let position = partition.events.len() as u64 + 1;
            partition.events.push(append.recorded(event, number, position, recorded_at));
        }
        let receipt = Receipt {
            command_id: append.command_id,
            body_hash: append.body_hash,
            version: append.version,
            partition: number,
            position: partition.events.len() as u64,
            events: u32::try_from(append.events.len()).unwrap_or(u32::MAX),
            recorded_at,
        };
        self.receipts.insert((append.owner.clone(), append.command_id), receipt.clone());
        self.change_timers(number, append, receipt.position);
        receipt
    }

    fn at(&self, place: (u16, usize)) -> &Recorded {
        &self.partitions[usize::from(place.0)].events[place.1]
    }
}

impl Store for MemoryStore {
    fn partitions(&self) -> u16 {
        u16::try_from(self.inner.lock().partitions.len()).unwrap_or(u16::MAX)
    }

    fn immediate(&self) -> bool {
        true
    }

    fn append<'a>(&'a self, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>> {
        self.attempt(|inner| {
            batch.iter().try_for_each(crate::timers::check)?;
            Ok(inner.append(claims, batch, now))
        })
    }

    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>> {
        self.with(|inner| commands.iter().map(|id| inner.receipts.get(&(owner.clone(), *id)).cloned()).collect())
    }

    fn read_entity<'a>(
        &'a self,
        owner: &'a StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> StoreResult<'a, Vec<Recorded>> {
        self.with(|inner| {
            let places = inner.owned.get(owner).map(Vec::as_slice).unwrap_or_default();
            let main = inner.streams.get(owner).and_then(|main| main.get(usize::try_from(after_version).ok()?));
            // The first that can be wanted: the next one of the main stream, or of a part.
            let first = main.map_or(u64::MAX, |place| inner.at(*place).position).min(after_position.saturating_add(1));
            let start = places.partition_point(|place| inner.at(*place).position < first);
            let fresh = places[start..].iter().map(|place| inner.at(*place)).filter(|event| match event.stream == *owner {
                true => event.sequence_number > after_version,
                false => event.position > after_position,
            });
            fresh.take(limit).cloned().collect()
        })
    }

    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        self.with(|inner| {
            inner.streams.get(stream).into_iter().flatten().skip(skip).take(limit).map(|place| inner.at(*place).clone()).collect()
        })
    }

    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        self.with(|inner| {
            let Some(partition) = inner.partitions.get(usize::from(partition)).filter(|_| limit > 0) else {
                return Page { events: Vec::new(), scanned_to: after };
            };
            let wanted = partition.events.iter().skip(skip).filter(|event| filter.admits(event));
            let events: Vec<_> = wanted.take(limit).cloned().collect();
            let full = events.len() == limit;
            let end = (partition.events.len() as u64).max(after);
            let scanned_to = events.last().filter(|_| full).map_or(end, |last| last.position);
            Page { events, scanned_to }
        })
    }

    fn heads(&self) -> StoreResult<'_, Vec<u64>> {
        self.with(|inner| inner.partitions.iter().map(|partition| partition.events.len() as u64).collect())
    }

    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>> {
        self.with(|inner| {
            let mut names: Vec<_> = inner.owned.keys().filter(|name| after.is_none_or(|after| *name > after)).collect();
            names.sort_unstable();
            names.into_iter().take(limit).cloned().collect()
        })
    }

    fn organisations<'a>(&'a self, after: Option<&'a Org>, limit: usize) -> StoreResult<'a, Vec<Org>> {
        self.with(|inner| {
            let names = inner.owned.keys().map(|name| &name.org).filter(|org| after.is_none_or(|after| *org > after));
            names.collect::<BTreeSet<_>>().into_iter().take(limit).cloned().collect()
        })
    }

    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>> {
        self.with(|inner| inner.snapshots.get(owner).cloned())
    }

    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()> {
        self.with(|inner| {
            let newer = inner.snapshots.get(owner).is_none_or(|old| old.version <= snapshot.version || old.reducer != snapshot.reducer);
            if newer {
                inner.snapshots.insert(owner.clone(), snapshot.clone());
            }
        })
    }

    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>> {
        self.take(node, lease, |_| true)
    }

    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        let now = self.env.monotonic();
        self.with(|inner| {
            let raise = |claim: &Claim| {
                let partition = &mut inner.partitions[usize::from(claim.partition)];
                let held = partition.node == Some(node) && partition.epoch == claim.epoch;
                held.then(|| {
                    partition.epoch += 1;
                    partition.lease_until = now + lease;
                    Claim { epoch: partition.epoch, ..*claim }
                })
            };
            claims.iter().filter_map(raise).collect()
        })
    }

    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        let now = self.env.monotonic();
        self.with(|inner| {
            let held = |claim: &&Claim| {
                let partition = &mut inner.partitions[usize::from(claim.partition)];
                let held = partition.node == Some(node) && partition.epoch == claim.epoch;
                if held {
                    partition.lease_until = now + lease;
                }
                held
            };
            claims.iter().filter(held).copied().collect()
        })
    }

    fn release(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.with(|inner| {
            for partition in inner.partitions.iter_mut().filter(|partition| partition.node == Some(node)) {
                partition.node = None;
                partition.lease_until = Duration::ZERO;
            }
        })
    }

    fn leases(&self) -> StoreResult<'_, Vec<Lease>> {
        let now = self.env.monotonic();
        self.with(|inner| {
            let lease = |(p, number): (&Partition, u16)| Lease {
                partition: number,
                epoch: p.epoch,
                node: p.node,
                remaining: p.lease_until.saturating_sub(now),
            };
            inner.partitions.iter().zip(0..).map(lease).collect()
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
