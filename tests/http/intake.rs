//! Batches over HTTP: in every form, once under each name, whatever is wrong with single rows; and in bad faith, with memory flat.

use super::client::Api;
use super::given::{Guarded, World};
use super::raw;
use flate2::Compression;
use flate2::write::GzEncoder;
use ionveil_dispatch::intake::run;
use ionveil_kernel::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

pub(super) const BATCHES: &str = "/api/v1/intake/batches";
const LINES: &str = "application/x-ndjson";

/// By how much a server may grow over something that it should not hold.
const FLAT_KB: u64 = 96 * 1024;

fn row(id: &str, deadline: impl Into<Value>) -> Value {
    let deadline: Value = deadline.into();
    json!({"command_id": id, "satellite_id": "s", "intent": "move", "issued_by": "ops", "signature": "x", "deadline": deadline})
}

/// Three good rows of which one repeats another, and three that have five errors.
fn rows() -> Vec<Value> {
    let late = "2999-01-01T00:00:00Z";
    let mut broken = row("d", late);
    broken["payload"] = json!([]);
    vec![
        row("b", late),
        row("a", late),
        row("b", "2998-01-01T00:00:00Z"),
        json!({"intent": 1}),
        json!([1]),
        row("c", "10000-01-01T00:00:00Z"),
        broken,
    ]
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

async fn send(api: &Api, query: &str, headers: &[(&str, &str)], body: Vec<u8>) -> super::answer::Answer {
    let request = api.request("POST", &format!("{BATCHES}{query}")).timeout(Duration::from_secs(60)).body(body);
    api.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Without what differs from one time to the next.
fn result(mut body: Value) -> Value {
    body["stats"].as_object_mut().expect("stats").remove("elapsed_us");
    body
}

#[tokio::test]
async fn every_form_comes_to_the_same() {
    let world = World::open();
    let (json_type, lines_type) = (("content-type", "application/json"), ("content-type", LINES));
    let gzip = ("content-encoding", "gzip");
    let object = |id: &str| json!({"batch_id": id, "rows": rows()}).to_string().into_bytes();
    let backwards = format!(r#" {{"rows": {}, "batch_id": "b3"}} "#, json!(rows())).into_bytes();
    let array = json!(rows()).to_string().into_bytes();
    for (id, query, headers, body) in [
        ("b1", "", vec![json_type], object("b1")),
        ("b2", "?batch_id=b2", vec![json_type], object("b2")),
        ("b3", "", vec![json_type], backwards),
        ("b4", "?batch_id=b4", vec![json_type], array.clone()),
        ("b5", "?batch_id=b5", vec![lines_type], lines(&rows()).into_bytes()),
        ("b6", "?batch_id=b6", vec![json_type, gzip], packed(&array)),
        (
            "b7",
            "?batch_id=b7",
            vec![lines_type, gzip],
            [packed(lines(&rows()[..3]).as_bytes()), packed(lines(&rows()[3..]).as_bytes())].concat(),
        ),
    ] {
        let answer = send(&world.api, query, &headers, body).await;
        let expected = json!({
            "batch_id": id, "accepted": 2, "errors_total": 5,
            "errors": [
                "row 3: missing required fields: command_id, deadline, issued_by, satellite_id, signature",
                "row 3: intent must be a string",
                "row 4: command must be object",
                "row 5: invalid deadline (it is no ISO 8601 time within the years 1 to 9999)",
                "row 6: payload must be object",
            ],
            "stats": {"rows": 7, "accepted": 2, "rejected": 4, "duplicates": 1},
        });
        assert_eq!(result(answer.json(200)), expected);
        let status = world.api.get(&format!("{BATCHES}/{id}")).await.json(200);
        assert_eq!(
            (&status["completed"], &status["recorded"], &status["errors"]),
            (&json!(true), &json!(8), &expected["errors"]),
            "{status}"
        );
    }
    let accepted: Vec<_> = world.api.pages("/api/v1/events?page_size=500&stream=intake:default:b1").await;
    let types: Vec<_> = accepted.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(types.iter().filter(|kind| *kind == "command_accepted").count(), 2);
    let ids: Vec<_> = accepted.iter().filter_map(|event| event["data"]["command_id"].as_str()).collect();
    assert_eq!(ids, ["a", "b"], "in the order of their deadlines, then ids");
}

#[tokio::test]
async fn the_same_rows_under_the_same_name_come_in_once() {
    let world = World::durable();
    let body = |rows: Vec<Value>| json!({"batch_id": "night", "rows": rows});
    let first = world.api.post(BATCHES, body(rows())).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let events = world.api.feed().await.len();
    let world = world.killed_and_restarted();
    let again = world.api.post(BATCHES, body(rows())).await;
    assert_eq!((again.json(200), again.header("idempotency-replayed")), (first.json(200), Some("true")));
    let as_lines = send(&world.api, "?batch_id=night", &[("content-type", LINES)], lines(&rows()).into_bytes()).await;
    assert_eq!(as_lines.json(200), first.json(200), "however they are sent");
    for other in [rows()[1..].to_vec(), vec![], [rows(), vec![json!(1)]].concat()] {
        let refused = world.api.post(BATCHES, body(other)).await;
        assert_eq!(refused.faults(409, "idempotency_key_reused"), ["batch_id: idempotency_key_reused"]);
    }
    assert_eq!(world.api.feed().await.len(), events);
    let empty = world.api.post(BATCHES, json!({"batch_id": "nothing", "rows": []})).await.json(200);
    assert_eq!((&empty["accepted"], &empty["errors_total"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn errors_are_read_page_by_page() {
    let world = World::open();
    let bad: Vec<_> = (0..1_200).map(|n| json!(n)).collect();
    let answer = world.api.post(BATCHES, json!({"batch_id": "bad", "rows": bad})).await.json(200);
    assert_eq!((answer["errors"].as_array().map(Vec::len), &answer["errors_total"]), (Some(1_000), &json!(1_200)));
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.api.get(&format!("{BATCHES}/bad?page_size=500{cursor}")).await.json(200);
        found.extend(page["errors"].as_array().expect("a list").iter().map(|error| error.as_str().expect("a text").to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..1_200).map(|row| format!("row {row}: command must be object")).collect();
    assert_eq!(found, expected);
    for cursor in ["x", "i", "i-1", "i99999999999999999999"] {
        world.api.get(&format!("{BATCHES}/bad?cursor={cursor}")).await.problem(400, "invalid_cursor");
    }
    for id in ["nobody", "-", "%00"] {
        world.api.get(&format!("{BATCHES}/{id}")).await.problem(404, "entity_not_found");
    }
}

#[tokio::test]
async fn what_is_no_batch_is_refused_and_leaves_nothing() {
    let world = World::configured("[intake]\nrows_max = 10\n");
    let json_type = [("content-type", "application/json")];
    let lines_type = [("content-type", LINES)];
    let rows_of = |count: usize| json!((0..count).collect::<Vec<_>>()).to_string();
    let whole = packed(b"[1,2,3]");
    for (query, headers, body, status, code) in [
        ("", &json_type[..], b"".to_vec(), 400, "malformed_json"),
        ("", &json_type, b"null".to_vec(), 400, "malformed_json"),
        ("", &json_type, b"[]".to_vec(), 400, "missing_field"),
        ("", &json_type, b"{}".to_vec(), 400, "missing_field"),
        ("", &json_type, br#"{"batch_id":"b"}"#.to_vec(), 400, "missing_field"),
        ("", &json_type, br#"{"batch_id":"-","rows":[]}"#.to_vec(), 400, "invalid_id"),
        ("", &json_type, br#"{"batch_id":7,"rows":[]}"#.to_vec(), 400, "invalid_id"),
        ("", &json_type, br#"{"batch_id":"b","rows":{}}"#.to_vec(), 400, "invalid_field"),
        ("", &json_type, br#"{"batch_id":"b","rows":[],"mode":1}"#.to_vec(), 400, "unknown_field"),
        ("", &json_type, br#"{"batch_id":"b","batch_id":"b","rows":[]}"#.to_vec(), 400, "duplicate_key"),
        ("?batch_id=b", &json_type, br#"{"batch_id":"c","rows":[]}"#.to_vec(), 400, "invalid_field"),
        ("?batch_id=b", &json_type, b"[1,2".to_vec(), 400, "malformed_json"),
        ("?batch_id=b", &json_type, b"{}\n{}\n".to_vec(), 400, "malformed_json"),
        ("?batch_id=-", &json_type, b"[]".to_vec(), 400, "invalid_id"),
        ("?batch=b", &json_type, b"[]".to_vec(), 400, "unknown_field"),
        ("", &lines_type, b"{}\n".to_vec(), 400, "missing_field"),
        ("?batch_id=b", &json_type, rows_of(11).into_bytes(), 413, "body_too_large"),
        ("?batch_id=b", &[("content-type", "text/plain")], b"[]".to_vec(), 415, "unsupported_media_type"),
        ("?batch_id=b", &[("content-type", "application/json"), ("content-encoding", "br")], b"[]".to_vec(), 415, "unsupported_media_type"),
        ("?batch_id=b", &[("content-type", "application/json"), ("content-encoding", "gzip")], b"[]".to_vec(), 400, "bad_request"),
        (
            "?batch_id=b",
            &[("content-type", "application/json"), ("content-encoding", "gzip")],
            whole[..whole.len() - 6].to_vec(),
            400,
            "bad_request",
        ),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = send(&world.api, query, headers, body).await;
        assert_eq!(answer.status, status, "{query} {shown}: {}", answer.text);
        answer.problem(status, code);
    }
    world.api.get(&format!("{BATCHES}/b")).await.problem(404, "entity_not_found");
    assert_eq!(world.api.feed().await.len(), 0);
    send(&world.api, "?batch_id=b", &json_type, rows_of(10).into_bytes()).await.json(200);
}

/// Rows that do not depend on what time it is.
fn any_row() -> impl Strategy<Value = Value> {
    let deadline = prop_oneof![
        4 => (0..50_i64).prop_map(|n| json!(40_000_000_000_i64 + n)),
        1 => prop::sample::select(vec![json!(7), json!("never"), json!("2999-01-01T00:00:00"), Value::Null]),
    ];
    let good = ("[a-z]{1,2}", prop::sample::select(vec!["r", "s"]), deadline).prop_map(|(id, satellite, deadline)| {
        let mut row = row(&id, deadline);
        row["satellite_id"] = json!(satellite);
        row
    });
    prop_oneof![8 => good, 1 => prop::sample::select(vec![json!(null), json!({}), json!({"intent": 3, "payload": 1})])]
}

#[tokio::test]
async fn intake_side_by_side_is_intake_in_sequence() {
    let world = World::open();
    let rows = prop::collection::vec(any_row(), 6_000..6_001).new_tree(&mut TestRunner::deterministic()).expect("rows").current();
    let plain = run(rows.clone(), Timestamp::from_micros(1_700_000_000_000_000), Duration::ZERO);
    let answer = send(&world.api, "?batch_id=many", &[("content-type", LINES)], lines(&rows).into_bytes()).await.json(200);
    assert_eq!(answer["stats"]["duplicates"], plain.stats.duplicates);
    let events = world.api.pages("/api/v1/events?page_size=500&stream=intake:default:many").await;
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).map(|event| event["data"].clone()).collect::<Vec<_>>();
    let accepted: Vec<_> = plain.accepted.iter().map(|command| serde_json::to_value(command).expect("JSON")).collect();
    let rejected: Vec<_> = plain.errors.iter().map(|error| json!({"row": error.row, "error": error.message})).collect();
    assert!(!accepted.is_empty() && !rejected.is_empty());
    assert_eq!((of("command_accepted"), of("command_rejected")), (accepted, rejected));
}

/// The most memory that the server has had, in kilobytes.
fn peak_kb(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.server.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// Sends a body in chunks until it has all gone out, or the server has heard enough.
fn stream(address: &str, path: &str, content: &str, chunk: &[u8], bytes: u64) -> super::answer::Answer {
    let mut socket: TcpStream = raw::connect(address);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).expect("the head");
    let piece = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    let mut sent = 0;
    while sent < bytes && socket.write_all(&piece).is_ok() {
        sent += chunk.len() as u64;
    }
    drop(socket.write_all(b"0\r\n\r\n"));
    raw::read_one(&mut socket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_far_too_large_is_refused_and_memory_stays_flat() {
    let world = World::configured("[intake]\nbytes_max = 134217728\n");
    let before = peak_kb(&world);
    let (address, two_gb) = (world.server.address.clone(), 2 << 30);
    let orders = stream(&address, super::orders::ORDERS, "application/json", &[b'['; 65_536], two_gb);
    orders.problem(413, "body_too_large");
    // One line without an end, and lines without number.
    let long = stream(&address, &format!("{BATCHES}?batch_id=long"), LINES, &[b'x'; 65_536], two_gb);
    long.problem(413, "body_too_large");
    let many = stream(&address, &format!("{BATCHES}?batch_id=many"), LINES, "7\n".repeat(32_768).as_bytes(), two_gb);
    many.problem(413, "body_too_large");
    let grown = peak_kb(&world) - before;
    assert!(grown < FLAT_KB, "{grown} kB");
    assert_eq!(world.api.get("/health").await.status, 200);
    assert_eq!(world.api.feed().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_is_refused_and_memory_stays_flat() {
    // Less than it may unpack to elsewhere, but more than it may keep.
    let world = World::configured("[intake]\nbytes_max = 134217728\n");
    let before = peak_kb(&world);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b' '; 1 << 20];
    (0..512).for_each(|_| encoder.write_all(&piece).expect("memory"));
    let bomb = encoder.finish().expect("memory");
    assert!(bomb.len() < 1 << 20);
    for content in ["application/json", LINES] {
        let headers = [("content-type", content), ("content-encoding", "gzip")];
        send(&world.api, "?batch_id=bomb", &headers, bomb.clone()).await.problem(413, "body_too_large");
    }
    let grown = peak_kb(&world) - before;
    assert!(grown < FLAT_KB, "{grown} kB");
    assert_eq!(world.api.get("/health").await.status, 200);
    assert_eq!(world.api.feed().await.len(), 0);
}

/// A batch that does not end, of which the server has seen rows.
async fn unfinished(world: &World, id: &str, rows: usize) -> TcpStream {
    let mut socket = raw::connect(&world.server.address);
    let head =
        format!("POST {BATCHES}?batch_id={id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {LINES}\r\nContent-Length: 1000000\r\n\r\n");
    socket.write_all(format!("{head}{}", "7\n".repeat(rows)).as_bytes()).expect("sent");
    let path = "/api/v1/queues/intake/health";
    while world.api.get(path).await.json(200)["depth"] != rows {
        tokio::task::yield_now().await;
    }
    socket
}

#[tokio::test]
async fn who_comes_while_the_intake_is_full_is_told_when_to_come_back() {
    let world = World::configured("[intake]\nlimit = 10\n");
    let api = &world.api;
    let first = unfinished(&world, "first", 9).await;
    let same = send(api, "?batch_id=first", &[("content-type", LINES)], b"7\n".to_vec()).await;
    assert_eq!(same.faults(409, "idempotency_key_in_flight"), ["batch_id: idempotency_key_in_flight"]);
    let other = send(api, "?batch_id=other", &[("content-type", LINES)], b"".to_vec()).await;
    assert_eq!((other.status, other.header("retry-after")), (200, Some("1")), "nearly full: {}", other.text);
    drop(first);
    while api.get("/api/v1/queues/intake/health").await.json(200)["depth"] != 0 {
        tokio::task::yield_now().await;
    }
    let _second = unfinished(&world, "second", 10).await;
    let full = send(api, "?batch_id=third", &[("content-type", LINES)], b"7\n".to_vec()).await;
    full.problem(429, "overloaded");
    assert_eq!(api.get("/api/v1/queues/intake/health").await.json(200)["backpressure"], "shed");
}

#[tokio::test]
async fn the_same_name_in_two_organisations_is_two_batches() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "dispatcher"), guarded.member("umbra", "dispatcher"));
    let batch = json!({"batch_id": "b", "rows": rows()});
    acme.post(BATCHES, batch.clone()).await.json(200);
    umbra.get(&format!("{BATCHES}/b")).await.problem(404, "entity_not_found");
    let second = umbra.post(BATCHES, batch).await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (200, None));
}
