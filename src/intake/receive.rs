//! A batch while it arrives: unpacked, cut, validated side by side, and taken in row by row in its order.

use super::carry::Taken;
use super::running::{Busy, Ticket};
use super::sift::{Checked, Sift, check};
use super::split::{Form, Piece, Splitter};
use super::{Cause, Intakes, stream};
use crate::http::answers::problem_of_load;
use crate::http::problem::{Code, Problem, RETRY_S};
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use ionveil_dispatch::intake;
use ionveil_kernel::{BoxFuture, EntityId, Env, StreamId, Timestamp};
use std::io::{self, BufReader, Read, Seek, Write};
use std::time::Duration;
use tempfile::SpooledTempFile;
use tokio::sync::oneshot;

/// Packed bytes are unpacked in pieces of this size, so that each piece is at most a thousand times as long.
const PACKED_BYTES: usize = 1_024;
/// So many rows, or so many bytes of them, are validated together.
const ROWS_TOGETHER: usize = 1_024;
/// See [`ROWS_TOGETHER`].
const BYTES_TOGETHER: usize = 512 * 1024;
/// So many such pieces are under way at once.
const PIECES_MAX: usize = 4;
/// So many bytes of rows whose batch has no name yet are kept in memory.
const HELD_BYTES: usize = 4 * 1024 * 1024;

type Text = Option<Vec<u8>>;
type Checking = BoxFuture<'static, Result<Vec<Checked>, Problem>>;

/// Takes in the bytes of a batch. Dropped before its end, it has recorded nothing.
pub struct Receiver {
    intakes: Intakes,
    cause: Cause,
    begun: Duration,
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    splitter: Splitter,
    pieces: Vec<Piece>,
    bytes: u64,
    /// How many rows were cut off, and the last of them, which wait to be validated.
    rows: usize,
    waiting: Vec<Text>,
    waiting_bytes: usize,
    /// How many rows were given to be validated.
    sent: usize,
    /// Rows that came before the batch was named.
    held: Option<SpooledTempFile>,
    batch: Option<Open>,
    checking: FuturesOrdered<Checking>,
    sift: Sift,
}

/// A batch whose name is known.
struct Open {
    owner: StreamId,
    ticket: Ticket,
    known: Option<intake::Taken>,
    /// What decides what has expired.
    now: Timestamp,
}

impl Receiver {
    pub(super) fn new(intakes: Intakes, cause: Cause, form: Form, gzip: bool, is_named: bool) -> Self {
        Self {
            begun: intakes.env.monotonic(),
            intakes,
            cause,
            unpacker: gzip.then(|| MultiGzDecoder::new(Vec::new())),
            splitter: Splitter::new(form, is_named),
            pieces: Vec::new(),
            bytes: 0,
            rows: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            sent: 0,
            held: None,
            batch: None,
            checking: FuturesOrdered::new(),
            sift: Sift::default(),
        }
    }

    /// Names the batch.
    ///
    /// # Errors
    /// A [`Problem`] if it has another name already, is being taken in, others are as many as may, or it cannot be read.
    pub(super) async fn open(&mut self, id: &EntityId) -> Result<(), Problem> {
        let intakes = &self.intakes;
        match &self.batch {
            None => {}
            Some(batch) if batch.owner.id == *id => return Ok(()),
            Some(_) => return Err(Problem::field(Code::InvalidField, "batch_id", "names another batch than the query does")),
        }
        let ticket = intakes.running.enter(&self.cause.caller.org, id).map_err(busy)?;
        let owner = stream(&self.cause.caller.org, id.clone());
        let known = intakes.find(&owner).await.map_err(|error| problem_of_load(&error))?;
        let now = known.map_or_else(|| intakes.env.now(), |known| known.now);
        self.batch = Some(Open { owner, ticket, known, now });
        match self.held.take() {
            None => Ok(()),
            Some(held) => self.take_held(held).await,
        }
    }

    /// Takes the next bytes of the body, as they were sent.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be a batch, or is too large. Nothing more may be fed then.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        if self.unpacker.is_none() {
            return self.unpacked(bytes).await;
        }
        for piece in bytes.chunks(PACKED_BYTES) {
            let Some(unpacker) = &mut self.unpacker else { return Ok(()) };
            unpacker.write_all(piece).map_err(|error| broken_gzip(&error))?;
            let unpacked = std::mem::take(unpacker.get_mut());
            self.unpacked(&unpacked).await?;
        }
        Ok(())
    }

    /// Takes in the end of the body, and records what came of the batch. What is recorded goes on if this is dropped.
    ///
    /// # Errors
    /// A [`Problem`]. Where the outcome is not known, or the work broke off, the same batch sent again goes on with it.
    pub async fn finish(mut self) -> Result<Taken, Problem> {
        if let Some(mut unpacker) = self.unpacker.take() {
            unpacker.try_finish().map_err(|error| broken_gzip(&error))?;
            let rest = std::mem::take(unpacker.get_mut());
            self.unpacked(&rest).await?;
        }
        let ended = std::mem::replace(&mut self.splitter, Splitter::new(Form::Lines, true)).finish(&mut self.pieces);
        self.take_pieces().await?;
        ended?;
        self.validate().await?;
        while self.take_checked().await? {}
        let Some(Open { owner, ticket, known, now }) = self.batch else { return Err(Problem::internal()) };
        let elapsed = self.intakes.env.monotonic().saturating_sub(self.begun);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let sift = self.sift;
        let (summary, sifted) = aside(&self.intakes.env, move || sift.finish(elapsed_us)).await?;
        let batch = super::carry::Batch { owner, ticket, known, now, summary, sifted, cause: self.cause };
        self.intakes.carry(batch).await
    }

    async fn unpacked(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let bytes_max = self.intakes.limits.bytes_max;
        self.bytes += bytes.len() as u64;
        if self.bytes > bytes_max {
            return Err(Problem::new(Code::BodyTooLarge, format!("a batch may have at most {bytes_max} bytes, unpacked")));
        }
        self.splitter.push(bytes, &mut self.pieces)?;
        self.take_pieces().await
    }

    async fn take_pieces(&mut self) -> Result<(), Problem> {
        for piece in std::mem::take(&mut self.pieces) {
            match piece {
                Piece::Row(text) => {
                    let rows_max = self.intakes.limits.rows_max;
                    self.rows += 1;
                    if self.rows as u64 > rows_max {
                        return Err(Problem::new(Code::BodyTooLarge, format!("a batch may have at most {rows_max} rows")));
                    }
                    self.take_row(text).await?;
                }
                Piece::BatchId(text) => {
                    let id = serde_json::from_slice::<String>(&text).ok().and_then(|id| EntityId::new(&id).ok());
                    let unlawful = || Problem::field(Code::InvalidId, "batch_id", format!("must match {}", EntityId::PATTERN));
                    self.open(&id.ok_or_else(unlawful)?).await?;
                }
            }
        }
        Ok(())
    }

    async fn take_row(&mut self, text: Text) -> Result<(), Problem> {
        let Some(batch) = &mut self.batch else {
            return hold(self.held.get_or_insert_with(|| SpooledTempFile::new(HELD_BYTES)), text.as_deref())
                .map_err(|error| unkept(&error));
        };
        batch.ticket.more(1);
        self.waiting_bytes += text.as_ref().map_or(0, Vec::len);
        self.waiting.push(text);
        if self.waiting.len() >= ROWS_TOGETHER || self.waiting_bytes >= BYTES_TOGETHER { self.validate().await } else { Ok(()) }
    }

    async fn take_held(&mut self, mut held: SpooledTempFile) -> Result<(), Problem> {
        held.rewind().map_err(|error| unkept(&error))?;
        let mut held = BufReader::new(held);
        while let Some(text) = held_next(&mut held).map_err(|error| unkept(&error))? {
            self.take_row(text).await?;
        }
        Ok(())
    }

    /// Lets what waits be validated beside what comes.
    async fn validate(&mut self) -> Result<(), Problem> {
        let texts = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let Some(batch) = self.batch.as_ref().filter(|_| !texts.is_empty()) else { return Ok(()) };
        // Of a batch that is recorded whole, only whether it is the same matters.
        let now = (!batch.known.is_some_and(|known| known.completed)).then_some(batch.now);
        let (first, depth_max) = (self.sent, self.intakes.limits.depth_max);
        self.sent += texts.len();
        let work = move || texts.iter().zip(first..).map(|(text, row)| check(row, text.as_deref(), now, depth_max)).collect();
        self.checking.push_back(Box::pin(aside(&self.intakes.env, work)));
        if self.checking.len() >= PIECES_MAX {
            self.take_checked().await?;
        }
        Ok(())
    }

    /// Takes in the oldest rows that are being validated; says whether there were any.
    async fn take_checked(&mut self) -> Result<bool, Problem> {
        let Some(checked) = self.checking.next().await else { return Ok(false) };
        checked?.into_iter().try_for_each(|row| self.sift.take(row)).map_err(|error| unkept(&error))?;
        Ok(true)
    }
}

/// Works on a thread where it holds up nobody. It begins at once.
pub(super) fn aside<T, F>(env: &Env, work: F) -> impl Future<Output = Result<T, Problem>> + use<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (send, done) = oneshot::channel();
    #[expect(clippy::disallowed_methods, reason = "an edge: what runs there asks no clock and is waited for")]
    env.spawn(async move { drop(send.send(tokio::task::spawn_blocking(work).await)) });
    async move {
        let worked = done.await.ok().and_then(Result::ok);
        worked.ok_or_else(|| {
            tracing::error!("a piece of a batch broke off");
            Problem::internal()
        })
    }
}

fn busy(busy: Busy) -> Problem {
    match busy {
        Busy::Same => Problem::new(Code::IdempotencyKeyInFlight, "this batch is being taken in").retry_after(RETRY_S),
        Busy::Full => Problem::new(Code::CapacityExceeded, "as many batches are being taken in as may; nothing was done"),
    }
}

fn broken_gzip(error: &io::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("the body is not gzip, or not whole: {error}"))
}

/// There is no room for temporary files, say.
pub(super) fn unkept(error: &io::Error) -> Problem {
    tracing::error!(%error, "the rows of a batch cannot be kept");
    Problem::internal()
}

/// The length of a row that was too long.
const NO_TEXT: u32 = u32::MAX;

fn hold(held: &mut SpooledTempFile, text: Option<&[u8]>) -> io::Result<()> {
    let length = text.map_or(Ok(NO_TEXT), |text| u32::try_from(text.len())).map_err(io::Error::other)?;
    held.write_all(&length.to_le_bytes())?;
    held.write_all(text.unwrap_or_default())
}

fn held_next(held: &mut impl Read) -> io::Result<Option<Text>> {
    let mut length = [0; 4];
    match held.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u32::from_le_bytes(length);
    if length == NO_TEXT {
        return Ok(Some(None));
    }
    let mut text = vec![0; length as usize];
    held.read_exact(&mut text)?;
    Ok(Some(Some(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back_as_it_was() {
        let mut held = SpooledTempFile::new(8);
        let texts = [Some(&b"abc"[..]), None, Some(b""), Some(b"0123456789")];
        texts.iter().for_each(|text| hold(&mut held, *text).unwrap());
        held.rewind().unwrap();
        for text in texts {
            assert_eq!(held_next(&mut held).unwrap(), Some(text.map(<[u8]>::to_vec)));
        }
        assert_eq!(held_next(&mut held).unwrap(), None);
    }
}
