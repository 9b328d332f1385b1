//! Reading a million observed dispatches anew from a journal on Postgres, against only reading the same events.

use crate::support::{Figure, head, postgres::Postgres, ratio, row};
use futures_util::future::join_all;
use ionveil::cli::runtime::Threads;
use ionveil::config::{self, Config};
use ionveil::node::Node;
use ionveil_analytics::aggregator::{DispatchObserved, Event, stream};
use ionveil_analytics::query::{Filter as Dimensions, Query, Range};
use ionveil_analytics::{Aggregation, Amount, Metric, Observation, Place, Severity, Window};
use ionveil_journal::{Append, Filter, Journal, NewEvent, Outcome};
use ionveil_kernel::{BodyHash, CommandId, CorrelationId, Env, EventCodec, EventId, IdSource, NodeId, Org, StreamId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const EVENTS: usize = 1_000_000;
const PAGE: usize = 4_096;
/// Events of an append.
const PIECE: usize = 1_000;
const RUNS: usize = 5;

pub(crate) async fn of_a_million(threads: &Threads) {
    head(
        "A rebuild from 1,000,000 journal events on Postgres: must ≥ 50,000/s, should ≥ 200,000/s",
        "IonVeil, events/s",
        "bare read, events/s",
    );
    let server = Postgres::shared();
    let database = server.database();
    let config = config::of(&[("store.url", &database.url)]).expect("lawful");
    let node = node_of(&config, threads).await;
    threads.journal.spawn(fill(node.journal.clone(), node.env.clone())).await.expect("filled");
    while count(&node).await < EVENTS as u64 {
        node.env.sleep(Duration::from_millis(100)).await;
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut progress = node.analytics.progress();
        let started = Instant::now();
        node.analytics.rebuild();
        progress.wait_for(|progress| !progress.running).await.expect("it ends");
        ours.push(EVENTS as f64 / started.elapsed().as_secs_f64());
        assert_eq!(count(&node).await, EVENTS as u64, "all of it");
        let started = Instant::now();
        read(&node).await;
        bare.push(EVENTS as f64 / started.elapsed().as_secs_f64());
    }
    let text = |figures: &[f64]| Figure::new(figures.to_vec()).to_string();
    row("rebuild", &text(&ours), &text(&bare), &format!("{:.2}", ratio(&ours, &bare)));
    node.close(Duration::from_secs(5)).await;
}

async fn node_of(config: &Config, threads: &Threads) -> Node {
    let (config, env, arbiters, id) = (config.clone(), threads.env.clone(), Threads::arbiters(), NodeId(threads.env.next_id()));
    let opening = threads.journal.spawn(async move { Node::open(&config, None, id, env, arbiters).await });
    opening.await.expect("no panic").expect("a node")
}

fn org() -> Org {
    Org::new("default").expect("lawful")
}

/// How many events count.
async fn count(node: &Node) -> u64 {
    let range = Range::last(node.env.now(), Duration::from_hours(24));
    let query = Query {
        metric: Metric::DispatchCount,
        window: Window::Day,
        aggregation: Aggregation::Count,
        range,
        sliding: false,
        filter: Dimensions::default(),
    };
    let windows = node.analytics.ask(&org(), &range, |reading| reading.windows(&query)).await.expect("an answer");
    windows.points.iter().map(|point| point.count).sum()
}

async fn read(node: &Node) {
    for partition in 0..node.store.partitions() {
        let mut after = 0;
        loop {
            let page = node.store.read_partition(partition, after, PAGE, &Filter::default()).await.expect("a page");
            if page.scanned_to <= after {
                break;
            }
            after = page.scanned_to;
        }
    }
}

/// The events come evenly through the last hour, each at the entity that knows its id.
async fn fill(journal: Journal, env: Env) {
    let mut by_entity: BTreeMap<StreamId, Vec<Observation>> = BTreeMap::new();
    let now = env.now();
    for number in 0..EVENTS {
        let seen = Observation {
            event_id: format!("e{number}").into(),
            dispatch_id: format!("d{number}").into(),
            timestamp: Range::last(now, Duration::from_secs_f64(3_500.0 * number as f64 / EVENTS as f64)).start,
            severity: Severity::new(1 + (number % 5) as i64).expect("lawful"),
            response_time_minutes: Amount::new((number % 600) as f64 / 20.0).expect("lawful"),
            distance_km: Amount::new((number % 300) as f64 / 10.0).expect("lawful"),
            region: format!("r{}", number % 40).into(),
            unit_type: ["engine", "medic", "truck"][number % 3].into(),
            sla_met: !number.is_multiple_of(7),
            place: Place::None,
        };
        by_entity.entry(stream(&org(), &seen.event_id).expect("lawful")).or_default().push(seen);
    }
    let lanes = by_entity.into_iter().map(|(owner, all)| {
        let (journal, env) = (journal.clone(), env.clone());
        tokio::spawn(async move {
            for (piece, seen) in all.chunks(PIECE).enumerate() {
                let (told, outcome) = oneshot::channel();
                let append = append(&owner, piece * PIECE, seen, &env);
                journal.submit(append, Box::new(move |outcome| drop(told.send(outcome))));
                assert!(matches!(outcome.await.expect("an answer"), Outcome::Committed(_)));
            }
        })
    });
    join_all(lanes.collect::<Vec<_>>()).await.into_iter().for_each(|lane| lane.expect("filled"));
}

fn append(owner: &StreamId, before: usize, seen: &[Observation], env: &Env) -> Append {
    let now = env.now();
    let events = seen.iter().zip(before as u64 + 1..).map(|(observation, sequence_number)| {
        let event = Event::DispatchObserved(DispatchObserved { observation: observation.clone(), received_at: now });
        NewEvent {
            event_id: EventId(env.next_id()),
            stream: owner.clone(),
            sequence_number,
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            data: event.encode().expect("JSON"),
            occurred_at: now,
            correlation_id: CorrelationId(env.next_id()),
            causation_id: env.next_id(),
            actor: "user:cad".into(),
            traceparent: None,
        }
    });
    Append {
        owner: owner.clone(),
        generation: 1,
        command_id: CommandId(env.next_id()),
        body_hash: BodyHash([7; 32]),
        version: (before + seen.len()) as u64,
        events: events.collect(),
        timers: Vec::new(),
    }
}
