//! What is published of channels: for each the circuit that permits are checked on, its newest committed state, and a meter.
//! The entity stays the owner; a commit of it is published before its caller is answered.

use super::meter::{Meter, Window};
use ionveil_actors::{LoadError, Loaded, Loader, Observer};
use ionveil_channels::breaker::{Mode, Phase};
use ionveil_channels::channel::{Channel, KIND, Live};
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::{EntityId, Kind, NameError, Org, StreamId};
use ionveil_sync::{Circuit, Flow, Standing, Untold};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many names are read at a time.
const NAMES: usize = 500;

/// All channels of this node.
#[derive(Default)]
pub struct Registry {
    entries: RwLock<BTreeMap<StreamId, Arc<Entry>>>,
}

/// What is published of one channel.
pub struct Entry {
    circuit: Circuit,
    latest: Mutex<Published>,
    meter: Mutex<Meter>,
}

/// A committed state.
#[derive(Clone)]
pub struct Published {
    /// The channel.
    pub live: Live,
    /// How many events it has.
    pub version: u64,
}

/// Why the channels could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ChannelsError {
    /// The store.
    #[error("list the channels")]
    Store(#[from] StoreError),
    /// A channel.
    #[error("read the channel {channel}")]
    Channel {
        /// Which.
        channel: StreamId,
        /// Why.
        source: LoadError,
    },
    /// Never: the names are lawful.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The web client.
    #[error("make a client of the web")]
    Client(#[from] reqwest::Error),
}

/// The stream of a channel.
#[must_use]
pub fn stream(org: &Org, name: EntityId) -> StreamId {
    let kind = Kind::new(KIND).unwrap_or_else(|_| unreachable!("a lawful kind"));
    StreamId::new(org.clone(), kind, name)
}

impl Registry {
    /// A channel, if it is there.
    #[must_use]
    pub fn get(&self, channel: &StreamId) -> Option<Arc<Entry>> {
        self.entries.read().get(channel).cloned()
    }

    /// The channels of an organisation by name, after one of them.
    #[must_use]
    pub fn list(&self, org: &Org, after: Option<&EntityId>, limit: usize) -> Vec<(EntityId, Arc<Entry>)> {
        let entries = self.entries.read();
        let of_org = entries.iter().filter(|(name, _)| name.org == *org && after.is_none_or(|after| name.id > *after));
        of_org.take(limit).map(|(name, entry)| (name.id.clone(), entry.clone())).collect()
    }

    /// Reads every channel as the journal has it; before anything is sent.
    ///
    /// # Errors
    /// [`ChannelsError`].
    pub(crate) async fn load_all(&self, store: &dyn Store, loader: &Loader<Channel>) -> Result<(), ChannelsError> {
        let mut orgs = store.organisations(None, NAMES).await?;
        while !orgs.is_empty() {
            for org in &orgs {
                self.load_of(org, store, loader).await?;
            }
            orgs = store.organisations(orgs.last(), NAMES).await?;
        }
        Ok(())
    }

    async fn load_of(&self, org: &Org, store: &dyn Store, loader: &Loader<Channel>) -> Result<(), ChannelsError> {
        // A name before those of all channels: of a kind whose name comes right before theirs.
        let kind = Kind::new(&KIND[..KIND.len() - 1])?;
        let mut after = StreamId::new(org.clone(), kind, EntityId::new(&"z".repeat(128))?);
        loop {
            let names = store.entities(Some(&after), NAMES).await?;
            let Some(last) = names.last().cloned() else { return Ok(()) };
            for owner in names.into_iter().filter(|name| name.org == *org && name.kind.as_str() == KIND) {
                let loaded = loader.load(&owner).await;
                let loaded = loaded.map_err(|source| ChannelsError::Channel { channel: owner.clone(), source })?;
                self.committed(&owner, &loaded);
            }
            if last.org != *org || last.kind.as_str() > KIND {
                return Ok(());
            }
            after = last;
        }
    }
}

impl Observer<Channel> for Registry {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Channel>) {
        let Some(live) = loaded.state.state.live() else {
            self.entries.write().remove(owner);
            return;
        };
        let published = Published { live: live.clone(), version: loaded.version };
        if let Some(entry) = self.get(owner) {
            return entry.publish(published);
        }
        let entry = Arc::new(Entry { circuit: Circuit::new(), latest: Mutex::new(published.clone()), meter: Mutex::default() });
        entry.publish(published);
        self.entries.write().insert(owner.clone(), entry);
    }
}

impl Entry {
    /// The word that permits are checked on.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The newest committed state.
    #[must_use]
    pub fn latest(&self) -> Published {
        self.latest.lock().clone()
    }

    /// Takes a call into the meter.
    pub(super) fn measure(&self, latency_ms: Option<f64>, delivered: bool) {
        self.meter.lock().note(latency_ms, delivered);
    }

    /// What the meter shows.
    #[must_use]
    pub fn window(&self) -> Window {
        self.meter.lock().window()
    }

    /// The owner has heard of `told`.
    pub(super) fn hear(&self, told: Untold) {
        let latest = self.latest.lock();
        self.circuit.hear(told, standing(&latest.live));
    }

    fn publish(&self, published: Published) {
        let mut latest = self.latest.lock();
        if latest.version <= published.version {
            *latest = published;
            self.circuit.publish(standing(&latest.live));
        }
    }
}

/// A state as the circuit has it. Where failures are counted in a window, only the owner knows how many are still in it.
fn standing(live: &Live) -> Standing {
    let (breaker, policy) = (&live.breaker, &live.setup.breaker);
    let counted = u32::try_from(breaker.failures.len()).unwrap_or(u32::MAX);
    let threshold = if policy.has_window() { 0 } else { policy.failure_threshold() };
    let resets = policy.resets_on_success();
    let standing = |flow, room, full| Standing { generation: breaker.generation, flow, room, full, quiet: live.is_quiet() };
    match (&breaker.forced, &breaker.phase) {
        (Some(forced), _) if forced.mode == Mode::Open => standing(Flow::Shut, 0, 0),
        (Some(_), _) => standing(Flow::Bypassed, 0, 0),
        (None, Phase::Closed) => standing(Flow::Closed, threshold.saturating_sub(counted), if resets { threshold } else { 0 }),
        (None, Phase::Open { .. }) => standing(Flow::Shut, 0, 0),
        (None, Phase::HalfOpen { admitted, .. }) => standing(Flow::HalfOpen, policy.probe_count().saturating_sub(*admitted), 0),
    }
}
