//! Events out: as CloudEvents, in order, each of them, whatever happens to either side.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::given::{STREAM, World, id_of, until};
use async_nats::Message;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn body(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).expect("JSON")
}

/// That each stream's events stand in the order of their numbers, looked at by one who skips what was seen before.
fn in_order(messages: &[Message]) {
    let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::<String, u64>::new());
    for message in messages.iter().filter(|message| seen.insert(id_of(message))) {
        let event = body(message);
        let sequence: u64 = event["sequence"].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let before = last.insert(event["partitionkey"].as_str().expect("a key").to_owned(), sequence).unwrap_or(0);
        assert_eq!(sequence, before + 1, "{event}");
    }
}

#[tokio::test]
async fn what_was_recorded_goes_out_as_cloud_events_in_order() {
    let world = World::open();
    for id in ["w-1", "w-2", "w-3"] {
        world.work(id).await;
    }
    let messages = world.published(6).await;
    assert_eq!(messages.len(), 6);
    in_order(&messages);
    let (_, page) = world.get("/api/v1/events?stream=workflow:default:w-1").await;
    let first = messages.iter().find(|message| body(message)["subject"] == "workflow:default:w-1").expect("an event");
    let (event, recorded) = (body(first), &page["items"][0]);
    assert_eq!(first.subject.as_str(), "ionveil.events.default.workflow");
    assert_eq!(
        first.headers.as_ref().and_then(|headers| headers.get("Content-Type")).map(|value| value.as_str()),
        Some("application/cloudevents+json")
    );
    assert_eq!((id_of(first), &event["id"]), (event["id"].as_str().expect("an id").to_owned(), &recorded["event_id"]));
    for (attribute, member) in [("time", "occurred_at"), ("data", "data"), ("correlationid", "correlation_id"), ("actor", "actor")] {
        assert_eq!(event[attribute], recorded[member], "{attribute}");
    }
    assert_eq!(
        (&event["specversion"], &event["type"]),
        (&"1.0".into(), &format!("ionveil.workflow.{}", recorded["type"].as_str().expect("a type")).into())
    );
    assert_eq!(world.figure("ionveil_nats_published_total").await, Some(6.0));
    until("no lag", async || world.figure("ionveil_nats_lag").await.filter(|lag| *lag == 0.0)).await;
}

/// Works until told to stop; what was refused because the server was gone is tried again.
async fn under_load<T>(world: &mut World, disturb: impl AsyncFnOnce(&mut World, &AtomicUsize) -> T) -> T {
    // Other ids in each round, or they would be repeats.
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let (stop, done) = (std::sync::Arc::new(AtomicBool::new(false)), std::sync::Arc::new(AtomicUsize::new(0)));
    let address = std::sync::Arc::new(std::sync::Mutex::new(world.url("")));
    let (stopped, counted, base) = (stop.clone(), done.clone(), address.clone());
    let load = tokio::spawn(async move {
        let http = ionveil::web::client().build().expect("a client");
        while !stopped.load(Ordering::Relaxed) {
            let number = counted.load(Ordering::Relaxed);
            let url = format!("{}/api/v1/workflows", base.lock().expect("an address"));
            let id = format!("load-{round}-{number}");
            let body = serde_json::json!({"id": &id, "machine": "dispatch"});
            let sent = http.post(url).header("idempotency-key", &id).json(&body).send().await;
            match sent {
                Ok(answer) if answer.status().is_success() => drop(counted.fetch_add(1, Ordering::Relaxed)),
                Ok(_) | Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        }
    });
    let result = disturb(world, &done).await;
    *address.lock().expect("an address") = world.url("");
    let reached = done.load(Ordering::Relaxed) + 50;
    until("the load to go on", async || (done.load(Ordering::Relaxed) >= reached).then_some(())).await;
    stop.store(true, Ordering::Relaxed);
    load.await.expect("the load");
    result
}

async fn loaded(done: &AtomicUsize, count: usize) {
    until("some load", async || (done.load(Ordering::Relaxed) >= count).then_some(())).await;
}

/// That the stream has each event of the journal, and a reader who skips what he has seen gets each once and in order.
async fn complete(world: &World) -> Vec<Message> {
    let journal = world.journal().await;
    let messages = world.published(journal.len()).await;
    assert_eq!(messages.iter().map(id_of).collect::<BTreeSet<_>>(), journal);
    in_order(&messages);
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jetstream_that_is_wiped_under_load_is_filled_again_from_the_beginning() {
    let mut world = World::open();
    let before = under_load(&mut world, async |world, done| {
        loaded(done, 100).await;
        let before = world.published(100).await;
        tokio::task::block_in_place(|| {
            world.nats.wipe();
            world.nats.restart();
        });
        before
    })
    .await;
    let after = complete(&world).await;
    let ids: BTreeSet<_> = after.iter().map(id_of).collect();
    assert!(before.iter().all(|message| ids.contains(&id_of(message))), "what the old stream had is in the new one");
    assert_eq!(ids.len(), after.len(), "and each event stands in it once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jetstream_that_crashes_under_load_is_gone_on_with() {
    let mut world = World::open();
    under_load(&mut world, async |world, done| {
        for count in [60, 120] {
            loaded(done, count).await;
            tokio::task::block_in_place(|| {
                world.nats.crash();
                world.nats.restart();
            });
        }
    })
    .await;
    let all = complete(&world).await;
    assert_eq!(all.iter().map(id_of).collect::<BTreeSet<_>>().len(), all.len(), "what was sent again was stored once");
    assert_eq!(world.figure("ionveil_nats_rewinds_total").await, Some(0.0));
    assert!(world.figure("ionveil_nats_connects_total{bridge=\"events\"}").await >= Some(2.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_the_middle_skips_nothing() {
    let mut world = World::open();
    for _ in 0..2 {
        under_load(&mut world, async |world, done| {
            loaded(done, 60).await;
            tokio::task::block_in_place(|| {
                world.server.take().expect("a server").kill();
                world.serve();
            });
        })
        .await;
    }
    let all = complete(&world).await;
    assert_eq!(all.iter().map(id_of).collect::<BTreeSet<_>>().len(), all.len(), "what was sent again was stored once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jetstream_that_lost_what_it_had_acknowledged_is_given_it_again() {
    let world = World::open();
    world.work("w-1").await;
    world.published(2).await;
    tokio::task::block_in_place(|| {
        world.nats.keep();
        world.nats.restart();
    });
    for id in ["w-2", "w-3"] {
        world.work(id).await;
    }
    world.published(6).await;
    until("no lag", async || world.figure("ionveil_nats_lag").await.filter(|lag| *lag == 0.0)).await;
    tokio::task::block_in_place(|| {
        world.nats.put_back();
        world.nats.restart();
    });
    complete(&world).await;
    assert!(world.figure("ionveil_nats_rewinds_total").await >= Some(1.0));
}

#[tokio::test]
async fn a_stream_that_others_made_otherwise_is_brought_to_what_is_asked() {
    let nats = crate::support::nats::Nats::start();
    let jetstream = async_nats::jetstream::new(async_nats::connect(nats.url()).await.expect("a client"));
    let config = async_nats::jetstream::stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["ionveil.events.default.*".to_owned()],
        max_messages: -1,
        ..Default::default()
    };
    jetstream.create_stream(config).await.expect("a stream");
    let world = World::with(nats, "max_age_s = 3600\n", None);
    world.work("w-1").await;
    world.published(2).await;
    let info = jetstream.get_stream(STREAM).await.expect("the stream").cached_info().config.clone();
    assert_eq!((info.subjects, info.max_age.as_secs()), (vec!["ionveil.events.*.*".to_owned()], 3_600));
}
