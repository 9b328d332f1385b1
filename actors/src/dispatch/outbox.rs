//! Sends what the outbox holds: commands to entities, effects to the handlers of their channels.
//!
//! A *repeatable* effect is sent until there is an answer: the receiver tells repeats by its id. A *once* effect is marked as
//! being sent before it is; if its outcome cannot be known, that is a state that its handler's policy or a person settles.

use super::backoff::pause;
use super::{PAGE, SLEEP_MAX, UNREACHED, claim_of, delivery, partitions, rest};
use crate::core::Core;
use crate::fault;
use crate::kind::{Carried, system};
use futures_util::{FutureExt, StreamExt};
use ionveil_journal::{Claim, OutboxRow, OutboxState, OutboxWhat, Settlement, StoreError};
use ionveil_kernel::{BodyHash, BoxFuture, CommandId, EffectClass, Meta, StreamId};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Carries effects of one channel out of the house.
///
/// ```
/// use ionveil_actors::testkit::Universe;
/// use ionveil_actors::{EffectHandler, RuntimeConfig, SendError};
/// use ionveil_journal::OutboxRow;
/// use ionveil_kernel::testkit::{Count, Counter, meta};
/// use ionveil_kernel::{BoxFuture, DecodeError, EffectClass, Reaction, Reactor, Recorded};
/// use std::sync::Arc;
/// use tokio::sync::mpsc;
///
/// /// Tells of every count.
/// struct Tell;
///
/// impl Reactor for Tell {
///     fn name(&self) -> &'static str { "tell" }
///     fn kind(&self) -> Option<&'static str> { Some("counter") }
///     fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
///         let (channel, payload) = ("siren".to_owned(), event.data.clone());
///         Ok(vec![Reaction::Effect { channel, class: EffectClass::Repeatable, payload }])
///     }
/// }
///
/// /// Whoever listens tells repeats by the id.
/// struct Siren(mpsc::UnboundedSender<(uuid::Uuid, String)>);
///
/// impl EffectHandler for Siren {
///     fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>> {
///         let sent = self.0.send((effect.row.effect_id, effect.row.payload.clone()));
///         Box::pin(std::future::ready(sent.map_err(|_| SendError::NotSent("nobody listens".to_owned()))))
///     }
/// }
///
/// Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
///     let (siren, mut heard) = mpsc::unbounded_channel();
///     universe.runtime.effects("siren", Arc::new(Siren(siren)));
///     universe.runtime.reactor(Arc::new(Tell)).unwrap();
///     let counters = universe.runtime.entity(Arc::new(Counter::default())).unwrap();
///     counters.ask("counter:test:a".parse().unwrap(), Count(3), meta(1)).await.unwrap();
///     assert_eq!(heard.recv().await.unwrap().1, "3");
/// });
/// ```
pub trait EffectHandler: Send + Sync + 'static {
    /// Sends `effect` under its id (`effect.row.effect_id`), which the receiver uses to tell repeats.
    ///
    /// # Errors
    /// [`SendError`]. A panic counts as `Unknown`.
    fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>>;

    /// What becomes of a *once* effect whose outcome is not known.
    fn on_unknown(&self) -> OnUnknown {
        OnUnknown::Hold
    }
}

/// Why an effect was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was certainly not carried out; it may be later.
    #[error("{0}")]
    NotSent(String),
    /// It was certainly not carried out and never will be.
    #[error("{0}")]
    Refused(String),
    /// It may have been carried out.
    #[error("{0}")]
    Unknown(String),
}

/// What becomes of a *once* effect whose outcome is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// It stays as *unknown* until a person settles it.
    #[default]
    Hold,
    /// It is sent again: rather twice than never.
    SendAgain,
    /// It is taken as sent: rather never than twice.
    TakeAsSent,
}

/// How often it is tried to store what became of a row: 0.1 s, 0.2 s, … apart, some 6 s in all.
const SETTLE_TRIES: u32 = 6;

/// By channel.
pub(crate) type Handlers = RwLock<BTreeMap<String, Arc<dyn EffectHandler>>>;

pub(crate) struct Outbox {
    core: Arc<Core>,
    handlers: Arc<Handlers>,
    /// The claims under which what the last owner left was looked at.
    seen: Vec<Claim>,
}

impl Outbox {
    pub(crate) fn new(core: Arc<Core>, handlers: Arc<Handlers>) -> Self {
        Self { core, handlers, seen: Vec::new() }
    }

    /// Sends until the runtime is gone or drains. `filled` tells that there may be something.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>, mut filled: watch::Receiver<u64>) {
        loop {
            filled.mark_unchanged();
            let wait = match self.pass().await {
                Ok(true) if stop.has_changed().is_ok() => continue,
                Ok(_) => self.until_next().await.unwrap_or(UNREACHED),
                Err(error) => {
                    tracing::warn!(error = %error, "the outbox cannot be read");
                    UNREACHED
                }
            };
            if !rest(&self.core, &mut stop, &mut filled, wait).await {
                return;
            }
        }
    }

    /// Sends a page of what is due; says whether there may be more.
    async fn pass(&mut self) -> Result<bool, StoreError> {
        if self.core.line.is_closed() {
            return Ok(false);
        }
        let claims = self.core.journal.working();
        for claim in claims.iter().filter(|claim| !self.seen.contains(claim)) {
            self.take_over(*claim).await?;
        }
        self.seen.clone_from(&claims);
        let env = self.core.journal.env();
        let due = self.core.journal.store().outbox_due(&partitions(&claims), env.now(), PAGE).await?;
        let full = due.len() == PAGE;
        let sent = by_target(due).into_iter().map(|rows| send_in_order(self.core.clone(), self.handlers.clone(), rows));
        let sent: Vec<Sent> = futures_util::stream::iter(sent).buffer_unordered(self.core.config.dispatch_max.max(1)).collect().await;
        if sent.contains(&Sent::Open) {
            // What is marked as being sent, and nobody sends, is looked at as if its owner had gone away.
            self.seen.clear();
        }
        Ok(full && sent.contains(&Sent::Settled))
    }

    /// What a dead owner was sending is unknown; what is unknown and has a policy is settled by it.
    async fn take_over(&self, claim: Claim) -> Result<(), StoreError> {
        let store = self.core.journal.store();
        let abandoned = store.outbox_abandoned(claim).await?;
        if abandoned > 0 {
            tracing::warn!(partition = claim.partition, abandoned, "effects were being sent when their owner went away");
        }
        let mut after = None;
        loop {
            let unknown = store.outbox(None, Some(OutboxState::Unknown), after, PAGE).await?;
            for row in unknown.iter().filter(|row| row.partition == claim.partition) {
                let settlement = self.unknown(row);
                if !matches!(settlement, Settlement::Unknown { .. }) {
                    store.outbox_settle(claim, row.row.effect_id, &settlement).await?;
                }
            }
            match unknown.last() {
                Some(last) if unknown.len() == PAGE => after = Some(last.row.effect_id),
                Some(_) | None => return Ok(()),
            }
        }
    }

    fn unknown(&self, row: &OutboxRow) -> Settlement {
        let error = row.last_error.as_deref().unwrap_or("its owner went away while it was being sent");
        let OutboxWhat::Effect { channel, .. } = &row.row.what else { return Settlement::Unknown { error: error.to_owned() } };
        let policy = self.handlers.read().get(channel).map(|handler| handler.on_unknown()).unwrap_or_default();
        settlement_of_unknown(&self.core, policy, row.attempts, error)
    }

    /// How long there is nothing to do.
    async fn until_next(&self) -> Option<Duration> {
        let env = self.core.journal.env();
        let next = self.core.journal.store().outbox_next(&partitions(&self.core.journal.working())).await.ok()?;
        let wait = next.map_or(SLEEP_MAX, |due| env.until(due)).min(SLEEP_MAX);
        // What is due and could not be settled is not asked for all the time.
        Some(wait.max(Duration::from_millis(5)))
    }
}

/// Rows of one target stay in their order; different targets do not wait for each other.
fn by_target(due: Vec<OutboxRow>) -> Vec<Vec<OutboxRow>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<OutboxRow>> = Vec::new();
    for row in due {
        let place = match &row.row.what {
            OutboxWhat::Command { to } => *places.entry(to.clone()).or_insert(groups.len()),
            OutboxWhat::Effect { .. } => groups.len(),
        };
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    groups
}

/// How far a group of rows got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// Nothing was settled.
    Nothing,
    /// Something was.
    Settled,
    /// What became of one of them could not be stored.
    Open,
}

/// Sends one after the other, and no further once one of them has to wait.
async fn send_in_order(core: Arc<Core>, handlers: Arc<Handlers>, rows: Vec<OutboxRow>) -> Sent {
    let mut sent = Sent::Nothing;
    for row in rows {
        let _underway = core.sending.begin(row.partition);
        // One that is being handed over is the next owner's to send.
        let Some(claim) = core.journal.working().into_iter().find(|claim| claim.partition == row.partition) else { break };
        let Some(settlement) = send(&core, &handlers, claim, &row).await else { break };
        if !settle(&core, claim, &row, &settlement).await {
            return Sent::Open;
        }
        sent = Sent::Settled;
        if matches!(settlement, Settlement::Retry { .. }) {
            break;
        }
    }
    sent
}

/// Stores what became of a row, over failures of the store that pass soon. That it was sent is true under whatever epoch;
/// all else holds only under the one under which it was tried.
async fn settle(core: &Core, tried: Claim, row: &OutboxRow, settlement: &Settlement) -> bool {
    for failures in 1..=SETTLE_TRIES {
        let claim = if *settlement == Settlement::Done { claim_of(core, row.partition) } else { Some(tried) };
        if let Some(claim) = claim {
            match core.journal.store().outbox_settle(claim, row.row.effect_id, settlement).await {
                Ok(true) => return true,
                // A try before this one had deleted it.
                Ok(false) if *settlement == Settlement::Done && claim_of(core, row.partition) == Some(claim) => return true,
                Ok(false) if *settlement != Settlement::Done => return false,
                Ok(false) => {}
                Err(error) => tracing::warn!(effect = %row.row.effect_id, %error, "what became of an effect is not stored yet"),
            }
        }
        core.journal.env().sleep(pause(failures)).await;
    }
    false
}

/// Sends one row; none if nothing was tried.
async fn send(core: &Arc<Core>, handlers: &Handlers, claim: Claim, row: &OutboxRow) -> Option<Settlement> {
    match &row.row.what {
        OutboxWhat::Command { to } => Some(command(core, to, row).await),
        OutboxWhat::Effect { channel, class } => {
            let Some(handler) = handlers.read().get(channel).cloned() else {
                return Some(retry(core, row.attempts, &format!("no handler is registered for the channel {channel:?}")));
            };
            effect(core, &*handler, claim, row, *class).await
        }
    }
}

async fn command(core: &Arc<Core>, to: &StreamId, row: &OutboxRow) -> Settlement {
    let Some(kind) = core.kind(to.kind.as_str()) else {
        return retry(core, row.attempts, &format!("no kind {:?} is registered", to.kind.as_str()));
    };
    let meta = Meta {
        command_id: CommandId(row.row.effect_id),
        body_hash: BodyHash::of(&[row.row.payload.as_bytes()]),
        correlation_id: row.row.correlation_id,
        causation_id: Some(row.row.causation_id),
        caller: system(&row.row.org, &row.reactor),
        occurred_at: None,
        expected_version: None,
        traceparent: row.row.traceparent.clone(),
    };
    if to.org != row.row.org {
        return Settlement::Failed { error: "the entity belongs to another organisation".to_owned() };
    }
    match kind.carry_out(to.clone(), &row.row.payload, meta, delivery(core)).await {
        Carried::Done { .. } => Settlement::Done,
        Carried::Refused { code, detail } => {
            tracing::info!(reactor = row.reactor, to = %to, code, detail, "a reactor's command was refused");
            Settlement::Done
        }
        // It is kept and can be replayed as a dead letter.
        Carried::Faulted { .. } => Settlement::Done,
        Carried::Unreadable { why } => Settlement::Failed { error: why },
        Carried::NotNow { why } => retry(core, row.attempts, &why),
    }
}

async fn effect(core: &Arc<Core>, handler: &dyn EffectHandler, claim: Claim, row: &OutboxRow, class: EffectClass) -> Option<Settlement> {
    if class == EffectClass::Once {
        match core.journal.store().outbox_begin(claim, row.row.effect_id).await {
            Ok(true) => {}
            Ok(false) => return None,
            // It may be marked as being sent, but it certainly was not.
            Err(error) => return Some(retry(core, row.attempts, &error.to_string())),
        }
    }
    let sending = AssertUnwindSafe(handler.send(row)).catch_unwind();
    let timeout = core.journal.env().sleep(core.config.deadline);
    let sent = tokio::select! {
        biased;
        sent = sending => sent.unwrap_or_else(|panic| Err(SendError::Unknown(fault::message(&*panic)))),
        () = timeout => Err(SendError::Unknown("no answer came in time".to_owned())),
    };
    Some(match (sent, class) {
        (Ok(()), _) => Settlement::Done,
        (Err(SendError::Refused(error)), _) => Settlement::Failed { error },
        (Err(SendError::NotSent(error)), _) | (Err(SendError::Unknown(error)), EffectClass::Repeatable) => {
            retry(core, row.attempts, &error)
        }
        (Err(SendError::Unknown(error)), EffectClass::Once) => settlement_of_unknown(core, handler.on_unknown(), row.attempts, &error),
    })
}

fn settlement_of_unknown(core: &Core, policy: OnUnknown, attempts: u32, error: &str) -> Settlement {
    match policy {
        OnUnknown::Hold => Settlement::Unknown { error: error.to_owned() },
        OnUnknown::SendAgain => retry(core, attempts, error),
        OnUnknown::TakeAsSent => Settlement::Done,
    }
}

fn retry(core: &Core, attempts: u32, error: &str) -> Settlement {
    Settlement::Retry { not_before: core.journal.env().now().after(pause(attempts.saturating_add(1))), error: error.to_owned() }
}
