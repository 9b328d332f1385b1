//! Group commit: a writer gathers what arrived while its last commit was in flight and commits it in one call.

use crate::journal::{AppendFailure, JournalConfig, OnOutcome, Outcome};
use crate::lease::Ownership;
use crate::{Append, Claim, Receipt, Store, StoreError, TimerChangeKind, Verdict};
use ionveil_kernel::{Env, Kind, StreamId, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// An append on its way, and who wants to know.
pub(crate) struct Job {
    pub(crate) append: Append,
    /// Only while the partition is owned under this epoch, if it has no events: no sequence number tells then that another owner
    /// has written since the state was read that it rests on. On one of several nodes with events too: another owner may have
    /// refused the same command meanwhile, which leaves no trace.
    pub(crate) rests_on: Option<u64>,
    pub(crate) done: OnOutcome,
}

const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How long a failed generation is remembered: far longer than an owner takes to learn of it.
const FAILED_KEPT: Duration = Duration::from_secs(60);
/// How often a writer gives way so that callers who were just answered can join the next batch. Each turn costs about a
/// microsecond; waiting for a timer would cost a millisecond.
const TURNS_MAX: usize = 16;
/// When appends come at such a rate, a small batch waits a moment for more of them: what a commit costs beside its rows is
/// then worth more than the moment. Slower callers would only wait.
const LINGER: Duration = Duration::from_millis(1);
const LINGER_APPENDS: u128 = 2;
const LINGER_BATCH_MAX: usize = 32;

/// What a writer tells those who wait for news. Of counters only that they changed means anything.
pub(crate) struct News {
    /// Something was committed.
    pub(crate) commits: watch::Sender<u64>,
    /// When the earliest timer is due that somebody knows of, or that was armed, or may have been, since he looked.
    pub(crate) armed: watch::Sender<Timestamp>,
    /// Something was committed to a stream of this kind; there are those that somebody has asked for.
    kinds: Mutex<BTreeMap<Kind, watch::Sender<u64>>>,
    /// By partition: the last position that this node has committed.
    written: Mutex<BTreeMap<u16, u64>>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            commits: watch::Sender::default(),
            armed: watch::Sender::new(Timestamp::MAX),
            kinds: Mutex::default(),
            written: Mutex::default(),
        }
    }
}

impl News {
    pub(crate) fn commits_of(&self, kind: &Kind) -> watch::Receiver<u64> {
        self.kinds.lock().entry(kind.clone()).or_default().subscribe()
    }

    pub(crate) fn written(&self) -> BTreeMap<u16, u64> {
        self.written.lock().clone()
    }

    /// Wakes everybody who waits for commits, and those who wait for timers if `armed`.
    pub(crate) fn all(&self, armed: bool) {
        let bump = |counter: &watch::Sender<u64>| counter.send_modify(|count| *count += 1);
        bump(&self.commits);
        self.kinds.lock().values().for_each(bump);
        if armed {
            self.armed.send_replace(Timestamp::MIN);
        }
    }

    fn committed(&self, appends: &[&Append], ends: &[(u16, u64)]) {
        if appends.is_empty() {
            return;
        }
        // Known before anybody is woken by it.
        let mut written = self.written.lock();
        for (partition, position) in ends {
            let last = written.entry(*partition).or_default();
            *last = (*last).max(*position);
        }
        drop(written);
        let bump = |counter: &watch::Sender<u64>| counter.send_modify(|count| *count += 1);
        bump(&self.commits);
        let touches = |kind: &Kind| appends.iter().flat_map(|append| &append.events).any(|event| event.stream.kind == *kind);
        self.kinds.lock().iter().filter(|(kind, _)| touches(kind)).for_each(|(_, counter)| bump(counter));
    }
}

pub(crate) struct Writer {
    lane: usize,
    store: Arc<dyn Store>,
    env: Env,
    ownership: Arc<Ownership>,
    config: JournalConfig,
    news: Arc<News>,
    /// Generations that failed, and when: what comes of them is discarded, also what its owner sends before it has learned
    /// of the failure. Forgotten with the owner's next generation, or after [`FAILED_KEPT`].
    failed: BTreeMap<StreamId, (u64, Duration)>,
    carried: Option<Job>,
    last_batch: usize,
    /// When the last batch began to be gathered.
    last_began: Duration,
}

impl Writer {
    pub(crate) fn new(
        lane: usize,
        store: Arc<dyn Store>,
        env: Env,
        ownership: Arc<Ownership>,
        config: JournalConfig,
        news: Arc<News>,
    ) -> Self {
        Self {
            lane,
            store,
            env,
            ownership,
            config,
            news,
            failed: BTreeMap::new(),
            carried: None,
            last_batch: 0,
            last_began: Duration::ZERO,
        }
    }

    /// Commits until every sender of `jobs` is gone and the queue is empty.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = self.first(&mut jobs).await {
            let batch = self.gather(first, &mut jobs).await;
            self.last_batch = batch.len();
            if !batch.is_empty() {
                self.commit(batch).await;
            }
        }
    }

    async fn first(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Option<Job> {
        if let Some(job) = self.carried.take() {
            return Some(job);
        }
        if jobs.is_empty() && !self.failed.is_empty() {
            let now = self.env.monotonic();
            self.failed.retain(|_, (_, at)| now.saturating_sub(*at) < FAILED_KEPT);
        }
        jobs.recv().await
    }

    /// Takes what is there, up to the limits; the one that would exceed them is carried over to the next batch.
    async fn gather(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) -> Vec<Job> {
        let mut batch = Vec::with_capacity(self.last_batch.max(16));
        let (mut events, mut bytes) = (0, 0);
        let mut next = Some(first);
        let (mut turns, mut lingers) = (0, self.many_come());
        loop {
            while let Some(job) = next.take().or_else(|| jobs.try_recv().ok()) {
                let Some(job) = self.lawful(job) else { continue };
                events += job.append.events.len().max(1);
                bytes += job.append.weight();
                let exceeds = events > self.config.batch_events_max || bytes > self.config.batch_bytes_max;
                if exceeds && !batch.is_empty() {
                    self.carried = Some(job);
                    return batch;
                }
                batch.push(job);
            }
            if batch.len() < self.last_batch && turns < TURNS_MAX {
                turns += 1;
                tokio::task::yield_now().await;
            } else if std::mem::take(&mut lingers) && batch.len() < LINGER_BATCH_MAX {
                self.env.sleep(LINGER).await;
            } else {
                return batch;
            }
        }
    }

    /// Whether so many came since the last batch began that more can be expected within [`LINGER`].
    fn many_come(&mut self) -> bool {
        let now = self.env.monotonic();
        let cycle = now.saturating_sub(std::mem::replace(&mut self.last_began, now));
        self.last_batch as u128 * LINGER.as_micros() >= LINGER_APPENDS * cycle.as_micros().max(1)
    }

    /// Discards what rests on a generation that failed, and refuses what would spoil the batch for others.
    fn lawful(&mut self, job: Job) -> Option<Job> {
        let job = self.current(job)?;
        if let Err(error) = crate::timers::check(&job.append) {
            tracing::warn!(lane = self.lane, owner = %job.append.owner, %error, "an append was refused");
            self.fail(&job.append);
            (job.done)(Outcome::Failed(AppendFailure::Refused));
            return None;
        }
        let present = self.rests_on(&job).map(|claim| (claim.epoch, self.ownership.epoch(claim.partition)));
        if let Some((epoch, present)) = present.filter(|(epoch, present)| *present != Some(*epoch)) {
            tracing::debug!(lane = self.lane, owner = %job.append.owner, epoch, ?present, "a decision rests on an old state");
            self.fail(&job.append);
            (job.done)(Outcome::Failed(present.map_or(AppendFailure::NotOwned, |_| AppendFailure::Discarded)));
            return None;
        }
        Some(job)
    }

    /// What must be owned for a job, if it matters.
    fn rests_on(&self, job: &Job) -> Option<Claim> {
        let epoch = job.rests_on.filter(|_| job.append.events.is_empty() || self.ownership.shared())?;
        Some(Claim { partition: job.append.owner.partition(self.store.partitions()), epoch })
    }

    fn current(&mut self, job: Job) -> Option<Job> {
        match self.failed.get(&job.append.owner) {
            Some((failed, _)) if job.append.generation <= *failed => {
                (job.done)(Outcome::Failed(AppendFailure::Discarded));
                None
            }
            Some(_) => {
                self.failed.remove(&job.append.owner);
                Some(job)
            }
            None => Some(job),
        }
    }

    fn fail(&mut self, append: &Append) {
        let now = self.env.monotonic();
        let (failed, at) = self.failed.entry(append.owner.clone()).or_default();
        (*failed, *at) = (append.generation.max(*failed), now);
    }

    async fn commit(&mut self, batch: Vec<Job>) {
        let rests: Vec<Claim> = batch.iter().filter_map(|job| self.rests_on(job)).collect();
        let (appends, waiters): (Vec<Append>, Vec<OnOutcome>) = batch.into_iter().map(|job| (job.append, job.done)).unzip();
        let outcomes = self.append(&appends, &rests).await;
        let (mut committed, mut ends, mut armed) = (Vec::with_capacity(appends.len()), Vec::with_capacity(appends.len()), None);
        for ((append, done), outcome) in appends.iter().zip(waiters).zip(outcomes) {
            armed = armed.into_iter().chain(may_have_armed(append, &outcome)).min();
            match &outcome {
                Outcome::Committed(receipt) => {
                    committed.push(append);
                    ends.push((receipt.partition, receipt.position));
                }
                Outcome::Duplicate(_) | Outcome::Failed(_) => self.fail(append),
            }
            done(outcome);
        }
        self.news.committed(&committed, &ends);
        if let Some(due) = armed {
            self.news.armed.send_if_modified(|earliest| {
                let earlier = due < *earliest;
                *earliest = due.min(*earliest);
                earlier
            });
        }
    }

    /// Appends, again and again while the store cannot be reached and nothing was stored.
    /// `rests`: what must be owned for it.
    async fn append(&mut self, batch: &[Append], rests: &[Claim]) -> Vec<Outcome> {
        let give_up = self.env.monotonic() + self.config.retry_for;
        let mut backoff = BACKOFF_MIN;
        loop {
            let claims = self.ownership.claims();
            if !rests.iter().all(|claim| claims.contains(claim)) {
                // It changed hands since the last try.
                return failed(batch, AppendFailure::Discarded);
            }
            let error = match self.store.append(self.lane, &claims, batch, self.env.now()).await {
                Ok(verdicts) => return verdicts.into_iter().map(outcome).collect(),
                Err(error) => error,
            };
            tracing::warn!(lane = self.lane, appends = batch.len(), error = %error, source = ?std::error::Error::source(&error), "a batch was not committed");
            match error {
                StoreError::Unavailable(_) if self.env.monotonic() < give_up => {
                    self.env.sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
                StoreError::Unavailable(_) => return failed(batch, AppendFailure::Unavailable),
                StoreError::OutcomeUnknown(_) => return self.settle(batch, claims).await,
                StoreError::Corrupt(_) | StoreError::Incompatible(_) | StoreError::Invalid(_) => {
                    return failed(batch, AppendFailure::Refused);
                }
            }
        }
    }

    /// The connection broke during the commit: raise the epochs, which waits for what was under way, then ask the
    /// receipts. Only while the store stays away is the outcome left open. `held`: under which it was sent.
    async fn settle(&mut self, batch: &[Append], mut held: Vec<Claim>) -> Vec<Outcome> {
        let partitions: BTreeSet<u16> = batch.iter().map(|append| append.owner.partition(self.store.partitions())).collect();
        let partitions: Vec<u16> = partitions.into_iter().collect();
        let give_up = self.env.monotonic() + self.config.retry_for * 2;
        let mut backoff = BACKOFF_MIN;
        loop {
            match self.ask(&partitions, batch, &mut held).await {
                Ok(outcomes) => return outcomes,
                Err(error) => tracing::warn!(lane = self.lane, error = %error, "the outcome of a batch is still unknown"),
            }
            if self.env.monotonic() >= give_up {
                return failed(batch, AppendFailure::OutcomeUnknown);
            }
            self.env.sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Keeps of `held` what was this node's all the time: the next epoch is its own, and not that of somebody in between.
    async fn ask(&mut self, partitions: &[u16], batch: &[Append], held: &mut Vec<Claim>) -> Result<Vec<Outcome>, StoreError> {
        self.ownership.fence(partitions).await?;
        held.iter_mut().for_each(|claim| claim.epoch += 1);
        let present = self.ownership.claims();
        held.retain(|claim| present.contains(claim));
        let mut outcomes = Vec::with_capacity(batch.len());
        for append in batch {
            let receipts = self.store.receipts(&append.owner, &[append.command_id]).await?;
            let receipt = receipts.into_iter().next().flatten();
            outcomes.push(receipt.map_or(Outcome::Failed(AppendFailure::Unavailable), |receipt| settled(append, receipt, held)));
        }
        Ok(outcomes)
    }
}

/// When the earliest timer of an append is due, if it armed one. Also while the outcome is open: a look in vain costs less than
/// a timer that nobody waits for.
fn may_have_armed(append: &Append, outcome: &Outcome) -> Option<Timestamp> {
    let stored = matches!(outcome, Outcome::Committed(_) | Outcome::Failed(AppendFailure::OutcomeUnknown));
    let due = |change: &TimerChangeKind| match change {
        TimerChangeKind::Arm { due, .. } => Some(*due),
        TimerChangeKind::Disarm | TimerChangeKind::Consume => None,
    };
    append.timers.iter().filter(|_| stored).filter_map(|timer| due(&timer.change)).min()
}

/// A receipt that was found afterwards is this append's own if it leads to the same version and nobody else has owned the
/// partition meanwhile; else the command has been accepted otherwise, perhaps on other events.
fn settled(append: &Append, receipt: Receipt, held: &[Claim]) -> Outcome {
    let undisturbed = held.iter().any(|claim| claim.partition == receipt.partition);
    let own = undisturbed && receipt.version == append.version && receipt.body_hash == append.body_hash;
    if own { Outcome::Committed(receipt) } else { Outcome::Duplicate(receipt) }
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Accepted(receipt) => Outcome::Committed(receipt),
        Verdict::Duplicate(receipt) => Outcome::Duplicate(receipt),
        Verdict::Conflict => Outcome::Failed(AppendFailure::Conflict),
        Verdict::Fenced => Outcome::Failed(AppendFailure::NotOwned),
    }
}

fn failed(batch: &[Append], failure: AppendFailure) -> Vec<Outcome> {
    batch.iter().map(|_| Outcome::Failed(failure)).collect()
}
