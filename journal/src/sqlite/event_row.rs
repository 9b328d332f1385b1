//! Events from the packed values that `event_columns.sql` makes. Names that repeat from one event to the next share their memory.

use super::fault::{out_of_range, unreadable};
use crate::StoreError;
use ionveil_kernel::{CorrelationId, EntityId, EventId, Kind, Org, Recorded, StreamId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// Bits of a place that hold the position.
const POSITION_BITS: u32 = 48;
/// The greatest position of a partition.
pub(super) const POSITION_MAX: u64 = (1 << POSITION_BITS) - 1;

/// The key of an event: its partition and position in one integer.
pub(super) fn place(partition: u16, position: u64) -> Result<i64, StoreError> {
    let lawful = position <= POSITION_MAX;
    let place = lawful.then_some((u64::from(partition) << POSITION_BITS) | position);
    place.and_then(|place| i64::try_from(place).ok()).ok_or_else(|| out_of_range("position"))
}

/// Turns packed values into events.
#[derive(Default)]
pub(super) struct EventReader {
    /// Names of the event before.
    stream: Option<StreamId>,
    actor: Option<Arc<str>>,
}

impl EventReader {
    /// Reads all events of one value, in their order.
    pub(super) fn read(&mut self, packed: &[u8], events: &mut Vec<Recorded>) -> Result<(), StoreError> {
        let mut packed = Packed(packed);
        while !packed.0.is_empty() {
            events.push(self.event(&mut packed).ok_or_else(|| unreadable("event"))?);
        }
        Ok(())
    }

    /// `None` if nothing that we write reads so.
    fn event(&mut self, packed: &mut Packed<'_>) -> Option<Recorded> {
        let mut numbers = packed.line()?.split(' ');
        let place: u64 = numbers.next()?.parse().ok()?;
        let sequence_number = numbers.next()?.parse().ok()?;
        let schema_version = numbers.next()?.parse().ok()?;
        let occurred_at = Timestamp::from_micros(numbers.next()?.parse().ok()?);
        let recorded_at = Timestamp::from_micros(numbers.next()?.parse().ok()?);
        let mut length = || numbers.next().and_then(|text| text.parse::<usize>().ok());
        let (ids, event_type, actor, traceparent, data) = (length()?, length()?, length()?, length(), length()?);
        if ids != 3 * size_of::<Uuid>() {
            return None;
        }
        let stream = self.stream(packed)?;
        Some(Recorded {
            owner: owner(packed, &stream)?,
            stream,
            sequence_number,
            partition: u16::try_from(place >> POSITION_BITS).ok()?,
            position: place & POSITION_MAX,
            event_type: packed.text(event_type)?.to_owned().into(),
            schema_version,
            actor: self.actor(packed.text(actor)?),
            traceparent: match traceparent {
                Some(length) => Some(packed.text(length)?.into()),
                None => None,
            },
            event_id: EventId(packed.uuid()?),
            correlation_id: CorrelationId(packed.uuid()?),
            causation_id: packed.uuid()?,
            occurred_at,
            recorded_at,
            data: packed.text(data)?.to_owned(),
        })
    }

    fn stream(&mut self, packed: &mut Packed<'_>) -> Option<StreamId> {
        let (org, kind, id) = (packed.line()?, packed.line()?, packed.line()?);
        let last = self.stream.take();
        let stream = match last {
            Some(last) if last.org.as_str() == org && last.kind.as_str() == kind => match last.id.as_str() == id {
                true => last,
                false => StreamId { id: EntityId::new(id).ok()?, ..last },
            },
            Some(_) | None => StreamId { org: Org::new(org).ok()?, kind: Kind::new(kind).ok()?, id: EntityId::new(id).ok()? },
        };
        self.stream = Some(stream.clone());
        Some(stream)
    }

    fn actor(&mut self, text: &str) -> Arc<str> {
        match &self.actor {
            Some(last) if **last == *text => last.clone(),
            Some(_) | None => self.actor.insert(text.into()).clone(),
        }
    }
}

fn owner(packed: &mut Packed<'_>, stream: &StreamId) -> Option<StreamId> {
    match (packed.line()?, packed.line()?) {
        ("", "") => Some(stream.clone()),
        (kind, id) => Some(StreamId { org: stream.org.clone(), kind: Kind::new(kind).ok()?, id: EntityId::new(id).ok()? }),
    }
}

/// What is left of a packed value.
pub(super) struct Packed<'a>(pub(super) &'a [u8]);

impl<'a> Packed<'a> {
    /// Takes a line, without its end.
    pub(super) fn line(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let line = self.text(end)?;
        self.0 = &self.0[1..];
        Some(line)
    }

    fn text(&mut self, length: usize) -> Option<&'a str> {
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn uuid(&mut self) -> Option<Uuid> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Uuid::from_bytes(*bytes))
    }
}
