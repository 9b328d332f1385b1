//! Commands that were set aside.

use super::PostgresStore;
use super::connections::Connections;
use super::read::count;
use super::row::{Decoder, instant, long, text, uuid};
use super::timers::only;
use crate::dead_letters::check;
use crate::outbox::without_zero;
use crate::{DeadLetter, DeadLetterStore, StoreError, StoreResult};
use ionveil_kernel::{CommandId, Org};
use sqlx::Error;
use sqlx::postgres::PgRow;
use uuid::Uuid;

async fn park(effects: &Connections, letter: &DeadLetter, max: u64) -> Result<bool, StoreError> {
    check(letter)?;
    let call = sqlx::query(include_str!("sql/park.sql"))
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .bind(letter.id)
        .bind(letter.owner.org.as_str())
        .bind(letter.owner.kind.as_str())
        .bind(letter.owner.id.as_str())
        .bind(letter.command_id.0)
        .bind(letter.command.as_str())
        .bind(letter.meta.as_str())
        .bind(without_zero(&letter.fault).into_owned())
        .bind(i64::from(letter.panics))
        .bind(letter.parked_at.micros());
    only(&effects.call(call).await?)
}

async fn one(readers: &Connections, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
    let query = sqlx::query(include_str!("sql/dead_letter.sql")).bind(id);
    let mut decoder = Decoder::default();
    let found = readers.decoded(query, |row| letter(&mut decoder, &row)).await?;
    Ok(found.into_iter().next())
}

async fn all(readers: &Connections, org: Option<&Org>, after: Option<Uuid>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let query = sqlx::query(include_str!("sql/dead_letters.sql")).bind(org.map(Org::as_str)).bind(after).bind(count(limit));
    let mut decoder = Decoder::default();
    readers.decoded(query, |row| letter(&mut decoder, &row)).await
}

async fn discard(effects: &Connections, id: Uuid) -> Result<bool, StoreError> {
    Ok(!effects.call(sqlx::query(include_str!("sql/discard.sql")).bind(id)).await?.is_empty())
}

impl DeadLetterStore for PostgresStore {
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool> {
        Box::pin(park(&self.effects, letter, max))
    }

    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>> {
        Box::pin(all(&self.readers, org, after, limit))
    }

    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>> {
        Box::pin(one(&self.readers, id))
    }

    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool> {
        Box::pin(discard(&self.effects, id))
    }
}

fn letter(decoder: &mut Decoder, row: &PgRow) -> Result<DeadLetter, Error> {
    Ok(DeadLetter {
        id: uuid(row, 0)?,
        owner: decoder.stream(row, 1)?,
        command_id: CommandId(uuid(row, 4)?),
        command: text(row, 5)?.to_owned(),
        meta: text(row, 6)?.to_owned(),
        fault: text(row, 7)?.to_owned(),
        panics: u32::try_from(long(row, 8)?).map_err(|error| Error::Decode(error.into()))?,
        parked_at: instant(row, 9)?,
    })
}
