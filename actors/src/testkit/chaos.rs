//! Deciders that panic and freeze as they are told.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Env, StreamId, Timer, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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

    fn scope(&self, owner: &StreamId, state: &D::State, command: &D::Command) -> Option<Vec<EntityId>> {
        self.inner.scope(owner, state, command)
    }

    fn causes(&self, decision: &[(D::Part, D::Event)]) -> Vec<Option<usize>> {
        self.inner.causes(decision)
    }

    fn timers(&self, state: &D::State) -> Vec<Timer> {
        self.inner.timers(state)
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<D::Command> {
        self.inner.on_timer(name, due)
    }
}
