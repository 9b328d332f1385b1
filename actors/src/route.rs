//! Where a command goes on a node that is one of several: to the entity's own node, once. Nobody is turned away while an entity
//! moves: its commands wait until it is somewhere, for as long as their callers do.

use crate::answer::{AskError, Reply};
use crate::class::Class;
use crate::core::Core;
use crate::decision::{Case, Decided};
use crate::forward::{Answered, ForwardError, Parcel};
use crate::host::{Arrival, Host};
use crate::pipeline::Answer;
use ionveil_journal::{Receipt, Share};
use ionveil_kernel::{Decider, Rejection, StreamId};
use ionveil_sync::Refused;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a command waits before it is tried again, if nothing is heard of its partition meanwhile.
const AGAIN: Duration = Duration::from_millis(50);

/// How long a node that has lost an entity may still take to answer what it was asked about it.
const GRACE: Duration = Duration::from_millis(100);

/// A place in the node's line, for a command that is at none of its entities.
struct InLine(Arc<Core>);

impl InLine {
    fn enter(core: &Arc<Core>, class: Class) -> Result<Self, Refused> {
        core.line.enter(class.limit(core.config.in_line_max))?;
        Ok(Self(core.clone()))
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.0.line.leave();
    }
}

/// What came of a try.
enum Tried<D: Decider> {
    Answered(Answer<D>),
    /// It is to be tried again; it may have been carried out if it is `open`.
    Again {
        open: bool,
    },
}

impl<D: Decider> Host<D> {
    /// Tries until there is an answer or the caller gives up. The id of the command makes each try the same one.
    pub(crate) async fn route(&self, arrival: Arrival<D>) -> Answer<D> {
        let (journal, deadline) = (&self.0.core.journal, arrival.delivery.deadline);
        let (env, table) = (journal.env(), journal.partitions());
        let (give_up, partition) = (env.monotonic() + deadline, usize::from(arrival.owner.partition(journal.store().partitions())));
        let (mut in_line, mut unsure) = (None, false);
        loop {
            // Before the look: what moves afterwards wakes.
            let mut moved = pin!(self.0.core.moved.notified());
            moved.as_mut().enable();
            let share = table.borrow().get(partition).cloned().unwrap_or(Share::Vacant);
            let patience = give_up.saturating_sub(env.monotonic());
            let tried = if journal.admits(&arrival.owner) {
                in_line = None;
                self.try_here(&arrival, patience).await
            } else if arrival.firing.is_some() {
                // Whoever owns the partition fires it.
                Tried::Answered(Err(AskError::Unavailable))
            } else {
                if in_line.is_none() {
                    let entered = InLine::enter(&self.0.core, arrival.delivery.class);
                    in_line = Some(entered.map_err(|refused| in_doubt(self.refused(refused), unsure.then_some(deadline)))?);
                }
                self.try_there(&arrival, &share, patience).await
            };
            match tried {
                Tried::Answered(answer) => return answer.map_err(|error| in_doubt(error, unsure.then_some(deadline))),
                Tried::Again { open } => unsure |= open,
            }
            let left = give_up.saturating_sub(env.monotonic());
            if left.is_zero() {
                return Err(in_doubt(AskError::Unavailable, unsure.then_some(deadline)));
            }
            let pause = env.sleep(AGAIN.min(left));
            tokio::select! {
                biased;
                () = moved => {}
                () = pause => {}
            }
        }
    }

    async fn try_here(&self, arrival: &Arrival<D>, deadline: Duration) -> Tried<D> {
        match self.arrive_here(arrival.again(deadline)).await {
            Err(error @ (AskError::Unavailable | AskError::OutcomeUnknown)) if !self.0.core.journal.admits(&arrival.owner) => {
                Tried::Again { open: error == AskError::OutcomeUnknown }
            }
            answer => Tried::Answered(answer),
        }
    }

    async fn try_there(&self, arrival: &Arrival<D>, share: &Share, patience: Duration) -> Tried<D> {
        let core = &self.0.core;
        let Share::Foreign { address, epoch, .. } = share else { return Tried::Again { open: false } };
        let (Some(forward), Some(address)) = (core.forward.get(), address) else {
            return Tried::Answered(Err(AskError::Unavailable));
        };
        let Ok(command) = serde_json::to_string(&arrival.command) else { return Tried::Answered(Err(AskError::Unavailable)) };
        let (owner, meta, class) = (arrival.owner.clone(), arrival.meta.clone(), arrival.delivery.class);
        self.0.rules.metrics.forwarded.inc();
        let parcel = Parcel { owner, command, meta, class, epoch: *epoch, patience };
        let answered = tokio::select! {
            biased;
            answered = forward.forward(address, &parcel) => answered,
            () = self.leaves(&arrival.owner, share) => Err(ForwardError::Unknown("its entity has moved meanwhile".to_owned())),
        };
        match answered {
            Ok(Answered::Done { receipt, repeated }) => Tried::Answered(self.recall(&arrival.owner, receipt, repeated).await),
            Ok(Answered::Rejected { code }) => self.refuse_again(arrival, &code).await,
            Ok(Answered::Failed(AskError::Draining)) => Tried::Again { open: false },
            Ok(Answered::Failed(error)) => Tried::Answered(Err(error.apart().map_or_else(|error| error, |untold| match untold {}))),
            Ok(Answered::NotMine { open }) => {
                core.journal.refresh();
                Tried::Again { open }
            }
            Err(ForwardError::NotSent(why)) => again(&arrival.owner, address, &why, false),
            Err(ForwardError::Unknown(why)) => again(&arrival.owner, address, &why, true),
        }
    }

    /// Waits until an entity is no longer where it was, and whoever had it has had time to answer what he was asked before.
    async fn leaves(&self, owner: &StreamId, from: &Share) {
        let journal = &self.0.core.journal;
        let (table, partition) = (journal.partitions(), usize::from(owner.partition(journal.store().partitions())));
        loop {
            let mut moved = pin!(self.0.core.moved.notified());
            moved.as_mut().enable();
            if table.borrow().get(partition) != Some(from) {
                return journal.env().sleep(GRACE).await;
            }
            moved.await;
        }
    }

    /// The state that goes with a receipt of another node's.
    async fn recall(&self, owner: &StreamId, receipt: Receipt, repeated: bool) -> Answer<D> {
        let Ok(loaded) = self.0.afar.at(&self.0.loader, owner, receipt.position).await else { return Err(AskError::OutcomeUnknown) };
        let (state, occurred_at, recorded_at) = (loaded.state.clone(), loaded.occurred_at, loaded.recorded_at);
        self.0.learn(owner, loaded);
        Ok(Reply { receipt, state, occurred_at, recorded_at, repeated })
    }

    /// The refusal itself, from the committed state. If that would not be refused any more, it was refused in a past that nobody
    /// has seen.
    async fn refuse_again(&self, arrival: &Arrival<D>, code: &str) -> Tried<D> {
        let core = &self.0.core;
        let Ok(loaded) = self.0.loader.load(&arrival.owner).await else { return Tried::Answered(Err(AskError::Unavailable)) };
        let case = Case {
            decider: &*self.0.rules.decider,
            env: core.journal.env(),
            owner: &arrival.owner,
            tip: &loaded,
            command: &arrival.command,
            meta: &arrival.meta,
            firing: None,
            generation: 0,
            governor: &self.0.rules.governor,
        };
        match case.decide() {
            Decided::Refused(refusal) => Tried::Answered(Err(refusal)),
            Decided::Accepted { .. } => Tried::Again { open: false },
            Decided::Broken(fault) | Decided::Panicked(fault) => {
                tracing::warn!(entity = %arrival.owner, code, fault, "another node refused what cannot be decided here");
                Tried::Answered(Err(AskError::Unavailable))
            }
        }
    }
}

/// That a try did nothing says nothing of an earlier one whose outcome is open, for which its caller has waited.
fn in_doubt<R: Rejection>(error: AskError<R>, open: Option<Duration>) -> AskError<R> {
    match (error, open) {
        (AskError::Overloaded | AskError::Unavailable | AskError::Draining | AskError::Quarantined(_), Some(waited)) => {
            AskError::TimedOut(waited)
        }
        (error, _) => error,
    }
}

fn again<D: Decider>(owner: &StreamId, address: &str, why: &str, open: bool) -> Tried<D> {
    tracing::debug!(entity = %owner, address, why, open, "another node has not answered");
    Tried::Again { open }
}

/// Tells those who wait when partitions move, until the runtime is gone.
pub(crate) async fn herald(core: Arc<Core>, mut stop: watch::Receiver<()>) {
    let mut table = core.journal.partitions();
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            changed = table.changed() => if changed.is_err() { return },
        }
        core.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::Untold;

    #[test]
    fn nothing_is_called_undone_while_an_earlier_try_is_open() {
        let idle =
            || [AskError::<Untold>::Overloaded, AskError::Unavailable, AskError::Draining, AskError::Quarantined("it fell".to_owned())];
        for error in idle() {
            assert_eq!(in_doubt(error.clone(), None), error);
            assert_eq!(in_doubt(error, Some(AGAIN)), AskError::TimedOut(AGAIN));
        }
        for decided in [AskError::IdReused, AskError::VersionConflict { expected: 1, actual: 2 }, AskError::OccurredInFuture] {
            assert_eq!(in_doubt::<Untold>(decided.clone(), Some(AGAIN)), decided, "the receipts were asked before");
        }
    }
}
