//! The real clock, randomness and spawning, on a tokio runtime that the host brings.
#![expect(clippy::disallowed_methods, reason = "this is the one place that brings what Env hands on")]

use ionveil_kernel::{BoxFuture, Runtime, Timestamp};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

/// Brings the operating system's clock and randomness, and spawns on a tokio runtime.
pub struct TokioEnv {
    runtime: Handle,
    started: Instant,
}

impl TokioEnv {
    /// Spawns on `runtime`, which must outlive the journal that uses this.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, started: Instant::now() }
    }
}

impl Runtime for TokioEnv {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        // Without randomness ids would repeat: better to stop than to go on.
        getrandom::fill(&mut bytes).expect("the operating system has no randomness");
        u128::from_ne_bytes(bytes)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }
}
