//! What tests of credentials share: a clock that stands still.

use ionveil_kernel::{BoxFuture, Env, Runtime, Timestamp};
use std::time::Duration;

struct Still(Timestamp);

impl Runtime for Still {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn random(&self) -> u128 {
        42 << 64 | 7
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

/// An environment whose clock always says `seconds` after 1970.
pub(crate) fn env_at(seconds: i64) -> Env {
    Env::new(Still(Timestamp::from_micros(seconds * 1_000_000)))
}
