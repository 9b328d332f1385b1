//! The published policy trees, one immutable snapshot per organisation. A commit of a tree publishes the next one before its
//! caller is answered; readers take whichever is the newest, without a lock.

use arc_swap::ArcSwap;
use ionveil_actors::{Branch, Host, LoadError, Loaded, Observer, Policies};
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::{EntityId, NameError, Org, Policy, StreamId};
use ionveil_policy::engine;
use ionveil_policy::tree::{self, Resolved, Snapshot, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many organisations are asked for at once.
const PAGE: usize = 1_000;

/// What is published of all organisations.
#[derive(Default)]
pub struct Trees {
    /// Grows when an organisation gets its first tree; each tree is replaced in place.
    published: ArcSwap<BTreeMap<Org, Arc<ArcSwap<Snapshot>>>>,
}

/// Why the trees could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreesError {
    /// The store.
    #[error("list the organisations")]
    Store(#[from] StoreError),
    /// A tree. Nothing is decided under a policy that is not known.
    #[error("read the policy tree of the organisation {org}")]
    Tree {
        /// Whose.
        org: Org,
        /// Why.
        source: LoadError,
    },
    /// Never: the names are lawful.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Trees {
    /// The newest tree of an organisation; an empty one if it has none.
    #[must_use]
    pub fn of(&self, org: &Org) -> Arc<Snapshot> {
        self.published.load().get(org).map(|tree| tree.load_full()).unwrap_or_default()
    }

    /// Publishes `snapshot` unless a newer one is out.
    fn publish(&self, org: &Org, snapshot: Snapshot) {
        let place = self.place(org);
        let snapshot = Arc::new(snapshot);
        place.rcu(|present| if present.version() > snapshot.version() { present.clone() } else { snapshot.clone() });
    }

    fn place(&self, org: &Org) -> Arc<ArcSwap<Snapshot>> {
        if let Some(place) = self.published.load().get(org) {
            return place.clone();
        }
        let fresh = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        self.published.rcu(|present| {
            let mut next = BTreeMap::clone(present);
            next.entry(org.clone()).or_insert_with(|| fresh.clone());
            next
        });
        self.published.load().get(org).cloned().unwrap_or(fresh)
    }
}

impl Observer<Tree> for Trees {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Tree>) {
        self.publish(&owner.org, Snapshot::of(&loaded.state));
    }

    /// From the answer on, nothing is decided anywhere under an older tree.
    fn everywhere(&self) -> bool {
        true
    }
}

impl Policies for Trees {
    fn above(&self, owner: &StreamId) -> Vec<Branch> {
        if owner.kind.as_str() != engine::KIND {
            return Vec::new();
        }
        let tree = self.of(&owner.org);
        let higher = |node: &Resolved<'_>| node.parent().and_then(|parent| tree.resolve(parent));
        let way = std::iter::successors(tree.resolve(&owner.id), higher);
        let mut way: Vec<_> = way.map(|node| Branch { id: node.id().clone(), kind: tree::NODE_KIND }).collect();
        way.reverse();
        way
    }

    fn policy(&self, owner: &StreamId, nodes: &[EntityId]) -> Policy {
        let published = self.published.load();
        let Some(tree) = published.get(&owner.org) else { return Policy::default() };
        let tree = tree.load();
        tree.stricter(nodes).map(|node| in_force(node, tree.version())).unwrap_or_default()
    }
}

/// What is in force at a node, as it goes into decisions.
fn in_force(node: Resolved<'_>, version: u64) -> Policy {
    let by = node.decided_by();
    Policy {
        level: node.effective(),
        node: Some(node.deciding_node().to_string()),
        version,
        since: by.map(|by| by.at),
        by: by.map(|by| by.source.as_str().into()),
    }
}

/// Publishes every organisation's tree as the journal has it, before anything is decided, and wakes it, so that its first
/// command need not wait for it.
///
/// # Errors
/// [`TreesError`].
pub async fn load_all(trees: &Trees, store: &dyn Store, host: &Host<Tree>) -> Result<(), TreesError> {
    let mut orgs = store.organisations(None, PAGE).await?;
    while !orgs.is_empty() {
        for org in &orgs {
            let stream = tree::stream(org)?;
            let loaded = host.loader().load(&stream).await.map_err(|source| TreesError::Tree { org: org.clone(), source })?;
            if loaded.version > 0 {
                trees.committed(&stream, &loaded);
                // Where there is no room it is folded with its first command.
                host.wake(stream);
            }
        }
        orgs = store.organisations(orgs.last(), PAGE).await?;
    }
    Ok(())
}
