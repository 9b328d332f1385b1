//! Three real servers, each a host of its own, on one real Postgres and one real NATS, under callers who record what was
//! acknowledged, while one server after the other is killed, frozen, cut off from everybody or replaced in order, and NATS is killed.
//! Afterwards the journal holds exactly what they were told, and JetStream what the journal holds.
//!
//! `cargo xtask chaos`, or `cargo bench --bench chaos -- SECONDS`. It prints its seed; `IONVEIL_TEST_SEED` repeats the choices.

#![allow(clippy::disallowed_methods, reason = "it brings its own clock and tasks: the servers are other processes")]
#![allow(dead_code, reason = "what the tests share is used in part")]

#[path = "../tests/cluster"]
mod cluster {
    pub(crate) mod audit;
    pub(crate) mod blows;
    pub(crate) mod field;
    pub(crate) mod published;
    pub(crate) mod stage;
}
#[path = "../tests/crash"]
mod crash {
    pub(crate) mod callers;
    pub(crate) mod ledger;
    pub(crate) mod scene;
    pub(crate) mod seed;
}
#[path = "../tests/support/mod.rs"]
mod support;

use cluster::blows::{Blow, run};
use cluster::field::{Field, NEEDS};
use std::process::ExitCode;
use std::time::Duration;

/// Shorter and longer than a lease.
const LASTS_MS: (u64, u64) = (200, 8_000);

fn main() -> ExitCode {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(60);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(strike_for(Duration::from_secs(seconds)))
}

async fn strike_for(length: Duration) -> ExitCode {
    let Some(field) = Field::open("chaos").await else {
        eprintln!("this needs {NEEDS}");
        return ExitCode::FAILURE;
    };
    let any = |field: &mut Field| Blow::ALL[usize::try_from(field.stage.seed.below(Blow::ALL.len() as u64)).expect("small")];
    run(field, LASTS_MS, |field, elapsed| (elapsed < length).then(|| any(field))).await;
    ExitCode::SUCCESS
}
