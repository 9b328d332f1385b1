//! Determinism: the same seed gives the same trace, byte for byte.

use super::tally::{Command, Tally};
use crate::{Host, Runtime, RuntimeConfig, SimEnv, simulate};
use ionveil_journal::{Filter, Journal, JournalConfig, MemoryStore, Store};
use ionveil_kernel::{CommandId, Env, IdSource, Meta, NodeId, testkit};
use prometheus_client::registry::Registry;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// 100 entities, 20 commands each, at random times: everything that callers were told and everything that was recorded.
fn trace(seed: u64) -> String {
    simulate(async move {
        let env = Env::new(SimEnv::new(seed));
        let store = Arc::new(MemoryStore::new(env.clone(), 16));
        let journal = Journal::open(store.clone(), env.clone(), NodeId(Uuid::from_u128(1)), JournalConfig::default()).await.expect("open");
        let runtime = Runtime::new(journal, RuntimeConfig::default(), &mut Registry::default(), vec![actix::Arbiter::current()]);
        let host = runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let told = futures_util::future::join_all((0..100).map(|number| drive(env.clone(), host.clone(), number))).await;
        let mut trace = told.concat();
        for partition in 0..16 {
            for recorded in store.read_partition(partition, 0, usize::MAX, &Filter::default()).await.expect("read").events {
                writeln!(trace, "{recorded:?}").expect("write");
            }
        }
        trace
    })
}

async fn drive(env: Env, host: Host<Tally>, number: u32) -> String {
    let mut trace = String::new();
    for _ in 0..20 {
        env.sleep(Duration::from_micros((env.random() % 50_000) as u64)).await;
        let id = CommandId(env.next_id());
        let meta = Meta { command_id: id, ..testkit::meta(id.0.as_u128()) };
        let entity = format!("tally:test:entity-{number}").parse().expect("lawful");
        let answer = host.ask(entity, Command::Add((env.random() % 200) as u64), meta).await;
        writeln!(trace, "{number} {:?} {answer:?}", env.monotonic()).expect("write");
    }
    trace
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let (first, second, other) = (trace(42), trace(42), trace(43));
    assert!(first.lines().count() >= 2_000 + 500, "answers and events are in the trace: {}", first.lines().count());
    assert!(first == second, "two runs of one seed differ");
    assert!(first != other, "the seed has an effect");
}
