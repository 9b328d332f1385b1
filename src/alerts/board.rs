//! What is published of alerts in this node: which organisations have a monitor, which alerts are active, what was counted. And the
//! pass every 30 s, which finds nothing as long as the timers do their work.

use super::Alerting;
use ionveil_actors::{Loaded, Observer};
use ionveil_alerts::alert::{self, Alerts};
use ionveil_alerts::board::Board;
use ionveil_alerts::monitor::{self, Monitor};
use ionveil_alerts::pager::{Outcome, Pager};
use ionveil_kernel::{EntityId, Org, StreamId};
use ionveil_views::{AlertFilter, AlertPlace, Views};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the pass is made.
const EVERY: Duration = Duration::from_secs(30);
/// What is overdue for less is the timers' business.
const GRACE: Duration = Duration::from_secs(2);
/// So many are looked after in one pass.
const PASSES_MAX: usize = 1_000;
/// How many are read at a time.
const PAGE: usize = 500;

/// What is published.
#[derive(Default)]
pub struct Boards {
    orgs: Mutex<BTreeSet<Org>>,
    board: Mutex<Board>,
    /// By recipient: how many notifications are under way.
    under_way: Mutex<BTreeMap<StreamId, usize>>,
    counted: [std::sync::atomic::AtomicU64; 3],
}

impl Boards {
    /// Counts an attempt.
    pub(super) fn count(&self, outcome: Outcome) {
        self.counted[place(outcome)].fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// How many alerts are active, and of how many of them nobody was reached.
    #[must_use]
    pub fn active(&self) -> (usize, usize) {
        let board = self.board.lock();
        (board.len(), board.undelivered())
    }

    /// The alerts that are active.
    pub(super) fn active_alerts(&self) -> Vec<StreamId> {
        self.board.lock().active().cloned().collect()
    }

    /// How many alerts of an organisation are active.
    #[must_use]
    pub fn active_of(&self, org: &Org) -> u64 {
        self.board.lock().active_of(org) as u64
    }
}

const fn place(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Sent => 0,
        Outcome::Failed => 1,
        Outcome::Unknown => 2,
    }
}

impl Observer<Monitor> for Boards {
    fn committed(&self, owner: &StreamId, _: &Loaded<Monitor>) {
        let mut orgs = self.orgs.lock();
        if !orgs.contains(&owner.org) {
            orgs.insert(owner.org.clone());
        }
    }
}

impl Observer<Alerts> for Boards {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Alerts>) {
        self.board.lock().publish(owner, &loaded.state);
    }
}

impl Observer<Pager> for Boards {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Pager>) {
        let count = loaded.state.state.under_way.len();
        let mut under_way = self.under_way.lock();
        if count == 0 {
            under_way.remove(owner);
        } else {
            under_way.insert(owner.clone(), count);
        }
    }
}

impl fmt::Debug for Boards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boards").field("active", &self.active()).finish_non_exhaustive()
    }
}

/// What is counted; the names of organisations stay out of it.
#[derive(Debug)]
pub(crate) struct Figures(pub(crate) Arc<Boards>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (active, undelivered) = self.0.active();
        let under_way = self.0.under_way.lock().values().sum::<usize>();
        let gauges = [
            ("alerts_active", "Alerts that are open, escalated or acknowledged", active),
            ("alerts_undelivered", "Active alerts of which nobody could be told", undelivered),
            ("notifications_under_way", "Notifications that are not settled", under_way),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let counter = ConstCounter::new(0_u64);
        let mut attempts = encoder.encode_descriptor("notification_attempts", "Attempts to notify", None, counter.metric_type())?;
        for (outcome, name) in [(Outcome::Sent, "sent"), (Outcome::Failed, "failed"), (Outcome::Unknown, "unknown")] {
            let count = self.0.counted[place(outcome)].load(std::sync::atomic::Ordering::Relaxed);
            ConstCounter::new(count).encode(attempts.encode_family(&[("outcome", name)])?)?;
        }
        Ok(())
    }
}

/// The pass.
pub(super) struct Sweeper {
    pub(super) alerting: Alerting,
    pub(super) views: Views,
}

impl Sweeper {
    pub(super) async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut pause = Duration::ZERO;
        let mut is_whole = false;
        loop {
            let env = &self.alerting.0.env;
            tokio::select! {
                biased;
                _gone = stopped.wait_for(|stopped| *stopped) => return,
                () = env.sleep(pause) => {}
            }
            if !is_whole {
                is_whole = tokio::select! {
                    biased;
                    _gone = stopped.wait_for(|stopped| *stopped) => return,
                    found = self.find() => found,
                };
            }
            if !pause.is_zero() {
                self.pass().await;
            }
            pause = EVERY;
        }
    }

    /// Reads what is active as the lists have it, once they have come to what is committed now: whoever changes afterwards is
    /// published by its commit. Says whether that is all.
    async fn find(&self) -> bool {
        let shared = &self.alerting.0;
        let store = shared.monitors.loader().store().clone();
        let Ok(heads) = store.heads().await else { return false };
        // What the lists have is better than nothing.
        let mut is_whole = self.views.wait_for(&shared.env, &heads, EVERY).await.is_ok();
        let mut after: Option<Org> = None;
        loop {
            let Ok(orgs) = store.organisations(after.as_ref(), PAGE).await else { return false };
            for org in &orgs {
                is_whole &= self.find_of(org).await;
            }
            after = orgs.last().cloned();
            if after.is_none() {
                return is_whole;
            }
        }
    }

    async fn find_of(&self, org: &Org) -> bool {
        let mut is_whole = self.find_monitor(org).await;
        let mut after: Option<AlertPlace> = None;
        loop {
            let Ok(page) = self.views.alerts(org, &AlertFilter::default(), after.as_ref(), PAGE).await else { return false };
            for record in &page {
                is_whole &= self.find_alert(org, record.id.clone()).await;
            }
            let Some(last) = page.last().filter(|_| page.len() == PAGE) else { return is_whole };
            after = Some(AlertPlace { created_at: last.created_at, id: last.id.clone() });
        }
    }

    async fn find_monitor(&self, org: &Org) -> bool {
        let shared = &self.alerting.0;
        let Ok(owner) = monitor::stream(org) else { return true };
        let Ok(loaded) = shared.monitors.loader().load(&owner).await else { return false };
        if loaded.version > 0 {
            shared.boards.orgs.lock().insert(org.clone());
        }
        true
    }

    async fn find_alert(&self, org: &Org, id: EntityId) -> bool {
        let shared = &self.alerting.0;
        let Ok(owner) = super::alert_stream(org, id) else { return true };
        // What is published already is newer than what is read here.
        if shared.boards.board.lock().status(&owner).is_some() {
            return true;
        }
        let Ok(loaded) = shared.alerts.loader().load(&owner).await else { return false };
        let mut board = shared.boards.board.lock();
        if board.status(&owner).is_none() {
            board.publish(&owner, &loaded.state);
        }
        true
    }

    async fn pass(&self) {
        let alerting = &self.alerting;
        let orgs: Vec<Org> = alerting.0.boards.orgs.lock().iter().cloned().collect();
        // Each node looks after its own.
        let is_own = |owner: &StreamId| alerting.0.journal.admits(owner);
        for org in orgs.into_iter().filter(|org| monitor::stream(org).is_ok_and(|owner| is_own(&owner))) {
            let meta = alerting.own(&org, "system:alerts");
            if let Err(error) = alerting.ask_monitor(&org, monitor::Command::Sweep, meta).await {
                tracing::warn!(%org, %error, "the pass over the watched incidents was not made");
            }
        }
        let now = alerting.0.env.now();
        let overdue = ionveil_kernel::Timestamp::from_micros(now.micros() - i64::try_from(GRACE.as_micros()).unwrap_or(0));
        let due: Vec<StreamId> =
            alerting.0.boards.board.lock().due(overdue).filter(|owner| is_own(owner)).take(PASSES_MAX).cloned().collect();
        for owner in due {
            let meta = alerting.own(&owner.org, "system:alerts");
            if let Err(error) = alerting.ask_alert(owner.clone(), alert::Command::Pass { due: now }, meta).await {
                tracing::warn!(alert = %owner, %error, "an alert was not looked after");
            }
        }
    }
}
