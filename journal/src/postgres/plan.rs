//! Compares the appends of a batch with each other, so that the database need only compare them with what it holds.
//! Pure: no I/O, and it knows nothing of what is stored.

use crate::{APPEND_EVENTS_MAX, Append, NewEvent, StoreError};
use ionveil_kernel::{CommandId, StreamId};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Why an append cannot be accepted whatever the database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// None is known.
    None,
    /// The same command of the same owner occurs earlier in the batch.
    Twice,
    /// It does not follow on the appends before it, or its own events are not dense.
    OutOfOrder,
}

/// What is known of one append.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) partition: u16,
    /// The index of the first append of the same owner.
    pub(super) chain: usize,
    pub(super) flaw: Flaw,
    /// Events of the batch in this partition up to and with this append.
    pub(super) offset: usize,
}

/// An event that may be stored.
pub(super) struct Placed<'a> {
    pub(super) append: usize,
    /// Whether it is the first of its stream in the batch.
    pub(super) first: bool,
    /// How many events of the append come after it.
    pub(super) rest: usize,
    pub(super) owner: &'a StreamId,
    pub(super) event: &'a NewEvent,
}

impl<'a> Placed<'a> {
    /// The stream, unless it is the owner's main one.
    pub(super) fn part(&self) -> Option<&'a StreamId> {
        (self.event.stream != *self.owner).then_some(&self.event.stream)
    }
}

/// A batch, compared with itself.
pub(super) struct Plan<'a> {
    pub(super) appends: Vec<Planned>,
    pub(super) events: Vec<Placed<'a>>,
}

struct Progress {
    chain: usize,
    last: u64,
}

#[derive(Default)]
struct Planner<'a> {
    chains: HashMap<&'a StreamId, usize>,
    commands: HashSet<(usize, CommandId)>,
    streams: HashMap<&'a StreamId, Progress>,
    offsets: HashMap<u16, usize>,
    placed: Vec<Placed<'a>>,
}

impl<'a> Plan<'a> {
    /// Compares the appends of `batch`; `partitions` is the database's number.
    ///
    /// # Errors
    /// `Invalid` for what can never be stored: too many events, a stream of another organisation, a zero byte.
    pub(super) fn of(batch: &'a [Append], partitions: u16) -> Result<Self, StoreError> {
        let mut planner = Planner::default();
        let mut appends = Vec::with_capacity(batch.len());
        for (index, append) in batch.iter().enumerate() {
            lawful(append)?;
            appends.push(planner.plan(index, append, partitions));
        }
        Ok(Self { appends, events: planner.placed })
    }
}

impl<'a> Planner<'a> {
    fn plan(&mut self, index: usize, append: &'a Append, partitions: u16) -> Planned {
        let partition = append.owner.partition(partitions);
        let chain = *self.chains.entry(&append.owner).or_insert(index);
        let flaw = if self.commands.insert((chain, append.command_id)) { self.place(index, chain, append) } else { Flaw::Twice };
        let offset = self.offsets.entry(partition).or_default();
        *offset += append.events.len();
        Planned { partition, chain, flaw, offset: *offset }
    }

    fn place(&mut self, index: usize, chain: usize, append: &'a Append) -> Flaw {
        let before = self.placed.len();
        for (event, rest) in append.events.iter().zip((0..append.events.len()).rev()) {
            let Some(first) = self.step(chain, event) else {
                self.placed.truncate(before);
                return Flaw::OutOfOrder;
            };
            self.placed.push(Placed { append: index, first, rest, owner: &append.owner, event });
        }
        Flaw::None
    }

    /// Whether the event is the first of its stream; `None` if it is not the next one. A stream has one owner: what two
    /// owners append to it in one batch is out of order.
    fn step(&mut self, chain: usize, event: &'a NewEvent) -> Option<bool> {
        let number = event.sequence_number;
        match self.streams.entry(&event.stream) {
            Entry::Vacant(stream) => {
                stream.insert(Progress { chain, last: number });
                (number > 0).then_some(true)
            }
            Entry::Occupied(mut stream) => {
                let Progress { chain: owner, last } = *stream.get();
                stream.get_mut().last = number;
                (owner == chain && last.checked_add(1) == Some(number)).then_some(false)
            }
        }
    }
}

fn lawful(append: &Append) -> Result<(), StoreError> {
    crate::timers::check(append)?;
    if append.events.len() > APPEND_EVENTS_MAX {
        return Err(StoreError::Invalid(format!("{} events in one append of {}", append.events.len(), append.owner)));
    }
    for event in &append.events {
        if event.stream.org != append.owner.org {
            return Err(StoreError::Invalid(format!("{} cannot own {} of another organisation", append.owner, event.stream)));
        }
        let texts = [&*event.event_type, &*event.data, &*event.actor, event.traceparent.as_deref().unwrap_or_default()];
        if texts.iter().any(|text| text.as_bytes().contains(&0)) {
            return Err(StoreError::Invalid(format!("an event of {} holds a zero byte, which Postgres cannot keep in text", event.stream)));
        }
    }
    Ok(())
}
