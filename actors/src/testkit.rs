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

#[cfg(any(test, feature = "testkit"))]
pub(crate) mod alarm;
#[cfg(any(test, feature = "testkit"))]
pub(crate) mod brake;
pub(crate) mod chaos;
#[cfg(any(test, feature = "testkit"))]
pub mod cluster;
mod ledger;
pub mod soak;
#[cfg(any(test, feature = "testkit"))]
pub(crate) mod tally;

pub use crate::zoo::Mutant;
pub use chaos::{Chaos, Chaotic};

use crate::{Runtime, RuntimeConfig, SimEnv, simulate};
use ionveil_journal::testkit::{Faults, FaultyStore};
use ionveil_journal::{Journal, JournalConfig, MemoryStore};
use ionveil_kernel::{Env, NodeId};
use prometheus_client::registry::Registry;
use std::sync::Arc;
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
        let store = Arc::new(FaultyStore::new(memory.clone(), env.clone(), faults.clone()));
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
