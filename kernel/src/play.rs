//! A wall clock that runs faster than the real one, from an instant of the past: how a day is watched in minutes. Everything that
//! asks the wall clock sees it; what is measured on the monotonic clock (leases, patience, back-off) stays real.

use crate::Timestamp;
use crate::env::{BoxFuture, Env, Runtime};
use std::time::Duration;

/// The greatest speed.
pub const SPEED_MAX: u32 = 10_000;

/// From when on a clock runs, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Play {
    /// What it shows at the start.
    pub begin: Timestamp,
    /// How many seconds of it pass in a real one: 1 to [`SPEED_MAX`].
    pub speed: u32,
}

/// A runtime whose wall clock plays.
pub struct Played {
    real: Env,
    play: Play,
    since: Duration,
}

impl Played {
    /// Starts to play now; everything but the wall clock is that of `real`.
    #[must_use]
    pub fn start(real: Env, play: Play) -> Self {
        let since = real.monotonic();
        let play = Play { speed: play.speed.clamp(1, SPEED_MAX), ..play };
        Self { real, play, since }
    }
}

impl Runtime for Played {
    fn now(&self) -> Timestamp {
        self.play.begin.after(self.real.monotonic().saturating_sub(self.since).saturating_mul(self.play.speed))
    }

    fn until(&self, due: Timestamp) -> Duration {
        // Rounded up: whoever wakes finds that it is due.
        due.since(self.now()) / self.play.speed + Duration::from_micros(1)
    }

    fn play(&self) -> Option<Play> {
        Some(self.play)
    }

    fn monotonic(&self) -> Duration {
        self.real.monotonic()
    }

    fn random(&self) -> u128 {
        self.real.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.real.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.real.spawn(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that the test moves, in microseconds.
    #[derive(Clone, Default)]
    struct Clock(Arc<AtomicU64>);

    impl Runtime for Clock {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_micros(self.0.load(Ordering::Relaxed))
        }

        fn random(&self) -> u128 {
            0
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }

        fn spawn(&self, _: BoxFuture<'static, ()>) {}
    }

    #[test]
    fn an_hour_at_600_times_the_speed_takes_six_seconds() {
        let (clock, begin) = (Clock(Arc::new(AtomicU64::new(5_000_000))), Timestamp::from_micros(1_483_257_600_000_000));
        let env = Env::new(Played::start(Env::new(clock.clone()), Play { begin, speed: 600 }));
        assert_eq!((env.now(), env.play()), (begin, Some(Play { begin, speed: 600 })));
        let hour = begin.after(Duration::from_secs(3_600));
        assert_eq!(env.until(hour), Duration::from_micros(6_000_001));
        clock.0.fetch_add(6_000_000, Ordering::Relaxed);
        assert_eq!((env.now(), env.until(hour)), (hour, Duration::from_micros(1)));
        assert_eq!(env.monotonic(), Duration::from_secs(11), "what is measured stays real");
        assert_eq!(Env::new(clock).play(), None);
    }
}
