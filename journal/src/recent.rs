//! The last events that a store has written itself, in memory: whoever follows the journal reads them there and leaves the
//! database to those who append. Bounded; what is older, or was written by another node, is read from the database.
//!
//! What is kept of a partition is a run without gaps that was committed, so a page from it is a page of the partition. Whether
//! there is more behind it only the database knows: it is asked as soon as a reader has come to the end of the run.

use crate::{Append, Filter, Page, Verdict};
use ionveil_kernel::Recorded;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// The most events of a partition.
const EVENTS_MAX: usize = 1_024;
/// The most bytes of a partition: payloads plus a flat 256 per event.
const BYTES_MAX: usize = 512 << 10;

/// By partition.
pub(crate) struct Recent(Vec<Mutex<Run>>);

#[derive(Default)]
struct Run {
    /// The position before the first of them.
    before: u64,
    events: VecDeque<Recorded>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| Mutex::default()).collect())
    }

    /// Keeps what was committed.
    pub(crate) fn learn(&self, batch: &[Append], verdicts: &[Verdict]) {
        for (append, verdict) in batch.iter().zip(verdicts) {
            if let Verdict::Accepted(receipt) = verdict
                && let Some(run) = self.0.get(usize::from(receipt.partition))
            {
                let before = receipt.position.saturating_sub(append.events.len() as u64);
                let events = append.events.iter().zip(before + 1..);
                let events = events.map(|(event, position)| append.recorded(event, receipt.partition, position, receipt.recorded_at));
                run.lock().extend(before, events.skip(append.events.len().saturating_sub(EVENTS_MAX)));
            }
        }
    }

    /// As [`crate::Store::read_partition`]; none if only the database can answer.
    pub(crate) fn read(&self, partition: u16, after: u64, limit: usize, filter: &Filter) -> Option<Page> {
        self.0.get(usize::from(partition))?.lock().read(after, limit, filter)
    }
}

impl Run {
    fn end(&self) -> u64 {
        self.before + self.events.len() as u64
    }

    fn extend(&mut self, before: u64, events: impl Iterator<Item = Recorded>) {
        if self.end() != before {
            *self = Self { before, ..Self::default() };
        }
        for event in events {
            if event.position != self.end() + 1 {
                *self = Self { before: event.position - 1, ..Self::default() };
            }
            self.bytes += weight(&event);
            self.events.push_back(event);
        }
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(first) = self.events.pop_front() else { return };
            self.bytes -= weight(&first);
            self.before = first.position;
        }
    }

    fn read(&self, after: u64, limit: usize, filter: &Filter) -> Option<Page> {
        if limit == 0 || after < self.before || after >= self.end() {
            return None;
        }
        let from = usize::try_from(after - self.before).ok()?;
        let wanted = self.events.range(from..).filter(|event| filter.admits(event));
        let events: Vec<Recorded> = wanted.take(limit).cloned().collect();
        let full = events.len() == limit;
        let scanned_to = events.last().filter(|_| full).map_or_else(|| self.end(), |last| last.position);
        Some(Page { events, scanned_to })
    }
}

fn weight(event: &Recorded) -> usize {
    event.data.len() + 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewEvent, Receipt};
    use ionveil_kernel::{BodyHash, CommandId, CorrelationId, EventId, StreamId, Timestamp};
    use uuid::Uuid;

    fn append(owner: &str, events: usize, bytes: usize) -> Append {
        let stream: StreamId = format!("counter:test:{owner}").parse().expect("lawful");
        let event = |number: usize| NewEvent {
            event_id: EventId(Uuid::from_u128(number as u128)),
            stream: stream.clone(),
            sequence_number: number as u64 + 1,
            event_type: "added".into(),
            schema_version: 1,
            data: "x".repeat(bytes),
            occurred_at: Timestamp::from_micros(0),
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: Uuid::nil(),
            actor: "user:test".into(),
            traceparent: None,
        };
        Append {
            owner: stream.clone(),
            generation: 1,
            command_id: CommandId(Uuid::nil()),
            body_hash: BodyHash::of(&[]),
            version: events as u64,
            events: (0..events).map(event).collect(),
            timers: Vec::new(),
        }
    }

    /// As a store would answer that has the events up to `position`.
    fn accepted(append: &Append, position: u64) -> Verdict {
        Verdict::Accepted(Receipt {
            command_id: append.command_id,
            body_hash: append.body_hash,
            version: append.version,
            partition: 0,
            position,
            events: u32::try_from(append.events.len()).expect("few"),
            recorded_at: Timestamp::from_micros(7),
        })
    }

    fn positions(page: Option<Page>) -> Option<(Vec<u64>, u64)> {
        page.map(|page| (page.events.iter().map(|event| event.position).collect(), page.scanned_to))
    }

    fn all(recent: &Recent, after: u64) -> Option<(Vec<u64>, u64)> {
        positions(recent.read(0, after, usize::MAX, &Filter::default()))
    }

    #[test]
    fn a_run_has_no_gap() {
        let recent = Recent::new(1);
        let two = append("a", 2, 1);
        recent.learn(std::slice::from_ref(&two), &[accepted(&two, 12)]);
        recent.learn(std::slice::from_ref(&two), &[accepted(&two, 14)]);
        assert_eq!(all(&recent, 10), Some((vec![11, 12, 13, 14], 14)));
        assert_eq!(all(&recent, 9), None, "what is before it is not known");
        assert_eq!(all(&recent, 14), None, "nor what is behind it");
        // Another node wrote 15.
        recent.learn(std::slice::from_ref(&two), &[accepted(&two, 17)]);
        assert_eq!((all(&recent, 14), all(&recent, 15)), (None, Some((vec![16, 17], 17))));
    }

    #[test]
    fn what_was_not_accepted_is_not_kept() {
        let (recent, one) = (Recent::new(1), append("a", 1, 1));
        recent.learn(&[one.clone(), one.clone(), one], &[Verdict::Fenced, Verdict::Conflict, Verdict::Conflict]);
        assert_eq!(all(&recent, 0), None);
    }

    #[test]
    fn it_is_bounded_by_events_and_by_bytes() {
        let recent = Recent::new(1);
        let many = append("a", EVENTS_MAX + 10, 1);
        recent.learn(std::slice::from_ref(&many), &[accepted(&many, EVENTS_MAX as u64 + 10)]);
        assert_eq!(all(&recent, 9), None);
        assert_eq!(all(&recent, 10).expect("kept").0.len(), EVENTS_MAX);
        let (recent, large) = (Recent::new(1), append("a", 3, BYTES_MAX / 2));
        recent.learn(std::slice::from_ref(&large), &[accepted(&large, 3)]);
        assert_eq!((all(&recent, 1), all(&recent, 2)), (None, Some((vec![3], 3))));
    }

    #[test]
    fn a_page_is_a_page_of_the_partition_from_wherever_it_is_read() {
        let (recent, mut whole) = (Recent::new(1), Vec::new());
        for (owner, events) in [("a", 2), ("b", 0), ("b", 3), ("a", 1), ("c", 4), ("b", 1)] {
            let one = append(owner, events, 1);
            whole.extend(std::iter::repeat_n(one.owner.clone(), events));
            recent.learn(std::slice::from_ref(&one), &[accepted(&one, whole.len() as u64)]);
        }
        let filters = ["a", "b", "c", "d"].map(|owner| Some(append(owner, 0, 0).owner)).into_iter().chain([None]);
        for filter in filters.map(|stream| Filter { stream, ..Filter::default() }) {
            for (after, limit) in (0..11).flat_map(|after| (1..12).map(move |limit| (after, limit))) {
                let wanted = (1..).zip(&whole).skip(after).filter(|(_, owner)| filter.stream.as_ref().is_none_or(|one| one == *owner));
                let wanted: Vec<u64> = wanted.map(|(position, _)| position).take(limit).collect();
                let scanned_to = if wanted.len() == limit { wanted[limit - 1] } else { 11 };
                let page = recent.read(0, after as u64, limit, &filter);
                assert_eq!(positions(page), Some((wanted, scanned_to)), "after {after}, at most {limit}");
            }
        }
    }
}
