//! The table of slots of one kind, in shards so that callers of different entities seldom meet.

use crate::slot::{Entry, Slot};
use ionveil_kernel::{Decider, StreamId};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SHARDS: usize = 16;

/// Under a key of this process: who chooses ids cannot choose collisions, and a simulation's key comes from its seed.
pub(crate) type Keyed = foldhash::quality::FixedState;

type Shard<D> = HashSet<Entry<D>, Keyed>;

pub(crate) struct Slots<D: Decider> {
    keyed: Keyed,
    shards: Vec<Mutex<Shard<D>>>,
    count: AtomicUsize,
}

impl<D: Decider> Slots<D> {
    pub(crate) fn new(key: u64) -> Self {
        let keyed = Keyed::with_seed(key);
        let shards = (0..SHARDS).map(|_| Mutex::new(HashSet::with_hasher(keyed.clone()))).collect();
        Self { keyed, shards, count: AtomicUsize::new(0) }
    }

    /// The shard of an entity.
    pub(crate) fn shard(&self, owner: &StreamId) -> MutexGuard<'_, Shard<D>> {
        let hash = self.keyed.hash_one(owner);
        // The table inside uses the upper and lower bits; these are neither.
        self.shards[(hash >> 32) as usize % SHARDS].lock()
    }

    /// How many entities are in memory.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    #[expect(clippy::mutable_key_type, reason = "an entry is hashed and compared by its entity's name alone, which never changes")]
    pub(crate) fn insert(&self, shard: &mut Shard<D>, slot: Arc<Slot<D>>) {
        if shard.insert(Entry(slot)) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[expect(clippy::mutable_key_type, reason = "an entry is hashed and compared by its entity's name alone, which never changes")]
    pub(crate) fn remove(&self, shard: &mut Shard<D>, owner: &StreamId) {
        if shard.remove(owner) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Drops those that `keep` does not want; one shard is locked at a time.
    pub(crate) fn retain(&self, keep: impl Fn(&Arc<Slot<D>>) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let before = shard.len();
            shard.retain(|entry| keep(&entry.0));
            self.count.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    /// Those that `wanted` chooses.
    pub(crate) fn collect(&self, wanted: impl Fn(&Slot<D>) -> bool) -> Vec<Arc<Slot<D>>> {
        let chosen =
            |shard: &Mutex<Shard<D>>| shard.lock().iter().filter(|entry| wanted(&entry.0)).map(|entry| entry.0.clone()).collect::<Vec<_>>();
        self.shards.iter().flat_map(chosen).collect()
    }

    /// Whether one of them is so.
    pub(crate) fn any(&self, is_so: impl Fn(&Slot<D>) -> bool) -> bool {
        self.shards.iter().any(|shard| shard.lock().iter().any(|entry| is_so(&entry.0)))
    }

    /// One of them.
    pub(crate) fn get(&self, owner: &StreamId) -> Option<Arc<Slot<D>>> {
        self.shard(owner).get(owner).map(|entry| entry.0.clone())
    }
}
