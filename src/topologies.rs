//! Routing on this node: the nodes of every organisation as their commits left them, so that a choice among them asks no
//! entity and costs no event.

use crate::store::entities_of;
use ionveil_actors::{LoadError, Loaded, Loader, Observer};
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::{EntityId, Env, Org, StreamId};
use ionveil_routing::node::{KIND, RoutingNode};
use ionveil_routing::{Current, Settings, Topology};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many organisations are asked for at once.
const PAGE: usize = 1_000;

/// What is known of the nodes of all organisations.
pub struct Topologies {
    settings: Settings,
    env: Env,
    by_org: RwLock<BTreeMap<Org, Arc<RwLock<Known>>>>,
}

/// The nodes of one organisation. One changes with every sample, so it is changed in place, under a lock that is held for
/// about a microsecond, not copied.
struct Known {
    topology: Topology,
    /// How many events each node had, so that an older state never comes after a newer one.
    versions: BTreeMap<EntityId, u64>,
}

impl Topologies {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(settings: Settings, env: Env) -> Self {
        Self { settings, env, by_org: RwLock::default() }
    }

    /// How health is learned.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// What `read` makes of the nodes of an organisation as they are now: those that were committed before this call.
    pub fn read<T>(&self, org: &Org, read: impl FnOnce(Current<'_>) -> T) -> T {
        let now = self.env.now();
        let Some(known) = self.by_org.read().get(org).cloned() else {
            return read(Topology::new(self.settings).refreshed(now));
        };
        {
            let known = known.read();
            if let Some(current) = known.topology.current(now) {
                return read(current);
            }
        }
        read(known.write().topology.refreshed(now))
    }

    /// Whether an organisation has a node of this name.
    #[must_use]
    pub fn knows(&self, org: &Org, node: &EntityId) -> bool {
        self.by_org.read().get(org).is_some_and(|known| known.read().versions.contains_key(node))
    }

    fn of(&self, org: &Org) -> Arc<RwLock<Known>> {
        if let Some(known) = self.by_org.read().get(org) {
            return known.clone();
        }
        let fresh = || Arc::new(RwLock::new(Known { topology: Topology::new(self.settings), versions: BTreeMap::new() }));
        self.by_org.write().entry(org.clone()).or_insert_with(fresh).clone()
    }
}

impl Observer<RoutingNode> for Topologies {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<RoutingNode>) {
        let Some(node) = loaded.state.live() else { return };
        let known = self.of(&owner.org);
        let mut known = known.write();
        let version = known.versions.entry(owner.id.clone()).or_default();
        if *version <= loaded.version {
            *version = loaded.version;
            known.topology.put(&owner.id, node, self.env.now());
        }
    }
}

/// Takes in every node as the journal has it. One whose history cannot be used is told of and gets nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn load_all(topologies: &Topologies, store: &dyn Store, loader: &Loader<RoutingNode>) -> Result<(), StoreError> {
    let mut orgs = store.organisations(None, PAGE).await?;
    while !orgs.is_empty() {
        for org in &orgs {
            for owner in entities_of(store, org, KIND).await? {
                match loader.load(&owner).await {
                    Ok(loaded) => topologies.committed(&owner, &loaded),
                    Err(LoadError::Store(error)) => return Err(error),
                    Err(error) => tracing::error!(entity = %owner, %error, "a routing node cannot be used"),
                }
            }
        }
        orgs = store.organisations(orgs.last(), PAGE).await?;
    }
    Ok(())
}
