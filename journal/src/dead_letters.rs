//! Commands that were set aside because carrying them out failed for good. Kept to be looked at, repeated or thrown away;
//! nothing here does any of it.

use crate::{StoreError, StoreResult};
use ionveil_kernel::{CommandId, Org, StreamId, Timestamp, derive_uuid};
use uuid::Uuid;

/// A command that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names it: [`DeadLetter::id_of`].
    pub id: Uuid,
    /// The entity that it was for.
    pub owner: StreamId,
    /// The command.
    pub command_id: CommandId,
    /// The command as JSON text, without a zero byte.
    pub command: String,
    /// What travelled with it ([`ionveil_kernel::Meta`]) as JSON text, without a zero byte.
    pub meta: String,
    /// What went wrong. A zero byte is kept as U+FFFD.
    pub fault: String,
    /// How often it panicked.
    pub panics: u32,
    /// When it was set aside.
    pub parked_at: Timestamp,
}

impl DeadLetter {
    /// The id of the dead letter of a command to `owner`: the same command has one dead letter.
    #[must_use]
    pub fn id_of(owner: &StreamId, command_id: CommandId) -> Uuid {
        derive_uuid(&["dead letter", &owner.to_string(), &command_id.to_string()])
    }
}

/// The dead letters of a store. Bounded per organisation, so that one that fails all the time takes nothing from others.
pub trait DeadLetterStore: Send + Sync {
    /// Stores `letter`, in place of one of the same id; `false` if `max` others of its organisation are there already,
    /// and nothing is stored then.
    ///
    /// # Errors
    /// `Unavailable`: nothing was stored. `OutcomeUnknown`: whole or absent; the same call may be repeated. `Invalid` for
    /// a command or metadata with a zero byte.
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool>;

    /// The dead letters of an organisation (of all, without one), by id, after `after` (exclusive), at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>>;

    /// One dead letter, if it is there.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` if it cannot be read.
    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>>;

    /// Deletes a dead letter; says whether it was there.
    ///
    /// # Errors
    /// `Unavailable`: nothing was changed. `OutcomeUnknown`: nobody knows; the same call may be repeated.
    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool>;
}

/// Refuses what no store takes.
pub(crate) fn check(letter: &DeadLetter) -> Result<(), StoreError> {
    if [&letter.command, &letter.meta].iter().any(|text| text.as_bytes().contains(&0)) {
        return Err(StoreError::Invalid(format!("the command {} holds a zero byte", letter.command_id)));
    }
    Ok(())
}
