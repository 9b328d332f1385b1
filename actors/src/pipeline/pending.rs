//! A command in line, and where it is.

use crate::answer::{AskError, Reply};
use crate::loader::Loaded;
use crate::place::Place;
use ionveil_journal::{AppendFailure, ArmedTimer, Receipt};
use ionveil_kernel::{Decider, Meta};
use std::time::Duration;
use tokio::sync::oneshot;

/// What a caller waits for.
pub(crate) type Answer<D> = Result<Reply<D>, AskError<<D as Decider>::Rejection>>;

/// Somebody who waits, and the place in the entity's queue that is held while he does.
pub(crate) struct Waiter<D: Decider> {
    pub(crate) reply: oneshot::Sender<Answer<D>>,
    pub(crate) place: Place<D>,
}

/// Where a command is.
pub(crate) enum Step<D: Decider> {
    /// Not decided, or to be decided again.
    Queued,
    /// Its append is under way; this is the state if it is committed.
    InFlight(Box<Loaded<D>>),
    /// Its append was not stored.
    Failed(AppendFailure),
    /// The decider panicked over it; the entity is folded anew before it is decided once more.
    Panicked,
    /// Refused on a state that may yet fail; answered when everything before is settled and the receipts have said
    /// (`confirmed`) that it had not been accepted before.
    Refused { refusal: Box<AskError<D::Rejection>>, confirmed: bool },
    /// It had been accepted before; the state of then is being folded.
    Recalling(Box<Receipt>),
    /// It is being parked as a dead letter.
    Parking(Box<str>),
    /// To be answered as soon as it is first in line.
    Settled(Box<Answer<D>>),
}

/// A command in line.
pub(crate) struct Pending<D: Decider> {
    /// Its place among all that the pipeline has taken.
    pub(crate) seq: u64,
    pub(crate) command: D::Command,
    pub(crate) meta: Meta,
    /// The timer that it stands for, if it does.
    pub(crate) firing: Option<Box<ArmedTimer>>,
    /// The only epoch under which it may be decided, if another node has forwarded it: under a later one it may have been
    /// carried out or refused elsewhere.
    pub(crate) under: Option<u64>,
    pub(crate) waiter: Waiter<D>,
    /// Who asked the same again meanwhile.
    pub(crate) joined: Vec<Waiter<D>>,
    /// When it was taken in, by the monotonic clock.
    pub(crate) since: Duration,
    /// When its caller gives up.
    pub(crate) give_up: Duration,
    pub(crate) tries: u8,
    pub(crate) panics: u8,
    pub(crate) step: Step<D>,
}

impl<D: Decider> Pending<D> {
    pub(crate) fn settle(&mut self, answer: Answer<D>) {
        self.step = Step::Settled(Box::new(answer));
    }

    /// Whether it can be answered as far as it is itself concerned.
    pub(crate) fn answerable(&self) -> bool {
        matches!(self.step, Step::Settled(_) | Step::Refused { confirmed: true, .. })
    }

    /// Tells everybody who waits. A caller that has gone away is no fault.
    pub(crate) fn answer(self) {
        let answer = match self.step {
            Step::Settled(answer) => *answer,
            Step::Refused { refusal, .. } => Err(*refusal),
            Step::Queued | Step::InFlight(_) | Step::Failed(_) | Step::Panicked | Step::Recalling(_) | Step::Parking(_) => {
                Err(AskError::OutcomeUnknown)
            }
        };
        for waiter in self.joined {
            drop(waiter.reply.send(answer.clone()));
        }
        drop(self.waiter.reply.send(answer));
    }
}
