//! For tests of actors: a universe of one node on virtual time, with a store that fails and deciders that panic and freeze as
//! its seed says. The seed is printed; the same one gives the same run.
//!
//! ```
//! use ionveil_actors::testkit::Universe;
//! use ionveil_actors::RuntimeConfig;
//! use ionveil_journal::Store;
//! use std::time::Duration;
//!
//! let events = Universe::run(7, RuntimeConfig::default(), async |universe: Universe| {
//!     universe.faults.set(|knobs| knobs.down = true);
//!     universe.env.sleep(Duration::from_secs(3_600)).await; // takes no time
//!     universe.faults.set(|knobs| knobs.down = false);
//!     universe.memory.heads().await.unwrap().into_iter().sum::<u64>()
//! });
//! assert_eq!(events, 0);
//! ```

pub(crate) mod ledger;
pub mod soak;

use crate::{Runtime, RuntimeConfig, SimEnv, simulate};
use ionveil_journal::testkit::{Faults, FaultyStore};
use ionveil_journal::{Journal, JournalConfig, MemoryStore};
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, Env, NodeId, StreamId, Timer, Timestamp};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// One node on virtual time.
pub struct Universe {
    /// Virtual clock and seeded randomness.
    pub env: Env,
    /// What is stored, without faults in front of it.
    pub memory: Arc<MemoryStore>,
    /// What the store does wrong; nothing, until it is told to.
    pub faults: Faults,
    /// The runtime; kinds and reactors are registered with it.
    pub runtime: Runtime,
    /// What the runtime counts.
    pub registry: Registry,
    store: Arc<FaultyStore>,
    config: RuntimeConfig,
}

impl Universe {
    /// Runs `scenario` in a new universe; prints the seed first, so that a failure can be repeated.
    ///
    /// # Panics
    /// If the scenario panics.
    pub fn run<T: 'static>(seed: u64, config: RuntimeConfig, scenario: impl AsyncFnOnce(Self) -> T + 'static) -> T {
        println!("universe of seed {seed}");
        simulate(async move {
            let env = Env::new(SimEnv::new(seed));
            let memory = Arc::new(MemoryStore::new(env.clone(), 4));
            scenario(Self::on(env, memory, Faults::default(), config).await).await
        })
    }

    async fn on(env: Env, memory: Arc<MemoryStore>, faults: Faults, config: RuntimeConfig) -> Self {
        let store = Arc::new(FaultyStore::new(memory.clone(), env.clone(), faults.clone()).with_lanes(2));
        let node = NodeId(Uuid::from_u128(1));
        let journal = Journal::open(store.clone(), env.clone(), node, JournalConfig::default()).await.expect("nobody else holds it");
        let mut registry = Registry::default();
        let runtime = Runtime::new(journal, config.clone(), &mut registry, vec![actix::Arbiter::current()]);
        Self { env, memory, faults, runtime, registry, store, config }
    }

    /// The node dies without a word and is started again on what was stored. Hosts and runtimes of before are dead: drop
    /// them.
    ///
    /// # Panics
    /// If the store is down.
    pub async fn crash(self) -> Self {
        let Self { env, memory, faults, runtime, store, config, .. } = self;
        // Nothing of the old node reaches the store any more: it has the same name as the new one and would go on to claim
        // its partitions.
        store.cut();
        let journal = runtime.journal().clone();
        drop(runtime);
        // Ends the keeper of its leases; what that tells the store is not heard.
        drop(journal.close().await);
        Self::on(env, memory, faults, config).await
    }

    /// A figure of the runtime in the text that Prometheus reads, such as `restarts_total{kind="unit"}`; 0 if there is no
    /// such line.
    #[must_use]
    pub fn figure(&self, name: &str) -> f64 {
        figure(&self.registry, name)
    }
}

/// A figure of `registry`: the value behind `ionveil_` and `name`; 0 if there is no such line.
#[must_use]
pub fn figure(registry: &Registry, name: &str) -> f64 {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, registry).is_err() {
        return 0.0;
    }
    let line = text.lines().find_map(|line| line.strip_prefix("ionveil_")?.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

/// What a [`Chaotic`] decider does wrong. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Chaos(Arc<Switches>);

struct Switches {
    env: Env,
    permille: AtomicU64,
    freeze_micros: AtomicU64,
    panicked: AtomicU64,
}

impl Chaos {
    /// Nothing goes wrong yet. Chance is `env`'s.
    #[must_use]
    pub fn new(env: Env) -> Self {
        Self(Arc::new(Switches { env, permille: 0.into(), freeze_micros: 0.into(), panicked: 0.into() }))
    }

    /// From now on it panics over this many of 1,000 decisions.
    pub fn panics(&self, permille: u64) {
        self.0.permille.store(permille, Ordering::Relaxed);
    }

    /// The next decision blocks its thread for so long, in real time.
    pub fn freeze_once(&self, time: Duration) {
        self.0.freeze_micros.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How often it has panicked.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.0.panicked.load(Ordering::Relaxed)
    }

    #[expect(clippy::disallowed_methods, reason = "a handler that blocks is what is to be shown")]
    fn strike(&self) {
        let freeze = self.0.freeze_micros.swap(0, Ordering::Relaxed);
        if freeze > 0 {
            std::thread::sleep(Duration::from_micros(freeze));
        }
        let permille = self.0.permille.load(Ordering::Relaxed);
        if permille > 0 && self.0.env.random() % 1_000 < u128::from(permille) {
            self.0.panicked.fetch_add(1, Ordering::Relaxed);
            // As `panic!`, without the hook: a million of them are not to be printed.
            std::panic::resume_unwind(Box::new("chaos"));
        }
    }
}

/// A decider that does what another one does, unless its [`Chaos`] strikes first.
pub struct Chaotic<D> {
    inner: D,
    chaos: Chaos,
}

impl<D: Decider> Chaotic<D> {
    /// Wraps `inner`.
    #[must_use]
    pub const fn new(inner: D, chaos: Chaos) -> Self {
        Self { inner, chaos }
    }
}

impl<D: Decider> Decider for Chaotic<D> {
    const KIND: &'static str = D::KIND;
    const STATE_SCHEMA: u32 = D::STATE_SCHEMA;
    const REDUCER: u32 = D::REDUCER;
    type Part = D::Part;
    type State = D::State;
    type Command = D::Command;
    type Event = D::Event;
    type Rejection = D::Rejection;

    fn initial(&self, id: &StreamId) -> D::State {
        self.inner.initial(id)
    }

    fn decide(&self, state: &D::State, command: &D::Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, D::Rejection> {
        self.chaos.strike();
        self.inner.decide(state, command, env)
    }

    fn evolve(&self, state: D::State, part: &D::Part, event: &D::Event) -> Result<D::State, BrokenInvariant> {
        self.inner.evolve(state, part, event)
    }

    fn timers(&self, state: &D::State) -> Vec<Timer> {
        self.inner.timers(state)
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<D::Command> {
        self.inner.on_timer(name, due)
    }
}
