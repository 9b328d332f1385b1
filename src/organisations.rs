//! What organisations say of themselves, as their commits left it: readers take the newest without a lock and ask no entity.

use arc_swap::ArcSwap;
use ionveil_actors::{Host, LoadError, Loaded, Observer};
use ionveil_dispatch::settings::{self, Settings, State};
use ionveil_dispatch::sla::Promises;
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::{Org, StreamId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many organisations are asked for at once.
const PAGE: usize = 1_000;

/// The settings of one organisation as they were committed.
#[derive(Clone, Debug, Default)]
struct Latest {
    version: u64,
    state: State,
}

/// What is published of all organisations. Those that say nothing are not in it.
#[derive(Default)]
pub struct Organisations {
    /// Settings are few and change seldom: the whole map is replaced.
    published: ArcSwap<BTreeMap<Org, Arc<Latest>>>,
}

/// Why the settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OrganisationsError {
    /// The store.
    #[error("list the organisations")]
    Store(#[from] StoreError),
    /// The settings of one.
    #[error("read the settings of the organisation {org}")]
    Settings {
        /// Whose.
        org: Org,
        /// Why.
        source: LoadError,
    },
    /// Never: the names are lawful.
    #[error(transparent)]
    Name(#[from] ionveil_kernel::NameError),
}

impl Organisations {
    /// What an organisation promises: its own times, and those of the house where it says nothing.
    #[must_use]
    pub fn sla(&self, org: &Org) -> Promises {
        self.of(org).1
    }

    /// The version of an organisation's settings, 0 if it never said anything, and what it promises.
    #[must_use]
    pub fn of(&self, org: &Org) -> (u64, Promises) {
        self.published.load().get(org).map(|latest| (latest.version, latest.state.sla.clone())).unwrap_or_default()
    }
}

impl Observer<Settings> for Organisations {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Settings>) {
        let latest = Arc::new(Latest { version: loaded.version, state: loaded.state.clone() });
        self.published.rcu(|present| {
            if present.get(&owner.org).is_some_and(|known| known.version > latest.version) {
                return present.clone();
            }
            let mut next = BTreeMap::clone(present);
            next.insert(owner.org.clone(), latest.clone());
            Arc::new(next)
        });
    }
}

/// Publishes the settings of every organisation as the journal has them.
///
/// # Errors
/// [`OrganisationsError`].
pub async fn load_all(organisations: &Organisations, store: &dyn Store, host: &Host<Settings>) -> Result<(), OrganisationsError> {
    let mut orgs = store.organisations(None, PAGE).await?;
    while !orgs.is_empty() {
        for org in &orgs {
            let stream = settings::stream(org)?;
            let loaded = host.loader().load(&stream).await;
            let loaded = loaded.map_err(|source| OrganisationsError::Settings { org: org.clone(), source })?;
            if loaded.version > 0 {
                organisations.committed(&stream, &loaded);
            }
        }
        orgs = store.organisations(orgs.last(), PAGE).await?;
    }
    Ok(())
}
