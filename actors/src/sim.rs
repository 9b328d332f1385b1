//! The deterministic simulation: one thread, paused time, randomness from a seed. The same seed gives the same run.

use ionveil_kernel::{BoxFuture, Runtime, Timestamp};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z: where simulated clocks start.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Brings virtual time and seeded randomness. Lives inside [`simulate`].
pub struct SimEnv {
    started: Instant,
    state: Mutex<u64>,
}

impl SimEnv {
    /// An environment whose randomness follows `seed`. Call it inside [`simulate`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { started: Instant::now(), state: Mutex::new(seed) }
    }
}

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014): enough for a
/// simulation, and not for anything else.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Runtime for SimEnv {
    fn now(&self) -> Timestamp {
        START.after(self.started.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn random(&self) -> u128 {
        let mut state = self.state.lock();
        u128::from(split_mix(&mut state)) << 64 | u128::from(split_mix(&mut state))
    }

    #[expect(clippy::disallowed_methods, reason = "the simulation brings what Env hands on")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    #[expect(clippy::disallowed_methods, reason = "the simulation brings what Env hands on")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// Runs `scenario` on an actix `System` over a current-thread tokio runtime with paused time: when everything waits,
/// the clock jumps to the next timer.
///
/// # Panics
/// If the runtime cannot be built, or if the scenario panics.
pub fn simulate<T: 'static>(scenario: impl Future<Output = T> + 'static) -> T {
    let build = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    actix::System::with_tokio_rt(build).block_on(scenario)
}
