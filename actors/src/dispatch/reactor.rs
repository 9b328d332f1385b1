//! Runs a reactor: reads the feed of each owned partition from its checkpoint on, and stores what follows from the events
//! together with the new checkpoint, in one transaction. Killed between any two steps, it begins the step again, with the
//! same ids.

use super::backoff::pause;
use super::{PAGE, PASS_EVERY, SLEEP_MAX, UNREACHED, rest};
use crate::core::Core;
use crate::fault;
use ionveil_journal::{Claim, Filter, NewOutboxRow, OutboxWhat, Page, Reacted, StoreError};
use ionveil_kernel::{Kind, Reaction, Reactor, Recorded, effect_id};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How far a reactor may read on without anything to store before its checkpoint is moved: what it would read again after a
/// crash.
const UNSTORED_MAX: u64 = 4_096;

/// How a reactor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReactorStatus {
    /// Its name.
    pub name: &'static str,
    /// Events that it has read since it started.
    pub events: u64,
    /// Why it stands still in a partition, if it does: it tries again and again, and everything behind waits.
    pub fault: Option<String>,
}

pub(crate) struct ReactorTask {
    core: Arc<Core>,
    reactor: Arc<dyn Reactor>,
    filter: Filter,
    status: Arc<Mutex<ReactorStatus>>,
    /// Tells the outbox that there is something to send.
    filled: Arc<watch::Sender<u64>>,
    /// By partition: the stored checkpoint, and how far was read; as long as nobody else can have moved it.
    places: Vec<(u64, u64)>,
    /// The claims that they hold under.
    claims: Vec<Claim>,
    /// By partition: its last position when it was looked at last, by the monotonic clock; what this node has committed since, its
    /// journal knows.
    heads: Vec<u64>,
    looked: Duration,
    /// How often in a row it stood still.
    failures: u32,
}

/// What came of a page.
struct Read {
    rows: Vec<NewOutboxRow>,
    events: u64,
    /// Everything up to here was reacted to.
    to: u64,
    /// Why it went no further.
    fault: Option<String>,
}

impl ReactorTask {
    pub(crate) fn new(
        core: Arc<Core>,
        reactor: Arc<dyn Reactor>,
        status: Arc<Mutex<ReactorStatus>>,
        filled: Arc<watch::Sender<u64>>,
    ) -> Self {
        let kind = reactor.kind().and_then(|kind| Kind::new(kind).ok());
        let filter = Filter { kind, ..Filter::default() };
        Self {
            core,
            reactor,
            filter,
            status,
            filled,
            places: Vec::new(),
            claims: Vec::new(),
            heads: Vec::new(),
            looked: Duration::ZERO,
            failures: 0,
        }
    }

    /// Reacts until the runtime is gone or drains.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let journal = &self.core.journal;
        let mut commits = self.filter.kind.as_ref().map_or_else(|| journal.commits(), |kind| journal.commits_of(kind));
        loop {
            commits.mark_unchanged();
            let began = self.core.journal.env().monotonic();
            let wait = match self.pass().await {
                Ok(true) if stop.has_changed().is_ok() => continue,
                Ok(_) if self.failures == 0 => SLEEP_MAX,
                Ok(_) => pause(self.failures),
                Err(error) => {
                    tracing::warn!(reactor = self.reactor.name(), error = %error, "a reactor cannot reach the store");
                    self.places.clear();
                    UNREACHED
                }
            };
            if !rest(&self.core, &mut stop, &mut commits, wait).await {
                return;
            }
            let env = self.core.journal.env();
            env.sleep((began + PASS_EVERY).saturating_sub(env.monotonic())).await;
        }
    }

    /// One page of each owned partition that has something new; says whether there may be more.
    async fn pass(&mut self) -> Result<bool, StoreError> {
        if self.core.line.is_closed() {
            return Ok(false);
        }
        let claims = self.core.journal.claims();
        self.look(&claims).await?;
        let (heads, written) = (self.heads.clone(), self.core.journal.written());
        let behind = |places: &[(u64, u64)], partition: u16| {
            let at = usize::from(partition);
            let head = written.get(&partition).max(heads.get(at)).copied().unwrap_or_default();
            places.get(at).is_some_and(|(_, read)| *read < head)
        };
        let (mut got_on, mut faults) = (false, Vec::new());
        for claim in claims.iter().copied() {
            if !behind(&self.places, claim.partition) {
                continue;
            }
            match self.step(claim).await? {
                Ok(moved) => got_on |= moved,
                Err(fault) => faults.push(fault),
            }
        }
        self.failures = if faults.is_empty() { 0 } else { self.failures.saturating_add(u32::from(!got_on)).max(1) };
        self.status.lock().fault = faults.into_iter().next();
        Ok(got_on && claims.iter().any(|claim| behind(&self.places, claim.partition)))
    }

    /// Asks the store where checkpoints and partitions are: whenever others may have moved them, and now and then.
    async fn look(&mut self, claims: &[Claim]) -> Result<(), StoreError> {
        let (store, now) = (self.core.journal.store(), self.core.journal.env().monotonic());
        let is_other = self.places.is_empty() || claims != self.claims;
        if is_other || now.saturating_sub(self.looked) >= SLEEP_MAX {
            self.heads = store.heads().await?;
            self.looked = now;
        }
        if is_other {
            let stored = store.checkpoints(self.reactor.name()).await?;
            self.places = stored.into_iter().map(|at| (at, at)).collect();
            self.claims = claims.to_vec();
        }
        Ok(())
    }

    async fn step(&mut self, claim: Claim) -> Result<Result<bool, String>, StoreError> {
        let store = self.core.journal.store().clone();
        let Some((stored, read)) = self.places.get(usize::from(claim.partition)).copied() else { return Ok(Ok(false)) };
        let page = store.read_partition(claim.partition, read, PAGE, &self.filter).await?;
        if page.scanned_to == read {
            return Ok(Ok(false));
        }
        let Read { rows, events, to, fault } = self.react(&page);
        let place = &mut self.places[usize::from(claim.partition)];
        if rows.is_empty() && to.saturating_sub(stored) < UNSTORED_MAX {
            place.1 = to.max(read);
        } else {
            let now = self.core.journal.env().now();
            match store.react(claim, self.reactor.name(), stored, to, &rows, now).await? {
                Reacted::Stored => *place = (to, to),
                // Somebody else has been here: look where it stands.
                Reacted::Moved | Reacted::Fenced => return Err(StoreError::unavailable("its checkpoint moved or its claim is over")),
            }
            if !rows.is_empty() {
                self.filled.send_modify(|count| *count += 1);
            }
        }
        self.status.lock().events += events;
        Ok(fault.map_or(Ok(true), Err))
    }

    /// As far as it gets: up to the first event that it fails on.
    fn react(&self, page: &Page) -> Read {
        let mut read = Read { rows: Vec::new(), events: 0, to: page.scanned_to, fault: None };
        for event in &page.events {
            let reactions = match catch_unwind(AssertUnwindSafe(|| self.reactor.react(event))) {
                Ok(Ok(reactions)) => reactions,
                Ok(Err(error)) => return self.stuck(read, event, &error.to_string()),
                Err(panic) => return self.stuck(read, event, &fault::message(&*panic)),
            };
            let name = self.reactor.name();
            read.rows.extend(reactions.into_iter().enumerate().map(|(index, reaction)| row(name, event, index, reaction)));
            read.events += 1;
        }
        read
    }

    fn stuck(&self, read: Read, event: &Recorded, why: &str) -> Read {
        tracing::error!(reactor = self.reactor.name(), event = %event.event_id, stream = %event.stream, why, "a reactor stands still");
        let fault = format!("event {} in partition {}: {why}", event.position, event.partition);
        Read { to: event.position - 1, fault: Some(fault), ..read }
    }
}

fn row(reactor: &str, event: &Recorded, index: usize, reaction: Reaction) -> NewOutboxRow {
    let (what, payload) = match reaction {
        Reaction::Command { to, command } => (OutboxWhat::Command { to }, command),
        Reaction::Effect { channel, class, payload } => (OutboxWhat::Effect { channel, class }, payload),
    };
    NewOutboxRow {
        effect_id: effect_id(event.event_id, reactor, index),
        position: event.position,
        org: event.stream.org.clone(),
        what,
        payload,
        correlation_id: event.correlation_id,
        causation_id: event.event_id.0,
        traceparent: event.traceparent.clone(),
    }
}
