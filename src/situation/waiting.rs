//! Waits until an entity has come to a state, for requests whose answer other entities bring. It asks nobody again and again:
//! commits tell it.

use ionveil_actors::{LoadError, Loader};
use ionveil_kernel::{Decider, Env, StreamId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// Those who wait for entities of a kind.
pub struct Waiting<D: Decider>(Mutex<BTreeMap<StreamId, watch::Sender<Option<D::State>>>>);

impl<D: Decider> Default for Waiting<D> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<D: Decider> Waiting<D> {
    /// `owner` is in `state` now.
    pub(super) fn tell(&self, owner: &StreamId, state: &D::State) {
        if let Some(waiting) = self.0.lock().get(owner) {
            waiting.send_replace(Some(state.clone()));
        }
    }

    /// What `look` finds in the first state of `owner`, from the present one on, in which it finds something; none if that does
    /// not come within `patience`.
    ///
    /// # Errors
    /// [`LoadError`] if the present state cannot be read.
    pub async fn until<T>(
        &self,
        env: &Env,
        loader: &Loader<D>,
        owner: &StreamId,
        patience: Duration,
        look: impl Fn(&D::State) -> Option<T>,
    ) -> Result<Option<T>, LoadError> {
        // Listens first, so that nothing comes between.
        let mut place = self.enter(owner);
        if let Some(found) = look(&loader.load(owner).await?.state) {
            return Ok(Some(found));
        }
        let mut over = env.sleep(patience);
        loop {
            tokio::select! {
                biased;
                // The sender lives as long as somebody waits.
                _ = place.heard.changed() => {}
                () = &mut over => return Ok(None),
            }
            let found = place.heard.borrow_and_update().as_ref().and_then(&look);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn enter(&self, owner: &StreamId) -> Place<'_, D> {
        let mut waiting = self.0.lock();
        let heard = waiting.entry(owner.clone()).or_insert_with(|| watch::channel(None).0).subscribe();
        Place { waiting: self, owner: owner.clone(), heard }
    }
}

/// One who waits. The last one to go takes the sender away.
struct Place<'a, D: Decider> {
    waiting: &'a Waiting<D>,
    owner: StreamId,
    heard: watch::Receiver<Option<D::State>>,
}

impl<D: Decider> Drop for Place<'_, D> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.0.lock();
        // This one still counts.
        if waiting.get(&self.owner).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(&self.owner);
        }
    }
}
