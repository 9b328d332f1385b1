//! A batch while it arrives: unpacked, cut, validated side by side, and taken in row by row in its order.

use super::carry::Taken;
use super::rows::{Rows, Text, unkept};
use super::running::{Busy, Ticket};
use super::split::{Form, Piece, Splitter};
use super::{Cause, Intakes, stream};
use crate::http::answers::problem_of_load;
use crate::http::problem::{Code, Problem};
use flate2::write::MultiGzDecoder;
use ionveil_dispatch::intake;
use ionveil_kernel::{EntityId, StreamId, Timestamp};
use std::io::{self, BufReader, Read, Seek, Write};
use std::time::Duration;
use tempfile::SpooledTempFile;

/// Packed bytes are unpacked in pieces of this size, so that each piece is at most a thousand times as long.
const PACKED_BYTES: usize = 1_024;
/// So many bytes of rows whose batch has no name yet are kept in memory.
const HELD_BYTES: usize = 4 * 1024 * 1024;

/// Takes in the bytes of a batch. Dropped before its end, it has recorded nothing.
pub struct Receiver {
    intakes: Intakes,
    cause: Cause,
    begun: Duration,
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    splitter: Splitter,
    pieces: Vec<Piece>,
    bytes: u64,
    /// How many rows were cut off.
    count: u64,
    rows: Rows,
    /// Rows that came before the batch was named.
    held: Option<SpooledTempFile>,
    batch: Option<Open>,
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
            rows: Rows::new(intakes.env.clone(), intakes.limits.depth_max),
            intakes,
            cause,
            unpacker: gzip.then(|| MultiGzDecoder::new(Vec::new())),
            splitter: Splitter::new(form, is_named),
            pieces: Vec::new(),
            bytes: 0,
            count: 0,
            held: None,
            batch: None,
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
        // Of a batch that is recorded whole, only whether it is the same matters.
        self.rows.now = (!known.is_some_and(|known| known.completed)).then_some(now);
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
        let Some(Open { owner, ticket, known, now }) = self.batch else { return Err(Problem::internal()) };
        let (env, begun) = (self.intakes.env.clone(), self.begun);
        let elapsed_us = move || u64::try_from(env.monotonic().saturating_sub(begun).as_micros()).unwrap_or(u64::MAX);
        let (summary, sifted) = self.rows.finish(elapsed_us).await?;
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
                    self.count += 1;
                    if self.count > rows_max {
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
        self.rows.push(text).await
    }

    async fn take_held(&mut self, mut held: SpooledTempFile) -> Result<(), Problem> {
        held.rewind().map_err(|error| unkept(&error))?;
        let mut held = BufReader::new(held);
        while let Some(text) = held_next(&mut held).map_err(|error| unkept(&error))? {
            self.take_row(text).await?;
        }
        Ok(())
    }
}

fn busy(busy: Busy) -> Problem {
    match busy {
        Busy::Same => Problem::field(Code::IdempotencyKeyInFlight, "batch_id", "is being taken in"),
        Busy::Full => Problem::new(Code::CapacityExceeded, "as many batches are being taken in as may; nothing was done"),
    }
}

fn broken_gzip(error: &io::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("the body is not gzip, or not whole: {error}"))
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
