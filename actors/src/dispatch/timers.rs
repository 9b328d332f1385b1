//! Fires timers that are due: wakes their entities with the commands that they stand for, whether they are in memory or not.
//!
//! A row is settled by the append that its command leads to, or, where that left it as it was (a refusal, a dead letter, a
//! repeat), by being marked consumed here. So it fires once, also across crashes, and never spins.

use super::backoff::Deferred;
use super::{PAGE, SLEEP_MAX, UNREACHED, claim_of, delivery, partitions, rest};
use crate::core::Core;
use crate::kind::Carried;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ionveil_journal::{ArmedTimer, StoreError};
use ionveil_kernel::{BoxFuture, StreamId, TimerPolicy, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The most that are being fired at once: one that does not come back holds up none of the others.
const FIRING_MAX: usize = 128;
/// How much of its rate it may make up for after a rest: on a busy machine it wakes late, and more would be a burst.
const MADE_UP_MAX: Duration = Duration::from_millis(20);

/// One arming of one timer.
type Key = (StreamId, String, u64);

pub(crate) struct Timers {
    core: Arc<Core>,
    deferred: Deferred<Key>,
    /// The last one of the last pass: all that were due then come before it or are it.
    last: Option<ArmedTimer>,
    /// When the next one may fire, by the monotonic clock.
    turn: Duration,
    firing: FuturesUnordered<BoxFuture<'static, (Key, bool)>>,
    keys: BTreeSet<Key>,
}

impl Timers {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, deferred: Deferred::new(), last: None, turn: Duration::ZERO, firing: FuturesUnordered::new(), keys: BTreeSet::new() }
    }

    /// Fires until the runtime is gone or drains.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let mut armed = self.core.journal.armed();
        loop {
            armed.mark_unchanged();
            self.core.journal.look_for_timers();
            let pause = match self.pass().await {
                Ok(()) => self.until_next().await.unwrap_or(UNREACHED),
                Err(error) => {
                    tracing::warn!(error = %error, "due timers cannot be read");
                    UNREACHED
                }
            };
            if !self.rest(&mut stop, &mut armed, pause).await {
                return;
            }
        }
    }

    /// Starts to fire everything that is due now, a page at a time and no more in a second than is allowed.
    async fn pass(&mut self) -> Result<(), StoreError> {
        let (core, partitions) = (self.core.clone(), partitions(&self.core.journal.working()));
        let now = core.journal.env().now();
        self.last = None;
        while !core.line.is_closed() {
            let page = core.journal.store().due_timers(&partitions, now, self.last.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.last = Some(last.clone());
            let full = page.len() == PAGE;
            for timer in page {
                self.start(timer).await;
            }
            if !full {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn start(&mut self, timer: ArmedTimer) {
        let key = key(&timer);
        if self.keys.contains(&key) || !self.deferred.allows(&key, self.core.journal.env().monotonic()) {
            return;
        }
        while self.firing.len() >= FIRING_MAX {
            self.settle_one().await;
        }
        self.take_turn().await;
        self.keys.insert(key);
        self.firing.push(Box::pin(fire(self.core.clone(), timer)));
    }

    /// Waits until the next one may fire.
    async fn take_turn(&mut self) {
        let (env, gap) = (self.core.journal.env().clone(), Duration::from_secs(1) / self.core.config.timers_per_s.max(1));
        let now = env.monotonic();
        self.turn = self.turn.max(now.saturating_sub(MADE_UP_MAX)) + gap;
        if self.turn <= now {
            return;
        }
        let mut wait = std::pin::pin!(env.sleep(self.turn - now));
        loop {
            tokio::select! {
                biased;
                () = &mut wait => return,
                _ = self.settle_one() => {}
            }
        }
    }

    /// Waits for one that is being fired; says whether it is settled. For ever if there is none.
    async fn settle_one(&mut self) -> bool {
        let Some((key, settled)) = self.firing.next().await else { return std::future::pending().await };
        self.keys.remove(&key);
        if settled {
            self.deferred.done(&key);
        } else {
            self.deferred.failed(key, self.core.journal.env().monotonic());
        }
        settled
    }

    /// As [`rest`], beside those that are being fired; one that failed ends it, for it wants to be fired again.
    async fn rest(&mut self, stop: &mut watch::Receiver<()>, armed: &mut watch::Receiver<Timestamp>, pause: Duration) -> bool {
        let core = self.core.clone();
        let mut rested = std::pin::pin!(rest(&core, stop, armed, pause));
        loop {
            tokio::select! {
                biased;
                go_on = &mut rested => return go_on,
                settled = self.settle_one() => if !settled { return true },
            }
        }
    }

    /// How long there is nothing to do.
    async fn until_next(&mut self) -> Option<Duration> {
        let env = self.core.journal.env().clone();
        let next = self.next_due().await.ok()?;
        self.core.journal.know_timer(next.unwrap_or(Timestamp::MAX));
        let deferred = self.deferred.next(env.monotonic());
        // One that is due came while we fired.
        let coming = next.map(|due| env.until(due).max(Duration::from_millis(1)));
        let pause = [coming, deferred, Some(SLEEP_MAX)].into_iter().flatten().min();
        pause.map(|pause| pause.max(Duration::from_micros(500)))
    }

    /// When the first timer behind those of the last pass is due: what that left, because it failed, must not hide it.
    async fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let (store, partitions) = (self.core.journal.store(), partitions(&self.core.journal.working()));
        let Some(last) = &self.last else { return store.next_due(&partitions).await };
        let next = store.due_timers(&partitions, Timestamp::MAX, Some(last), 1).await?;
        Ok(next.first().map(|timer| timer.due))
    }
}

fn key(timer: &ArmedTimer) -> Key {
    (timer.owner.clone(), timer.name.clone(), timer.armed)
}

/// Fires one; says whether its row is settled.
async fn fire(core: Arc<Core>, timer: ArmedTimer) -> (Key, bool) {
    let key = key(&timer);
    let Some(kind) = core.kind(timer.owner.kind.as_str()) else { return (key, false) };
    let metrics = kind.metrics();
    let late = core.journal.env().now().since(timer.due);
    if timer.policy == TimerPolicy::Skip && late > core.config.timer_skip_after {
        metrics.timers_skipped.inc();
        return (key, consume(&core, &timer).await);
    }
    let settled = match kind.fire(timer.clone(), delivery(&core)).await {
        Carried::Done { repeated } => {
            metrics.timers_fired.inc();
            metrics.timer_lag.observe(late.as_secs_f64());
            !repeated || consume(&core, &timer).await
        }
        carried @ (Carried::Refused { .. } | Carried::Faulted { .. } | Carried::Unreadable { .. }) => {
            tracing::info!(entity = %timer.owner, timer = timer.name, ?carried, "a timer's command was not accepted");
            metrics.timers_consumed.inc();
            consume(&core, &timer).await
        }
        Carried::NotNow { .. } => false,
    };
    (key, settled)
}

/// Marks it consumed, unless it was armed anew meanwhile; says whether it need not fire again.
async fn consume(core: &Core, timer: &ArmedTimer) -> bool {
    let Some(claim) = claim_of(core, timer.partition) else { return false };
    core.journal.store().consume_timer(claim, timer).await.is_ok()
}
