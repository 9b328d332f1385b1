//! Events from rows. Names that repeat within a page share their memory.

use super::fault::{out_of_range, unreadable};
use crate::StoreError;
use ionveil_kernel::{CorrelationId, EntityId, EventId, Kind, Org, Recorded, StreamId, Timestamp};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::sync::Arc;
use uuid::Uuid;

/// Bits of a place that hold the position.
const POSITION_BITS: u32 = 48;
/// The greatest position of a partition.
pub(super) const POSITION_MAX: u64 = (1 << POSITION_BITS) - 1;

/// The key of an event: its partition and position in one integer.
pub(super) fn place(partition: u16, position: u64) -> Result<i64, StoreError> {
    let lawful = position <= POSITION_MAX;
    let place = lawful.then(|| u64::from(partition) << POSITION_BITS | position).and_then(|place| i64::try_from(place).ok());
    place.ok_or_else(|| out_of_range("position"))
}

/// Reads values by column number.
pub(super) struct Columns<'r>(pub(super) &'r SqliteRow);

impl<'r> Columns<'r> {
    pub(super) fn text(&self, column: usize) -> Result<&'r str, StoreError> {
        self.0.try_get_unchecked(column).map_err(super::fault::of)
    }

    pub(super) fn maybe_text(&self, column: usize) -> Result<Option<&'r str>, StoreError> {
        self.0.try_get_unchecked(column).map_err(super::fault::of)
    }

    pub(super) fn integer(&self, column: usize) -> Result<i64, StoreError> {
        self.0.try_get_unchecked(column).map_err(super::fault::of)
    }

    pub(super) fn maybe_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.0.try_get_unchecked(column).map_err(super::fault::of)
    }

    /// A number that is not negative and fits `T`.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: usize) -> Result<T, StoreError> {
        T::try_from(self.integer(column)?).map_err(|_| unreadable("number"))
    }

    pub(super) fn instant(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.integer(column).map(Timestamp::from_micros)
    }

    pub(super) fn bytes(&self, column: usize) -> Result<&'r [u8], StoreError> {
        self.0.try_get_unchecked(column).map_err(super::fault::of)
    }

    pub(super) fn maybe_uuid(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        let bytes: Option<&[u8]> = self.0.try_get_unchecked(column).map_err(super::fault::of)?;
        bytes.map(|bytes| Uuid::from_slice(bytes).map_err(|_| unreadable("uuid"))).transpose()
    }

    pub(super) fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        Uuid::from_slice(self.bytes(column)?).map_err(|_| unreadable("uuid"))
    }

    /// A stream whose organisation, kind and id stand in `column` and the two after it.
    pub(super) fn stream(&self, column: usize) -> Result<StreamId, StoreError> {
        let name = |_| unreadable("stream name");
        let org = Org::new(self.text(column)?).map_err(name)?;
        let kind = Kind::new(self.text(column + 1)?).map_err(name)?;
        let id = EntityId::new(self.text(column + 2)?).map_err(name)?;
        Ok(StreamId { org, kind, id })
    }
}

/// Turns rows of `event_columns.sql` into events.
#[derive(Default)]
pub(super) struct EventReader {
    last: Option<Recorded>,
}

impl EventReader {
    /// Reads one row.
    pub(super) fn read(&mut self, row: &SqliteRow) -> Result<Recorded, StoreError> {
        let columns = Columns(row);
        let place: u64 = columns.count(0)?;
        let stream = self.stream(&columns)?;
        let event = Recorded {
            owner: self.owner(&columns, &stream)?,
            stream,
            sequence_number: columns.count(4)?,
            partition: u16::try_from(place >> POSITION_BITS).map_err(|_| unreadable("place"))?,
            position: place & POSITION_MAX,
            event_type: columns.text(7)?.to_owned().into(),
            schema_version: columns.count(8)?,
            event_id: EventId(columns.uuid(9)?),
            occurred_at: columns.instant(10)?,
            recorded_at: columns.instant(11)?,
            correlation_id: CorrelationId(columns.uuid(12)?),
            causation_id: columns.uuid(13)?,
            actor: shared(columns.text(14)?, self.last.as_ref().map(|last| &last.actor)),
            traceparent: columns.maybe_text(15)?.map(Into::into),
            data: columns.text(16)?.to_owned(),
        };
        Ok(event)
    }

    fn stream(&mut self, columns: &Columns<'_>) -> Result<StreamId, StoreError> {
        columns.stream(1)
    }

    fn owner(&self, columns: &Columns<'_>, stream: &StreamId) -> Result<StreamId, StoreError> {
        let (Some(kind), Some(id)) = (columns.maybe_text(5)?, columns.maybe_text(6)?) else {
            return Ok(stream.clone());
        };
        let name = |_| unreadable("owner name");
        Ok(StreamId { org: stream.org.clone(), kind: Kind::new(kind).map_err(name)?, id: EntityId::new(id).map_err(name)? })
    }
}

fn shared(text: &str, last: Option<&Arc<str>>) -> Arc<str> {
    match last {
        Some(last) if **last == *text => last.clone(),
        Some(_) | None => text.into(),
    }
}
