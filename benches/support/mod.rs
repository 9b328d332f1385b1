//! What benchmarks share: a journal on real stores, events of a real size, medians and tables.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use ionveil_actors::TokioEnv;
use ionveil_journal::{Append, Journal, JournalConfig, NewEvent, Outcome, Store};
use ionveil_kernel::{BodyHash, CommandId, CorrelationId, Env, EventId, IdSource, NodeId, StreamId, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

mod figures;
#[path = "../../tests/support/postgres.rs"]
pub(crate) mod postgres;
pub(crate) mod raw;

#[allow(unused_imports, reason = "each benchmark uses a part of it")]
pub(crate) use figures::{Figure, head, ratio, row};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The payload of a `transitioned` event with a reason, as dispatchers write it: about 400 bytes with its envelope.
pub(crate) const PAYLOAD: &str =
    r#"{"from":"called","to":"moving","reason":"unit E38 reports en route to 0 Block of a street in B04, crew of four, ALS on board"}"#;
const BACK: &str =
    r#"{"from":"moving","to":"called","reason":"unit E38 reports en route to 0 Block of a street in B04, crew of four, ALS on board"}"#;
const FIRST: &str = r#"{"machine":"rounds","definition":{"initial":"called","states":[{"name":"called","to":["moving","ended"]},{"name":"moving","to":["called"]},{"name":"ended","to":[]}]},"to":"called","attributes":{}}"#;

/// Runs `work` on a runtime like the server's.
pub(crate) fn on_runtime<T>(work: impl AsyncFnOnce(Env) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let env = Env::new(TokioEnv::new(runtime.handle().clone()));
    runtime.block_on(work(env))
}

/// A journal that owns `store`.
pub(crate) async fn journal(store: Arc<dyn Store>, env: &Env) -> Journal {
    let config = JournalConfig { lease: Duration::from_secs(30), ..JournalConfig::default() };
    Journal::open(store, env.clone(), NodeId(env.next_id()), config).await.expect("open the journal")
}

/// The stream of entity `number`.
pub(crate) fn stream(number: usize) -> StreamId {
    format!("workflow:default:entity-{number}").parse().expect("lawful")
}

/// An event of a workflow that goes round and round: real ones, so that upcasters and rules are in the path.
fn lawful(sequence_number: u64) -> (&'static str, &'static str) {
    match sequence_number {
        1 => ("registered", FIRST),
        number if number % 2 == 0 => ("transitioned", PAYLOAD),
        _odd => ("transitioned", BACK),
    }
}

/// An event of `stream`.
pub(crate) fn event(stream: &StreamId, sequence_number: u64, env: &Env) -> NewEvent {
    let (event_type, data) = lawful(sequence_number);
    NewEvent {
        event_id: EventId(env.next_id()),
        stream: stream.clone(),
        sequence_number,
        event_type: Cow::Borrowed(event_type),
        schema_version: 1,
        data: data.to_owned(),
        occurred_at: Timestamp::from_micros(1_483_228_800_000_000),
        correlation_id: CorrelationId(env.next_id()),
        causation_id: env.next_id(),
        actor: "user:dispatcher-7".into(),
        traceparent: None,
    }
}

/// A decision of `count` events of `owner`, from `first` on.
pub(crate) fn append(owner: &StreamId, first: u64, count: u64, env: &Env) -> Append {
    Append {
        owner: owner.clone(),
        generation: 1,
        command_id: CommandId(env.next_id()),
        body_hash: BodyHash([7; 32]),
        version: first + count - 1,
        events: (first..first + count).map(|number| event(owner, number, env)).collect(),
        timers: Vec::new(),
    }
}

/// Submits and waits for the commit.
pub(crate) async fn commit(journal: &Journal, append: Append) {
    let (done, outcome) = oneshot::channel();
    journal.submit(append, Box::new(move |outcome| drop(done.send(outcome))));
    let outcome = outcome.await.expect("an answer");
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
}

/// Fills a journal with `events` events over `entities` entities, 50 to an append.
pub(crate) async fn fill(journal: &Journal, env: &Env, entities: usize, events: u64) {
    let each = events / entities as u64;
    let lanes = (0..64).map(|lane| {
        let (journal, env) = (journal.clone(), env.clone());
        tokio::spawn(async move {
            for number in (lane..entities).step_by(64) {
                let owner = stream(number);
                let mut next = 1;
                while next <= each {
                    let count = 50.min(each - next + 1);
                    commit(&journal, append(&owner, next, count, &env)).await;
                    next += count;
                }
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("filled");
    }
}

/// Seconds that `work` takes.
pub(crate) async fn seconds<T>(work: impl Future<Output = T>) -> (f64, T) {
    let started = Instant::now();
    let result = work.await;
    (started.elapsed().as_secs_f64(), result)
}
