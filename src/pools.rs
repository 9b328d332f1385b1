//! The order pools of this node: each as its commits left it, so that lists and health ask no entity and whoever waits for the end
//! of a window hears of it. What is planned is decided in `domain/dispatch`.

use crate::store::entities_of;
use ionveil_actors::{AskError, Class, Delivery, Host, LoadError, Loaded, Observer, Reply};
use ionveil_dispatch::pool::{Command, Event, KIND, Order, OrdersDispatched, Place, Pool, Rejection, Share, State};
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::{BodyHash, CommandId, EntityId, Env, EventCodec, Meta, Org, StreamId, Timestamp, derive_uuid};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How many organisations are asked for at once.
const PAGE: usize = 1_000;
/// How many events are read at once where an answer is looked up that the pool has forgotten.
const EVENTS: usize = 256;
/// How late the timer at the end of a window may be before the pool is asked.
const GRACE: Duration = Duration::from_millis(500);
/// How far back the rate is looked at.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// So many of the latest response times are looked at.
const SAMPLES_MAX: usize = 1_000;

/// The pools of all organisations as they were committed last.
pub struct Published {
    env: Env,
    by_org: RwLock<BTreeMap<Org, Arc<Entry>>>,
}

/// The pool of one organisation.
#[derive(Default)]
struct Entry {
    latest: watch::Sender<Latest>,
    meter: Mutex<Meter>,
}

/// A pool as it was committed.
#[derive(Clone, Debug, Default)]
struct Latest {
    version: u64,
    state: State,
}

/// What was planned lately, since this process began.
#[derive(Default)]
struct Meter {
    since: Option<Duration>,
    /// When, how many orders, and how long it took beyond the window.
    plans: VecDeque<(Duration, usize, f64)>,
}

/// How a pool does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// Orders that leave in a second; none: nothing was planned since this process began.
    pub rate_per_s: Option<f64>,
    /// The latest response times in milliseconds, without what was waited for the end of a window.
    pub samples_ms: Vec<f64>,
}

impl Meter {
    fn note(&mut self, now: Duration, orders: usize, took_ms: f64) {
        self.since.get_or_insert(now);
        if self.plans.len() == SAMPLES_MAX {
            self.plans.pop_front();
        }
        self.plans.push_back((now, orders, took_ms));
    }

    fn pace(&self, now: Duration) -> Pace {
        let Some(since) = self.since else { return Pace::default() };
        let recent = || self.plans.iter().filter(|(at, ..)| now.saturating_sub(*at) < RATE_WINDOW);
        let seconds = now.saturating_sub(since).clamp(Duration::from_secs(1), RATE_WINDOW).as_secs_f64();
        let orders: usize = recent().map(|(_, orders, _)| orders).sum();
        Pace { rate_per_s: Some(orders as f64 / seconds), samples_ms: recent().map(|(.., took_ms)| *took_ms).collect() }
    }
}

impl Published {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(env: Env) -> Self {
        Self { env, by_org: RwLock::default() }
    }

    /// What `read` makes of an organisation's pool; of an empty one if it has none.
    pub fn read<T>(&self, org: &Org, read: impl FnOnce(&State) -> T) -> T {
        match self.find(org) {
            Some(entry) => read(&entry.latest.borrow().state),
            None => read(&State::default()),
        }
    }

    /// How many orders of each organisation wait.
    #[must_use]
    pub fn depths(&self) -> Vec<(Org, usize)> {
        self.by_org.read().iter().map(|(org, entry)| (org.clone(), entry.latest.borrow().state.len())).collect()
    }

    /// How the pool of an organisation does.
    #[must_use]
    pub fn pace(&self, org: &Org) -> Pace {
        self.find(org).map(|entry| entry.meter.lock().pace(self.env.monotonic())).unwrap_or_default()
    }

    /// At most `size` orders, first to go first, each with its place, and how many there are in all.
    #[must_use]
    pub fn page(&self, org: &Org, agency: Option<&EntityId>, after: Option<Place>, size: usize) -> (Vec<(Place, Order)>, usize) {
        self.read(org, |state| {
            let page = state.page(agency, after, size).into_iter().map(|(place, order)| (place, order.clone())).collect();
            (page, agency.map_or(state.len(), |agency| state.len_of(agency)))
        })
    }

    fn find(&self, org: &Org) -> Option<Arc<Entry>> {
        self.by_org.read().get(org).cloned()
    }

    fn of(&self, org: &Org) -> Arc<Entry> {
        self.find(org).unwrap_or_else(|| self.by_org.write().entry(org.clone()).or_default().clone())
    }
}

impl Observer<Pool> for Published {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Pool>) {
        self.of(&owner.org).latest.send_if_modified(|latest| {
            let newer = latest.version <= loaded.version;
            if newer {
                *latest = Latest { version: loaded.version, state: loaded.state.clone() };
            }
            newer
        });
    }
}

/// Why a plan was not answered.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The pool said so, or did not answer.
    #[error(transparent)]
    Ask(#[from] AskError<Rejection>),
    /// What was answered then cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The request was taken in, and its answer did not come in time.
    #[error("the answer did not come in time")]
    Late,
}

/// An answered request for a plan.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What each agency gets; of a request for all one share without an agency.
    pub shares: Vec<Share>,
    /// The request had been made before; this is what was answered then.
    pub repeated: bool,
}

/// A cheap handle on the pools of one node.
#[derive(Clone)]
pub struct Pools {
    env: Env,
    host: Host<Pool>,
    published: Arc<Published>,
    deadline: Duration,
}

impl Pools {
    pub(crate) const fn new(env: Env, host: Host<Pool>, published: Arc<Published>, deadline: Duration) -> Self {
        Self { env, host, published, deadline }
    }

    /// The entities.
    #[must_use]
    pub const fn host(&self) -> &Host<Pool> {
        &self.host
    }

    /// What is published of them.
    #[must_use]
    pub const fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Lets a pool decide on a command.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, owner: StreamId, command: Command, meta: Meta) -> Result<Reply<Pool>, AskError<Rejection>> {
        self.host.ask_as(owner, command, meta, Delivery { class: Class::Command, deadline: self.deadline }).await
    }

    /// Asks for a plan (`command` takes orders under the id `request`) and waits for its answer: for the end of its window, and
    /// then for as long as for any command.
    ///
    /// # Errors
    /// [`PlanError`]. Of what was taken in and not answered a repeat gets the answer.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the answer, not the request.
    pub async fn plan(&self, owner: StreamId, request: &EntityId, command: Command, meta: Meta) -> Result<Answered, PlanError> {
        let begun = self.env.monotonic();
        let reply = self.ask(owner.clone(), command, meta.clone()).await?;
        let due = reply.state.window_due();
        let wait = due.map(|due| self.env.until(due)).unwrap_or_default();
        let shares = match (reply.state.answer(request), due) {
            (Some(shares), _) => shares.to_vec(),
            (None, due) => self.wait_for(&owner, request, reply.receipt.version, due, meta).await?,
        };
        if !reply.repeated {
            let now = self.env.monotonic();
            let took = now.saturating_sub(begun + wait).as_secs_f64() * 1e3;
            let orders = shares.iter().map(|share| share.orders.len()).sum();
            self.published.of(&owner.org).meter.lock().note(now, orders, took);
        }
        Ok(Answered { shares, repeated: reply.repeated })
    }

    /// The answer to a request that waited when the pool was at `version`, for the end of a window at `due`.
    async fn wait_for(
        &self,
        owner: &StreamId,
        request: &EntityId,
        version: u64,
        due: Option<Timestamp>,
        meta: Meta,
    ) -> Result<Vec<Share>, PlanError> {
        let mut latest = self.published.of(&owner.org).latest.subscribe();
        let wait = due.map(|due| self.env.until(due)).unwrap_or_default();
        let mut settled = self.settled(&mut latest, request, version, wait + GRACE).await;
        if let (None, Some(due)) = (&settled, due) {
            // The timer is late, or fires no more because the node shuts down: then nobody is kept waiting.
            let command_id = CommandId(derive_uuid(&["close-window", &owner.to_string(), &due.micros().to_string()]));
            let body_hash = BodyHash::of(&[command_id.0.as_bytes()]);
            let closed = self.ask(owner.clone(), Command::CloseWindow { due }, Meta { command_id, body_hash, ..meta }).await;
            closed.map_err(|_| PlanError::Late)?;
            settled = self.settled(&mut latest, request, version, self.deadline).await;
        }
        match settled {
            None => Err(PlanError::Late),
            Some(Some(shares)) => Ok(shares),
            // Answered, and forgotten by the pool since.
            Some(None) => self.look_up(owner, request, version).await,
        }
    }

    /// What the pool knows of the answer once the request does not wait any more; none if that does not happen in time.
    async fn settled(
        &self,
        latest: &mut watch::Receiver<Latest>,
        request: &EntityId,
        version: u64,
        patience: Duration,
    ) -> Option<Option<Vec<Share>>> {
        let settled = latest.wait_for(|latest| latest.version >= version && !latest.state.waits(request));
        let timeout = self.env.sleep(patience);
        tokio::select! {
            biased;
            latest = settled => latest.ok().map(|latest| latest.state.answer(request).map(<[Share]>::to_vec)),
            () = timeout => None,
        }
    }

    async fn look_up(&self, owner: &StreamId, request: &EntityId, version: u64) -> Result<Vec<Share>, PlanError> {
        let mut after = version;
        loop {
            let events = self.host.loader().store().read_stream(owner, after, EVENTS).await?;
            let Some(last) = events.last() else { return Err(PlanError::Late) };
            after = last.sequence_number;
            for event in &events {
                let decoded = Event::decode(&event.event_type, event.schema_version, &event.data);
                let decoded = decoded.map_err(|error| StoreError::Corrupt(error.to_string()))?;
                match decoded {
                    Event::OrdersDispatched(OrdersDispatched { request: answered, shares }) if answered.id == *request => {
                        return Ok(shares);
                    }
                    _other => {}
                }
            }
        }
    }
}

/// Takes in every pool as the journal has it. One whose history cannot be used is told of and gets nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn load_all(published: &Published, store: &dyn Store, host: &Host<Pool>) -> Result<(), StoreError> {
    let mut orgs = store.organisations(None, PAGE).await?;
    while !orgs.is_empty() {
        for org in &orgs {
            for owner in entities_of(store, org, KIND).await? {
                match host.loader().load(&owner).await {
                    Ok(loaded) => published.committed(&owner, &loaded),
                    Err(LoadError::Store(error)) => return Err(error),
                    Err(error) => tracing::error!(entity = %owner, %error, "a pool cannot be used"),
                }
            }
        }
        orgs = store.organisations(orgs.last(), PAGE).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let (mut meter, second) = (Meter::default(), Duration::from_secs);
        assert_eq!(meter.pace(second(9)), Pace::default());
        meter.note(second(10), 30, 5.0);
        assert_eq!(meter.pace(second(10)).rate_per_s, Some(30.0), "a second at least");
        assert_eq!(meter.pace(second(40)).rate_per_s, Some(1.0));
        meter.note(second(69), 60, 7.0);
        assert_eq!(meter.pace(second(69)), Pace { rate_per_s: Some(90.0 / 59.0), samples_ms: vec![5.0, 7.0] });
        assert_eq!(meter.pace(second(70)), Pace { rate_per_s: Some(1.0), samples_ms: vec![7.0] });
        assert_eq!(meter.pace(second(200)), Pace { rate_per_s: Some(0.0), samples_ms: vec![] }, "nothing leaves");
    }
}
