//! Records what came of a batch: the batch first, then its items, a few pieces at a time. Each piece has an id of its own, so that it
//! is recorded once, whoever sends it again.

use super::rows::{aside, unkept};
use super::running::Ticket;
use super::sift::{Sifted, Summary};
use super::{Cause, Intakes};
use crate::http::answers::{Refusal, problem_of, problem_of_load};
use crate::http::problem::{Code, Fault, Problem};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use ionveil_actors::{AskError, Class, Delivery, Reply};
use ionveil_dispatch::intake::{self, Command, Intake, Item, Rejection};
use ionveil_kernel::{BodyHash, CommandId, Meta, Rejection as _, StreamId, Timestamp, derive_uuid};
use std::time::Duration;
use tokio::sync::oneshot;

/// So many items, or so many bytes of them, are recorded together.
const ITEMS_TOGETHER: usize = 1_000;
/// See [`ITEMS_TOGETHER`].
const BYTES_TOGETHER: usize = 1024 * 1024;
/// So many such pieces are under way at once.
const PIECES_MAX: usize = 3;
/// How long to wait before what was away or full is asked again, and how often.
const RETRY: Duration = Duration::from_millis(200);
/// See [`RETRY`].
const TRIES_MAX: u32 = 25;

/// A batch to be recorded.
pub(super) struct Batch {
    pub(super) owner: StreamId,
    pub(super) ticket: Ticket,
    pub(super) known: Option<intake::Taken>,
    pub(super) now: Timestamp,
    pub(super) summary: Summary,
    pub(super) sifted: Sifted,
    pub(super) cause: Cause,
}

/// A batch that was taken in.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its entity.
    pub owner: StreamId,
    /// What came of it.
    pub batch: intake::Taken,
    /// It had been taken in before.
    pub repeated: bool,
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        let code = Code::from_name(self.code()).unwrap_or(Code::Internal);
        let field = matches!(self, Self::OtherRows).then(|| "batch_id".to_owned());
        vec![Fault { code, field, index: None, detail: self.to_string() }]
    }
}

fn is_passing(error: &AskError<Rejection>) -> bool {
    use AskError::{OutcomeUnknown, Overloaded, Rejected, TimedOut, Unavailable};
    matches!(error, Overloaded | Unavailable | OutcomeUnknown | TimedOut(_) | Rejected(Rejection::OutOfOrder { .. }))
}

impl Intakes {
    /// Records a batch. It is worked on to its end though nobody waits for it any more.
    pub(super) async fn carry(&self, batch: Batch) -> Result<Taken, Problem> {
        let (send, done) = oneshot::channel();
        let intakes = self.clone();
        self.env.spawn(async move { drop(send.send(intakes.record(batch).await)) });
        done.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    async fn record(&self, mut batch: Batch) -> Result<Taken, Problem> {
        let other_rows = || problem_of(AskError::Rejected(Rejection::OtherRows), false);
        if let Some(known) = batch.known {
            if known.digest != batch.summary.digest {
                return Err(other_rows());
            }
            if known.completed {
                return Ok(Taken { owner: batch.owner, batch: known, repeated: true });
            }
        }
        let mut tries = 0;
        let recorded = loop {
            match self.pass(&mut batch).await {
                Ok(taken) => break taken,
                Err(Stopped::Ask(error)) if is_passing(&error) && tries < TRIES_MAX => tries += 1,
                Err(Stopped::Ask(error)) => return Err(problem_of(error, false)),
                Err(Stopped::Problem(problem)) => return Err(problem),
            }
            self.env.sleep(RETRY).await;
        };
        Ok(Taken { owner: batch.owner, batch: recorded, repeated: false })
    }

    /// From where the batch is to its end.
    async fn pass(&self, batch: &mut Batch) -> Result<intake::Taken, Stopped> {
        let mut taken = self.begin(batch).await?;
        let mut next = place(taken.done);
        let mut flying = FuturesOrdered::new();
        loop {
            while flying.len() < PIECES_MAX && next < batch.sifted.len() {
                let items = self.items(batch, next).await?;
                let (from, count) = (next as u64, items.len());
                next += count;
                let meta = batch.meta(&["add", &from.to_string(), &count.to_string()]);
                flying.push_back(self.ask(batch.owner.clone(), Command::Add { from, items }, meta));
            }
            match flying.next().await {
                None => return Ok(taken),
                Some(reply) => {
                    let before = taken.done;
                    taken = reply?.state.taken.ok_or(Stopped::Ask(AskError::Rejected(Rejection::NotFound)))?;
                    batch.ticket.through(taken.done.saturating_sub(before));
                }
            }
        }
    }

    async fn begin(&self, batch: &Batch) -> Result<intake::Taken, Stopped> {
        if batch.known.is_none() {
            let Summary { digest, stats, errors } = batch.summary;
            let command = Command::Begin { digest, now: batch.now, stats, errors };
            self.ask(batch.owner.clone(), command, batch.meta(&["begin"])).await?;
        }
        let found = self.find(&batch.owner).await.map_err(|error| Stopped::Problem(problem_of_load(&error)))?;
        found.ok_or(Stopped::Ask(AskError::Rejected(Rejection::NotFound)))
    }

    async fn items(&self, batch: &mut Batch, from: usize) -> Result<Vec<Item>, Stopped> {
        let mut sifted = std::mem::take(&mut batch.sifted);
        let work = move || {
            let items = sifted.items(from, ITEMS_TOGETHER, BYTES_TOGETHER);
            (sifted, items)
        };
        let (sifted, items) = aside(&self.env, work).await.map_err(Stopped::Problem)?;
        batch.sifted = sifted;
        items.map_err(|error| Stopped::Problem(unkept(&error)))
    }

    async fn ask(&self, owner: StreamId, command: Command, meta: Meta) -> Result<Reply<Intake>, AskError<Rejection>> {
        self.host.ask_as(owner, command, meta, Delivery { class: Class::Command, deadline: self.deadline }).await
    }
}

/// Why a pass did not come to the end.
enum Stopped {
    Ask(AskError<Rejection>),
    Problem(Problem),
}

impl From<AskError<Rejection>> for Stopped {
    fn from(error: AskError<Rejection>) -> Self {
        Self::Ask(error)
    }
}

fn place(done: u64) -> usize {
    usize::try_from(done).unwrap_or(usize::MAX)
}

impl Batch {
    /// The same step of the same rows has the same id.
    fn meta(&self, step: &[&str]) -> Meta {
        let (owner, digest) = (self.owner.to_string(), String::from(self.summary.digest));
        let id = derive_uuid(&[&["intake", &owner, &digest], step].concat());
        Meta {
            command_id: CommandId(id),
            body_hash: BodyHash::of(&[id.as_bytes()]),
            correlation_id: self.cause.correlation_id,
            causation_id: None,
            caller: self.cause.caller.clone(),
            occurred_at: None,
            expected_version: None,
            traceparent: self.cause.traceparent.clone(),
        }
    }
}
