//! The journal of one node: it owns partitions, keeps their leases alive and hands appends to its writer. Reads go to
//! the store itself.

use crate::lease::{Ownership, keep};
use crate::membership::{self, Partitions, Steward};
use crate::news::News;
use crate::writer::{Job, Writer};
use crate::{Append, Claim, Member, Receipt, Standing, Store, StoreError};
use ionveil_kernel::{Env, Kind, NodeId, StreamId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Limits of a journal.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// The most events in one commit (an append with more travels alone).
    pub batch_events_max: usize,
    /// The most bytes in one commit (likewise).
    pub batch_bytes_max: usize,
    /// The most appends that wait for the writer; more are refused.
    pub queue_max: usize,
    /// How long a lease lasts; an owner that cannot reach the store stops appending when it is over.
    pub lease: Duration,
    /// How long a writer tries again when the store cannot be reached and nothing was stored.
    pub retry_for: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            batch_events_max: 1_024,
            batch_bytes_max: 4 << 20,
            queue_max: 16_384,
            lease: Duration::from_secs(3),
            retry_for: Duration::from_secs(5),
        }
    }
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Committed(Receipt),
    /// The command was accepted before; nothing was stored now.
    Duplicate(Receipt),
    /// Nothing was stored.
    Failed(AppendFailure),
}

/// Why an append was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendFailure {
    /// It was decided on a state that the store does not have.
    #[error("append: a stream is elsewhere")]
    Conflict,
    /// The partition belongs to another node, or this node's lease is over.
    #[error("append: the partition is not owned here")]
    NotOwned,
    /// An earlier append of the same generation failed, or the partition changed hands since the state was read that it rests on.
    #[error("append: it rests on one that failed")]
    Discarded,
    /// The store could not be reached.
    #[error("append: the store cannot be reached")]
    Unavailable,
    /// The connection broke during the commit and the store has not come back to be asked.
    #[error("append: the outcome is not known yet")]
    OutcomeUnknown,
    /// Too many appends are waiting.
    #[error("append: the queue of the writer is full")]
    QueueFull,
    /// The store refuses it for good.
    #[error("append: the store refuses it")]
    Refused,
}

/// What a writer calls once the outcome of an append is known. Called exactly once, from the writer's task; it must not
/// block.
pub type OnOutcome = Box<dyn FnOnce(Outcome) + Send>;

/// A cheap handle on the journal of this node.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
    env: Env,
    ownership: Arc<Ownership>,
    jobs: mpsc::Sender<Job>,
    news: Arc<News>,
    began_at: Arc<[u64]>,
}

impl Journal {
    /// Takes every partition for `node`, waiting for up to one lease for another node's to end, and starts the writer
    /// and the keeper of the leases.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be reached; `Unavailable` if another node holds a partition.
    pub async fn open(store: Arc<dyn Store>, env: Env, node: NodeId, config: JournalConfig) -> Result<Self, StoreError> {
        let ownership = Arc::new(Ownership::take(store, env.clone(), node, config.lease).await?);
        env.spawn(keep(ownership.clone()));
        Ok(Self::on(ownership, &config))
    }

    /// Becomes one of several nodes on `store`: takes its share of the partitions, hands over what becomes another's and takes
    /// over what another leaves or loses. The nodes need know nothing of each other but the store.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be reached; `Invalid` for an address that is none.
    pub async fn join(store: Arc<dyn Store>, env: Env, member: Member, config: JournalConfig) -> Result<Self, StoreError> {
        Self::enter(store, env, member, Standing::Serving, config).await
    }

    /// As [`Self::join`], but nothing is taken before [`Self::take_part`]: for a node that still has to start, while the others
    /// go on.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn prepare(store: Arc<dyn Store>, env: Env, member: Member, config: JournalConfig) -> Result<Self, StoreError> {
        Self::enter(store, env, member, Standing::Starting, config).await
    }

    async fn enter(store: Arc<dyn Store>, env: Env, member: Member, standing: Standing, config: JournalConfig) -> Result<Self, StoreError> {
        let began_at = store.heads().await?.into();
        let ownership = Arc::new(Ownership::join(store, env.clone(), member, standing, config.lease).await?);
        env.spawn(membership::keep(ownership.clone()));
        let journal = Self { began_at, ..Self::on(ownership.clone(), &config) };
        env.spawn(hear_others(ownership, journal.news.clone()));
        Ok(journal)
    }

    fn on(ownership: Arc<Ownership>, config: &JournalConfig) -> Self {
        let (store, env, news) = (ownership.store.clone(), ownership.env.clone(), Arc::new(News::default()));
        let (jobs, arriving) = mpsc::channel(config.queue_max);
        let writer = Writer::new(store.clone(), env.clone(), ownership.clone(), config.clone(), news.clone());
        env.spawn(writer.run(arriving));
        Self { store, env, ownership, jobs, news, began_at: Arc::default() }
    }

    /// Queues an append; `done` learns what became of it. Appends of one owner are judged in the order of these calls.
    pub fn submit(&self, append: Append, done: OnOutcome) {
        self.hand_in(append, None, done);
    }

    /// As [`Self::submit`], of what was decided on a state that was read under `epoch` ([`Self::epoch`] before the read; none if
    /// the partition was not owned then). Events can only follow the ones that they rest on. An append without events, and on
    /// one of several nodes any append, is stored only while the partition is owned under the same epoch: else another owner may
    /// have written or refused since, and the append fails as [`AppendFailure::Discarded`] or [`AppendFailure::NotOwned`].
    pub fn submit_under(&self, append: Append, epoch: Option<u64>, done: OnOutcome) {
        // Epochs begin with 1.
        self.hand_in(append, Some(epoch.unwrap_or(0)), done);
    }

    fn hand_in(&self, append: Append, rests_on: Option<u64>, done: OnOutcome) {
        if let Err(error) = self.jobs.try_send(Job { append, rests_on, done }) {
            let (job, failure) = match error {
                mpsc::error::TrySendError::Full(job) => (job, AppendFailure::QueueFull),
                mpsc::error::TrySendError::Closed(job) => (job, AppendFailure::Unavailable),
            };
            (job.done)(Outcome::Failed(failure));
        }
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Clock and randomness of this node.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Changes with every commit of this node, and when partitions come: a wake-up for readers of the feed. What other nodes
    /// committed shows within [`HEAR_EVERY`] on a node that is one of several, else not at all.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.news.commits.subscribe()
    }

    /// As [`Self::commits`], for commits to streams of one kind.
    #[must_use]
    pub fn commits_of(&self, kind: &Kind) -> watch::Receiver<u64> {
        self.news.commits_of(kind)
    }

    /// Changes when an append of this node was committed that armed a timer for earlier than all that is known
    /// ([`Self::know_timer`]): a wake-up for whoever waits for [`crate::TimerStore::next_due`], to ask it again; and when
    /// partitions come. It may change in vain; other nodes' appends do not show.
    #[must_use]
    pub fn armed(&self) -> watch::Receiver<Timestamp> {
        self.news.armed.subscribe()
    }

    /// Whoever waits for timers is about to look: from now on each arming is told.
    pub fn look_for_timers(&self) {
        self.news.armed.send_if_modified(|earliest| {
            *earliest = Timestamp::MAX;
            false
        });
    }

    /// He has looked, and waits for one that is due at `next`: what is armed for later need not be told.
    pub fn know_timer(&self, next: Timestamp) {
        self.news.armed.send_if_modified(|earliest| {
            *earliest = next.min(*earliest);
            false
        });
    }

    /// Whether this node owns every partition under a lease that is not over; of several nodes: whether it has reached the store
    /// within its lease.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.ownership.ready()
    }

    /// How long ago the leases were prolonged last.
    #[must_use]
    pub fn lease_age(&self) -> Duration {
        self.ownership.lease_age()
    }

    /// Whether this node is one of several.
    #[must_use]
    pub fn shared(&self) -> bool {
        self.ownership.shared()
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.ownership.node()
    }

    /// Whether new work for `owner` may be begun here: its partition is this node's and is not being handed over. Takes no lock;
    /// a node that is alone does not look.
    #[must_use]
    pub fn admits(&self, owner: &StreamId) -> bool {
        !self.ownership.shared() || self.ownership.admits(owner.partition(self.store.partitions()))
    }

    /// Whose the partitions are, as this node knows it, and when that changes.
    #[must_use]
    pub fn partitions(&self) -> watch::Receiver<Partitions> {
        self.ownership.table()
    }

    /// Names who is told when partitions go. Only the first one counts; says whether this is it.
    pub fn steward(&self, steward: Arc<dyn Steward>) -> bool {
        self.ownership.steward.set(steward).is_ok()
    }

    /// Where the partitions ended before this node began to be one of several: whoever reads what others commit from here on,
    /// and what was there before in another way, misses nothing. Empty on a node that is alone.
    #[must_use]
    pub fn began_at(&self) -> &[u64] {
        &self.began_at
    }

    /// Looks at the other nodes now: somebody has found that what is known of them is old.
    pub fn refresh(&self) {
        self.ownership.nudge();
    }

    /// From now on this node takes its share: for one that was [prepared](Self::prepare). `address` is where the others reach it,
    /// if that was not known then. Nothing is done on a node that is alone.
    ///
    /// # Errors
    /// `Unavailable`; it is tried again then. `Invalid` for an address that is none.
    pub async fn take_part(&self, address: Option<String>) -> Result<(), StoreError> {
        self.ownership.take_part(address).await
    }

    /// Hands all partitions over, if there is another node to take them, and takes none any more. Appends to those that are still
    /// held go on until each of them goes. Nothing is done on a node that is alone.
    ///
    /// # Errors
    /// `Unavailable`; the leases end by themselves then, after [`Self::close`].
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.ownership.leave().await
    }

    /// The epoch under which this node owns the partition of `owner` now; none if it does not. As long as it stays the
    /// same, nobody else has appended there.
    #[must_use]
    pub fn epoch(&self, owner: &StreamId) -> Option<u64> {
        self.ownership.epoch(owner.partition(self.store.partitions()))
    }

    /// The claims of this node that may be used now, by partition; none for a partition that is lost, or once the lease is
    /// over by this node's monotonic clock. Each claim holds for itself: while epochs change, some may be older than
    /// others. Takes no lock.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        self.ownership.claims()
    }

    /// As [`Self::claims`], without those that are being handed over: what new work may be begun for.
    #[must_use]
    pub fn working(&self) -> Vec<Claim> {
        self.ownership.claims().into_iter().filter(|claim| self.ownership.admits(claim.partition)).collect()
    }

    /// Whether new work may be begun for a partition, as [`Self::admits`] says it of an entity.
    #[must_use]
    pub fn works_for(&self, partition: u16) -> bool {
        !self.shared() || self.ownership.admits(partition)
    }

    /// By partition: the last position that this node has committed itself, as far as it knows. As long as it owns a partition
    /// nobody else writes there: what it found there when it began, and this, is the end of it.
    #[must_use]
    pub fn written(&self) -> BTreeMap<u16, u64> {
        self.news.written()
    }

    /// How long a lease lasts.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.ownership.lease
    }

    /// Whether it falls to this node to do what is to be done once for all of them and belongs to no partition: it owns the
    /// first one.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.works_for(0)
    }

    /// Gives the partitions up and closes the store. Call it when nothing is in flight any more.
    ///
    /// # Errors
    /// `Unavailable`: the leases then end by themselves.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ownership.stop();
        let mut released = self.store.release(self.ownership.node()).await;
        if self.shared() {
            released = released.and(self.store.withdraw(self.ownership.node()).await);
        }
        self.store.close().await;
        released
    }
}

/// How soon a node learns that another one has committed something.
pub const HEAR_EVERY: Duration = Duration::from_millis(50);

/// Wakes the readers of the feed when another node has committed something, and whoever works for partitions when some came.
async fn hear_others(ownership: Arc<Ownership>, news: Arc<News>) {
    let (mut heads, mut claims) = (Vec::new(), Vec::new());
    while !ownership.stopped() {
        let present = ownership.claims();
        let came = present != claims;
        claims = present;
        // A store that cannot be reached has no news.
        let now = ownership.store.heads().await.unwrap_or_else(|_| heads.clone());
        if came || now != heads {
            news.all(came);
        }
        heads = now;
        ownership.env.sleep(HEAR_EVERY).await;
    }
}
