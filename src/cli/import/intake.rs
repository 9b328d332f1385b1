//! `ionveil import intake`: the rows of a file become commands of one batch. It is read while it is sent, whatever its length. Run
//! again it goes on where it ended, and adds nothing twice.

use crate::cli::output;
use crate::cli::runtime::Threads;
use crate::cli::target::{SendError, Target, TargetArgs};
use crate::config::Config;
use crate::http::intake::LINES;
use crate::http::problem::Problem;
use crate::intake::{Cause, Form};
use crate::node::Node;
use crate::remote::Remote;
use actix_web::web::Bytes;
use anyhow::Context as _;
use clap::Args;
use http_body::{Body, Frame, SizeHint};
use indicatif::{ProgressBar, ProgressBarIter};
use ionveil_kernel::{Caller, CorrelationId, EntityId, IdSource};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::Duration;

/// So much is read at a time.
const CHUNK: usize = 64 * 1024;
/// How often a batch is sent again that met overload or a store that was away, and after how long.
const TRIES_MAX: u32 = 10;
/// See [`TRIES_MAX`].
const RETRY: Duration = Duration::from_secs(1);
/// The errors that the table shows.
const ERRORS_SHOWN: usize = 20;
/// How a packed file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Import commands: each row of a JSON file becomes a command of one batch.
#[derive(Args)]
pub(super) struct Intake {
    /// Names the batch, unless the file does; the same rows under the same name are imported once
    #[arg(long, value_name = "ID")]
    batch_id: Option<EntityId>,
    #[command(flatten)]
    target: TargetArgs,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// The file: `{"batch_id": …, "rows": […]}` or an array (.json), or one row a line; it may be packed with gzip
    file: PathBuf,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    batch_id: String,
    accepted: u64,
    errors: Vec<String>,
    errors_total: u64,
    stats: Stats,
    /// It had been imported before.
    #[serde(default)]
    repeated: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stats {
    rows: u64,
    accepted: u64,
    rejected: u64,
    duplicates: u64,
    elapsed_us: u64,
}

impl Intake {
    /// Imports; exit code 1 if a row was refused or the work ended early.
    pub(super) async fn run(self, config: Config, threads: Threads) -> anyhow::Result<ExitCode> {
        let name = self.file.display().to_string();
        let source = Source::open(&self.file).with_context(|| format!("open {name}"))?;
        let target = Target::open(&self.target, &config, &threads, "system:import").await?;
        let sent = self.send(&source, &target, &threads).await;
        source.bar.finish_and_clear();
        target.close().await;
        let report = sent.context("import the batch; run the same command again to go on where it ended")?;
        output::line(if self.json { serde_json::to_string(&report)? } else { format!("{name}\n{report}") })?;
        Ok(if report.errors_total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn send(&self, source: &Source, target: &Target, threads: &Threads) -> anyhow::Result<Report> {
        let mut tries = 0;
        loop {
            let sent = match target {
                Target::Here { node, caller, .. } => {
                    self.here(source, node, caller).await?.map_err(|problem| (problem.code.retryable(), anyhow::Error::from(problem)))
                }
                Target::There(server) => self.there(source, server).await?.map_err(|error| (error.retryable, anyhow::Error::from(error))),
            };
            match sent {
                Ok(report) => return Ok(report),
                Err((true, _)) if tries < TRIES_MAX => tries += 1,
                Err((_, error)) => return Err(error),
            }
            threads.env.sleep(RETRY).await;
        }
    }

    async fn here(&self, source: &Source, node: &Node, caller: &Caller) -> anyhow::Result<Result<Report, Problem>> {
        let cause = Cause { caller: caller.clone(), correlation_id: CorrelationId(node.env.next_id()), traceparent: None };
        let mut file = source.read()?;
        let received = async {
            let mut receiver = node.intakes.receive(cause, self.batch_id.as_ref(), source.form, source.gzip).await?;
            let mut chunk = vec![0; CHUNK];
            loop {
                match file.read(&mut chunk) {
                    Ok(0) => return receiver.finish().await,
                    Ok(length) => receiver.feed(&chunk[..length]).await?,
                    Err(error) => {
                        return Err(Problem::new(crate::http::problem::Code::BadRequest, format!("the file cannot be read: {error}")));
                    }
                }
            }
        };
        let taken = match received.await {
            Ok(taken) => taken,
            Err(problem) => return Ok(Err(problem)),
        };
        let errors =
            node.intakes.errors(&taken.owner, 0, ERRORS_KEPT.min(usize::try_from(taken.batch.errors).unwrap_or(ERRORS_KEPT))).await?;
        let stats = taken.batch.stats;
        Ok(Ok(Report {
            batch_id: taken.owner.id.to_string(),
            accepted: stats.accepted as u64,
            errors,
            errors_total: taken.batch.errors,
            stats: Stats {
                rows: stats.rows as u64,
                accepted: stats.accepted as u64,
                rejected: stats.rejected as u64,
                duplicates: stats.duplicates as u64,
                elapsed_us: stats.elapsed_us,
            },
            repeated: taken.repeated,
        }))
    }

    async fn there(&self, source: &Source, server: &Remote) -> anyhow::Result<Result<Report, SendError>> {
        let mut headers = HeaderMap::new();
        let content = if source.form == Form::Lines { LINES } else { "application/json" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        if source.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let query: Vec<_> = self.batch_id.iter().map(|id| ("batch_id", id.as_str())).collect();
        let body = reqwest::Body::wrap(FileBody { file: source.read()?, left: source.bytes });
        let (answer, repeated) = match server.upload(&["intake", "batches"], &query, headers, body).await {
            Ok(answered) => answered,
            Err(error) => return Ok(Err(error)),
        };
        let report: Report = serde_json::from_value(answer).context("read the server's answer; is it of another release?")?;
        Ok(Ok(Report { repeated, ..report }))
    }
}

/// As many errors as a server tells at once.
const ERRORS_KEPT: usize = 1_000;

/// The file, and how it is written.
struct Source {
    path: PathBuf,
    bytes: u64,
    form: Form,
    gzip: bool,
    bar: ProgressBar,
}

impl Source {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut begin = [0; GZIP.len()];
        let gzip = file.read_exact(&mut begin).is_ok() && begin == GZIP;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is_json = name.strip_suffix(".gz").unwrap_or(&name).ends_with(".json");
        let bytes = file.metadata()?.len();
        let form = if is_json { Form::Json } else { Form::Lines };
        Ok(Self { path: path.to_owned(), bytes, form, gzip, bar: output::bytes_bar(bytes, "importing") })
    }

    /// The file from its beginning.
    fn read(&self) -> io::Result<ProgressBarIter<File>> {
        self.bar.reset();
        Ok(self.bar.wrap_read(File::open(&self.path)?))
    }
}

/// A file as a body, read piece by piece while it is sent.
struct FileBody {
    file: ProgressBarIter<File>,
    left: u64,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let mut chunk = vec![0; CHUNK.min(usize::try_from(this.left).unwrap_or(CHUNK))];
        if chunk.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(this.file.read(&mut chunk).and_then(|length| {
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            chunk.truncate(length);
            this.left -= length as u64;
            Ok(Frame::data(Bytes::from(chunk)))
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stats { rows, accepted, rejected, duplicates, .. } = self.stats;
        writeln!(f, "  batch             {}{}", self.batch_id, if self.repeated { " (imported before)" } else { "" })?;
        for (name, count) in [("rows", rows), ("accepted", accepted), ("rejected", rejected), ("duplicates", duplicates)] {
            writeln!(f, "  {name:<16}{count:>9}")?;
        }
        for error in self.errors.iter().take(ERRORS_SHOWN) {
            writeln!(f, "{}", output::printable(error))?;
        }
        match self.errors_total.saturating_sub(ERRORS_SHOWN as u64) {
            0 => Ok(()),
            more => writeln!(f, "… and {more} more; GET /api/v1/intake/batches/{} lists them", self.batch_id),
        }
    }
}
