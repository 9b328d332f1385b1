//! Dead letters: commands that a decider failed on twice. They can be listed, looked at, carried out once more and thrown
//! away. They live in the store.

use crate::host::Delivery;
use crate::kind::Carried;
use crate::{Class, Runtime};
use ionveil_journal::{DeadLetter, StoreError};
use ionveil_kernel::{Meta, Org};
use uuid::Uuid;

/// Why a dead letter could not be carried out once more.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is none of this id in this organisation.
    #[error("find the dead letter")]
    NotFound,
    /// No kind of this name is registered.
    #[error("find the kind {0:?}")]
    UnknownKind(String),
    /// What it holds is no command of its kind any more.
    #[error("read the dead letter: {0}")]
    Unreadable(String),
    /// The store failed.
    #[error("reach the store")]
    Store(#[from] StoreError),
}

impl Runtime {
    /// The dead letters of an organisation, by id, after `after` (exclusive), at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dead_letters(&self, org: &Org, after: Option<Uuid>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.journal().store().dead_letters(Some(org), after, limit).await
    }

    /// One dead letter of an organisation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dead_letter(&self, org: &Org, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let letter = self.journal().store().dead_letter(id).await?;
        Ok(letter.filter(|letter| letter.owner.org == *org))
    }

    /// Carries its command out once more, under its old id: accepted or refused, the letter is gone then. One on which the
    /// decider fails again is parked anew.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub async fn replay(&self, org: &Org, id: Uuid) -> Result<Carried, ReplayError> {
        let letter = self.dead_letter(org, id).await?.ok_or(ReplayError::NotFound)?;
        let core = self.core();
        let kind = core.kind(letter.owner.kind.as_str()).ok_or_else(|| ReplayError::UnknownKind(letter.owner.kind.to_string()))?;
        let meta: Meta = serde_json::from_str(&letter.meta).map_err(|error| ReplayError::Unreadable(error.to_string()))?;
        core.parked.remove(&letter.owner, letter.command_id);
        let delivery = Delivery { class: Class::Control, deadline: core.config.deadline };
        let carried = kind.carry_out(letter.owner.clone(), &letter.command, meta, delivery).await;
        match &carried {
            Carried::Done { .. } | Carried::Refused { .. } => {
                self.journal().store().discard(id).await?;
            }
            Carried::Unreadable { why } => return Err(ReplayError::Unreadable(why.clone())),
            Carried::NotNow { .. } => core.parked.insert(&letter.owner, letter.command_id),
            Carried::Faulted { .. } => {}
        }
        Ok(carried)
    }

    /// Throws a dead letter away; says whether it was there. A repeat of its command is decided anew then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn discard(&self, org: &Org, id: Uuid) -> Result<bool, StoreError> {
        let Some(letter) = self.dead_letter(org, id).await? else { return Ok(false) };
        self.core().parked.remove(&letter.owner, letter.command_id);
        self.journal().store().discard(id).await
    }
}
