//! The real clock, randomness and spawning, on a tokio runtime that the host brings.
#![expect(clippy::disallowed_methods, reason = "this is the one place that brings what Env hands on")]

use ionveil_kernel::{BoxFuture, Runtime, Timestamp};
use std::cell::RefCell;
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
        thread_local!(static STOCK: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) });
        STOCK.with_borrow_mut(|stock| {
            if stock.is_empty() {
                fill_up(stock);
            }
            stock.pop().expect("it was filled up")
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }
}

/// One call of the operating system for many: every id costs one, and the call itself is most of the cost.
fn fill_up(stock: &mut Vec<u128>) {
    let mut bytes = [0; 1_024];
    // Without randomness ids would repeat: better to stop than to go on.
    getrandom::fill(&mut bytes).expect("the operating system has no randomness");
    stock.extend(bytes.as_chunks::<16>().0.iter().map(|chunk| u128::from_ne_bytes(*chunk)));
}
