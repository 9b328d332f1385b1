//! What is going on, on this node: the units and the latest incidents of every organisation as their commits left them, so
//! that a question about them asks no entity and costs no event. It decides nothing: whether a unit can be had, it alone says.

pub mod calls;
pub mod fleet;
pub mod nearest;
pub mod waiting;

use calls::Calls;
use fleet::Fleet;
use ionveil_actors::{Loaded, Observer};
use ionveil_dispatch::assignment::Assignments;
use ionveil_dispatch::incident::Incidents;
use ionveil_dispatch::unit::Units;
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::{Env, Org, StreamId};
use ionveil_views::{Behind, IncidentFilter, IncidentPlace, UnitFilter, Views, ViewsError};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use waiting::Waiting;

/// How many organisations or rows are read at once.
const PAGE: usize = 1_000;
/// How long it waits before it tries again to read what it begins with.
const RETRY: Duration = Duration::from_secs(1);
/// Lists that have not come on for so long stand still: then what they have is what there is to begin with.
const STILL: Duration = Duration::from_secs(10);

/// See the module.
pub struct Situation {
    env: Env,
    by_org: RwLock<BTreeMap<Org, Arc<OfOrg>>>,
    /// Whether everything from before the start was read.
    whole: watch::Sender<bool>,
    /// Who waits for incidents.
    pub incidents: Waiting<Incidents>,
    /// Who waits for units.
    pub units: Waiting<Units>,
    /// Who waits for assignments.
    pub assignments: Waiting<Assignments>,
}

/// What is known of one organisation. Both are changed in place, under locks that are held for microseconds.
#[derive(Default)]
struct OfOrg {
    fleet: RwLock<Fleet>,
    calls: RwLock<Calls>,
}

/// Why the beginning could not be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("read the journal")]
    Store(#[from] StoreError),
    #[error("read the lists")]
    Views(#[from] ViewsError),
}

impl Situation {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(env: Env) -> Self {
        let (whole, _) = watch::channel(false);
        let (incidents, units, assignments) = (Waiting::default(), Waiting::default(), Waiting::default());
        Self { env, by_org: RwLock::default(), whole, incidents, units, assignments }
    }

    /// What `read` makes of the units of an organisation.
    pub fn fleet<T>(&self, org: &Org, read: impl FnOnce(&Fleet) -> T) -> T {
        read(&self.of(org).fleet.read())
    }

    /// What `read` makes of the latest incidents of an organisation.
    pub fn calls<T>(&self, org: &Org, read: impl FnOnce(&Calls) -> T) -> T {
        read(&self.of(org).calls.read())
    }

    /// Waits until everything from before the start was read; false if that does not happen within `patience`.
    pub async fn is_whole(&self, patience: Duration) -> bool {
        let mut whole = self.whole.subscribe();
        if *whole.borrow_and_update() {
            return true;
        }
        tokio::select! {
            biased;
            ended = whole.wait_for(|whole| *whole) => ended.is_ok(),
            () = self.env.sleep(patience) => false,
        }
    }

    fn of(&self, org: &Org) -> Arc<OfOrg> {
        if let Some(known) = self.by_org.read().get(org) {
            return known.clone();
        }
        self.by_org.write().entry(org.clone()).or_default().clone()
    }

    /// Reads what was there before the start from the lists, once they have come so far; what is committed meanwhile is newer
    /// and stays. Tries until it is done or `stop` is true.
    pub(crate) async fn catch_up(self: Arc<Self>, views: Views, store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
        let work = async {
            while let Err(error) = self.read(&views, &*store).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "units and incidents cannot be read yet");
                self.env.sleep(RETRY).await;
            }
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = work => {
                self.whole.send_replace(true);
            }
        }
    }

    async fn read(&self, views: &Views, store: &dyn Store) -> Result<(), ReadError> {
        self.lists_come_to(views, &store.heads().await?).await;
        let mut orgs = store.organisations(None, PAGE).await?;
        while !orgs.is_empty() {
            for org in &orgs {
                self.read_units(views, org).await?;
                self.read_incidents(views, org).await?;
            }
            orgs = store.organisations(orgs.last(), PAGE).await?;
        }
        Ok(())
    }

    /// Waits for the lists. A partition of theirs may stand still at an event that they cannot take in: that must not keep all
    /// others out, so what is missing is told of, and learned with its next commit.
    async fn lists_come_to(&self, views: &Views, heads: &[u64]) {
        let mut before = None;
        while let Err(Behind { positions }) = views.wait_for(&self.env, heads, STILL).await {
            let missing: Vec<_> =
                positions.into_iter().zip(heads).enumerate().filter(|(_, (at, head))| at < *head).map(|(n, (at, _))| (n, at)).collect();
            if before.as_ref() == Some(&missing) {
                tracing::error!(partitions = missing.len(), "the lists stand still: units of these partitions are known when they change");
                return;
            }
            before = Some(missing);
        }
    }

    async fn read_units(&self, views: &Views, org: &Org) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            let rows = views.units(org, &UnitFilter::default(), after.as_ref(), PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.id.clone());
            let known = self.of(org);
            let live = rows.iter().filter_map(|row| Some((row, row.state.live()?)));
            live.for_each(|(row, unit)| known.fleet.write().put(&row.id, row.version, unit));
        }
    }

    async fn read_incidents(&self, views: &Views, org: &Org) -> Result<(), ReadError> {
        let begin = Calls::begin(self.env.now());
        let mut after = None;
        loop {
            let rows = views.incidents(org, &IncidentFilter::default(), after.as_ref(), PAGE).await?;
            let known = self.of(org);
            for (row, incident) in rows.iter().filter_map(|row| Some((row, row.state.live()?))) {
                if incident.created_at < begin {
                    return Ok(());
                }
                known.calls.write().put(&row.id, row.version, incident, self.env.now());
                after = Some(IncidentPlace { created_at: incident.created_at, id: row.id.clone() });
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }
}

impl Observer<Units> for Situation {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Units>) {
        if let Some(unit) = loaded.state.live() {
            self.of(&owner.org).fleet.write().put(&owner.id, loaded.version, unit);
        }
        self.units.tell(owner, &loaded.state);
    }
}

impl Observer<Incidents> for Situation {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Incidents>) {
        if let Some(incident) = loaded.state.live() {
            self.of(&owner.org).calls.write().put(&owner.id, loaded.version, incident, self.env.now());
        }
        self.incidents.tell(owner, &loaded.state);
    }
}

impl Observer<Assignments> for Situation {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Assignments>) {
        self.assignments.tell(owner, &loaded.state);
    }
}
