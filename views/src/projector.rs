//! Keeps the views up with the journal: reads page after page of each partition and hands it to the tables.
//!
//! It decides nothing about rows. A partition with an event that cannot be taken in stands still and is shown; the
//! others go on. Several projectors may run on the same tables.

use crate::{Applied, Checkpoint, Phase, Poison, Status, Views, ViewsError};
use ionveil_journal::{Filter, Page, Store};
use ionveil_kernel::Env;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Limits of a projector.
#[derive(Clone, Debug)]
pub struct ProjectorConfig {
    /// The most events that are taken in with one transaction.
    pub page_events: usize,
    /// How often it looks for events that nobody woke it for, such as those of other nodes.
    pub poll: Duration,
    /// While something is appended all the time, how often it looks at most: a look costs the databases queries, however
    /// little is new, and what it takes is taken from those who append. One that took long is followed by a rest of three
    /// times as long (longer where several nodes share the work), but never longer than `poll`. What comes after a pause is taken in at once.
    pub every: Duration,
    /// How long it waits before it tries again when something cannot be reached.
    pub retry: Duration,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self { page_events: 4_096, poll: Duration::from_millis(250), every: Duration::from_millis(20), retry: Duration::from_secs(1) }
    }
}

/// Reads the journal into the views.
pub struct Projector {
    views: Views,
    store: Arc<dyn Store>,
    env: Env,
    config: ProjectorConfig,
    status: Arc<watch::Sender<Status>>,
    /// Whether it is known that the views are of this journal.
    checked: bool,
    /// The partitions that fall to it now; the others are somebody else's, on the same tables.
    falls_to: Box<dyn Fn(u16) -> bool + Send + Sync>,
}

impl Projector {
    /// A projector that has not begun.
    #[must_use]
    pub fn new(views: Views, store: Arc<dyn Store>, env: Env, config: ProjectorConfig) -> Self {
        let (status, _) = watch::channel(Status::default());
        Self { views, store, env, config, status: Arc::new(status), checked: false, falls_to: Box::new(|_| true) }
    }

    /// Takes in only the partitions that fall to it, as `falls_to` says each time; where the others stand is seen all the same.
    #[must_use]
    pub fn only(self, falls_to: impl Fn(u16) -> bool + Send + Sync + 'static) -> Self {
        Self { falls_to: Box::new(falls_to), ..self }
    }

    /// What it is doing, as it changes: phase, positions, heads, poison.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Runs until `stop` is true, its sender is gone, or the views belong to a newer release. `wake` is a hint that
    /// something was appended; without it the projector looks by itself now and then.
    pub async fn run(mut self, mut wake: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let reason = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            error = self.follow(&mut wake) => Some(error.to_string()),
        };
        if let Some(reason) = &reason {
            tracing::error!(reason, "the views stand still");
        }
        self.status.send_modify(|status| status.phase = Phase::Ended(reason));
    }

    /// Takes in everything that is recorded by now, telling `progress` after each page; for commands that run without a
    /// server. Ends also where a partition stands still: see [`Status::poison`] in its answer.
    ///
    /// # Errors
    /// The first that is met; what was taken in stays.
    pub async fn catch_up(&mut self, progress: &mut (dyn FnMut(&Status) + Send)) -> Result<Status, ViewsError> {
        self.look().await?;
        progress(&self.status.borrow());
        while self.round(progress).await? {}
        Ok(self.status.borrow().clone())
    }

    /// Follows the journal for ever; answers with what makes that pointless.
    async fn follow(&mut self, wake: &mut watch::Receiver<u64>) -> ViewsError {
        loop {
            wake.mark_unchanged();
            let began = self.env.monotonic();
            match self.catch_up(&mut |_| {}).await {
                Ok(_) => {
                    self.phase(Phase::Live);
                    let ended = self.env.monotonic();
                    let pause = ended.saturating_sub(began) * self.rest_share();
                    let again = ended + pause.clamp(self.config.every, self.config.poll.max(self.config.every));
                    if !self.is_behind() {
                        self.rest(wake).await;
                    }
                    self.env.sleep(again.saturating_sub(self.env.monotonic())).await;
                }
                Err(error) if error.retryable() => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the views cannot go on for now");
                    self.phase(Phase::Unavailable(error.to_string()));
                    self.env.sleep(self.config.retry).await;
                }
                Err(error) => return error,
            }
        }
    }

    /// How many times as long as it worked it rests: three times, and where the partitions fall to several nodes so many times more
    /// that all of them together take no more than one would.
    fn rest_share(&self) -> u32 {
        let all = u32::try_from(self.status.borrow().positions.len()).unwrap_or(u32::MAX);
        let own = (0..).take(all as usize).filter(|partition| (self.falls_to)(*partition)).count();
        u32::try_from(own).ok().filter(|own| *own > 0).map_or(3, |own| 3 * all / own)
    }

    async fn rest(&self, wake: &mut watch::Receiver<u64>) {
        let woken = async {
            // Nobody is left to wake us: only the clock does.
            if wake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = woken => {}
            () = self.env.sleep(self.config.poll) => {}
        }
    }

    /// Looks where views and journal are. The views first: then they cannot seem to be ahead because time passed.
    async fn look(&mut self) -> Result<(), ViewsError> {
        let mut positions = self.views.positions().await?;
        let heads = self.store.heads().await.map_err(ViewsError::Journal)?;
        if heads.len() != positions.len() {
            return Err(ViewsError::Invalid(format!("{} partitions of a journal that has {}", positions.len(), heads.len())));
        }
        let ahead = positions.iter().zip(&heads).any(|(position, head)| position > head);
        if ahead || (!self.checked && !self.same_journal().await?) {
            tracing::warn!("the views were made from another journal, or from more than is left of this one");
            self.views.rebuild().await?;
            positions = self.views.positions().await?;
        }
        self.checked = true;
        self.status.send_modify(|status| {
            status.poison.retain(|poison| positions.get(usize::from(poison.partition)).is_some_and(|at| at + 1 == poison.position));
            status.phase = if positions == heads { Phase::Live } else { status.phase.clone() };
            (status.positions, status.heads) = (positions, heads);
        });
        Ok(())
    }

    /// Whether the last event of every checkpoint is the one that the journal has there.
    async fn same_journal(&self) -> Result<bool, ViewsError> {
        for (partition, checkpoint) in (0..).zip(self.views.checkpoints().await?) {
            let Checkpoint { event: Some((position, id)), .. } = checkpoint else { continue };
            let page = self.read(partition, position.saturating_sub(1), 1).await?;
            if page.events.first().is_none_or(|event| event.position != position || event.event_id != id) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes in one page of each partition that is behind; false if none is.
    async fn round(&mut self, progress: &mut (dyn FnMut(&Status) + Send)) -> Result<bool, ViewsError> {
        let behind = self.behind();
        for (partition, from) in &behind {
            self.phase(Phase::CatchingUp);
            let page = self.read(*partition, *from, self.config.page_events).await?;
            let applied = self.views.apply(*partition, *from, &page.events, page.scanned_to).await?;
            self.note(*partition, applied);
            progress(&self.status.borrow());
        }
        Ok(!behind.is_empty())
    }

    /// Whether somebody has something to take in.
    fn is_behind(&self) -> bool {
        let status = self.status.borrow();
        status.positions.iter().zip(&status.heads).any(|(at, head)| at < head) && status.poison.is_empty()
    }

    /// The partitions with something to take in, and where they are.
    fn behind(&self) -> Vec<(u16, u64)> {
        let status = self.status.borrow();
        let still = |partition| status.poison.iter().any(|poison| poison.partition == partition);
        let places = (0..).zip(status.positions.iter().zip(&status.heads));
        places
            .filter(|(partition, (at, head))| at < head && !still(*partition) && (self.falls_to)(*partition))
            .map(|(partition, (at, _))| (partition, *at))
            .collect()
    }

    async fn read(&self, partition: u16, after: u64, limit: usize) -> Result<Page, ViewsError> {
        self.store.read_partition(partition, after, limit, &Filter::default()).await.map_err(ViewsError::Journal)
    }

    fn note(&self, partition: u16, applied: Applied) {
        let Applied { position, poison } = applied;
        if let Some(Poison { stream, reason, .. }) = &poison {
            tracing::error!(partition, position, stream, reason, "an event cannot be taken in; its partition stands still");
        }
        self.status.send_modify(|status| {
            if let Some(known) = status.positions.get_mut(usize::from(partition)) {
                *known = position;
            }
            status.poison.extend(poison);
        });
    }

    fn phase(&self, phase: Phase) {
        self.status.send_if_modified(|status| {
            let changed = status.phase != phase;
            status.phase = phase;
            changed
        });
    }
}
