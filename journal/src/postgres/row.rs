//! Turns rows into events. Neighbours in a page mostly share organisation, kind, actor and often the stream, so each
//! column keeps its last value and hands out clones of it. A row that breaks a rule of the kernel is corruption.

use super::number::{self, unsigned, unsigned32};
use ionveil_kernel::{CorrelationId, EntityId, EventId, Kind, NameError, Org, Recorded, StreamId, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{Error, Row, ValueRef};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

/// Decodes rows of the eighteen columns that every event query selects.
#[derive(Default)]
pub(super) struct Decoder {
    org: Option<Org>,
    kind: Option<Kind>,
    id: Option<EntityId>,
    owner_kind: Option<Kind>,
    owner_id: Option<EntityId>,
    actor: Option<Arc<str>>,
    traceparent: Option<Arc<str>>,
}

impl Decoder {
    /// Decodes a row of the eighteen columns.
    pub(super) fn event(&mut self, row: &PgRow) -> Result<Recorded, Error> {
        let stream = self.stream(row, 2)?;
        Ok(Recorded {
            owner: self.owner(row, &stream)?,
            stream,
            partition: number::partition(i16::from_be_bytes(fixed(row, 0)?))?,
            position: long(row, 1)?,
            sequence_number: long(row, 5)?,
            event_id: EventId(uuid(row, 8)?),
            event_type: Cow::Owned(text(row, 9)?.to_owned()),
            schema_version: unsigned32(i32::from_be_bytes(fixed(row, 10)?))?,
            data: text(row, 11)?.to_owned(),
            occurred_at: instant(row, 12)?,
            recorded_at: instant(row, 13)?,
            correlation_id: CorrelationId(uuid(row, 14)?),
            causation_id: uuid(row, 15)?,
            actor: shared(&mut self.actor, text(row, 16)?),
            traceparent: maybe(row, 17)?.map(|text| shared(&mut self.traceparent, text)),
        })
    }

    /// The name of a stream from three columns, the first of which is `first`.
    pub(super) fn stream(&mut self, row: &PgRow, first: usize) -> Result<StreamId, Error> {
        Ok(StreamId {
            org: name(&mut self.org, text(row, first)?, Org::as_str, Org::new)?,
            kind: name(&mut self.kind, text(row, first + 1)?, Kind::as_str, Kind::new)?,
            id: name(&mut self.id, text(row, first + 2)?, EntityId::as_str, EntityId::new)?,
        })
    }

    fn owner(&mut self, row: &PgRow, stream: &StreamId) -> Result<StreamId, Error> {
        let (Some(kind), Some(id)) = (maybe(row, 6)?, maybe(row, 7)?) else {
            return Ok(stream.clone());
        };
        Ok(StreamId {
            org: stream.org.clone(),
            kind: name(&mut self.owner_kind, kind, Kind::as_str, Kind::new)?,
            id: name(&mut self.owner_id, id, EntityId::as_str, EntityId::new)?,
        })
    }
}

/// A cell in the binary format, which every prepared query answers in, without the driver's check of column types: our
/// own queries name the columns, of tables that we made.
fn cell(row: &PgRow, column: usize) -> Result<&[u8], Error> {
    row.try_get_raw(column)?.as_bytes().map_err(Error::Decode)
}

pub(super) fn fixed<const N: usize>(row: &PgRow, column: usize) -> Result<[u8; N], Error> {
    cell(row, column)?.try_into().map_err(|_| Error::Decode(format!("column {column} has not {N} bytes").into()))
}

pub(super) fn long(row: &PgRow, column: usize) -> Result<u64, Error> {
    unsigned(i64::from_be_bytes(fixed(row, column)?))
}

pub(super) fn instant(row: &PgRow, column: usize) -> Result<Timestamp, Error> {
    fixed(row, column).map(i64::from_be_bytes).map(Timestamp::from_micros)
}

pub(super) fn uuid(row: &PgRow, column: usize) -> Result<Uuid, Error> {
    fixed(row, column).map(Uuid::from_bytes)
}

pub(super) fn text(row: &PgRow, column: usize) -> Result<&str, Error> {
    std::str::from_utf8(cell(row, column)?).map_err(|error| Error::Decode(error.into()))
}

pub(super) fn maybe(row: &PgRow, column: usize) -> Result<Option<&str>, Error> {
    if row.try_get_raw(column)?.is_null() { Ok(None) } else { text(row, column).map(Some) }
}

fn name<T: Clone>(
    last: &mut Option<T>,
    text: &str,
    as_str: impl Fn(&T) -> &str,
    new: impl Fn(&str) -> Result<T, NameError>,
) -> Result<T, Error> {
    match last {
        Some(same) if as_str(same) == text => Ok(same.clone()),
        Some(_) | None => Ok(last.insert(new(text).map_err(|error| Error::Decode(error.into()))?).clone()),
    }
}

fn shared(last: &mut Option<Arc<str>>, text: &str) -> Arc<str> {
    match last {
        Some(same) if **same == *text => same.clone(),
        Some(_) | None => last.insert(text.into()).clone(),
    }
}
