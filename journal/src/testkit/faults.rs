//! What goes wrong, how often, and how often it did. It knows no call of a store by name.

use crate::{StoreError, StoreResult};
use ionveil_kernel::Env;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Of 100 calls that change something, how many go wrong in which way; 100 together at most, what is beyond is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// Refused: `Unavailable`, and nothing was stored.
    pub unavailable: u8,
    /// `OutcomeUnknown`, and nothing was stored.
    pub lost_before: u8,
    /// `OutcomeUnknown`, and everything was stored: a lie about a failure.
    pub lost_after: u8,
    /// Stored, and told after [`Knobs::late`].
    pub late: u8,
}

impl Wrong {
    /// `percent` (100 at most) in all, spread over the four ways as evenly as whole numbers allow, the first ways first.
    #[must_use]
    pub fn evenly(percent: u8) -> Self {
        let share = |way: u8| (percent.min(100) + 3 - way) / 4;
        Self { unavailable: share(0), lost_before: share(1), lost_after: share(2), late: share(3) }
    }
}

/// What can be turned while the store is in use. Nothing is wrong by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// What goes wrong with appends.
    pub appends: Wrong,
    /// What goes wrong with the other calls that change something, those of the leases excepted.
    pub changes: Wrong,
    /// Of 100 reads, how many are `Unavailable`.
    pub reads: u8,
    /// The least and the greatest delay of an append or another change; whole microseconds.
    pub change_delay: (Duration, Duration),
    /// The least and the greatest delay of a read; whole microseconds.
    pub read_delay: (Duration, Duration),
    /// How long after its commit a late answer comes.
    pub late: Duration,
    /// While it is set, everything is `Unavailable`, the leases too. A call looks when its delay is over, before it reaches
    /// the store inside.
    pub down: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        let none = (Duration::ZERO, Duration::ZERO);
        Self {
            appends: Wrong::default(),
            changes: Wrong::default(),
            reads: 0,
            change_delay: none,
            read_delay: none,
            late: Duration::from_millis(100),
            down: false,
        }
    }
}

/// How often what was injected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Changes that were refused by chance.
    pub unavailable: u64,
    /// Changes that were lost before they were stored.
    pub lost_before: u64,
    /// Changes that were stored and called lost.
    pub lost_after: u64,
    /// Changes that were answered late.
    pub late: u64,
    /// Reads that were refused by chance.
    pub reads: u64,
    /// Calls that were refused because the store was down.
    pub down: u64,
}

impl Counts {
    /// All faults together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.unavailable + self.lost_before + self.lost_after + self.late + self.reads + self.down
    }
}

#[derive(Clone, Copy)]
enum Way {
    Well,
    Unavailable,
    LostBefore,
    LostAfter,
    Late,
}

/// A handle on the faults of a [`super::FaultyStore`]. Clones share knobs and counters.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    knobs: Knobs,
    counts: Counts,
    reading: u64,
    reading_most: u64,
    /// How many more calls go well, and whether the one after them is carried out.
    fuse: Option<(u64, bool)>,
}

impl Faults {
    /// Faults from the given knobs.
    #[must_use]
    pub fn new(knobs: Knobs) -> Self {
        Self(Arc::new(Mutex::new(State { knobs, ..State::default() })))
    }

    /// Turns knobs; calls that have drawn their fate keep it.
    pub fn set(&self, turn: impl FnOnce(&mut Knobs)) {
        turn(&mut self.0.lock().knobs);
    }

    /// The knobs as they are.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.0.lock().knobs.clone()
    }

    /// What was injected so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.lock().counts
    }

    /// The most reads that were under way at once.
    #[must_use]
    pub fn reading_most(&self) -> u64 {
        self.0.lock().reading_most
    }

    /// After `calls` more calls (those of the leases do not count) the store goes down ([`Knobs::down`]) with the next one:
    /// that is a crash between any two steps. A change that it meets is stored, and called lost, if `stored`.
    pub fn fuse(&self, calls: u64, stored: bool) {
        self.0.lock().fuse = Some((calls, stored));
    }

    /// Takes the fuse away; says whether it had not burnt down yet. A store that has gone down stays down.
    pub fn defuse(&self) -> bool {
        self.0.lock().fuse.take().is_some()
    }

    /// Whether this call meets the end of the fuse, and whether it is carried out then.
    fn burn(&self) -> Option<bool> {
        let mut state = self.0.lock();
        let (left, stored) = state.fuse?;
        state.fuse = left.checked_sub(1).map(|left| (left, stored));
        state.knobs.down |= left == 0;
        (left == 0).then_some(stored)
    }

    fn count(&self, counter: impl FnOnce(&mut Counts) -> &mut u64) {
        *counter(&mut self.0.lock().counts) += 1;
    }

    fn reading(&self) -> Reading<'_> {
        let mut state = self.0.lock();
        state.reading += 1;
        state.reading_most = state.reading_most.max(state.reading);
        Reading(self)
    }

    /// # Errors
    /// `Unavailable` while it is down.
    pub(super) fn up(&self) -> Result<(), StoreError> {
        if self.knobs().down {
            self.count(|counts| &mut counts.down);
            return Err(StoreError::unavailable("the store is down"));
        }
        Ok(())
    }

    pub(super) async fn read<'a, T>(&self, env: &Env, call: impl FnOnce() -> StoreResult<'a, T>) -> Result<T, StoreError> {
        let (knobs, _reading) = (self.knobs(), self.reading());
        pause(env, knobs.read_delay).await;
        self.up()?;
        if self.burn().is_some() {
            return Err(StoreError::unavailable("the store goes down"));
        }
        if below(env, 100) < u64::from(knobs.reads) {
            self.count(|counts| &mut counts.reads);
            return Err(StoreError::unavailable("the read failed"));
        }
        call().await
    }

    pub(super) async fn change<'a, T>(&self, env: &Env, append: bool, call: impl FnOnce() -> StoreResult<'a, T>) -> Result<T, StoreError> {
        let knobs = self.knobs();
        let way = draw(env, if append { knobs.appends } else { knobs.changes });
        pause(env, knobs.change_delay).await;
        self.up()?;
        let way = match self.burn() {
            Some(true) => Way::LostAfter,
            Some(false) => Way::Unavailable,
            None => way,
        };
        match way {
            Way::Well => call().await,
            Way::Unavailable => {
                self.count(|counts| &mut counts.unavailable);
                Err(StoreError::unavailable("nothing was stored"))
            }
            Way::LostBefore => {
                self.count(|counts| &mut counts.lost_before);
                Err(StoreError::unknown("lost before the commit"))
            }
            Way::LostAfter => {
                call().await?;
                self.count(|counts| &mut counts.lost_after);
                Err(StoreError::unknown("lost after the commit"))
            }
            Way::Late => {
                let answer = call().await;
                self.count(|counts| &mut counts.late);
                env.sleep(knobs.late).await;
                answer
            }
        }
    }
}

/// A read under way; a caller that gives up ends it too.
struct Reading<'a>(&'a Faults);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.0.lock().reading -= 1;
    }
}

fn draw(env: &Env, wrong: Wrong) -> Way {
    let mut left = below(env, 100);
    let ways = [
        (wrong.unavailable, Way::Unavailable),
        (wrong.lost_before, Way::LostBefore),
        (wrong.lost_after, Way::LostAfter),
        (wrong.late, Way::Late),
    ];
    for (percent, way) in ways {
        if left < u64::from(percent) {
            return way;
        }
        left -= u64::from(percent);
    }
    Way::Well
}

fn below(env: &Env, bound: u64) -> u64 {
    (env.random() % u128::from(bound.max(1))) as u64
}

async fn pause(env: &Env, (least, most): (Duration, Duration)) {
    let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX);
    let delay = least + Duration::from_micros(below(env, span.saturating_add(1)));
    if !delay.is_zero() {
        env.sleep(delay).await;
    }
}
