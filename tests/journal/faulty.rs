//! The store that fails on purpose does what its knobs say, and no more.

use super::contract::given::*;
use ionveil_actors::{SimEnv, simulate};
use ionveil_journal::testkit::{Counts, Faults, FaultyStore, Knobs, Wrong};
use ionveil_journal::{Claim, MemoryStore, OutboxStore, Reacted, Store, StoreError};
use ionveil_kernel::Env;
use std::sync::Arc;
use std::time::Duration;

const NONE: Wrong = Wrong { unavailable: 0, lost_before: 0, lost_after: 0, late: 0 };

async fn given(env: &Env, faults: &Faults) -> (FaultyStore, Arc<MemoryStore>, Vec<Claim>) {
    let inner = Arc::new(MemoryStore::new(env.clone(), 4));
    let claims = owned(&*inner).await;
    (FaultyStore::new(inner.clone(), env.clone(), faults.clone()), inner, claims)
}

fn told<T>(answer: &Result<T, StoreError>) -> &'static str {
    match answer {
        Ok(_) => "well",
        Err(StoreError::Unavailable(_)) => "unavailable",
        Err(StoreError::OutcomeUnknown(_)) => "unknown",
        Err(StoreError::Corrupt(_) | StoreError::Incompatible(_) | StoreError::Invalid(_)) => "another fault",
    }
}

#[test]
fn each_way_of_going_wrong_is_what_it_says() {
    let table = [
        ("nothing", NONE, "well", 1, Duration::ZERO, Counts::default()),
        ("refused", Wrong { unavailable: 100, ..NONE }, "unavailable", 0, Duration::ZERO, Counts { unavailable: 2, ..Counts::default() }),
        ("lost before", Wrong { lost_before: 100, ..NONE }, "unknown", 0, Duration::ZERO, Counts { lost_before: 2, ..Counts::default() }),
        ("lost after", Wrong { lost_after: 100, ..NONE }, "unknown", 1, Duration::ZERO, Counts { lost_after: 2, ..Counts::default() }),
        ("late", Wrong { late: 100, ..NONE }, "well", 1, Duration::from_secs(2), Counts { late: 2, ..Counts::default() }),
    ];
    for (name, wrong, answer, stored, delay, counts) in table {
        simulate(async move {
            let env = Env::new(SimEnv::new(1));
            let late = Duration::from_secs(1);
            let faults = Faults::new(Knobs { appends: wrong, changes: wrong, late, ..Knobs::default() });
            let (store, inner, claims) = given(&env, &faults).await;
            let before = env.monotonic();
            let appended = store.append(&claims, &[single(&name_in(&store, 0), "c", 1)], second(0)).await;
            let reacted = store.react(claims[0], "r", 0, 1, &[], second(0)).await;
            assert_eq!((told(&appended), told(&reacted)), (answer, answer), "{name}");
            assert!(reacted.is_err() || matches!(reacted, Ok(Reacted::Stored)), "{name}");
            assert_eq!((inner.heads().await.unwrap()[0], inner.checkpoints("r").await.unwrap()[0]), (stored, stored), "{name}");
            assert_eq!(env.monotonic() - before, delay, "{name}");
            assert_eq!(faults.counts(), counts, "{name}");
        });
    }
}

#[test]
fn while_it_is_down_nothing_is_reached() {
    simulate(async {
        let env = Env::new(SimEnv::new(1));
        let faults = Faults::default();
        let (store, inner, claims) = given(&env, &faults).await;
        let batch = [single(&name("a"), "c", 1)];
        faults.set(|knobs| knobs.down = true);
        assert_eq!(told(&store.append(&claims, &batch, second(0)).await), "unavailable");
        assert_eq!(told(&store.heads().await), "unavailable");
        assert_eq!(told(&store.heartbeat(node(1), &claims, LONG).await), "unavailable");
        assert_eq!(faults.counts(), Counts { down: 3, ..Counts::default() });
        assert_eq!(inner.heads().await.unwrap(), [0; 4]);
        faults.set(|knobs| knobs.down = false);
        assert_eq!(told(&store.append(&claims, &batch, second(0)).await), "well");
        assert_eq!(faults.counts().total(), 3);
    });
}

/// What 200 reads and 200 appends were told, and how long all of it took.
fn trace(seed: u64) -> (Vec<&'static str>, Duration, Counts) {
    simulate(async move {
        let env = Env::new(SimEnv::new(seed));
        let delay = (Duration::from_millis(1), Duration::from_millis(3));
        let knobs = Knobs { appends: Wrong::evenly(40), reads: 30, change_delay: delay, read_delay: delay, ..Knobs::default() };
        let faults = Faults::new(knobs);
        let (store, _inner, claims) = given(&env, &faults).await;
        let mut answers = Vec::new();
        let before = env.monotonic();
        for n in 0..200 {
            answers.push(told(&store.append(&claims, &[single(&name(&format!("e{n}")), "c", 1)], second(0)).await));
            answers.push(told(&store.heads().await));
        }
        (answers, env.monotonic() - before, faults.counts())
    })
}

#[test]
fn a_seed_repeats_its_faults() {
    let (first, again, other) = (trace(3), trace(3), trace(4));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    let Counts { unavailable, lost_before, lost_after, late, reads, down } = first.2;
    for (name, count, about) in
        [("unavailable", unavailable, 20), ("before", lost_before, 20), ("after", lost_after, 20), ("late", late, 20), ("reads", reads, 60)]
    {
        assert!((about / 2..about * 2).contains(&count), "{name}: {count}");
    }
    assert_eq!(down, 0);
    let late = Duration::from_millis(100) * u32::try_from(late).unwrap();
    assert!((Duration::from_millis(400)..Duration::from_millis(1_200)).contains(&(first.1 - late)), "{:?}", first.1);
}

#[test]
fn a_percentage_is_spread_evenly() {
    for percent in 0..=100 {
        let Wrong { unavailable, lost_before, lost_after, late } = Wrong::evenly(percent);
        let ways = [unavailable, lost_before, lost_after, late];
        assert_eq!(ways.iter().sum::<u8>(), percent);
        assert!(ways[0] - ways[3] <= 1 && ways.is_sorted_by(|a, b| a >= b), "{percent}: {ways:?}");
    }
    assert_eq!(Wrong::evenly(255), Wrong::evenly(100));
}
