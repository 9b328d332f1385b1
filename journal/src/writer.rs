//! Group commit: a writer gathers what arrived while its last commit was in flight and commits it in one call.

use crate::journal::{AppendFailure, JournalConfig, OnOutcome, Outcome};
use crate::lease::Ownership;
use crate::news::{News, Untold};
use crate::{Append, Claim, Receipt, Store, StoreError, Verdict};
use futures_util::future::join;
use ionveil_kernel::{Env, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

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
/// What a commit costs beside its rows is spread over enough of them then: who comes later has work for the time of the next one.
const FULL: usize = 128;
/// When at least one append comes in such a time, and not one after the other, a small batch waits that long for more of them: what
/// a commit costs beside its rows is then worth more than the moment. Slower callers would only wait.
const LINGER: Duration = Duration::from_millis(1);
const LINGER_BATCH_MAX: usize = 32;
/// If as many wait already, and such a share of the last batch, the next one goes before those of the last are told: the store
/// has work meanwhile.
const AT_ONCE_MIN: usize = 8;
const AT_ONCE_SHARE: usize = 4;

pub(crate) struct Writer {
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
    pub(crate) fn new(store: Arc<dyn Store>, env: Env, ownership: Arc<Ownership>, config: JournalConfig, news: Arc<News>) -> Self {
        Self { store, env, ownership, config, news, failed: BTreeMap::new(), carried: None, last_batch: 0, last_began: Duration::ZERO }
    }

    /// Commits until every sender of `jobs` is gone and the queue is empty.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut untold = Untold::default();
        loop {
            if !self.enough_wait(&jobs) {
                std::mem::take(&mut untold).tell(&self.news);
            }
            let Some(first) = self.first(&mut jobs).await else { return };
            let batch = self.gather(first, &mut jobs, untold.is_empty()).await;
            self.last_batch = batch.len();
            untold = self.commit(batch, untold).await;
        }
    }

    /// Whether it is worth while to have the next batch ready when a commit ends. Where other nodes write to the store it has work
    /// anyway, and a commit of many costs less than two of half as many; where the store works in this process too.
    fn overlaps(&self) -> bool {
        self.store.elsewhere() && self.ownership.alone()
    }

    /// Whether the next batch can go at once, without those who would come once they are answered.
    fn enough_wait(&self, jobs: &mpsc::Receiver<Job>) -> bool {
        self.overlaps() && jobs.len() >= AT_ONCE_MIN.max(self.last_batch / AT_ONCE_SHARE)
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

    /// Takes what is there, up to the limits; the one that would exceed them is carried over to the next batch. Waits for more only
    /// if it `may_wait`.
    async fn gather(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>, may_wait: bool) -> Vec<Job> {
        let mut batch = Vec::with_capacity(self.last_batch.max(16));
        let (mut events, mut bytes) = (0, 0);
        let mut next = Some(first);
        let (mut turns, mut lingers) = (0, self.many_come() && may_wait);
        let full = if self.overlaps() { FULL } else { usize::MAX };
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
            if may_wait && batch.len() < self.last_batch.min(full) && turns < TURNS_MAX {
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
        self.last_batch > 1 && self.last_batch as u128 * LINGER.as_micros() >= cycle.as_micros().max(1)
    }

    /// Discards what rests on a generation that failed, and refuses what would spoil the batch for others.
    fn lawful(&mut self, job: Job) -> Option<Job> {
        let job = self.current(job)?;
        if let Err(error) = crate::timers::check(&job.append) {
            tracing::warn!(owner = %job.append.owner, %error, "an append was refused");
            self.fail(&job.append);
            (job.done)(Outcome::Failed(AppendFailure::Refused));
            return None;
        }
        let present = self.rests_on(&job).map(|claim| (claim.epoch, self.ownership.epoch(claim.partition)));
        if let Some((epoch, present)) = present.filter(|(epoch, present)| *present != Some(*epoch)) {
            tracing::debug!(owner = %job.append.owner, epoch, ?present, "a decision rests on an old state");
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

    /// Commits `batch`, and tells of the one before while that is under way. What of it can wait to be told: who has failed is
    /// told before anything else is looked at that may rest on it.
    async fn commit(&mut self, batch: Vec<Job>, before: Untold) -> Untold {
        let news = self.news.clone();
        if batch.is_empty() {
            before.tell(&news);
            return Untold::default();
        }
        let rests: Vec<Claim> = batch.iter().filter_map(|job| self.rests_on(job)).collect();
        let (appends, waiters): (Vec<Append>, Vec<OnOutcome>) = batch.into_iter().map(|job| (job.append, job.done)).unzip();
        let (outcomes, ()) = join(self.append(&appends, &rests), async { before.tell(&news) }).await;
        let failed = |(_, outcome): &(&Append, &Outcome)| !matches!(outcome, Outcome::Committed(_));
        let failed: Vec<&Append> = appends.iter().zip(&outcomes).filter(failed).map(|(append, _)| append).collect();
        failed.iter().for_each(|append| self.fail(append));
        let all_went_well = failed.is_empty();
        let untold =
            Untold(appends.into_iter().zip(waiters).zip(outcomes).map(|((append, done), outcome)| (append, done, outcome)).collect());
        if all_went_well {
            return untold;
        }
        untold.tell(&news);
        Untold::default()
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
            let error = match self.store.append(&claims, batch, self.env.now()).await {
                Ok(verdicts) => return verdicts.into_iter().map(outcome).collect(),
                Err(error) => error,
            };
            tracing::warn!(appends = batch.len(), error = %error, source = ?std::error::Error::source(&error), "a batch was not committed");
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
                Err(error) => tracing::warn!(error = %error, "the outcome of a batch is still unknown"),
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
