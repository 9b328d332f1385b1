//! The city's numbers on this node: what the journal says of dispatches within the retention, by organisation and in memory, and
//! those who follow it. It decides nothing; `domain/analytics` says what counts and how.
//!
//! | to read | file |
//! |---|---|
//! | what is read of the journal, and reading it anew | `follow.rs` |
//! | what first arrivals at incidents say | `arrivals.rs` |
//! | subscriptions | `streams.rs` |
//!
//! A node follows the whole journal, whoever owns its partitions, so that each answers for all. Where memory does not reach back
//! the list views' rows by minute stand in.

pub mod arrivals;
mod follow;
pub mod streams;

use crate::config;
use ionveil_analytics::answer::Gauges;
use ionveil_analytics::query::Range;
use ionveil_analytics::store::{Limits, Reading, Store as Day};
use ionveil_journal::Store;
use ionveil_kernel::{Env, Org, Timestamp};
use ionveil_views::{MinuteRow, Views, ViewsError, WorkflowFilter};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use streams::{Streams, Topic};
use tokio::sync::watch;

/// The most rows by minute that stand in for what memory does not hold.
const OLDER_MAX: usize = 200_000;
/// How far ahead of a clock an event may be.
const AHEAD: Duration = ionveil_analytics::AHEAD_MAX;
/// The machine that dispatches go through, and which of its states are what (§6.2).
const MACHINE: &str = "dispatch";
const ACTIVE: [&str; 2] = ["allocated", "departed"];
const PENDING: &str = "queued";

/// The days of all organisations, as far as the journal was read into them.
#[derive(Default)]
struct Days {
    /// By partition.
    positions: Vec<u64>,
    by_org: BTreeMap<Org, Arc<RwLock<Day>>>,
}

impl Days {
    fn of(&mut self, org: &Org, limits: Limits) -> Arc<RwLock<Day>> {
        if let Some(known) = self.by_org.get(org) {
            return known.clone();
        }
        self.by_org.entry(org.clone()).or_insert_with(|| Arc::new(RwLock::new(Day::new(limits)))).clone()
    }
}

/// How far reading the journal anew has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether it is under way.
    pub running: bool,
    /// Positions of the journal that were looked at.
    pub done: u64,
    /// Positions that are to be looked at.
    pub total: u64,
    /// How often it was done since this process began.
    pub rebuilds: u64,
}

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The rows by minute cannot be read.
    #[error("read what memory does not hold")]
    Views(#[from] ViewsError),
    /// There are too many of them.
    #[error("the range holds more than {OLDER_MAX} rolled up minutes")]
    TooFarBack,
}

/// Says how many alerts of an organisation are open.
pub type OpenAlerts = Box<dyn Fn(&Org) -> u64 + Send + Sync>;

/// See the module.
pub struct Live {
    env: Env,
    limits: Limits,
    store: Arc<dyn Store>,
    views: Views,
    days: RwLock<Days>,
    /// By partition: what was taken in.
    seen: watch::Sender<Vec<u64>>,
    progress: watch::Sender<Progress>,
    open_alerts: OpenAlerts,
    /// Who follows what.
    pub streams: Streams,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Live {
    /// Nothing is known yet. `open_alerts` is asked for each snapshot.
    #[must_use]
    pub fn new(settings: &config::Analytics, env: Env, store: Arc<dyn Store>, views: Views, open_alerts: OpenAlerts) -> Self {
        let limits = Limits { retention: settings.retention, bytes_max: settings.bytes_max };
        let streams = Streams::new(settings.waiting_max);
        let (seen, progress) = (watch::Sender::default(), watch::Sender::default());
        Self { env, limits, store, views, days: RwLock::default(), seen, progress, open_alerts, streams }
    }

    /// For how long events count.
    #[must_use]
    pub const fn retention(&self) -> Duration {
        self.limits.retention
    }

    /// How far reading anew has come, as it changes.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// How many bytes of memory the events of an organisation take, about.
    #[must_use]
    pub fn bytes(&self, org: &Org) -> usize {
        self.day(org).map_or(0, |day| day.read().bytes())
    }

    /// Waits until the event at `position` of a partition counts here; false if that does not happen within `patience`.
    pub async fn has_seen(&self, partition: u16, position: u64, patience: Duration) -> bool {
        let mut seen = self.seen.subscribe();
        let reached = |positions: &Vec<u64>| positions.get(usize::from(partition)).is_some_and(|at| *at >= position);
        tokio::select! {
            biased;
            ended = seen.wait_for(reached) => ended.is_ok(),
            () = self.env.sleep(patience) => false,
        }
    }

    /// What `ask` makes of the day of an organisation, with rows by minute for what of `range` memory does not hold.
    ///
    /// # Errors
    /// If these cannot be read, or are too many.
    pub async fn ask<T>(&self, org: &Org, range: &Range, ask: impl FnOnce(&Reading<'_>) -> T) -> Result<T, AnswerError> {
        let now = self.env.now();
        let Some(day) = self.day(org) else {
            let mut empty = Day::new(self.limits);
            empty.advance(now);
            let older = self.older(org, range, empty.kept_from()).await?;
            return Ok(ask(&empty.read_with(&older)));
        };
        let kept_from = {
            let mut day = day.write();
            day.advance(now);
            day.kept_from()
        };
        let older = self.older(org, range, kept_from).await?;
        let day = day.read();
        Ok(ask(&day.read_with(&older)))
    }

    /// What others count of an organisation.
    ///
    /// # Errors
    /// If the lists cannot be read.
    pub async fn gauges(&self, org: &Org) -> Result<Gauges, ViewsError> {
        let count = async |state: &str| {
            let filter = WorkflowFilter { state: Some(state.to_owned()), machine: Some(MACHINE.to_owned()) };
            self.views.count(org, &filter).await
        };
        let [allocated, departed] = ACTIVE;
        Ok(Gauges {
            active_dispatches: count(allocated).await? + count(departed).await?,
            pending_dispatches: count(PENDING).await?,
            open_alerts: (self.open_alerts)(org),
        })
    }

    /// What metrics of an organisation are now, as those who follow them are told.
    #[must_use]
    pub fn told(&self, org: &Org, topics: &[Topic]) -> Vec<Arc<str>> {
        let (day, now) = (self.day(org).unwrap_or_default(), self.env.now());
        let day = day.read();
        let watched = topics.iter().filter_map(|topic| if let Topic::Metric(watched) = topic { Some(watched) } else { None });
        watched.map(|watched| watched.told(&day, now)).collect()
    }

    fn day(&self, org: &Org) -> Option<Arc<RwLock<Day>>> {
        self.days.read().by_org.get(org).cloned()
    }

    async fn older(&self, org: &Org, range: &Range, kept_from: Option<Timestamp>) -> Result<Vec<MinuteRow>, AnswerError> {
        let Some(until) = kept_from.filter(|from| range.start < *from) else { return Ok(Vec::new()) };
        // A minute counts by its start.
        let from = Timestamp::from_micros(range.start.micros().div_euclid(60_000_000).saturating_mul(60_000_000));
        let rows = self.views.minutes(org, (from, until.min(range.end)), OLDER_MAX + 1).await?;
        if rows.len() > OLDER_MAX { Err(AnswerError::TooFarBack) } else { Ok(rows) }
    }
}
