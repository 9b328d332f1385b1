//! The channels of this node: what lets them send, and what is published of them. What may be sent, what counts and what comes
//! next is decided in `domain/channels`.

mod attempt;
mod driver;
mod failover;
mod meter;
mod nats;
mod registry;
mod secrets;
mod template;

pub use driver::{Answer, DriverFault, Drivers, Posted};
pub use failover::{Dispatch, RouteError, Routed, stream as dispatch_stream};
pub use meter::Window;
pub use registry::{ChannelsError, Entry, Published, Registry, stream};
pub use secrets::{Missing, Secrets};
pub use template::{Message, TemplateError};
pub(crate) use template::{render, try_out};

use crate::trees::Trees;
use attempt::Leave;
use failover::Running;
use ionveil_actors::{AskError, Class, Delivery, Host, Loader, Policies as _, Reply};
use ionveil_channels::channel::{self, Channel};
use ionveil_channels::detector::{FailureDetector, Outcome, Verdict};
use ionveil_channels::failover::{self as dispatch, Bound, Failover};
use ionveil_kernel::{BodyHash, Caller, CommandId, CorrelationId, EntityId, Env, Meta, Org, Rejection, Role, StreamId, derive_uuid};
use ionveil_policy::level;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before something that is away is asked again, and how often.
const RETRY: Duration = Duration::from_millis(200);
/// See [`RETRY`].
const TRIES_MAX: u32 = 25;

/// Detectors that a host has brought, by name.
pub type Detectors = BTreeMap<String, Arc<dyn FailureDetector>>;

/// A cheap handle on the channels of one node.
#[derive(Clone)]
pub struct Channels(Arc<Shared>);

struct Shared {
    env: Env,
    channels: Host<Channel>,
    dispatches: Host<Failover>,
    registry: Arc<Registry>,
    drivers: Drivers,
    detectors: Detectors,
    trees: Arc<Trees>,
    deadline: Duration,
    running: Running,
}

/// On whose behalf a dispatch is carried out.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The dispatch.
    pub dispatch: StreamId,
    /// Who asked.
    pub caller: Caller,
    /// What it belongs to.
    pub correlation_id: CorrelationId,
    /// The trace.
    pub traceparent: Option<Arc<str>>,
}

impl Cause {
    /// The metadata of a command that `number` of the dispatch leads to. The same step has the same id whoever takes it, so that
    /// it is taken once.
    fn meta(&self, what: &str, number: u32) -> Meta {
        let owner = self.dispatch.to_string();
        let id = derive_uuid(&["failover", &owner, what, &number.to_string()]);
        Meta {
            command_id: CommandId(id),
            body_hash: BodyHash::of(&[id.as_bytes()]),
            correlation_id: self.correlation_id,
            causation_id: None,
            caller: self.caller.clone(),
            occurred_at: None,
            expected_version: None,
            traceparent: self.traceparent.clone(),
        }
    }
}

impl Channels {
    /// Channels that send with `drivers`, within what the levels of `trees` leave.
    pub(crate) fn new(
        env: Env,
        (channels, dispatches): (Host<Channel>, Host<Failover>),
        registry: Arc<Registry>,
        drivers: Drivers,
        (detectors, trees): (Detectors, Arc<Trees>),
        deadline: Duration,
    ) -> Self {
        Self(Arc::new(Shared { env, channels, dispatches, registry, drivers, detectors, trees, deadline, running: Running::default() }))
    }

    /// What is published.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// What sends.
    #[must_use]
    pub fn drivers(&self) -> &Drivers {
        &self.0.drivers
    }

    /// What reads channels and dispatches.
    #[must_use]
    pub fn loaders(&self) -> (&Loader<Channel>, &Loader<Failover>) {
        (self.0.channels.loader(), self.0.dispatches.loader())
    }

    /// Whether there is a detector of this name.
    #[must_use]
    pub fn knows_detector(&self, name: &str) -> bool {
        self.0.detectors.contains_key(name)
    }

    /// Lets a channel decide.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask_channel(
        &self,
        owner: StreamId,
        command: channel::Command,
        meta: Meta,
        class: Class,
    ) -> Result<Reply<Channel>, AskError<channel::Rejection>> {
        self.0.channels.ask_as(owner, command, meta, Delivery { class, deadline: self.0.deadline }).await
    }

    /// Sends a message over a channel outside of any dispatch, for as long as the level at the root leaves; it moves no breaker
    /// and no reliability.
    pub async fn test(&self, channel: &StreamId, entry: &Entry, message: &Message) -> (Answer, f64) {
        let driver = entry.latest().live.setup.driver.clone();
        let begun = self.env().monotonic();
        let answer = self.drivers().send_within(&driver, message, self.bound(channel, None)).await;
        let measured = attempt::millis(self.env().monotonic().saturating_sub(begun));
        let latency_ms = answer.latency_ms.unwrap_or(measured);
        (answer, latency_ms)
    }

    /// Sends a message that is no dispatch over a channel of an organisation, with leave of its breaker, which is told what came of it.
    /// None if there is no such channel.
    pub async fn tell(&self, org: &Org, name: &str, id: &EntityId, attempt: u32, payload: Value, patience: Duration) -> Option<Posted> {
        let channel = EntityId::new(name).ok()?;
        let dispatch = dispatch_stream(org, id.clone());
        let caller = Caller { org: org.clone(), subject: "system:notifier".into(), role: Role::Operator };
        let correlation_id = CorrelationId(derive_uuid(&["notification", id.as_str()]));
        let cause = Cause { dispatch, caller, correlation_id, traceparent: None };
        let granted = match self.leave(&channel, false, &cause, attempt).await {
            Ok(Leave::Granted(granted)) => granted,
            Ok(Leave::Skip(reason)) => return Some(Posted::NotSent(reason)),
            Ok(Leave::Unknown) => return None,
            Err(_unavailable) => return Some(Posted::NotSent("channel_unavailable")),
        };
        let message = Message { dispatch_id: id.to_string(), channel: channel.to_string(), zone: None, payload };
        let patience_ms = u32::try_from(patience.as_millis()).map_or(f64::MAX, f64::from);
        let attempted = self.attempt(&granted, message, (patience_ms, self.bound(&cause.dispatch, None)), attempt, &cause).await;
        self.report(*granted, &attempted, &cause).await;
        let conclusion = &attempted.conclusion;
        Some(match (conclusion.http_status, conclusion.reason.as_deref()) {
            (_, None) => Posted::Status(conclusion.http_status.unwrap_or(200)),
            (Some(status), Some(_)) => Posted::Status(status),
            (None, Some("address_not_allowed")) => Posted::NotSent("address_not_allowed"),
            (None, Some("unavailable")) => Posted::NotSent("unavailable"),
            (None, Some("timeout" | "latency_exceeded")) => Posted::Unknown("timeout"),
            (None, Some(_)) => Posted::Unknown("send_failed"),
        })
    }

    /// What the level in force at `zone`, or else at the root, leaves of calls now (§3.4); all where the organisation of `owner`
    /// has no tree.
    fn bound(&self, owner: &StreamId, zone: Option<&EntityId>) -> Option<Bound> {
        let nodes: Vec<_> = zone.into_iter().cloned().collect();
        let policy = self.0.trees.policy(owner, &nodes);
        let (max_failovers, timeout_ms) = (level::retries_max(policy.level), level::timeout_s(policy.level) * 1_000);
        Some(Bound { level: policy.level, node: policy.node?, max_failovers, timeout_ms })
    }

    fn env(&self) -> &Env {
        &self.0.env
    }

    fn dispatches(&self) -> &Host<Failover> {
        &self.0.dispatches
    }

    fn running(&self) -> &Running {
        &self.0.running
    }

    /// A detector that is not here (any more) has no opinion.
    fn judge(&self, name: &str, outcome: &Outcome) -> Verdict {
        self.0.detectors.get(name).map_or(Verdict::Ignored, |detector| detector.judge(outcome))
    }

    async fn ask_dispatch(
        &self,
        owner: StreamId,
        command: dispatch::Command,
        meta: Meta,
        class: Class,
    ) -> Result<Reply<Failover>, AskError<dispatch::Rejection>> {
        self.0.dispatches.ask_as(owner, command, meta, Delivery { class, deadline: self.0.deadline }).await
    }

    /// Records an answer to an attempt that was given up. It may come before that was recorded: then it is told again.
    async fn note_late(&self, cause: &Cause, number: u32, answer: &Answer, latency_ms: f64) {
        let (delivered, http_status) = (answer.is_delivered(), answer.status);
        let command = dispatch::Command::AnswerLate { number, delivered, latency_ms, http_status };
        let meta = cause.meta("late", number);
        for _ in 0..TRIES_MAX {
            let asked = self.patiently(|| self.ask_dispatch(cause.dispatch.clone(), command.clone(), meta.clone(), Class::Telemetry));
            match asked.await {
                Err(AskError::Rejected(dispatch::Rejection::StaleAttempt)) => self.env().sleep(RETRY).await,
                Err(error) => return tracing::info!(dispatch = %cause.dispatch, number, %error, "a late answer was not recorded"),
                Ok(_) => return,
            }
        }
    }

    /// Asks again while that may help: the same command under the same id is carried out once.
    async fn patiently<T, R, F>(&self, mut once: impl FnMut() -> F) -> Result<T, AskError<R>>
    where
        R: Rejection,
        F: Future<Output = Result<T, AskError<R>>>,
    {
        let mut tries = 0;
        loop {
            match once().await {
                Err(AskError::Unavailable | AskError::Overloaded | AskError::OutcomeUnknown | AskError::TimedOut(_))
                    if tries < TRIES_MAX =>
                {
                    tries += 1;
                    self.env().sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }
}
