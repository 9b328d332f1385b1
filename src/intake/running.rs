//! What is being taken in now: how many rows of each organisation, and which batches, so that one comes in once at a time.

use ionveil_kernel::{EntityId, Env, Org};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// So many batches are taken in at once on a node.
const BATCHES_MAX: usize = 8;
/// How far back the rate is looked at.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// The batches that are being taken in.
pub struct Running {
    env: Env,
    by_org: Mutex<BTreeMap<Org, OfOrg>>,
}

#[derive(Default)]
struct OfOrg {
    batches: BTreeSet<EntityId>,
    rows: u64,
    since: Option<Duration>,
    /// When so many rows were through.
    done: VecDeque<(Duration, u64)>,
}

/// Why a batch is not taken in now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// It is being taken in.
    Same,
    /// As many others are as may.
    Full,
}

/// A batch that is being taken in, until this is dropped.
pub struct Ticket {
    running: Arc<Running>,
    org: Org,
    batch: EntityId,
    rows: u64,
}

impl Running {
    /// Nothing is.
    #[must_use]
    pub fn new(env: Env) -> Arc<Self> {
        Arc::new(Self { env, by_org: Mutex::default() })
    }

    /// Begins with a batch.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn enter(self: &Arc<Self>, org: &Org, batch: &EntityId) -> Result<Ticket, Busy> {
        let mut by_org = self.by_org.lock();
        let count: usize = by_org.values().map(|of| of.batches.len()).sum();
        let of = by_org.entry(org.clone()).or_default();
        if of.batches.contains(batch) {
            return Err(Busy::Same);
        }
        if count >= BATCHES_MAX {
            return Err(Busy::Full);
        }
        of.batches.insert(batch.clone());
        Ok(Ticket { running: self.clone(), org: org.clone(), batch: batch.clone(), rows: 0 })
    }

    /// How many rows of an organisation are being taken in.
    #[must_use]
    pub fn rows(&self, org: &Org) -> u64 {
        self.by_org.lock().get(org).map_or(0, |of| of.rows)
    }

    /// Rows of an organisation that are through in a second; none: there were none since this process began.
    #[must_use]
    pub fn rate(&self, org: &Org) -> Option<f64> {
        let now = self.env.monotonic();
        let by_org = self.by_org.lock();
        let of = by_org.get(org)?;
        let seconds = now.saturating_sub(of.since?).clamp(Duration::from_secs(1), RATE_WINDOW).as_secs_f64();
        let recent = of.done.iter().filter(|(at, _)| now.saturating_sub(*at) < RATE_WINDOW).map(|(_, rows)| rows);
        Some(recent.sum::<u64>() as f64 / seconds)
    }

    /// The organisations that took anything in since this process began.
    #[must_use]
    pub fn orgs(&self) -> Vec<Org> {
        self.by_org.lock().keys().cloned().collect()
    }
}

impl Ticket {
    /// So many more rows came.
    pub fn more(&mut self, rows: u64) {
        let mut by_org = self.running.by_org.lock();
        let of = by_org.entry(self.org.clone()).or_default();
        of.rows += rows;
        self.rows += rows;
    }

    /// So many of them are through.
    pub fn through(&mut self, rows: u64) {
        let rows = rows.min(self.rows);
        let now = self.running.env.monotonic();
        let mut by_org = self.running.by_org.lock();
        let of = by_org.entry(self.org.clone()).or_default();
        of.rows -= rows;
        self.rows -= rows;
        of.since.get_or_insert(now);
        of.done.push_back((now, rows));
        while of.done.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= RATE_WINDOW) {
            of.done.pop_front();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut by_org = self.running.by_org.lock();
        if let Some(of) = by_org.get_mut(&self.org) {
            of.rows -= self.rows;
            of.batches.remove(&self.batch);
        }
    }
}
