//! The journal of one node: it owns partitions, keeps their leases alive and hands appends to its writers. Reads go to
//! the store itself.

use crate::lease::{Ownership, keep};
use crate::writer::{Job, News, Writer};
use crate::{Append, Claim, Receipt, Store, StoreError};
use ionveil_kernel::{Env, Kind, NodeId, StreamId, Timestamp};
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
    /// The most appends that wait for one writer; more are refused.
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
    /// An earlier append of the same generation failed.
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
    writers: Arc<[mpsc::Sender<Job>]>,
    news: Arc<News>,
}

impl Journal {
    /// Takes every partition for `node`, waiting for up to one lease for another node's to end, and starts the writers
    /// and the keeper of the leases.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be reached; `Unavailable` if another node holds a partition.
    pub async fn open(store: Arc<dyn Store>, env: Env, node: NodeId, config: JournalConfig) -> Result<Self, StoreError> {
        let ownership = Arc::new(Ownership::take(store.clone(), env.clone(), node, config.lease).await?);
        let news = Arc::new(News::default());
        let start = |lane| {
            let (queue, jobs) = mpsc::channel(config.queue_max);
            let writer = Writer::new(lane, store.clone(), env.clone(), ownership.clone(), config.clone(), news.clone());
            env.spawn(writer.run(jobs));
            queue
        };
        let writers = (0..store.lanes()).map(start).collect();
        env.spawn(keep(ownership.clone()));
        Ok(Self { store, env, ownership, writers, news })
    }

    /// Queues an append; `done` learns what became of it. Appends of one owner are judged in the order of these calls.
    pub fn submit(&self, append: Append, done: OnOutcome) {
        let lane = usize::from(append.owner.partition(self.store.partitions())) % self.writers.len();
        if let Err(error) = self.writers[lane].try_send(Job { append, done }) {
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

    /// Changes with every commit of this node: a wake-up for readers of the feed. Other nodes' commits do not show.
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
    /// ([`Self::know_timer`]): a wake-up for whoever waits for [`crate::TimerStore::next_due`], to ask it again. It may change in
    /// vain; other nodes' appends do not show.
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

    /// Whether this node owns every partition under a lease that is not over.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.ownership.ready()
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

    /// Gives the partitions up and closes the store. Call it when nothing is in flight any more.
    ///
    /// # Errors
    /// `Unavailable`: the leases then end by themselves.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ownership.stop();
        let released = self.store.release(self.ownership.node()).await;
        self.store.close().await;
        released
    }
}
