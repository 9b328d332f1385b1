//! What the runtime can do with entities whose decider it does not know: for timers, reactors, dead letters and the tree, whose
//! commands are text.

use crate::answer::AskError;
use crate::class::Class;
use crate::fault;
use crate::forward::{Answered, Parcel};
use crate::host::{Arrival, Delivery, Host};
use crate::loader::LoadError;
use crate::metrics::KindMetrics;
use crate::slot::{Phase, Slot};
use crate::supervision::Path;
use crate::tree::{EntityNode, rank};
use crate::watch::Frozen;
use ionveil_journal::{ArmedTimer, StoreError};
use ionveil_kernel::{BodyHash, BoxFuture, Caller, CorrelationId, Decider, Meta, Org, Recorded, Rejection, Role, StreamId, firing_id};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What became of a command that came as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was accepted, now or before.
    Done {
        /// Before.
        repeated: bool,
    },
    /// It was refused, and would be again as long as the entity is as it is.
    Refused {
        /// The stable code.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// It is a dead letter now.
    Faulted {
        /// What the decider said.
        fault: String,
    },
    /// Not now: it may be tried again under the same id.
    NotNow {
        /// Why.
        why: String,
    },
    /// It is no command of this kind.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// All entities of one kind, whatever their decider.
pub(crate) trait Entities: Send + Sync {
    fn kind(&self) -> &'static str;
    /// What is counted of them.
    fn metrics(&self) -> &KindMetrics;
    /// How many are in memory.
    fn resident(&self) -> usize;
    /// Those in memory of an organisation (of all without one), the most noteworthy first.
    fn nodes(&self, org: Option<&Org>) -> Vec<EntityNode>;
    /// One of them.
    fn node(&self, owner: &StreamId) -> Option<EntityNode>;
    /// Folds an entity anew if it is in memory: also out of quarantine. Says whether it was quarantined.
    fn resume(&self, owner: &StreamId) -> bool;
    /// Folds all below a supervisor anew, but `failed`.
    fn refold_below(&self, path: &Path, failed: &StreamId);
    /// A handler of one of them does not come back.
    fn frozen(&self, frozen: &Frozen);
    /// Carries out what a due timer stands for.
    fn fire(&self, timer: ArmedTimer, delivery: Delivery) -> BoxFuture<'static, Carried>;
    /// Carries out a command from its JSON text.
    fn carry_out(&self, owner: StreamId, command: &str, meta: Meta, delivery: Delivery) -> BoxFuture<'static, Carried>;
    /// Carries out what another node has forwarded, if the entity is this node's.
    fn receive(&self, parcel: Parcel) -> BoxFuture<'static, Answered>;
    /// Whether somebody is told of what is committed to them.
    fn observed(&self) -> bool;
    /// Another node has committed these events of an entity.
    fn follow(&self, owner: StreamId, events: Vec<Recorded>) -> BoxFuture<'static, Result<(), StoreError>>;
    /// Whether something is in line at one of these.
    fn is_busy(&self, these: &dyn Fn(&StreamId) -> bool) -> bool;
    /// These are this node's no more.
    fn lose(&self, these: &dyn Fn(&StreamId) -> bool);
}

/// The caller behind what the runtime itself asks for.
pub(crate) fn system(org: &Org, what: &str) -> Caller {
    Caller { org: org.clone(), subject: format!("system:{what}").into(), role: Role::Admin }
}

impl<D: Decider> Host<D> {
    fn ask_carried(&self, arrival: Arrival<D>) -> BoxFuture<'static, Carried> {
        let host = self.clone();
        Box::pin(async move { carried(host.arrive(arrival).await.map(|reply| reply.repeated)) })
    }

    fn node_of(&self, slot: &Slot<D>) -> EntityNode {
        let (env, status) = (self.0.core.journal.env(), &slot.status);
        let now = env.monotonic();
        EntityNode {
            owner: (*slot.owner).clone(),
            phase: status.phase(),
            mailbox_depth: slot.inbox.len(),
            oldest_waiting: slot.inbox.oldest(|pending| pending.since).map(|since| now.saturating_sub(since)).unwrap_or_default(),
            in_flight: status.in_flight.load(Ordering::Relaxed),
            restarts: status.restarts.load(Ordering::Relaxed),
            last_fault: status.fault.lock().as_deref().map(ToOwned::to_owned),
            events_per_s: status.rate.per_second(now),
        }
    }
}

impl<D: Decider> Entities for Host<D> {
    fn kind(&self) -> &'static str {
        D::KIND
    }

    fn metrics(&self) -> &KindMetrics {
        &self.0.rules.metrics
    }

    fn resident(&self) -> usize {
        self.0.slots.count()
    }

    fn nodes(&self, org: Option<&Org>) -> Vec<EntityNode> {
        let slots = self.0.slots.collect(|slot| org.is_none_or(|org| *org == slot.owner.org));
        let mut nodes: Vec<_> = slots.iter().map(|slot| self.node_of(slot)).collect();
        nodes.sort_by_cached_key(rank);
        nodes
    }

    fn node(&self, owner: &StreamId) -> Option<EntityNode> {
        self.0.slots.get(owner).map(|slot| self.node_of(&slot))
    }

    fn resume(&self, owner: &StreamId) -> bool {
        let Some(slot) = self.0.slots.get(owner) else { return false };
        let quarantined = slot.status.phase() == Phase::Quarantined;
        slot.deliver(crate::pipeline::Input::Refold);
        quarantined
    }

    fn refold_below(&self, path: &Path, failed: &StreamId) {
        let below = |slot: &Slot<D>| *slot.owner != *failed && path.covers(&slot.owner, || self.0.core.governor.above(&slot.owner));
        self.0.slots.collect(below).iter().for_each(|slot| slot.deliver(crate::pipeline::Input::Refold));
    }

    fn frozen(&self, frozen: &Frozen) {
        let (entity, command) = (&frozen.entity, frozen.command.map(|id| id.to_string()));
        tracing::error!(%entity, command, for_ms = frozen.since.as_millis(), "a handler does not come back");
        self.0.rules.metrics.frozen.inc();
        if let Some(slot) = self.0.slots.get(entity) {
            let on = command.map(|id| format!(" on command {id}")).unwrap_or_default();
            *slot.status.fault.lock() = Some(format!("its handler did not come back for {} ms{on}", frozen.since.as_millis()).into());
        }
    }

    fn fire(&self, timer: ArmedTimer, delivery: Delivery) -> BoxFuture<'static, Carried> {
        let decider = self.0.rules.decider.clone();
        let command = match catch_unwind(AssertUnwindSafe(|| decider.on_timer(&timer.name, timer.due))) {
            Ok(Some(command)) => command,
            Ok(None) => return ready(Carried::Refused { code: "unknown_timer", detail: format!("{} knows no such timer", D::KIND) }),
            Err(panic) => return ready(Carried::Refused { code: "unknown_timer", detail: fault::message(&*panic) }),
        };
        let command_id = firing_id(&timer.owner, &timer.name, timer.due, timer.armed);
        let meta = Meta {
            command_id,
            body_hash: BodyHash::of(&[timer.name.as_bytes(), &timer.due.micros().to_be_bytes()]),
            correlation_id: CorrelationId(command_id.0),
            causation_id: None,
            caller: system(&timer.owner.org, "timer"),
            occurred_at: None,
            expected_version: None,
            traceparent: None,
        };
        self.ask_carried(Arrival { owner: timer.owner.clone(), command, meta, firing: Some(Box::new(timer)), under: None, delivery })
    }

    fn carry_out(&self, owner: StreamId, command: &str, meta: Meta, delivery: Delivery) -> BoxFuture<'static, Carried> {
        match serde_json::from_str(command) {
            Ok(command) => self.ask_carried(Arrival { owner, command, meta, firing: None, under: None, delivery }),
            Err(error) => ready(Carried::Unreadable { why: error.to_string() }),
        }
    }

    fn receive(&self, parcel: Parcel) -> BoxFuture<'static, Answered> {
        let Parcel { owner, command, meta, class, epoch, patience } = parcel;
        let is_mine =
            move |host: &Self, owner: &StreamId| host.0.core.journal.admits(owner) && host.0.core.journal.epoch(owner) == Some(epoch);
        if !is_mine(self, &owner) {
            return ready(Answered::NotMine { open: false });
        }
        let command = match serde_json::from_str(&command) {
            Ok(command) => command,
            Err(error) => return ready(Answered::unreadable(&error.to_string())),
        };
        if class == Class::Control {
            // A repair, such as the replay of a dead letter, for which another node was asked.
            self.0.core.parked.remove(&owner, meta.command_id);
        }
        let host = self.clone();
        Box::pin(async move {
            let delivery = Delivery { class, deadline: patience };
            let under = Some(epoch);
            let answer = host.arrive_here(Arrival { owner: owner.clone(), command, meta, firing: None, under, delivery }).await;
            let is_lost = || !is_mine(&host, &owner);
            match answer {
                Err(AskError::Unavailable) if is_lost() => Answered::NotMine { open: false },
                Err(AskError::OutcomeUnknown) if is_lost() => Answered::NotMine { open: true },
                answer => Answered::of(answer),
            }
        })
    }

    fn observed(&self) -> bool {
        self.0.rules.observer.is_some()
    }

    fn follow(&self, owner: StreamId, events: Vec<Recorded>) -> BoxFuture<'static, Result<(), StoreError>> {
        let shared = self.0.clone();
        // What is in memory here, and this node's, tells by itself.
        let is_own = || shared.core.journal.admits(&owner) && shared.slots.get(&owner).is_some();
        if shared.rules.observer.is_none() || is_own() {
            return ready(Ok(()));
        }
        Box::pin(async move {
            match shared.afar.after(&shared.loader, &owner, &events).await {
                Ok(loaded) => shared.learn(&owner, loaded),
                Err(LoadError::Store(error)) if error.retryable() => return Err(error),
                Err(error) => tracing::error!(entity = %owner, %error, "an entity of another node cannot be used"),
            }
            Ok(())
        })
    }

    fn is_busy(&self, these: &dyn Fn(&StreamId) -> bool) -> bool {
        self.0.slots.any(|slot| slot.inbox.gate().depth() > 0 && these(&slot.owner))
    }

    fn lose(&self, these: &dyn Fn(&StreamId) -> bool) {
        self.0.lose(these);
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

fn carried<R: Rejection>(answer: Result<bool, AskError<R>>) -> Carried {
    let refused = |code, error: AskError<R>| Carried::Refused { code, detail: error.to_string() };
    match answer {
        Ok(repeated) => Carried::Done { repeated },
        Err(AskError::Rejected(rejection)) => Carried::Refused { code: rejection.code(), detail: rejection.to_string() },
        Err(error @ AskError::VersionConflict { .. }) => refused("version_conflict", error),
        Err(error @ AskError::OccurredBeforePrevious { .. }) => refused("occurred_before_previous", error),
        Err(error @ AskError::OccurredInFuture) => refused("occurred_in_future", error),
        Err(error @ AskError::IdReused) => refused("idempotency_key_reused", error),
        Err(error @ AskError::NotArmed) => refused("not_armed", error),
        Err(AskError::Faulted { fault, .. }) => Carried::Faulted { fault },
        Err(
            error @ (AskError::Overloaded
            | AskError::Unavailable
            | AskError::OutcomeUnknown
            | AskError::TimedOut(_)
            | AskError::Draining
            | AskError::Quarantined(_)),
        ) => Carried::NotNow { why: error.to_string() },
    }
}

/// As the runtime keeps them.
pub(crate) type SomeKind = Arc<dyn Entities>;
