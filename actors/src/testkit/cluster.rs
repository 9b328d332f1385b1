//! A cluster in one thread: several nodes with the real journal, the real runtime and real deciders on virtual time over one
//! store in memory, with clients, a network, a world outside and everything that goes wrong between them, all of it from one
//! seed. The same seed gives the same run, byte for byte.
//!
//! ```no_run
//! use ionveil_actors::testkit::cluster::{Plan, run};
//!
//! let report = run(&Plan { seed: 7, ..Plan::default() });
//! assert_eq!(report.findings, []);
//! assert_eq!(report.trace, run(&Plan { seed: 7, ..Plan::default() }).trace);
//! ```

mod client;
mod courier;
mod nemesis;
mod node;
mod outside;
mod process;
mod truth;
mod verdict;
mod wire;

pub use truth::Finding;

use crate::zoo::{Loose, Mutant};
use crate::{SimEnv, simulate};
use ionveil_journal::MemoryStore;
use ionveil_journal::testkit::{Knobs, Wrong};
use ionveil_kernel::{Env, StreamId};
use node::{Node, Request};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use truth::Truth;
use wire::Server;

const PARTITIONS: u16 = 8;
const LEASE: Duration = Duration::from_secs(3);
/// How often somebody looks again.
const PAUSE: Duration = Duration::from_millis(500);
/// How far a clock is set at most.
const JUMP_MAX: Duration = Duration::from_secs(600);
/// How long the cluster has to get everything done once nothing goes wrong any more: the longest pause of the outbox, a few
/// times. What a clock that was ahead put off may take as much longer.
const CALM: Duration = Duration::from_secs(120);
/// What the store does wrong when nothing special is the matter with it.
const BASE: Knobs = Knobs {
    appends: Wrong { unavailable: 0, lost_before: 1, lost_after: 1, late: 1 },
    changes: Wrong { unavailable: 1, lost_before: 0, lost_after: 1, late: 0 },
    reads: 0,
    change_delay: (Duration::ZERO, Duration::from_millis(2)),
    read_delay: (Duration::ZERO, Duration::ZERO),
    late: Duration::from_millis(100),
    down: false,
};

/// What is to be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many nodes there are; 1 or more.
    pub nodes: u32,
    /// How many clients ask them.
    pub clients: u32,
    /// For how many virtual minutes things go wrong.
    pub minutes: u32,
    /// The mistake that is let loose, if one is.
    pub mutant: Option<Mutant>,
}

impl Default for Plan {
    /// Three nodes, nine clients, ten minutes, no mistake.
    fn default() -> Self {
        Self { seed: 0, nodes: 3, clients: 9, minutes: 10, mutant: None }
    }
}

/// What a run has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Requests that clients were told are done.
    pub acknowledged: u64,
    /// Refusals.
    pub refused: u64,
    /// Faults of nodes, clocks, the network's and the store's links.
    pub faults: u64,
    /// Calls of the store that went wrong.
    pub store_faults: u64,
    /// Commands that the store took.
    pub appends: u64,
    /// Effects that arrived outside.
    pub effects: u64,
    /// Timers that fired.
    pub timers: u64,
    /// Steps that were checked.
    pub steps: u64,
    /// What must not be; the first ones. The run ends early with them.
    pub findings: Vec<Finding>,
    /// Everything that happened, a line each, with its virtual time.
    pub trace: String,
}

/// Simulates `plan`.
///
/// # Panics
/// If there are no nodes, or if something below panics outside of a node.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let (plan, _loose) = (*plan, Loose::new(plan.mutant));
    simulate(async move {
        let world = World::new(&plan);
        world.live(&plan).await;
        world.report()
    })
}

struct World {
    env: Env,
    server: Arc<Server>,
    nodes: Vec<Arc<Node>>,
    /// Clients, and the one who strikes, that are still at it.
    busy: AtomicU64,
    over: AtomicBool,
    requests: AtomicU64,
    acknowledged: AtomicU64,
    faults: AtomicU64,
    /// By client and entity: the node that answered last.
    hints: Mutex<BTreeMap<(u64, StreamId), usize>>,
    /// The timers that somebody was told are armed.
    armed: Mutex<Vec<Request>>,
}

impl World {
    fn new(plan: &Plan) -> Arc<Self> {
        let env = Env::new(SimEnv::new(plan.seed));
        let memory = Arc::new(MemoryStore::new(env.clone(), PARTITIONS));
        let truth = Arc::new(Truth::new(env.clone()));
        let server = Arc::new(Server::new(env.clone(), memory, truth));
        let nodes = (1..=plan.nodes.max(1)).map(|number| Node::new(number, server.clone())).collect();
        Arc::new(Self {
            env,
            server,
            nodes,
            busy: AtomicU64::new(u64::from(plan.clients) + 1),
            over: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            hints: Mutex::default(),
            armed: Mutex::default(),
        })
    }

    /// Things go wrong; then they do not any more, and everything has to get done.
    async fn live(self: &Arc<Self>, plan: &Plan) {
        self.nodes.iter().for_each(Node::start);
        self.env.spawn(nemesis::nemesis(self.clone()));
        (0..u64::from(plan.clients)).for_each(|number| self.env.spawn(client::client(self.clone(), number)));
        let end = Duration::from_secs(60 * u64::from(plan.minutes));
        if self.until(end, || false).await {
            return;
        }
        self.over.store(true, Ordering::Relaxed);
        self.until(end + CALM, || self.busy.load(Ordering::Relaxed) == 0).await;
        self.server.truth.note("all is well again");
        nemesis::heal(self);
        verdict::verdict(self).await;
    }

    /// Waits for `done`, until `end` at most; says whether something was found.
    async fn until(&self, end: Duration, done: impl Fn() -> bool) -> bool {
        while !self.has_found() && self.env.monotonic() < end && !done() {
            self.env.sleep(PAUSE).await;
        }
        self.has_found()
    }

    fn has_found(&self) -> bool {
        self.server.truth.look(|seen| !seen.findings.is_empty())
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.has_found()
    }

    fn leave(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn hint(&self, client: u64, owner: &StreamId) -> usize {
        self.hints.lock().get(&(client, owner.clone())).copied().unwrap_or(0)
    }

    fn acknowledge(&self, client: u64, node: usize, request: &Request) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.hints.lock().insert((client, request.owner.clone()), node);
        if matches!(request.what, node::What::Alarm(_)) {
            self.armed.lock().push(request.clone());
        }
    }

    /// Something goes wrong with a node, for a while.
    fn fault(self: &Arc<Self>, node: &Arc<Node>, last: Duration, strike: impl FnOnce(&Env, &Arc<Node>) -> &'static str) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        node.trouble(self.env.monotonic() + last);
        let what = strike(&self.env, node);
        self.server.truth.note(&format!("node {} is {what} for {last:?}", node.number));
        self.env.spawn(nemesis::recover(node.clone(), self.env.clone(), last));
    }

    fn report(&self) -> Report {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let store_faults = self.nodes.iter().map(|node| node.faults.counts().total()).sum();
        self.server.truth.look(|seen| Report {
            acknowledged: count(&self.acknowledged),
            refused: seen.refused,
            faults: count(&self.faults),
            store_faults,
            appends: seen.appends() as u64,
            effects: seen.effects() as u64,
            timers: seen.timers() as u64,
            steps: seen.steps,
            findings: std::mem::take(&mut seen.findings),
            trace: std::mem::take(&mut seen.trace),
        })
    }
}

/// A number below `bound`.
fn below(env: &Env, bound: u64) -> u64 {
    (env.random() % u128::from(bound.max(1))) as u64
}

/// A time in milliseconds, both ends included, in steps of a microsecond.
fn between(env: &Env, least_ms: u64, most_ms: u64) -> Duration {
    Duration::from_micros(least_ms * 1_000 + below(env, (most_ms - least_ms) * 1_000 + 1))
}

/// Whether what happens in so many of 1,000 cases happens now.
fn chance(env: &Env, permille: u64) -> bool {
    below(env, 1_000) < permille
}
