//! Batches that follow each other without a pause, while appends fail in every way: many owners with several appends under way each.

use super::contract::given::*;
use ionveil_actors::{SimEnv, simulate};
use ionveil_journal::testkit::{Faults, FaultyStore, Knobs, Wrong};
use ionveil_journal::{Append, Journal, JournalConfig, MemoryStore, Outcome, Store};
use ionveil_kernel::{Env, StreamId};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

const OWNERS: usize = 24;
/// Appends of an owner that are under way together.
const TOGETHER: u64 = 4;
const ROUNDS: u64 = 12;

/// An outcome and its number among all that were told.
type Told = (u64, Outcome);

fn submit(journal: &Journal, append: Append, count: &Arc<AtomicU64>) -> oneshot::Receiver<Told> {
    let (done, outcome) = oneshot::channel();
    let count = count.clone();
    journal.submit(append, Box::new(move |outcome| drop(done.send((count.fetch_add(1, Ordering::Relaxed), outcome)))));
    outcome
}

/// What one owner goes through: a generation per round, which goes on from what the store has then.
async fn owner(journal: &Journal, store: &MemoryStore, owner: &StreamId, told: &Arc<AtomicU64>, failures: &Cell<u64>) -> Vec<u64> {
    let mut committed = Vec::new();
    for generation in 1..=ROUNDS {
        let last = store.read_stream(owner, 0, usize::MAX).await.expect("memory").len() as u64;
        let append = |n| Append { generation, ..single(owner, &format!("{owner} {generation} {n}"), n) };
        let under_way: Vec<_> = (last + 1..=last + TOGETHER).map(|n| (n, submit(journal, append(n), told))).collect();
        let (mut before, mut failed) = (None, false);
        for (n, outcome) in under_way {
            let (number, outcome) = outcome.await.expect("an outcome");
            assert!(before.is_none_or(|before| before < number), "told in order: {owner} {n} {outcome:?}");
            before = Some(number);
            match outcome {
                Outcome::Committed(receipt) => {
                    assert!(!failed, "{owner} {n} rests on one that failed");
                    assert_eq!(receipt.version, n);
                    committed.push(n);
                }
                Outcome::Duplicate(_) => panic!("each is sent once: {owner} {n}"),
                Outcome::Failed(_) => failed = true,
            }
        }
        failures.set(failures.get() + u64::from(failed));
    }
    committed
}

#[test]
fn nothing_rests_on_what_failed_and_everybody_is_told_in_order() {
    let (mut failed, mut faulty) = (0, 0);
    for seed in 0..20 {
        println!("batches of seed {seed}");
        let (failures, faults) = simulate(async move {
            let env = Env::new(SimEnv::new(seed));
            let change_delay = (Duration::ZERO, Duration::from_millis(5));
            let faults = Faults::new(Knobs { appends: Wrong::evenly(40), change_delay, ..Knobs::default() });
            let inner = Arc::new(MemoryStore::new(env.clone(), 4));
            let store = Arc::new(FaultyStore::new(inner.clone(), env.clone(), faults.clone()));
            let config = JournalConfig { retry_for: Duration::from_millis(10), batch_events_max: 37, ..JournalConfig::default() };
            let journal = Journal::open(store, env, node(1), config).await.expect("open");
            let (told, failures) = (Arc::new(AtomicU64::new(0)), Cell::new(0));
            let owners: Vec<StreamId> = (0..OWNERS).map(|n| name(&format!("o{n}"))).collect();
            let work = owners.iter().map(|name| owner(&journal, &inner, name, &told, &failures));
            let committed = futures_util::future::join_all(work).await;
            for (name, committed) in owners.iter().zip(committed) {
                let stored = numbers(&inner.read_stream(name, 0, usize::MAX).await.expect("memory"));
                assert_eq!(stored, (1..=stored.len() as u64).collect::<Vec<_>>(), "without a gap");
                assert!(committed.iter().all(|n| stored.contains(n)), "what was acknowledged is there");
            }
            (failures.get(), faults.counts().total())
        });
        (failed, faulty) = (failed + failures, faulty + faults);
    }
    assert!(failed > 400 && faulty > 200, "{failed} generations failed by {faulty} faults: it was exercised");
}
