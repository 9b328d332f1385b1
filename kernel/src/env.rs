//! The one door to clock, randomness, sleeping and spawning. What runs behind it decides whether the house runs in
//! production or, the same code, in a deterministic simulation.

use crate::{IdSource, Play, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use uuid::{Builder, Uuid};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a host brings: real in production, virtual in tests.
pub trait Runtime: Send + Sync + 'static {
    /// The wall clock, UTC. It may jump.
    fn now(&self) -> Timestamp;
    /// A clock that never goes back; only differences mean anything.
    fn monotonic(&self) -> Duration;
    /// 128 random bits; unpredictable in production, seeded in tests.
    fn random(&self) -> u128;
    /// For how long to sleep until the wall clock shows `due`; zero if it does.
    fn until(&self, due: Timestamp) -> Duration {
        due.since(self.now())
    }
    /// How the wall clock plays, if it is not the real one.
    fn play(&self) -> Option<Play> {
        None
    }
    /// Completes after `duration`, which is real.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    /// Runs `task` to its end beside the caller.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// A cheap handle on the [`Runtime`] that everything below the edges uses for time, randomness, sleeping and spawning.
#[derive(Clone)]
pub struct Env(Arc<dyn Runtime>);

impl Env {
    /// Wraps what the host brings.
    pub fn new(runtime: impl Runtime) -> Self {
        Self(Arc::new(runtime))
    }

    /// The wall clock, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// A clock that never goes back.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    /// 128 random bits.
    #[must_use]
    pub fn random(&self) -> u128 {
        self.0.random()
    }

    /// For how long to sleep until the wall clock shows `due`; zero if it does. A wall clock may run faster than sleeping does.
    #[must_use]
    pub fn until(&self, due: Timestamp) -> Duration {
        self.0.until(due)
    }

    /// How the wall clock plays, if it is not the real one.
    #[must_use]
    pub fn play(&self) -> Option<Play> {
        self.0.play()
    }

    /// Completes after `duration`.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    /// Runs `task` beside the caller.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(Box::pin(task));
    }
}

impl IdSource for Env {
    fn next_id(&self) -> Uuid {
        let millis = u64::try_from(self.now().millis()).unwrap_or(0);
        let random = self.random().to_be_bytes();
        let mut tail = [0_u8; 10];
        tail.copy_from_slice(&random[..10]);
        Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}
