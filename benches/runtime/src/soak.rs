//! Panics by the million: in memory on virtual time, on Postgres in real time. It decides nothing; the runtime's test kit does.

use crate::node::Threads;
use crate::support::postgres::Postgres;
use ionveil_actors::testkit::soak::{Plan, Report, soak};
use ionveil_actors::{SimEnv, simulate};
use ionveil_journal::{MemoryStore, PostgresOptions, PostgresStore};
use ionveil_kernel::Env;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `memory|postgres [PANICS [ENTITIES]]`
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let number = |place: usize, default| arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(default);
    let entities = u32::try_from(number(2, 1_000)).unwrap_or(1_000);
    let plan = Plan { panics: number(1, 1_000_000), entities, callers: 256, permille: 250 };
    // A line for each of them would be all that is seen.
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let report = match arguments.first().map(String::as_str) {
        Some("postgres") => on_postgres(plan),
        Some("memory") | None => in_memory(plan),
        Some(_other) => return ExitCode::from(2),
    };
    println!("{report:#?}\n{plan:?} in {:.1} s", started.elapsed().as_secs_f64());
    let problems = report.problems();
    problems.iter().for_each(|problem| println!("PROBLEM: {problem}"));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_memory(plan: Plan) -> Report {
    let seed = 1;
    println!("seed {seed}, virtual time, memory");
    simulate(async move {
        let env = Env::new(SimEnv::new(seed));
        let store = Arc::new(MemoryStore::new(env.clone(), 16));
        soak(env, store, vec![actix::Arbiter::current()], plan).await.expect("a store in memory")
    })
}

fn on_postgres(plan: Plan) -> Report {
    let postgres = Postgres::shared();
    Threads::run(async |threads| {
        let url = postgres.database().url;
        let options = PostgresOptions { lease: Duration::from_secs(30), ..PostgresOptions::default() };
        let store = threads.tokio.spawn(async move { PostgresStore::connect(&url, options).await }).await.expect("a task");
        soak(threads.env.clone(), Arc::new(store.expect("a store")), threads.handles(), plan).await.expect("a journal")
    })
}
