//! Dead letters in memory.

use super::MemoryStore;
use crate::dead_letters::check;
use crate::outbox::without_zero;
use crate::{DeadLetter, DeadLetterStore, StoreResult};
use ionveil_kernel::Org;
use uuid::Uuid;

impl DeadLetterStore for MemoryStore {
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool> {
        self.attempt(|inner| {
            check(letter)?;
            let others = inner.dead_letters.values().filter(|other| other.owner.org == letter.owner.org && other.id != letter.id);
            if others.count() as u64 >= max {
                return Ok(false);
            }
            let kept = DeadLetter { fault: without_zero(&letter.fault).into_owned(), ..letter.clone() };
            inner.dead_letters.insert(letter.id, kept);
            Ok(true)
        })
    }

    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>> {
        self.with(|inner| {
            let fresh = inner.dead_letters.values().filter(|letter| after.is_none_or(|after| letter.id > after));
            fresh.filter(|letter| org.is_none_or(|org| letter.owner.org == *org)).take(limit).cloned().collect()
        })
    }

    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>> {
        self.with(|inner| inner.dead_letters.get(&id).cloned())
    }

    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool> {
        self.with(|inner| inner.dead_letters.remove(&id).is_some())
    }
}
