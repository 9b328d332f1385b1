//! The events of the last 24 hours of one organisation, exactly and in memory, within a bound of bytes.
//!
//! Events lie in the minute of their own timestamp, so that late ones and those out of order count where they belong. A repeat
//! of an event's id is passed over; an event without an id is never taken for a repeat. Three quarters of the bytes are for
//! exact events, a quarter for roll-ups: when the exact ones need more, the oldest minute is rolled up (counts, sums and bounds
//! stay exact, percentiles are within [`RELATIVE_ERROR_MAX`] of themselves, places and ids are gone); when roll-ups need more,
//! the oldest are forgotten, and a view's rows can stand in for them ([`Store::read_with`]). Every answer says which of this
//! it rests on.
//!
//! | to read | file |
//! |---|---|
//! | a minute of exact events, its totals | `minute.rs`, `totals.rs` |
//! | a minute rolled up, and the rows of a view | `rolled.rs`, `histogram.rs` |
//! | what events have in common | `catalogue.rs` |
//! | what is read of it all | `reading.rs` |

mod catalogue;
mod histogram;
mod minute;
mod reading;
mod rolled;
mod totals;

pub use catalogue::{OTHER, SERIES_MAX};
pub use histogram::{Histogram, RELATIVE_ERROR_MAX};
pub(crate) use minute::{Cut, Minute};
pub(crate) use reading::Part;
pub use reading::{Accuracy, Reading};
pub use rolled::{Buffer, Rolled, Row, RowKey};
pub use totals::Totals;

use crate::metric::{at_minute, minute_of};
use crate::observation::{Observation, RETENTION_DEFAULT, fingerprint};
use crate::query::before;
use catalogue::Catalogue;
use ionveil_kernel::Timestamp;
use minute::Entry;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

/// How many bytes of memory an organisation's events take at most where nothing else is said: room for about two million
/// exact events.
pub const BYTES_MAX_DEFAULT: usize = 256 << 20;
/// What a known id takes in the table of all: 17 bytes, a table being between 7/16 and 7/8 full after it has grown.
const ID_BYTES: usize = 40;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long.
    pub retention: Duration,
    /// In how many bytes.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { retention: RETENTION_DEFAULT, bytes_max: BYTES_MAX_DEFAULT }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// It counts.
    Accepted,
    /// An event of its id counts already.
    Duplicate,
    /// It is older than what is kept, or as old.
    TooOld,
    /// Its minute was forgotten for want of room: a view's row has it.
    Forgotten,
}

/// The events of one organisation.
#[derive(Debug, Default)]
pub struct Store {
    limits: Limits,
    catalogue: Catalogue,
    minutes: BTreeMap<i64, Slot>,
    ids: HashSet<u128, BuildHasherDefault<Digested>>,
    /// Nothing is kept of minutes before this one.
    kept_from: Option<i64>,
    exact_bytes: usize,
    rolled_bytes: usize,
    accepted: u64,
}

#[derive(Debug)]
enum Slot {
    Exact(Minute),
    /// By series.
    Rolled(BTreeMap<u32, Rolled>),
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes in an event, of whatever time, at `now`.
    pub fn ingest(&mut self, seen: &Observation, now: Timestamp) -> Ingested {
        self.advance(now);
        if now.since(seen.timestamp) >= self.limits.retention {
            return Ingested::TooOld;
        }
        let minute = minute_of(seen.timestamp);
        if self.kept_from.is_some_and(|from| minute < from) {
            return Ingested::Forgotten;
        }
        let id = (!seen.event_id.is_empty()).then(|| fingerprint(&seen.event_id));
        if id.is_some_and(|id| !self.ids.insert(id)) {
            return Ingested::Duplicate;
        }
        self.put(minute, seen, id);
        self.accepted += 1;
        self.fit();
        Ingested::Accepted
    }

    fn put(&mut self, minute: i64, seen: &Observation, id: Option<u128>) {
        let series = self.catalogue.number(&seen.region, seen.severity.number(), &seen.unit_type);
        let (response, distance) = (seen.response_time_minutes.steps(), seen.distance_km.steps());
        match self.minutes.entry(minute).or_insert_with(|| Slot::Exact(Minute::default())) {
            Slot::Exact(events) => {
                // Less than a minute, so the cast keeps the value.
                let offset = (seen.timestamp.micros() - at_minute(minute).micros()) as u32;
                let entry = Entry { offset, response, distance, series, met: seen.sla_met, place: seen.place, id };
                self.exact_bytes += events.push(entry);
            }
            Slot::Rolled(all) => {
                let rolled = all.entry(series).or_default();
                let before = if rolled.count() == 0 { 0 } else { rolled.bytes() };
                rolled.add(response, distance, seen.sla_met);
                self.rolled_bytes += rolled.bytes() - before;
                // The ids of a minute that is rolled up are not kept.
                if let Some(id) = id {
                    self.ids.remove(&id);
                }
            }
        }
    }

    /// Lets go of what is too old at `now`.
    pub fn advance(&mut self, now: Timestamp) {
        let horizon = minute_of(before(now, self.limits.retention));
        while let Some(first) = self.minutes.first_entry().filter(|first| *first.key() < horizon) {
            let slot = first.remove();
            self.let_go(slot);
        }
        if self.kept_from.is_none_or(|from| from < horizon) {
            self.kept_from = Some(horizon);
        }
    }

    fn let_go(&mut self, slot: Slot) {
        match slot {
            Slot::Exact(events) => self.let_go_ids(&events),
            Slot::Rolled(all) => self.rolled_bytes -= bytes_of(&all),
        }
    }

    fn let_go_ids(&mut self, events: &Minute) {
        self.exact_bytes -= events.bytes();
        events.ids().iter().for_each(|id| {
            self.ids.remove(id);
        });
        if self.ids.capacity() > 1_024 && self.ids.len() < self.ids.capacity() / 4 {
            self.ids.shrink_to(self.ids.len() * 2);
        }
    }

    /// Rolls up and forgets until all fits.
    fn fit(&mut self) {
        let rolled_max = self.limits.bytes_max / 4;
        let exact_max = self.limits.bytes_max - rolled_max;
        while self.exact_bytes + self.ids.len() * ID_BYTES > exact_max && self.roll_up_oldest() {}
        while self.rolled_bytes > rolled_max && self.forget_oldest() {}
    }

    fn roll_up_oldest(&mut self) -> bool {
        let exact = |slot: &mut Slot| if let Slot::Exact(events) = slot { Some(std::mem::take(events)) } else { None };
        let Some((minute, events)) = self.minutes.iter_mut().find_map(|(minute, slot)| Some((*minute, exact(slot)?))) else { return false };
        let rolled = events.rolled();
        self.rolled_bytes += bytes_of(&rolled);
        self.minutes.insert(minute, Slot::Rolled(rolled));
        self.let_go_ids(&events);
        true
    }

    /// Forgets the oldest minute that is rolled up, and whatever is older.
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.minutes.iter().find_map(|(minute, slot)| matches!(slot, Slot::Rolled(_)).then_some(*minute));
        let Some(oldest) = oldest else { return false };
        let kept = self.minutes.split_off(&(oldest + 1));
        for slot in std::mem::replace(&mut self.minutes, kept).into_values() {
            self.let_go(slot);
        }
        self.kept_from = Some(oldest + 1);
        true
    }

    /// How many events were accepted since it was made: it grows whenever a figure may have changed.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// What happened before this instant is not in memory; rows of a view may stand in for it.
    #[must_use]
    pub fn kept_from(&self) -> Option<Timestamp> {
        self.kept_from.map(at_minute)
    }

    /// What it takes in memory, about, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.exact_bytes + self.ids.len() * ID_BYTES + self.rolled_bytes + self.catalogue.bytes()
    }

    /// What questions are asked of.
    #[must_use]
    pub const fn read(&self) -> Reading<'_> {
        self.read_with(&[])
    }

    /// The same with rows of a view for what memory does not hold any more. Of minutes that it holds they are passed over.
    #[must_use]
    pub const fn read_with<'a>(&'a self, older: &'a [Row]) -> Reading<'a> {
        Reading { store: self, older }
    }
}

fn bytes_of(all: &BTreeMap<u32, Rolled>) -> usize {
    all.values().map(Rolled::bytes).sum()
}

/// Hashes what is a hash already.
#[derive(Debug, Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Ids come through `write_u128`; whatever else is folded in.
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, number: u128) {
        // The lower half.
        self.0 = number as u64;
    }
}
