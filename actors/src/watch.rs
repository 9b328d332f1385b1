//! The watch over handlers that do not come back. An arbiter runs one handler at a time, so there is one place per arbiter
//! that says what is running there and since when; a thread of its own clock looks at it.

use ionveil_kernel::{CommandId, Env, StreamId};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What an arbiter is doing.
#[derive(Default)]
pub(crate) struct Busy {
    /// Microseconds of the monotonic clock plus 1; 0 while nothing runs. Only compared: a torn look at both fields would
    /// at worst name the next handler.
    since: AtomicU64,
    what: Mutex<Option<(StreamId, Option<CommandId>)>>,
    reported: AtomicU64,
}

/// A handler that has been running for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frozen {
    pub(crate) entity: StreamId,
    pub(crate) command: Option<CommandId>,
    pub(crate) since: Duration,
}

impl Busy {
    /// A handler of `entity` begins at `now`.
    pub(crate) fn begin(&self, entity: &StreamId, now: Duration) {
        *self.what.lock() = Some((entity.clone(), None));
        self.since.store(micros(now) + 1, Ordering::Relaxed);
    }

    /// It turns to a command, which has a budget of its own.
    pub(crate) fn command(&self, command: CommandId, now: Duration) {
        if let Some((_, current)) = &mut *self.what.lock() {
            *current = Some(command);
        }
        self.since.store(micros(now) + 1, Ordering::Relaxed);
    }

    /// It has come back.
    pub(crate) fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// A handler that has run since before `now - budget` and was not told of yet.
    fn frozen(&self, now: Duration, budget: Duration) -> Option<Frozen> {
        let since = self.since.load(Ordering::Relaxed);
        let started = Duration::from_micros(since.checked_sub(1)?);
        if now.saturating_sub(started) < budget || self.reported.swap(since, Ordering::Relaxed) == since {
            return None;
        }
        let (entity, command) = self.what.lock().clone()?;
        Some(Frozen { entity, command, since: now.saturating_sub(started) })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1)
}

/// Looks at all places four times per budget and reports each frozen handler once. Ends with what it watches.
pub(crate) async fn watch(env: Env, places: Weak<[Busy]>, budget: Duration, report: impl Fn(Frozen) + Send) {
    loop {
        env.sleep((budget / 4).max(Duration::from_millis(1))).await;
        let Some(places) = places.upgrade() else { return };
        for frozen in places.iter().filter_map(|place| place.frozen(env.monotonic(), budget)) {
            report(frozen);
        }
    }
}

/// A place for each of `count` arbiters.
pub(crate) fn places(count: usize) -> Arc<[Busy]> {
    (0..count).map(|_| Busy::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_past_its_budget_is_told_of_once() {
        let (busy, entity) = (Busy::default(), "unit:acme:u1".parse::<StreamId>().unwrap());
        let (ms, command) = (Duration::from_millis, CommandId(uuid::Uuid::from_u128(7)));
        assert_eq!(busy.frozen(ms(500), ms(100)), None, "nothing runs");
        busy.begin(&entity, ms(1_000));
        busy.command(command, ms(1_000));
        assert_eq!(busy.frozen(ms(1_099), ms(100)), None, "within its budget");
        assert_eq!(busy.frozen(ms(1_150), ms(100)), Some(Frozen { entity: entity.clone(), command: Some(command), since: ms(150) }));
        assert_eq!(busy.frozen(ms(1_200), ms(100)), None, "told already");
        busy.end();
        assert_eq!(busy.frozen(ms(9_000), ms(100)), None, "it came back");
        busy.begin(&entity, ms(9_000));
        assert!(busy.frozen(ms(9_100), ms(100)).is_some(), "another one");
    }
}
