//! The queues that people watch, and how healthy each is: the one place that reads them for the one monitor that judges them
//! (`ionveil_dispatch::queue`). Routes, metrics and admission ask here.

use crate::config;
use crate::pools::Published;
use crate::trees::Trees;
use ionveil_actors::Policies;
use ionveil_dispatch::pool::{self, Pool};
use ionveil_dispatch::queue::{Health, Latency, Monitor, Reading, Status};
use ionveil_journal::{OutboxState, Store, StoreError};
use ionveil_kernel::{Org, PolicyLevel};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The orders that wait to be planned.
    Pool,
    /// The rows of batches that are being taken in.
    Intake,
    /// What waits to be sent.
    Outbox,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pool, Self::Intake, Self::Outbox];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Intake => "intake",
            Self::Outbox => "outbox",
        }
    }

    /// The queue of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }
}

/// Reads queues and has them judged.
#[derive(Clone)]
pub struct Queues {
    settings: config::Queue,
    pool_limit: i64,
    intake_limit: i64,
    pools: Arc<Published>,
    intake: Arc<crate::intake::Running>,
    trees: Arc<Trees>,
    store: Arc<dyn Store>,
}

impl Queues {
    pub(crate) fn new(
        config: &config::Config,
        pools: Arc<Published>,
        intake: Arc<crate::intake::Running>,
        trees: Arc<Trees>,
        store: Arc<dyn Store>,
    ) -> Self {
        let pool_limit = i64::try_from(Pool::limit(&config.pool)).unwrap_or(i64::MAX);
        Self { settings: config.queue, pool_limit, intake_limit: config.intake.limit, pools, intake, trees, store }
    }

    /// What judges.
    #[must_use]
    pub const fn monitor(&self) -> &Monitor {
        &self.settings.monitor
    }

    /// Whether there is an emergency: the policy of the whole organisation is restricted or halted.
    #[must_use]
    pub fn emergency(&self, org: &Org) -> bool {
        pool::stream(org).is_ok_and(|stream| self.trees.policy(&stream, &[]).level >= PolicyLevel::Restricted)
    }

    /// How healthy a queue of an organisation is.
    ///
    /// # Errors
    /// [`StoreError`], of the outbox only.
    pub async fn health(&self, org: &Org, queue: Queue) -> Result<Health, StoreError> {
        Ok(match queue {
            Queue::Pool => self.pool(org),
            Queue::Intake => self.intake(org),
            Queue::Outbox => {
                let depth = self.store.outbox_count(org, OutboxState::Pending).await?;
                self.judge(org, depth, self.settings.outbox_limit, None, &[])
            }
        })
    }

    /// How healthy the pool of an organisation is.
    #[must_use]
    pub fn pool(&self, org: &Org) -> Health {
        let (depth, pace) = (self.pools.read(org, pool::State::len), self.pools.pace(org));
        self.judge(org, depth as u64, self.pool_limit, pace.rate_per_s, &pace.samples_ms)
    }

    /// How healthy the intake of an organisation is.
    #[must_use]
    pub fn intake(&self, org: &Org) -> Health {
        let (depth, rate_per_s) = (self.intake.rows(org), self.intake.rate(org));
        self.judge(org, depth, self.intake_limit, rate_per_s, &[])
    }

    fn judge(&self, org: &Org, depth: u64, limit: i64, rate_per_s: Option<f64>, samples_ms: &[f64]) -> Health {
        let latency = if samples_ms.is_empty() { Latency::Unknown } else { Latency::Samples(samples_ms) };
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        let reading = Reading { depth, limit: Some(limit), rate_per_s, latency, emergency: self.emergency(org) };
        self.monitor().judge(&reading).unwrap_or_else(|_| unreachable!("no depth is negative and every number finite"))
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What is counted: how much waits in all, and how many organisations' queues are in which state. The names of organisations
/// stay out of it: whoever reads the metrics may belong to one of them.
impl Collector for Queues {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pools: Vec<Health> = self.pools.depths().iter().map(|(org, _)| self.pool(org)).collect();
        let intake: Vec<Health> = self.intake.orgs().iter().map(|org| self.intake(org)).collect();
        let queues = [(Queue::Pool, pools), (Queue::Intake, intake)];
        let mut depth = encoder.encode_descriptor("queue_depth", "How much waits", None, ConstGauge::new(0_i64).metric_type())?;
        for (queue, all) in &queues {
            let sum = all.iter().map(|health| health.depth).sum::<i64>();
            ConstGauge::new(sum).encode(depth.encode_family(&[("queue", queue.as_str())])?)?;
        }
        let help = "Organisations whose queue is in this state";
        let mut status = encoder.encode_descriptor("queue_status", help, None, ConstGauge::new(0_i64).metric_type())?;
        for (queue, all) in &queues {
            for (name, wanted) in STATUSES {
                let count = all.iter().filter(|health| health.status == wanted).count();
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(status.encode_family(&[("queue", queue.as_str()), ("status", name)])?)?;
            }
        }
        Ok(())
    }
}

const STATUSES: [(&str, Status); 4] =
    [("healthy", Status::Healthy), ("warning", Status::Warning), ("critical", Status::Critical), ("overloaded", Status::Overloaded)];
