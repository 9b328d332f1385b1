//! A command's place in line: at its entity, on its node, and, while it is worked on, in the turnstile. Given back when it is
//! dropped, whatever became of the command.

use crate::core::Core;
use crate::slot::Slot;
use ionveil_kernel::Decider;
use ionveil_sync::{Permit, Refused};
use std::sync::Arc;

pub(crate) struct Place<D: Decider> {
    _permit: Permit<Slot<D>>,
    core: Arc<Core>,
    working: bool,
}

impl<D: Decider> Place<D> {
    /// A place at `slot` among at most `limit`, for a command whose place on the node was taken.
    pub(crate) fn take(slot: &Arc<Slot<D>>, core: &Arc<Core>, limit: u32) -> Result<Self, Refused> {
        Ok(Self { _permit: Permit::try_enter(slot, limit)?, core: core.clone(), working: false })
    }

    /// It has passed the turnstile.
    pub(crate) fn work(&mut self) {
        self.working = true;
    }
}

impl<D: Decider> Drop for Place<D> {
    fn drop(&mut self) {
        self.core.line.leave();
        if self.working {
            self.core.turnstile.leave();
        }
    }
}
