//! Panics by the thousand: whatever panics, nothing that was committed or accepted is lost, nothing runs twice, and restarts,
//! quarantines and dead letters are what tree and metrics say.

use crate::testkit::soak::{Plan, Report, soak};
use crate::{SimEnv, simulate};
use ionveil_journal::MemoryStore;
use ionveil_kernel::Env;
use std::sync::Arc;

fn run(seed: u64, panics: u64, entities: u32) -> Report {
    println!("soak of seed {seed}");
    simulate(async move {
        let env = Env::new(SimEnv::new(seed));
        let store = Arc::new(MemoryStore::new(env.clone(), 16));
        let plan = Plan { panics, entities, callers: 256, permille: 250 };
        soak(env, store, vec![actix::Arbiter::current()], plan).await.expect("a store in memory")
    })
}

#[test]
fn twenty_thousand_panics_lose_nothing_and_repeat_nothing() {
    let report = run(1, 20_000, 1_000);
    assert_eq!(report.problems(), Vec::<String>::new(), "{report:?}");
    assert!(report.injected >= 20_000 && report.acknowledged > 20_000, "{report:?}");
    assert!(report.quarantines > 500 && report.dead_letters > 500, "all of it was exercised: {report:?}");
}

#[test]
fn a_soak_is_the_same_for_the_same_seed() {
    assert_eq!(run(7, 300, 20), run(7, 300, 20));
    assert_ne!(run(7, 300, 20), run(8, 300, 20));
}
