//! Rows that are validated side by side, in pieces, and taken in in their order.

use super::sift::{Checked, Sift, Sifted, Summary, check};
use crate::http::problem::Problem;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use ionveil_kernel::{BoxFuture, Env, Timestamp};
use std::io;
use tokio::sync::oneshot;

/// So many rows, or so many bytes of them, are validated together.
const ROWS_TOGETHER: usize = 1_024;
/// See [`ROWS_TOGETHER`].
const BYTES_TOGETHER: usize = 512 * 1024;
/// So many such pieces are under way at once.
const PIECES_MAX: usize = 4;

/// A row; none: it was too long.
pub(super) type Text = Option<Vec<u8>>;

/// The rows of a batch.
pub(super) struct Rows {
    env: Env,
    depth_max: usize,
    /// What decides what has expired; none: nothing is validated, only the digest is taken.
    pub(super) now: Option<Timestamp>,
    waiting: Vec<Text>,
    waiting_bytes: usize,
    /// How many rows were given to be validated.
    sent: usize,
    checking: FuturesOrdered<BoxFuture<'static, Result<Vec<Checked>, Problem>>>,
    sift: Sift,
}

impl Rows {
    pub(super) fn new(env: Env, depth_max: usize) -> Self {
        let (waiting, checking, sift) = (Vec::new(), FuturesOrdered::new(), Sift::default());
        Self { env, depth_max, now: None, waiting, waiting_bytes: 0, sent: 0, checking, sift }
    }

    /// Takes the next row.
    pub(super) async fn push(&mut self, text: Text) -> Result<(), Problem> {
        self.waiting_bytes += text.as_ref().map_or(0, Vec::len);
        self.waiting.push(text);
        if self.waiting.len() >= ROWS_TOGETHER || self.waiting_bytes >= BYTES_TOGETHER { self.validate().await } else { Ok(()) }
    }

    /// The outcome of all of them.
    pub(super) async fn finish(mut self, elapsed_us: impl FnOnce() -> u64 + Send) -> Result<(Summary, Sifted), Problem> {
        self.validate().await?;
        while self.take_checked().await? {}
        let (sift, elapsed_us) = (self.sift, elapsed_us());
        aside(&self.env, move || sift.finish(elapsed_us)).await
    }

    /// Lets what waits be validated beside what comes.
    async fn validate(&mut self) -> Result<(), Problem> {
        let texts = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if texts.is_empty() {
            return Ok(());
        }
        let (first, now, depth_max) = (self.sent, self.now, self.depth_max);
        self.sent += texts.len();
        let work = move || texts.iter().zip(first..).map(|(text, row)| check(row, text.as_deref(), now, depth_max)).collect();
        self.checking.push_back(Box::pin(aside(&self.env, work)));
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
    env.spawn(async move { drop(send.send(tokio::task::spawn_blocking(work).await)) });
    async move {
        let worked = done.await.ok().and_then(Result::ok);
        worked.ok_or_else(|| {
            tracing::error!("a piece of a batch broke off");
            Problem::internal()
        })
    }
}

/// There is no room for temporary files, say.
pub(super) fn unkept(error: &io::Error) -> Problem {
    tracing::error!(%error, "the rows of a batch cannot be kept");
    Problem::internal()
}
