//! Entities of other nodes as they were folded here last. A cache, bounded: what was forgotten is folded from the journal.

use crate::loader::{LoadError, Loaded, Loader, Until};
use ionveil_kernel::{Decider, Recorded, StreamId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::mem;

/// So many are remembered before older ones are forgotten; up to twice as many are in memory.
const KEPT: usize = 1_024;

pub(crate) struct Afar<D: Decider>(Mutex<Kept<D>>);

/// When the new ones are many, they become the old ones, and what was old and not asked for since is forgotten.
struct Kept<D: Decider> {
    new: BTreeMap<StreamId, Loaded<D>>,
    old: BTreeMap<StreamId, Loaded<D>>,
}

impl<D: Decider> Afar<D> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept { new: BTreeMap::new(), old: BTreeMap::new() }))
    }

    /// The entity as it was at a position that its partition has come to.
    pub(crate) async fn at(&self, loader: &Loader<D>, owner: &StreamId, position: u64) -> Result<Loaded<D>, LoadError> {
        let until = Until { position: Some(position), ..Until::default() };
        match self.get(owner).filter(|loaded| loaded.position <= position) {
            Some(loaded) => loader.go_on(owner, loaded, until).await,
            None => loader.load_until(owner, until).await,
        }
    }

    /// The entity after `events` of it, or as it is by now.
    pub(crate) async fn after(&self, loader: &Loader<D>, owner: &StreamId, events: &[Recorded]) -> Result<Loaded<D>, LoadError> {
        let Some(loaded) = self.get(owner) else { return loader.load(owner).await };
        let new = events.iter().filter(|event| event.position > loaded.position).collect::<Vec<_>>();
        match new.into_iter().try_fold(loaded, |loaded, event| loader.apply(owner, loaded, event)) {
            Ok(loaded) => Ok(loaded),
            // It was kept before some that were passed over, while it was this node's own.
            Err(_) => loader.load(owner).await,
        }
    }

    fn get(&self, owner: &StreamId) -> Option<Loaded<D>> {
        let kept = self.0.lock();
        kept.new.get(owner).or_else(|| kept.old.get(owner)).cloned()
    }

    /// Remembers a state; `tell` is called with it, unless a newer one is known.
    pub(crate) fn keep(&self, owner: &StreamId, loaded: Loaded<D>, tell: impl FnOnce(&Loaded<D>)) {
        let mut kept = self.0.lock();
        let known = kept.old.remove(owner);
        let known = kept.new.remove(owner).or(known);
        let (latest, is_newer) = match known {
            Some(known) if known.version >= loaded.version => (known, false),
            Some(_) | None => (loaded, true),
        };
        if is_newer {
            tell(&latest);
        }
        kept.new.insert(owner.clone(), latest);
        if kept.new.len() >= KEPT {
            kept.old = mem::take(&mut kept.new);
        }
    }

    /// These are this node's own from now on, or have been.
    pub(crate) fn forget(&self, these: impl Fn(&StreamId) -> bool) {
        let mut kept = self.0.lock();
        kept.new.retain(|owner, _| !these(owner));
        kept.old.retain(|owner, _| !these(owner));
    }
}
