//! Events out to JetStream: how many a second leave the journal of a running server and are acknowledged, against a raw publisher
//! that sends the same number of messages of the same size with as many unacknowledged, in the same run. It must be at least
//! 20,000 a second, and should be 50,000.
//!
//! `cargo bench --bench nats`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[path = "../tests/support/nats.rs"]
mod nats;
#[path = "support/server.rs"]
mod server;
mod support;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context, stream};
use ionveil_journal::{SqliteStore, Store};
use ionveil_kernel::Env;
use nats::Nats;
use server::Server;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Figure, fill, head, journal, on_runtime, ratio, row, seconds};

const EVENTS: u64 = 100_000;
const ENTITIES: usize = 1_000;
const RUNS: usize = 3;
/// As `[nats] unacknowledged_max` has it.
const UNACKNOWLEDGED_MAX: usize = 2_048;
/// About what a CloudEvent of a transition has.
const MESSAGE_BYTES: usize = 620;

fn main() {
    on_runtime(async |env| {
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let nats = Nats::start();
            ours.push(EVENTS as f64 / through_the_bridge(&env, &nats).await);
            raw.push(EVENTS as f64 / through_a_raw_publisher(&nats).await);
        }
        head("Events out to JetStream and acknowledged, per second", "IonVeil", "async-nats alone");
        let ratio = ratio(&ours, &raw);
        let (ours, raw) = (Figure::new(ours).to_string(), Figure::new(raw).to_string());
        row("100,000 events of a filled journal (must be ≥ 20,000)", &ours, &raw, &format!("{ratio:.2}"));
    });
}

/// Seconds from the first message in the stream to the last.
async fn through_the_bridge(env: &Env, nats: &Nats) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("data")).expect("a folder");
    filled(env, &folder.path().join("data/journal.sqlite")).await;
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.expect("a client"));
    let _server = Server::start(folder.path(), None, &format!("[nats]\nservers = \"{}\"\n", nats.url()));
    until(&jetstream, 1).await;
    let begun = Instant::now();
    until(&jetstream, EVENTS).await;
    begun.elapsed().as_secs_f64()
}

async fn filled(env: &Env, path: &Path) {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path, 16).await.expect("open"));
    let journal = journal(store, env).await;
    fill(&journal, env, ENTITIES, EVENTS).await;
    journal.close().await.expect("close");
}

async fn until(jetstream: &Context, messages: u64) {
    loop {
        let there = match jetstream.get_stream("IONVEIL_EVENTS").await {
            Ok(stream) => stream.cached_info().state.messages,
            Err(_) => 0,
        };
        if there >= messages {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn through_a_raw_publisher(nats: &Nats) -> f64 {
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.expect("a client"));
    let config = stream::Config { name: "RAW".to_owned(), subjects: vec!["raw.>".to_owned()], ..stream::Config::default() };
    jetstream.create_stream(config).await.expect("a stream");
    let publishing = async {
        let mut flying = VecDeque::with_capacity(UNACKNOWLEDGED_MAX);
        for number in 0..EVENTS {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{number:036}"));
            headers.insert("Content-Type", "application/cloudevents+json");
            let sent = jetstream.publish_with_headers("raw.default.workflow", headers, vec![b'x'; MESSAGE_BYTES].into()).await;
            flying.push_back(sent.expect("sent"));
            if flying.len() >= UNACKNOWLEDGED_MAX
                && let Some(oldest) = flying.pop_front()
            {
                oldest.await.expect("acknowledged");
            }
        }
        for sent in flying {
            sent.await.expect("acknowledged");
        }
    };
    seconds(publishing).await.0
}
