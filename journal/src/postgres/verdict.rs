//! Reads the one row that the database function `append` answers with. Positions are counted here, as the plan did and
//! as the database has stored them.

use super::number::{hash, unsigned, unsigned32};
use super::plan::Plan;
use crate::{Append, Receipt, Verdict};
use ionveil_kernel::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Error, Row};
use std::vec::IntoIter;

struct Answer {
    /// By partition.
    last: Vec<i64>,
    recorded: Vec<i64>,
    /// By append; none if all are accepted.
    verdicts: Option<(Vec<i16>, Vec<i32>)>,
    duplicates: Duplicates,
}

/// Receipts of the duplicates, in their order.
struct Duplicates {
    version: IntoIter<i64>,
    position: IntoIter<i64>,
    events: IntoIter<i32>,
    recorded: IntoIter<i64>,
    hash: IntoIter<Vec<u8>>,
}

/// The verdict on each append of the batch.
///
/// # Errors
/// An answer that does not fit the question.
pub(super) fn read(plan: &Plan<'_>, batch: &[Append], rows: &[PgRow]) -> Result<Vec<Verdict>, Error> {
    let [row] = rows else { return Err(odd("not one row")) };
    let mut answer = Answer::of(row)?;
    let mut verdicts = Vec::with_capacity(batch.len());
    for (index, (append, planned)) in batch.iter().zip(&plan.appends).enumerate() {
        let verdict = match answer.verdict(index)? {
            1 => Verdict::Accepted(answer.accepted(index, append, planned.partition, planned.offset)?),
            2 => Verdict::Duplicate(answer.duplicates.next(append, planned.partition)?),
            3 => Verdict::Conflict,
            4 => Verdict::Fenced,
            _ => return Err(odd("an unknown verdict")),
        };
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

impl Answer {
    fn of(row: &PgRow) -> Result<Self, Error> {
        let verdicts = match (row.try_get(2)?, row.try_get(3)?) {
            (Some(verdicts), Some(offsets)) => Some((verdicts, offsets)),
            (None, None) => None,
            (Some::<Vec<i16>>(_), None) | (None, Some::<Vec<i32>>(_)) => return Err(odd("half a verdict")),
        };
        Ok(Self { last: row.try_get(0)?, recorded: row.try_get(1)?, verdicts, duplicates: Duplicates::of(row)? })
    }

    fn verdict(&self, index: usize) -> Result<i16, Error> {
        self.verdicts.as_ref().map_or(Ok(1), |(verdicts, _)| verdicts.get(index).copied().ok_or_else(|| odd("too few verdicts")))
    }

    fn accepted(&self, index: usize, append: &Append, partition: u16, planned: usize) -> Result<Receipt, Error> {
        let offset = match &self.verdicts {
            Some((_, offsets)) => offsets.get(index).copied().map(i64::from),
            None => i64::try_from(planned).ok(),
        };
        let place = usize::from(partition);
        let (Some(offset), Some(last), Some(recorded)) = (offset, self.last.get(place), self.recorded.get(place)) else {
            return Err(odd("no such partition"));
        };
        Ok(Receipt {
            command_id: append.command_id,
            body_hash: append.body_hash,
            version: append.version,
            partition,
            position: unsigned(last + offset)?,
            events: u32::try_from(append.events.len()).map_err(|error| Error::Decode(error.into()))?,
            recorded_at: Timestamp::from_micros(*recorded),
        })
    }
}

impl Duplicates {
    fn of(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            version: row.try_get::<Option<Vec<_>>, _>(4)?.unwrap_or_default().into_iter(),
            position: row.try_get::<Option<Vec<_>>, _>(5)?.unwrap_or_default().into_iter(),
            events: row.try_get::<Option<Vec<_>>, _>(6)?.unwrap_or_default().into_iter(),
            recorded: row.try_get::<Option<Vec<_>>, _>(7)?.unwrap_or_default().into_iter(),
            hash: row.try_get::<Option<Vec<_>>, _>(8)?.unwrap_or_default().into_iter(),
        })
    }

    fn next(&mut self, append: &Append, partition: u16) -> Result<Receipt, Error> {
        let missing = || odd("a duplicate without its receipt");
        Ok(Receipt {
            command_id: append.command_id,
            body_hash: hash(&self.hash.next().ok_or_else(missing)?)?,
            version: unsigned(self.version.next().ok_or_else(missing)?)?,
            partition,
            position: unsigned(self.position.next().ok_or_else(missing)?)?,
            events: unsigned32(self.events.next().ok_or_else(missing)?)?,
            recorded_at: Timestamp::from_micros(self.recorded.next().ok_or_else(missing)?),
        })
    }
}

fn odd(what: &'static str) -> Error {
    Error::Decode(format!("the answer to an append: {what}").into())
}
