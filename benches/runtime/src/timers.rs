//! Timers that are all due at one moment, each of its own entity: how long until all have fired, and what other commands
//! notice of it. The peer is the same load of other commands in the same run, before the moment has come.

use crate::decider::Command;
use crate::node::{Node, Threads};
use crate::support::{head, row};
use ionveil_actors::Host;
use ionveil_journal::Store;
use ionveil_kernel::{
    BodyHash, BrokenInvariant, Caller, CommandId, CorrelationId, DecideEnv, Decider, Decision, DecodeError, EventCodec, IdSource, Kind,
    Meta, Rejection, Role, StreamId, Timer, TimerPolicy, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TIMERS: usize = 100_000;
const LANES: usize = 256;
/// Other callers: each asks, waits for the commit, rests for `REST` and asks again.
const OTHERS: usize = 16;
const REST: Duration = Duration::from_millis(5);
const IDLE: Duration = Duration::from_secs(5);
/// Between the last timer's setting and their common due; the callers of the idle phase come before it.
const LEAD: Duration = Duration::from_secs(120);

/// An alarm clock that rings once and counts its rings.
struct Alarm(AtomicU64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Ask {
    Set(Timestamp),
    Ring,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Happened {
    Set(Timestamp),
    Rang,
}

#[derive(Clone, Debug, PartialEq)]
struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is not set")
    }
}

impl Rejection for Silent {
    fn code(&self) -> &'static str {
        "silent"
    }
}

impl EventCodec for Happened {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Rang => "rang",
        }
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        serde_json::to_string(self).map_err(|error| DecodeError::invalid(self.event_type(), error))
    }

    fn decode(event_type: &str, _version: u32, data: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(data).map_err(|error| DecodeError::invalid(event_type, error))
    }
}

impl Decider for Alarm {
    const KIND: &'static str = "alarm";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = Option<Timestamp>;
    type Command = Ask;
    type Event = Happened;
    type Rejection = Silent;

    fn initial(&self, _id: &StreamId) -> Option<Timestamp> {
        None
    }

    fn decide(&self, state: &Option<Timestamp>, command: &Ask, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Silent> {
        match (command, state) {
            (Ask::Set(due), _) => Ok(vec![((), Happened::Set(*due))]),
            (Ask::Ring, Some(_)) => {
                self.0.fetch_add(1, Ordering::Relaxed);
                Ok(vec![((), Happened::Rang)])
            }
            (Ask::Ring, None) => Err(Silent),
        }
    }

    fn evolve(&self, _state: Option<Timestamp>, _part: &(), event: &Happened) -> Result<Option<Timestamp>, BrokenInvariant> {
        Ok(match event {
            Happened::Set(due) => Some(*due),
            Happened::Rang => None,
        })
    }

    fn timers(&self, state: &Option<Timestamp>) -> Vec<Timer> {
        state.iter().map(|due| Timer { name: "ring".to_owned(), due: *due, policy: TimerPolicy::FireOnceLate }).collect()
    }

    fn on_timer(&self, _name: &str, _due: Timestamp) -> Option<Ask> {
        Some(Ask::Ring)
    }
}

pub(crate) const STORES: [&str; 3] = ["memory", "sqlite", "postgres"];

pub(crate) async fn run(threads: &Threads, stores: &[&str]) {
    let title =
        format!("{TIMERS} timers due at once, {OTHERS} other callers beside them: p50 / p99 / max ms of those (30 s; 3 x idle p99)");
    head(&title, "while they fire", "idle");
    let folder = tempfile::tempdir().expect("a folder");
    for store in stores {
        match *store {
            "memory" => one(threads, "memory", threads.memory()).await,
            "sqlite" => one(threads, "SQLite", threads.sqlite(&folder).await).await,
            _ => one(threads, "Postgres", threads.postgres().await).await,
        }
    }
}

async fn one(threads: &Threads, name: &str, store: Arc<dyn Store>) {
    let node = threads.node(store).await;
    let alarm = Arc::new(Alarm(AtomicU64::new(0)));
    let host = node.runtime.entity(alarm.clone()).expect("the only kind of its name");
    let due = node.env.now().after(LEAD);
    set_all(threads, &node, &host, due).await;
    others(threads, &node, Duration::from_millis(500), || false).await;
    assert!(node.env.now().after(IDLE) < due, "the timers were set in time");
    let idle = others(threads, &node, IDLE, || false).await;
    let early = Duration::from_micros(u64::try_from(due.micros() - node.env.now().micros()).unwrap_or(0));
    node.env.sleep(early).await;
    let started = Instant::now();
    let rang = alarm.clone();
    let busy = others(threads, &node, Duration::from_secs(120), move || rang.0.load(Ordering::Relaxed) >= TIMERS as u64).await;
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(alarm.0.load(Ordering::Relaxed), TIMERS as u64, "each rang once");
    let ratio = at(&busy, 0.99) / at(&idle, 0.99);
    row(&format!("{name}: all fired after {seconds:.1} s"), &shown(&busy), &shown(&idle), &format!("{ratio:.1}"));
    node.close().await;
}

async fn set_all(threads: &Threads, node: &Node, host: &Host<Alarm>, due: Timestamp) {
    let lanes = (0..LANES).map(|lane| {
        let (host, env, org) = (host.clone(), node.env.clone(), node.names(1)[0].org.clone());
        threads.tokio.spawn(async move {
            for number in (lane..TIMERS).step_by(LANES) {
                let owner =
                    StreamId::new(org.clone(), Kind::new("alarm").expect("lawful"), format!("alarm-{number}").parse().expect("lawful"));
                let meta = Meta {
                    command_id: CommandId(env.next_id()),
                    body_hash: BodyHash([7; 32]),
                    correlation_id: CorrelationId(env.next_id()),
                    causation_id: None,
                    caller: Caller { org: org.clone(), subject: "user:dispatcher-7".into(), role: Role::Dispatcher },
                    occurred_at: None,
                    expected_version: None,
                    traceparent: None,
                };
                host.ask(owner, Ask::Set(due), meta).await.expect("set");
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a caller");
    }
}

/// Milliseconds of each command, sorted, for so long or until `done`.
async fn others(threads: &Threads, node: &Node, most: Duration, done: impl Fn() -> bool + Clone + Send + 'static) -> Vec<f64> {
    let (names, started): (Arc<[StreamId]>, _) = (node.names(OTHERS).into(), Instant::now());
    let callers = (0..OTHERS).map(|caller| {
        let (node, names, done) = (node.clone(), names.clone(), done.clone());
        threads.tokio.spawn(async move {
            let mut taken = Vec::new();
            while started.elapsed() < most && !done() {
                let asked = Instant::now();
                node.accept(&names[caller], Command::Add(1)).await;
                taken.push(asked.elapsed().as_secs_f64() * 1_000.0);
                node.env.sleep(REST).await;
            }
            taken
        })
    });
    let mut all = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        all.extend(caller.await.expect("a caller"));
    }
    all.sort_by(f64::total_cmp);
    all
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[(((sorted.len() - 1) as f64) * share) as usize]
}

fn shown(sorted: &[f64]) -> String {
    format!("{:.2} / {:.2} / {:.2}", at(sorted, 0.5), at(sorted, 0.99), at(sorted, 1.0))
}
