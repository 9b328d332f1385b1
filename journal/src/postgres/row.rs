//! Turns rows into events. Neighbours in a page mostly share organisation, kind, actor and often the stream, so each
//! column keeps its last value and hands out clones of it. A row that breaks a rule of the kernel is corruption.

use super::number::{self, unsigned, unsigned32};
use crate::StoreError;
use ionveil_kernel::{CorrelationId, EntityId, EventId, Kind, NameError, Org, Recorded, StreamId, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Error, Postgres, Row};
use std::borrow::Cow;
use std::sync::Arc;

/// Decodes rows of the eighteen columns that every event query selects.
#[derive(Default)]
struct Decoder {
    org: Option<Org>,
    kind: Option<Kind>,
    id: Option<EntityId>,
    owner_kind: Option<Kind>,
    owner_id: Option<EntityId>,
    actor: Option<Arc<str>>,
    traceparent: Option<Arc<str>>,
}

/// Decodes all of `rows`.
///
/// # Errors
/// `Corrupt`.
pub(super) fn events(rows: &[PgRow]) -> Result<Vec<Recorded>, StoreError> {
    let mut decoder = Decoder::default();
    let corrupt = |error: Error| StoreError::Corrupt(format!("an event cannot be read: {error}"));
    rows.iter().map(|row| decoder.event(row).map_err(corrupt)).collect()
}

/// Decodes rows that are three columns of names.
///
/// # Errors
/// `Corrupt`.
pub(super) fn names(rows: &[PgRow]) -> Result<Vec<StreamId>, StoreError> {
    let mut decoder = Decoder::default();
    let corrupt = |error: Error| StoreError::Corrupt(format!("a name cannot be read: {error}"));
    rows.iter().map(|row| decoder.stream(row, 0).map_err(corrupt)).collect()
}

impl Decoder {
    fn event(&mut self, row: &PgRow) -> Result<Recorded, Error> {
        let stream = self.stream(row, 2)?;
        Ok(Recorded {
            owner: self.owner(row, &stream)?,
            stream,
            partition: number::partition(cell(row, 0)?)?,
            position: unsigned(cell(row, 1)?)?,
            sequence_number: unsigned(cell(row, 5)?)?,
            event_id: EventId(cell(row, 8)?),
            event_type: Cow::Owned(cell(row, 9)?),
            schema_version: unsigned32(cell(row, 10)?)?,
            data: cell(row, 11)?,
            occurred_at: Timestamp::from_micros(cell(row, 12)?),
            recorded_at: Timestamp::from_micros(cell(row, 13)?),
            correlation_id: CorrelationId(cell(row, 14)?),
            causation_id: cell(row, 15)?,
            actor: shared(&mut self.actor, cell(row, 16)?),
            traceparent: cell::<Option<&str>>(row, 17)?.map(|text| shared(&mut self.traceparent, text)),
        })
    }

    /// The name of a stream from three columns, the first of which is `first`.
    fn stream(&mut self, row: &PgRow, first: usize) -> Result<StreamId, Error> {
        Ok(StreamId {
            org: name(&mut self.org, cell(row, first)?, Org::as_str, Org::new)?,
            kind: name(&mut self.kind, cell(row, first + 1)?, Kind::as_str, Kind::new)?,
            id: name(&mut self.id, cell(row, first + 2)?, EntityId::as_str, EntityId::new)?,
        })
    }

    fn owner(&mut self, row: &PgRow, stream: &StreamId) -> Result<StreamId, Error> {
        let (Some(kind), Some(id)) = (cell::<Option<&str>>(row, 6)?, cell::<Option<&str>>(row, 7)?) else {
            return Ok(stream.clone());
        };
        Ok(StreamId {
            org: stream.org.clone(),
            kind: name(&mut self.owner_kind, kind, Kind::as_str, Kind::new)?,
            id: name(&mut self.owner_id, id, EntityId::as_str, EntityId::new)?,
        })
    }
}

/// A cell, without the driver's check of column types: our own queries name the columns, on tables that we made.
fn cell<'r, T: Decode<'r, Postgres>>(row: &'r PgRow, column: usize) -> Result<T, Error> {
    row.try_get_unchecked(column)
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
