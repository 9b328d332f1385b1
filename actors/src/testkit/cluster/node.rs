//! A node of the simulated cluster: a process with the real journal and the real runtime in it, started, killed, frozen and
//! stopped by others, and the edge through which requests come in.

use super::courier::Courier;
use super::outside::{Bridge, CHANNELS, Echo};
use super::process::{Process, ProcessEnv};
use super::truth::Truth;
use super::wire::{Server, Wire};
use super::{BASE, LEASE, PAUSE};
use crate::testkit::ledger::Ledger;
use crate::testkit::{Chaos, Chaotic, alarm, brake, tally};
use crate::zoo::Mutant;
use crate::{Answered, AskError, Class, Host, LoadError, Parcel, Reply, Runtime, RuntimeConfig};
use ionveil_journal::testkit::{Faults, FaultyStore};
use ionveil_journal::{Filter, Journal, JournalConfig, Member, Store, StoreError};
use ionveil_kernel::{BodyHash, CommandId, Decider, Env, IdSource, Meta, NodeId, Rejection, StreamId, derive_uuid, testkit};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The most commands in line at one entity; bursts are longer.
const QUEUE_MAX: usize = 12;
/// Of 1,000 decisions, so many panic.
const PANICS: u64 = 5;
/// How long after its last fault a node may still say that it does not know an outcome: longer than a writer asks.
const OPEN_FOR: Duration = Duration::from_secs(20);

/// What a client asks for.
#[derive(Clone, Debug)]
pub(super) enum What {
    Tally(tally::Command),
    Alarm(alarm::Command),
    Brake(brake::Pull),
    Duty(brake::TakeOn),
}

/// A request, as it travels.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) owner: StreamId,
    /// The idempotency key; without one it cannot be repeated.
    pub(super) key: Option<Uuid>,
    pub(super) what: What,
}

/// What a client learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is done, as the command of this id.
    Done(CommandId),
    /// It was refused.
    Refused,
    /// It may be asked again, here or elsewhere.
    Again,
}

/// A machine: what outlives its processes.
pub(super) struct Node {
    pub(super) number: u32,
    pub(super) server: Arc<Server>,
    /// Of its way to the store.
    pub(super) faults: Faults,
    /// Whether clients reach it.
    pub(super) reachable: AtomicBool,
    /// By how many microseconds its wall clock is ahead.
    pub(super) ahead: Arc<AtomicI64>,
    process: Mutex<Arc<Process>>,
    life: Mutex<Option<Arc<Life>>>,
    /// Until when it may not know an outcome.
    troubled: Mutex<Duration>,
}

/// What lives in one process.
struct Life {
    env: Env,
    runtime: Runtime,
    tally: Host<Chaotic<tally::Tally>>,
    alarm: Host<alarm::Alarm>,
    brake: Host<brake::Brake>,
    duty: Host<brake::Duty>,
    _ledger: Host<Ledger>,
}

impl Node {
    pub(super) fn new(number: u32, server: Arc<Server>) -> Arc<Self> {
        let dead = Process::new();
        dead.strike(super::process::Blow::Kill);
        let node = Arc::new(Self {
            number,
            server,
            faults: Faults::new(BASE),
            reachable: AtomicBool::new(true),
            ahead: Arc::default(),
            process: Mutex::new(dead),
            life: Mutex::default(),
            troubled: Mutex::default(),
        });
        node.server.nodes.lock().insert(node.address(), Arc::downgrade(&node));
        node
    }

    pub(super) fn address(&self) -> String {
        format!("node{}:1", self.number)
    }

    fn truth(&self) -> &Arc<Truth> {
        &self.server.truth
    }

    pub(super) fn process(&self) -> Arc<Process> {
        self.process.lock().clone()
    }

    /// It has a fault until `end`.
    pub(super) fn trouble(&self, end: Duration) {
        let mut troubled = self.troubled.lock();
        *troubled = (end + OPEN_FOR).max(*troubled);
    }

    /// Starts a new process if there is none; a stopped one has its successor do nothing until it owns something.
    pub(super) fn start(self: &Arc<Self>) {
        if !self.process().is_dead() {
            return;
        }
        let process = Process::new();
        *self.process.lock() = process.clone();
        *self.life.lock() = None;
        self.truth().note(&format!("node {} starts", self.number));
        let env = ProcessEnv::env(self.server.env.clone(), process.clone(), self.ahead.clone());
        let (node, own) = (self.clone(), env.clone());
        env.spawn(async move { node.boot(own, process).await });
    }

    pub(super) fn kill(&self) {
        self.process().strike(super::process::Blow::Kill);
        *self.life.lock() = None;
    }

    /// Drains, gives its partitions up and ends, as a rolling upgrade has it.
    pub(super) fn stop(self: &Arc<Self>) {
        let Some(life) = self.life() else { return };
        let node = self.clone();
        life.env.clone().spawn(async move {
            // What is handed over in order goes on elsewhere; the rest is waited for.
            let left = life.runtime.journal().leave().await.is_ok();
            let drained = life.runtime.drain(Duration::from_secs(5)).await;
            let closed = life.runtime.journal().close().await.is_ok();
            node.truth().note(&format!("node {} stopped: left {left}, drained {drained}, closed {closed}", node.number));
            node.kill();
        });
    }

    async fn boot(self: Arc<Self>, env: Env, process: Arc<Process>) {
        let wire = Wire { server: self.server.clone(), node: self.number, process, faults: self.faults.clone() };
        let store = Arc::new(FaultyStore::new(Arc::new(wire), env.clone(), self.faults.clone()));
        let journal = loop {
            let config = JournalConfig { lease: LEASE, retry_for: Duration::from_secs(2), ..JournalConfig::default() };
            match Journal::join(store.clone(), env.clone(), self.member(), config).await {
                Ok(journal) => break journal,
                Err(_) => env.sleep(PAUSE).await,
            }
        };
        self.truth().note(&format!("node {} is ready", self.number));
        let life = Life::new(env.clone(), journal.clone(), self.truth());
        let _first = life.runtime.forward(Arc::new(Courier(Arc::downgrade(&self))));
        // Nothing is decided under a policy that is not known.
        while life.read_the_brake().await.is_err() {
            env.sleep(PAUSE).await;
        }
        *self.life.lock() = Some(Arc::new(life));
        env.spawn(follow(env.clone(), journal, self.truth().clone(), self.number));
    }

    fn member(&self) -> Member {
        let number = u128::from(self.number);
        Member { node: NodeId(Uuid::from_u128(number << 64 | number)), address: self.address(), release: "1".to_owned() }
    }

    fn life(&self) -> Option<Arc<Life>> {
        self.life.lock().clone()
    }

    /// Another node has forwarded this.
    pub(super) fn receive(&self, parcel: Parcel, tell: oneshot::Sender<Answered>) {
        let Some(life) = self.life() else { return };
        life.env.clone().spawn(async move {
            let answered = life.runtime.receive(parcel).await;
            let _nobody_waits = tell.send(answered);
        });
    }

    /// Another node asks whether this one knows what is committed.
    pub(super) async fn hear(&self) -> bool {
        let Some(life) = self.life() else { return false };
        let (tell, told) = oneshot::channel();
        life.env.clone().spawn(async move { _ = tell.send(life.runtime.hear().await) });
        told.await.unwrap_or(false)
    }

    /// A request has arrived.
    pub(super) fn take(self: &Arc<Self>, request: Request, tell: oneshot::Sender<Answer>) {
        let Some(life) = self.life() else {
            let _nobody_waits = tell.send(Answer::Again);
            return;
        };
        let node = self.clone();
        life.env.clone().spawn(async move {
            let answer = node.answer(&life, request).await;
            let _nobody_waits = tell.send(answer);
        });
    }

    async fn answer(&self, life: &Life, request: Request) -> Answer {
        let id = match request.key {
            Some(key) => request_id(key),
            None if Mutant::EmptyId.is_loose() => derive_uuid(&["request", ""]),
            None => life.env.next_id(),
        };
        let (owner, id) = (request.owner, CommandId(id));
        match request.what {
            What::Tally(command) => {
                let accepted = self.truth().has_accepted(&owner, id);
                let answer = self.ask(life, &life.tally, &owner, id, command).await;
                match &answer {
                    Ok(reply) => self.truth().replied(&owner, &reply.receipt, &reply.state),
                    Err(AskError::Rejected(refusal)) => self.truth().refused(&owner, id, &refusal.on, accepted),
                    Err(_) => {}
                }
                self.told(life, &owner, id, answer)
            }
            What::Alarm(command) => self.pass_on(life, &life.alarm, &owner, id, command).await,
            What::Brake(command) => self.pass_on(life, &life.brake, &owner, id, command).await,
            What::Duty(command) => self.pass_on(life, &life.duty, &owner, id, command).await,
        }
    }

    async fn pass_on<D: Decider>(&self, life: &Life, host: &Host<D>, owner: &StreamId, id: CommandId, command: D::Command) -> Answer {
        let answer = self.ask(life, host, owner, id, command).await;
        self.told(life, owner, id, answer)
    }

    /// Asks through a handle of its own, and looks how long the queue is meanwhile.
    async fn ask<D: Decider>(
        &self,
        life: &Life,
        host: &Host<D>,
        owner: &StreamId,
        id: CommandId,
        command: D::Command,
    ) -> Result<Reply<D>, AskError<D::Rejection>> {
        let host = host.clone();
        let body = serde_json::to_vec(&command).unwrap_or_default();
        let meta = Meta { command_id: id, body_hash: BodyHash::of(&[&body]), ..testkit::meta(id.0.as_u128()) };
        let mut asking = Box::pin(host.ask(owner.clone(), command, meta));
        let first = std::future::poll_fn(|context| Poll::Ready(asking.as_mut().poll(context))).await;
        let depth = host.0.slots.get(owner).map_or(0, |slot| slot.inbox.gate().depth());
        if depth > Class::Control.limit(QUEUE_MAX) {
            self.truth().found(8, format!("{depth} commands are in line at {owner} on node {}", self.number));
        }
        let answer = match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => asking.await,
        };
        if matches!(answer, Err(AskError::OutcomeUnknown)) && life.env.monotonic() > *self.troubled.lock() {
            self.truth()
                .found(7, format!("node {} does not know what became of {id} at {owner}, and nothing is wrong with it", self.number));
        }
        answer
    }

    fn told<D: Decider>(&self, life: &Life, owner: &StreamId, id: CommandId, answer: Result<Reply<D>, AskError<D::Rejection>>) -> Answer {
        let told = match &answer {
            Ok(_) => "done",
            Err(AskError::Rejected(refusal)) => refusal.code(),
            Err(AskError::Quarantined(_)) => {
                // What an operator would do.
                let _was_quarantined = life.runtime.resume(owner);
                "quarantined"
            }
            Err(AskError::Faulted { .. }) => "faulted",
            Err(AskError::OutcomeUnknown) => "unknown",
            Err(AskError::TimedOut(_)) => "timed out",
            Err(_) => "not now",
        };
        self.truth().note(&format!("node {} says {told} to {id}", self.number));
        match answer {
            Ok(reply) => Answer::Done(reply.receipt.command_id),
            Err(AskError::Rejected(_)) => Answer::Refused,
            Err(_) => Answer::Again,
        }
    }
}

impl Life {
    async fn read_the_brake(&self) -> Result<(), LoadError> {
        let (owner, shared) = (super::client::brake(), &self.brake.0);
        let loaded = shared.loader.load(&owner).await?;
        shared.learn(&owner, loaded);
        Ok(())
    }

    fn new(env: Env, journal: Journal, truth: &Arc<Truth>) -> Self {
        let config = RuntimeConfig {
            queue_max: QUEUE_MAX,
            in_flight_max: 64,
            idle: Duration::from_secs(15),
            deadline: Duration::from_secs(3),
            snapshot_every: 8,
            handler_budget: Duration::from_secs(60),
            ..RuntimeConfig::default()
        };
        let runtime = Runtime::new(journal, config, &mut Registry::default(), vec![actix::Arbiter::current()]);
        let chaos = Chaos::new(env.clone());
        chaos.panics(PANICS);
        let tally = runtime.entity(Arc::new(Chaotic::new(tally::Tally, chaos))).expect("a lawful kind");
        let alarm = runtime.entity(Arc::new(alarm::Alarm)).expect("a lawful kind");
        let brakes = Arc::new(brake::Brakes::default());
        let brake = runtime.entity_observed(Arc::new(brake::Brake), brakes.clone()).expect("a lawful kind");
        let _first = runtime.govern(brakes);
        let duty = runtime.entity(Arc::new(brake::Duty)).expect("a lawful kind");
        let ledger = runtime.entity(Arc::new(Ledger)).expect("a lawful kind");
        for (channel, _) in CHANNELS {
            runtime.effects(channel, Arc::new(Bridge { env: env.clone(), truth: truth.clone() }));
        }
        runtime.reactor(Arc::new(Echo)).expect("a lawful name");
        Self { env, runtime, tally, alarm, brake, duty, _ledger: ledger }
    }
}

/// The id of the command that a request with this key is.
pub(super) fn request_id(key: Uuid) -> Uuid {
    derive_uuid(&["request", &key.to_string()])
}

/// Reads all that is committed, from now on: there must be no gap.
async fn follow(env: Env, journal: Journal, truth: Arc<Truth>, number: u32) {
    let store = journal.store().clone();
    let Ok(mut places) = store.heads().await else { return };
    loop {
        env.sleep(Duration::from_millis(500)).await;
        if let Err(error) = look(&store, &mut places, &truth, number).await {
            truth.note(&format!("node {number} cannot read: {error}"));
        }
    }
}

async fn look(store: &Arc<dyn Store>, places: &mut [u64], truth: &Truth, number: u32) -> Result<(), StoreError> {
    let heads = store.heads().await?;
    for ((place, head), partition) in places.iter_mut().zip(heads).zip(0..) {
        if head > *place {
            let page = store.read_partition(partition, *place, 1_000, &Filter::default()).await?;
            truth.read(number, partition, *place, &page);
            *place = page.scanned_to;
        }
    }
    Ok(())
}
