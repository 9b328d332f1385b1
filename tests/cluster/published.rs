//! Whether JetStream was given what the journal holds: each event, nothing else, and in the order of its stream for a reader who
//! skips what it has seen.

use super::field::Field;
use crate::crash::scene::{PATIENCE, listed};
use async_nats::Message;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, stream::Stream};
use futures_util::StreamExt;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tokio::time::sleep;

const STREAM: &str = "IONVEIL_EVENTS";
const BATCH: usize = 1_000;

/// The ids of a stream's events, in order.
type Order = BTreeMap<String, Vec<String>>;

/// Waits until as many different events are there as in the journal, then compares.
///
/// # Panics
/// If they differ, with the first difference.
pub(crate) async fn check(field: &Field) {
    let journal = recorded(field);
    let wanted: usize = journal.values().map(Vec::len).sum();
    let (began, mut seen) = (Instant::now(), read(field).await);
    while seen.distinct.len() < wanted && began.elapsed() < PATIENCE {
        sleep(PATIENCE / 100).await;
        seen = read(field).await;
    }
    for (stream, ids) in &journal {
        let there = seen.order.get(stream).map(Vec::as_slice).unwrap_or_default();
        let differs = ids.iter().zip(there).position(|(ours, theirs)| ours != theirs);
        assert_eq!(differs, None, "{stream}: another event has this place");
        assert_eq!(there.len(), ids.len(), "{stream}: so many events are published");
    }
    assert_eq!(seen.order.len(), journal.len(), "the same streams");
    println!("{wanted} events are in JetStream, in order; {} stand there more than once", seen.messages - wanted);
}

/// What the journal holds.
fn recorded(field: &Field) -> Order {
    let listed = listed(&field.machines[0].node.ground);
    let id = |event: &Value| event["event_id"].as_str().expect("an id").to_owned();
    listed.into_iter().map(|(workflow, events)| (format!("workflow:default:{workflow}"), events.iter().map(id).collect())).collect()
}

/// What stands in JetStream, as one reads it who skips what it has seen.
#[derive(Default)]
struct Seen {
    messages: usize,
    distinct: BTreeSet<String>,
    order: Order,
}

impl Seen {
    fn add(&mut self, message: &Message) {
        let event: Value = serde_json::from_slice(&message.payload).expect("JSON");
        let text = |name: &str| event[name].as_str().expect("a text").to_owned();
        let header = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id")).expect("an id");
        assert_eq!(header.as_str(), text("id"), "JetStream skips what readers would skip");
        self.messages += 1;
        if self.distinct.insert(text("id")) {
            self.order.entry(text("subject")).or_default().push(text("id"));
        }
    }
}

async fn read(field: &Field) -> Seen {
    let client = async_nats::connect(field.nats.url()).await.expect("a client of NATS");
    let mut stream: Stream = jetstream::new(client).get_stream(STREAM).await.expect("the stream of events");
    let there = usize::try_from(stream.info().await.expect("its state").state.messages).expect("a count");
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut seen = Seen::default();
    while seen.messages < there {
        let mut batch = consumer.fetch().max_messages(BATCH.min(there - seen.messages)).messages().await.expect("a batch");
        while let Some(message) = batch.next().await {
            seen.add(&message.expect("a message"));
        }
    }
    seen
}
