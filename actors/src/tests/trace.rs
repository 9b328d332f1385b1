//! Determinism: the same seed gives the same trace, byte for byte.

use super::alarm::{self, Alarm, Set, Then};
use super::common::{entity, fresh};
use super::tally::{Command, Tally};
use super::world::{Echo, World};
use crate::testkit::{Chaos, Chaotic, Universe};
use crate::{Host, Runtime, RuntimeConfig, SimEnv, simulate};
use ionveil_journal::testkit::{Knobs, Wrong};
use ionveil_journal::{Filter, Journal, JournalConfig, MemoryStore, OutboxStore, Store};
use ionveil_kernel::{CommandId, Env, IdSource, Meta, NodeId, TimerPolicy, testkit};
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

/// Faults of the store, panics, timers that ring again and again, a reactor with effects, and a crash in the middle: what
/// callers were told, what was recorded, what arrived outside and what is left in the outbox.
fn trouble(seed: u64) -> String {
    let config = RuntimeConfig { deadline: Duration::from_millis(200), idle: Duration::from_secs(1), ..RuntimeConfig::default() };
    Universe::run(seed, config, async move |mut universe: Universe| {
        let (mut trace, world) = (String::new(), World::default());
        for _ in 0..2 {
            let delay = (Duration::ZERO, Duration::from_millis(3));
            let wrong = Wrong::evenly(10);
            universe
                .faults
                .set(|knobs| *knobs = Knobs { appends: wrong, changes: wrong, reads: 3, change_delay: delay, ..Knobs::default() });
            let chaos = Chaos::new(universe.env.clone());
            chaos.panics(200);
            let tally = universe.runtime.entity(Arc::new(Chaotic::new(Tally, chaos.clone()))).expect("a lawful kind");
            let alarm = universe.runtime.entity(Arc::new(Alarm)).expect("a lawful kind");
            world.attach(&universe, Echo { poisoned: false });
            let rings = futures_util::future::join_all((0..5).map(|number| ring(&universe.env, &alarm, number)));
            let adds = futures_util::future::join_all((0..20).map(|number| add(&universe.env, &tally, number)));
            let (rings, adds) = futures_util::future::join(rings, adds).await;
            universe.env.sleep(Duration::from_secs(5)).await;
            writeln!(trace, "{:?} {} {}", universe.faults.counts(), chaos.panicked(), rings.concat() + &adds.concat()).expect("write");
            universe.faults.set(|knobs| *knobs = Knobs::default());
            drop((tally, alarm));
            universe = universe.crash().await;
        }
        writeln!(trace, "{:?} {:?}", world.repeatable.arrived(), world.once.arrived()).expect("write");
        for partition in 0..4 {
            for recorded in universe.memory.read_partition(partition, 0, usize::MAX, &Filter::default()).await.expect("read").events {
                writeln!(trace, "{recorded:?}").expect("write");
            }
        }
        for row in universe.memory.outbox(None, None, None, usize::MAX).await.expect("read") {
            writeln!(trace, "{row:?}").expect("write");
        }
        trace
    })
}

async fn ring(env: &Env, host: &Host<Alarm>, number: u32) -> String {
    let due = env.now().after(Duration::from_millis((env.random() % 500) as u64));
    let set = Set { name: "t".to_owned(), due, policy: TimerPolicy::FireAll, then: Then::Again(300_000) };
    let answer = host.ask(entity("alarm", &format!("a{number}")), alarm::Command::Remind(set), fresh(env)).await;
    format!("{number} {:?} {answer:?}\n", env.monotonic())
}

async fn add(env: &Env, host: &Host<Chaotic<Tally>>, number: u32) -> String {
    let mut trace = String::new();
    for _ in 0..10 {
        env.sleep(Duration::from_micros((env.random() % 50_000) as u64)).await;
        let answer = host.ask(entity("tally", &format!("src{number}")), Command::Add((env.random() % 9) as u64), fresh(env)).await;
        writeln!(trace, "{number} {:?} {answer:?}", env.monotonic()).expect("write");
    }
    trace
}

#[test]
fn the_same_seed_gives_the_same_trace_also_in_trouble() {
    for seed in [42, 43] {
        let (first, second, other) = (trouble(seed), trouble(seed), trouble(seed + 1_000));
        for what in ["chaos", "rang", "added"] {
            assert!(first.contains(what), "{what} is in the trace");
        }
        for none in ["lost_after: 0", "lost_before: 0", "unavailable: 0"] {
            assert!(!first.contains(none), "the store lied in all ways: {none}");
        }
        assert!(first.lines().count() >= 500, "answers and events are in the trace: {}", first.lines().count());
        if let Some((one, two)) = first.lines().zip(second.lines()).find(|(one, two)| one != two) {
            panic!("two runs of seed {seed} differ:\n{one}\n{two}");
        }
        assert!(first == second && first != other, "the seed decides, and nothing else");
    }
}
