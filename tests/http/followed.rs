//! Live figures as server-sent events and over WebSockets, as clients that read, that read slowly and that never read.

use super::client::Api;
use super::given::{Guarded, World, now_s};
use futures_util::{SinkExt, StreamExt};
use ionveil::analytics::streams::{Streams, Topic, Watched};
use ionveil_actors::TokioEnv;
use ionveil_analytics::hub::Update;
use ionveil_analytics::{Aggregation, Metric, Window};
use ionveil_kernel::{Env, Org, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(30);
const PATH: &str = "/api/v1/dashboard/stream";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn post(api: &Api, ids: std::ops::Range<u32>) {
    let at = jiff::Timestamp::from_second(now_s()).expect("a time").to_string();
    let event = |n| {
        json!({"event_id": format!("e{n}"), "timestamp": at, "severity": 1, "response_time_minutes": 4.0, "distance_km": 1.0,
            "region": "north", "sla_met": true})
    };
    let count = ids.len();
    let posted = api.post("/api/v1/dashboard/events", json!(ids.map(event).collect::<Vec<_>>())).await.json(200);
    assert_eq!(posted["accepted"], count);
}

async fn connect(address: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{address}{PATH}{query}").into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn frame(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect("in time").expect("it goes on").expect("a message");
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

/// Frames until the count of a day's events is so great; the last value, and how many updates were lost on the way.
async fn until_count(socket: &mut Socket, count: u64) -> u64 {
    let mut dropped = 0;
    loop {
        let frame = frame(socket).await;
        dropped += frame["dropped"].as_u64().expect("a count");
        if frame["updates"].as_array().expect("updates").iter().any(|update| update["count"].as_u64() >= Some(count)) {
            return dropped;
        }
    }
}

#[tokio::test]
async fn a_websocket_says_how_it_is_and_then_what_changes() {
    let world = World::open();
    let query = "?metrics=dispatch_count:1d:sum,response_time:1d:p95&region=north";
    let mut socket = connect(&world.server.address, query, &[]).await.expect("a socket");
    let first = frame(&mut socket).await;
    let topics: Vec<_> = first["updates"].as_array().expect("updates").iter().map(|update| (&update["topic"], &update["count"])).collect();
    assert_eq!(topics, [(&json!("dispatch_count:1d:sum"), &json!(0)), (&json!("response_time:1d:p95"), &json!(0))]);
    post(&world.api, 0..10).await;
    let next = frame(&mut socket).await;
    let of = |topic: &str| next["updates"].as_array().expect("updates").iter().rev().find(|update| update["topic"] == topic).cloned();
    let (count, p95) = (of("dispatch_count:1d:sum").expect("told"), of("response_time:1d:p95").expect("told"));
    assert_eq!((&count["region"], &p95["value"], &next["dropped"]), (&json!("north"), &json!(4.0), &json!(0)));
    if count["value"] != 10.0 {
        until_count(&mut socket, 10).await;
    }
    socket.send(Message::Ping(vec![7].into())).await.expect("sent");
    let pong = timeout(PATIENCE, socket.next()).await.expect("in time").expect("it goes on").expect("a message");
    assert_eq!(pong, Message::Pong(vec![7].into()));
    socket.close(None).await.expect("closed");
}

#[tokio::test]
async fn server_sent_events_bring_the_same_frames() {
    let world = World::open();
    let request = world.api.request("GET", &format!("{PATH}?metrics=dispatch_count:1d:sum"));
    let mut response = request.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"text/event-stream".parse().expect("a value")));
    let mut text = String::new();
    let mut posted = false;
    while !text.contains("\"count\":3") {
        let chunk = timeout(PATIENCE, response.chunk()).await.expect("in time").expect("a chunk").expect("it goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        if !std::mem::replace(&mut posted, true) {
            assert!(text.starts_with("event: frame\ndata: {\"updates\":[{") && text.contains("\"count\":0"), "{text}");
            post(&world.api, 0..3).await;
        }
    }
    assert!(text.contains("\"dropped\":0"));
}

#[tokio::test]
async fn one_who_never_reads_keeps_nobody_waiting() {
    let world = World::configured("[analytics]\nupdates_waiting_max = 2\n");
    let query = "?metrics=dispatch_count:1d:sum";
    let _silent = connect(&world.server.address, query, &[]).await.expect("a socket");
    let mut eager = connect(&world.server.address, query, &[]).await.expect("a socket");
    for batch in 0..20_u32 {
        post(&world.api, batch * 5..batch * 5 + 5).await;
        assert_eq!(until_count(&mut eager, u64::from(batch) * 5 + 5).await, 0, "one who reads loses nothing");
    }
}

/// Counted, not timed: what the silent one may keep is full, and who reads gets the last value of every span of 100 ms.
#[tokio::test]
async fn many_updates_cost_one_who_never_reads_a_bound_and_others_nothing() {
    const UPDATES: i64 = 300_000;
    const SPANS: i64 = 100;
    let env = Env::new(TokioEnv::new(tokio::runtime::Handle::current()));
    let (streams, org) = (Streams::new(64), Org::new("default").expect("lawful"));
    let (metric, window, aggregation) = (Metric::ResponseTime, Window::Minute, Aggregation::Avg);
    let topic = Topic::Metric(Watched { metric, window, aggregation, region: None, severity: None, unit_type: None });
    let silent = streams.follow(&env, &org, vec![topic.clone()]).expect("followed");
    let eager = streams.follow(&env, &org, vec![topic.clone()]).expect("followed");
    let (mut seen, mut lost, value) = (0, 0, std::sync::Arc::<str>::from("1"));
    for n in 0..UPDATES {
        let at = Timestamp::from_micros(n * SPANS * 100_000 / UPDATES);
        streams.tell(&org, &Update { key: topic.clone(), at, value: value.clone() });
        if (n + 1) % (UPDATES / 2) == 0 {
            let frame = eager.next().await;
            (seen, lost) = (seen + frame.updates.len(), lost + frame.dropped);
        }
    }
    assert_eq!((seen, lost, silent.waiting(), streams.len(&org)), (100, 0, 64, 2));
    let frame = silent.next().await;
    assert_eq!((frame.updates.len(), frame.dropped), (64, 36));
    drop((silent, eager));
    assert!(streams.is_empty(&org), "who leaves costs nothing");
}

#[tokio::test]
async fn a_foreign_page_and_one_without_a_credential_are_turned_away() {
    let world = World::open();
    let own = format!("http://{}", world.server.address);
    assert_eq!(connect(&world.server.address, "", &[("origin", "https://evil.example")]).await.err(), Some(403));
    assert!(connect(&world.server.address, "", &[("origin", &own)]).await.is_ok());
    assert_eq!(connect(&world.server.address, "?metrics=speed", &[]).await.err(), Some(400));
    let guarded = Guarded::start();
    let address = guarded.address();
    assert_eq!(connect(address, "", &[]).await.err(), Some(401));
    let token = format!("Bearer {}", guarded.sign("ed", &super::given::claims("acme", "operator")));
    assert!(connect(address, "", &[("authorization", &token)]).await.is_ok());
}

#[tokio::test]
async fn a_server_that_ends_says_goodbye() {
    let world = World::open();
    let mut socket = connect(&world.server.address, "", &[]).await.expect("a socket");
    frame(&mut socket).await;
    let (server, _data) = world.into_parts();
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("in time") {
            Some(Ok(Message::Close(_))) | Some(Err(_)) | None => break,
            Some(Ok(_)) => {}
        }
    }
    assert!(stopping.await.expect("stopped").success());
}
