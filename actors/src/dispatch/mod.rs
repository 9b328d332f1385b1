//! What the journal says is due: timers, reactors' steps, the outbox. One task each, over the partitions that this node owns;
//! the epoch in every write makes a stale owner harmless.

mod backoff;
mod outbox;
mod reactor;
mod timers;

pub use outbox::{EffectHandler, OnUnknown, SendError};
pub(crate) use outbox::{Handlers, Outbox};
pub use reactor::ReactorStatus;
pub(crate) use reactor::ReactorTask;
pub(crate) use timers::Timers;

use crate::class::Class;
use crate::core::Core;
use crate::host::Delivery;
use ionveil_journal::Claim;
use std::time::Duration;
use tokio::sync::watch;

/// How long a dispatcher sleeps at most: what was missed otherwise (a clock that was set, another node's rows) is found then.
const SLEEP_MAX: Duration = Duration::from_secs(15);
/// How long it leaves a store alone that could not be reached.
pub(crate) const UNREACHED: Duration = Duration::from_millis(500);
/// While something is committed all the time, the journal is read so often: each look costs the store some queries, however
/// little is new. What comes after a pause is read at once.
pub(crate) const PASS_EVERY: Duration = Duration::from_millis(20);
/// Rows that are read at once.
const PAGE: usize = 256;

/// How the runtime delivers what it asks for itself.
fn delivery(core: &Core) -> Delivery {
    Delivery { class: Class::Reply, deadline: core.config.deadline }
}

fn partitions(claims: &[Claim]) -> Vec<u16> {
    claims.iter().map(|claim| claim.partition).collect()
}

fn claim_of(core: &Core, partition: u16) -> Option<Claim> {
    core.journal.claims().into_iter().find(|claim| claim.partition == partition)
}

/// Sleeps for `pause`, or until one of `signals` changes; false once the runtime is gone or drains.
pub(crate) async fn rest<T>(core: &Core, stop: &mut watch::Receiver<()>, signal: &mut watch::Receiver<T>, pause: Duration) -> bool {
    // A node that lacks partitions sees nothing of theirs: it looks again soon after it has them back.
    let pause = if core.journal.ready() { pause } else { pause.min(UNREACHED) };
    let sleep = core.journal.env().sleep(pause);
    tokio::select! {
        biased;
        _ = stop.changed() => return false,
        changed = signal.changed() => if changed.is_err() { return false },
        () = sleep => {}
    }
    !core.line.is_closed()
}
