//! Intake of big batches on this node: bytes become rows while they arrive, rows are validated side by side, and what came of
//! them is recorded piece by piece by the batch's entity. The rules are those of `ionveil_dispatch::intake`.
//!
//! Memory stays flat: a body is never held, only what its rows are sorted and told apart by (about a hundred bytes each).
//! Nothing is recorded before all rows have come; a batch that a crash cut off is begun anew by its sender and goes on where
//! it was, because the instant that decided what had expired is recorded first.

mod carry;
mod receive;
mod rows;
mod running;
mod sift;
mod split;

pub use carry::Taken;
pub use receive::Receiver;
pub use running::{Busy, Running, Ticket};
pub use split::{Form, ROW_BYTES_MAX};

use crate::config;
use crate::http::problem::{Code, Problem};
use ionveil_actors::{Host, LoadError};
use ionveil_dispatch::intake::{self, CommandRejected, Event, Intake};
use ionveil_journal::StoreError;
use ionveil_kernel::{Caller, CorrelationId, EntityId, Env, EventCodec, Org, StreamId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How deep a row may be that is only rehearsed.
const DEPTH_MAX: usize = 32;

/// A cheap handle on the intake of one node.
#[derive(Clone)]
pub struct Intakes {
    env: Env,
    host: Host<Intake>,
    running: Arc<Running>,
    limits: Limits,
    deadline: Duration,
}

/// How much a batch may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most rows.
    pub rows_max: u64,
    /// The most bytes, unpacked.
    pub bytes_max: u64,
    /// The most levels of arrays and objects of a row.
    pub depth_max: usize,
}

/// On whose behalf a batch is taken in.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Who asked.
    pub caller: Caller,
    /// What it belongs to.
    pub correlation_id: CorrelationId,
    /// The trace.
    pub traceparent: Option<Arc<str>>,
}

/// The entity of a batch.
#[must_use]
pub fn stream(org: &Org, batch: EntityId) -> StreamId {
    intake::stream(org, batch).unwrap_or_else(|_| unreachable!("a lawful kind"))
}

/// What would come of a body of one row a line at `now`: as a batch is looked at, and nothing recorded.
///
/// # Errors
/// A [`Problem`] if it cannot be cut.
pub async fn rehearse(env: &Env, lines: &[u8], now: Timestamp) -> Result<intake::Stats, Problem> {
    let (begun, mut pieces, mut splitter) = (env.monotonic(), Vec::new(), split::Splitter::new(Form::Lines, true));
    let mut rows = rows::Rows::new(env.clone(), DEPTH_MAX);
    rows.now = Some(now);
    splitter.push(lines, &mut pieces)?;
    splitter.finish(&mut pieces)?;
    for piece in pieces {
        if let split::Piece::Row(text) = piece {
            rows.push(text).await?;
        }
    }
    let elapsed = || u64::try_from(env.monotonic().saturating_sub(begun).as_micros()).unwrap_or(u64::MAX);
    Ok(rows.finish(elapsed).await?.0.stats)
}

impl Intakes {
    pub(crate) fn new(env: Env, host: Host<Intake>, running: Arc<Running>, config: &config::Config) -> Self {
        let config::Intake { rows_max, bytes_max, .. } = config.intake;
        let limits = Limits { rows_max, bytes_max, depth_max: config.server.body_depth_max };
        Self { env, host, running, limits, deadline: config.runtime.deadline }
    }

    /// The entities.
    #[must_use]
    pub const fn host(&self) -> &Host<Intake> {
        &self.host
    }

    /// Begins to take in a batch: under `id`, or without one under that which the body names.
    ///
    /// # Errors
    /// A [`Problem`] if the body cannot name it, it is being taken in, others are as many as may, or it cannot be read.
    pub async fn receive(&self, cause: Cause, id: Option<&EntityId>, form: Form, gzip: bool) -> Result<Receiver, Problem> {
        if id.is_none() && form == Form::Lines {
            return Err(Problem::field(Code::MissingField, "batch_id", "is required as a parameter of the query"));
        }
        let mut receiver = Receiver::new(self.clone(), cause, form, gzip, id.is_some());
        if let Some(id) = id {
            receiver.open(id).await?;
        }
        Ok(receiver)
    }

    /// Where a batch stands; none if there is none.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn find(&self, owner: &StreamId) -> Result<Option<intake::Taken>, LoadError> {
        Ok(self.host.loader().load(owner).await?.state.taken)
    }

    /// Errors of a batch by row, from the `skip`th on, at most `limit`, as they are shown.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn errors(&self, owner: &StreamId, skip: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        // They come right behind the batch itself.
        let events = self.host.loader().store().read_stream(owner, skip + 1, limit).await?;
        let decoded = events.iter().map(|event| Event::decode(&event.event_type, event.schema_version, &event.data));
        let decoded = decoded.collect::<Result<Vec<_>, _>>().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let errors = decoded.into_iter().map_while(|event| match event {
            Event::CommandRejected(CommandRejected { row, error }) => Some(format!("row {row}: {error}")),
            _other => None,
        });
        Ok(errors.collect())
    }
}
