//! What the runtime does when partitions go to another node: it says when nothing of theirs is in line any more, and keeps
//! nothing of their entities.

use crate::core::Core;
use ionveil_journal::{Claim, Steward};
use ionveil_kernel::{BoxFuture, StreamId};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often it is looked whether something is still in line.
const LOOK: Duration = Duration::from_millis(2);

/// The journal holds it, and the core the journal.
pub(crate) struct Caretaker(Weak<Core>);

impl Caretaker {
    pub(crate) fn new(core: &Arc<Core>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(core)))
    }
}

impl Steward for Caretaker {
    fn drain(&self, partitions: &[u16]) -> BoxFuture<'static, ()> {
        let (core, partitions) = (self.0.clone(), partitions.to_vec());
        Box::pin(async move {
            loop {
                let Some(core) = core.upgrade().filter(|core| is_busy(core, &partitions)) else { return };
                let pause = core.journal.env().sleep(LOOK);
                drop(core);
                pause.await;
            }
        })
    }

    fn hear(&self, kept: &[Claim]) -> BoxFuture<'static, bool> {
        let Some(core) = self.0.upgrade() else { return Box::pin(std::future::ready(false)) };
        core.hear(kept.to_vec())
    }

    fn lost(&self, partitions: &[u16]) {
        let Some(core) = self.0.upgrade() else { return };
        let count = core.journal.store().partitions();
        let lost = |owner: &StreamId| partitions.contains(&owner.partition(count));
        core.kinds().iter().for_each(|kind| kind.lose(&lost));
    }
}

fn is_busy(core: &Core, partitions: &[u16]) -> bool {
    let count = core.journal.store().partitions();
    let theirs = |owner: &StreamId| partitions.contains(&owner.partition(count));
    core.kinds().iter().any(|kind| kind.is_busy(&theirs)) || core.sending.any(partitions)
}
