//! Threads: a tokio runtime for the journal, an actix `System` for everything else, and arbiters for the entities.

use crate::config::{LogFormat, Logging};
use actix::{Arbiter, ArbiterHandle};
use ionveil_actors::TokioEnv;
use ionveil_kernel::{Env, Play, Played};
use std::future::Future;
use std::io::IsTerminal;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// What a command runs on.
#[derive(Clone)]
pub struct Threads {
    /// The runtime of the journal: stores live here, so that no connection dies with an arbiter.
    pub journal: Handle,
    /// Clock, randomness, spawning on that runtime.
    pub env: Env,
}

impl Threads {
    /// The same, with a wall clock that plays.
    #[must_use]
    pub fn playing(self, play: Play) -> Self {
        Self { env: Env::new(Played::start(self.env, play)), ..self }
    }

    /// One arbiter per core: entities are spread over them by their names.
    #[must_use]
    pub fn arbiters() -> Vec<ArbiterHandle> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        (0..cores).map(|_| Arbiter::new().handle()).collect()
    }
}

/// Runs `work` on an actix `System`, with a runtime for the journal beside it.
///
/// # Errors
/// If threads cannot be made, or what `work` fails with.
pub fn run<T, F: Future<Output = anyhow::Result<T>>>(work: impl FnOnce(Threads) -> F) -> anyhow::Result<T> {
    let journal = Builder::new_multi_thread().worker_threads(2).thread_name("journal").enable_all().build()?;
    outlive_limits_of_files(&journal);
    let env = Env::new(TokioEnv::new(journal.handle().clone()));
    let threads = Threads { journal: journal.handle().clone(), env };
    let result = actix::System::new().block_on(work(threads));
    // What still sleeps there (sweeps, heartbeats) is not waited for.
    journal.shutdown_background();
    result
}

/// A write beyond the limit on the size of files (`ulimit -f`) fails like one on a full disk, once somebody listens to the
/// signal that comes with it; else the signal ends the process in the middle of its work.
fn outlive_limits_of_files(runtime: &Runtime) {
    // Its number on every Unix but the MIPS ones.
    const SIGXFSZ: i32 = 25;
    let _entered = runtime.enter();
    if let Err(error) = signal(SignalKind::from_raw(SIGXFSZ)) {
        tracing::warn!(%error, "a limit on the size of files would end this process");
    }
}

/// Installs the log: to standard error, colours only on a terminal. `RUST_LOG`-style directives are not read; the level
/// is a setting.
pub fn log(logging: &Logging) {
    let filter = tracing_subscriber::EnvFilter::new(format!("{},sqlx=warn,actix_server=warn,mio=warn,hyper=warn", logging.level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A second installation in one process (tests) leaves the first one in place.
    drop(match logging.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    });
}
