//! Hostile bytes on the wire: bent request lines, doubled headers, broken framing, half requests. The server answers each
//! in the one form that clients know, stores nothing of it, and goes on serving others.

use super::given::World;
use super::raw::{ask, assert_refused, connect, exchange, read_one};
use std::io::Write;

const BODY: &str = r#"{"id":"smuggled","machine":"dispatch"}"#;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /api/v1/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

async fn assert_nothing_stored(world: &World) {
    assert_eq!(world.api.feed().await, Vec::<serde_json::Value>::new());
    assert_eq!(world.api.get("/health").await.status, 200, "it still serves");
}

#[tokio::test]
async fn path_tricks_lead_nowhere() {
    let world = World::open();
    for (path, code) in [
        ("/api/v1/workflows/..%2f..%2fhealth", "entity_not_found"),
        ("/api/v1/workflows/%2e%2e", "entity_not_found"),
        ("/api/v1/workflows/..", "entity_not_found"),
        ("/api/v1/workflows/../../../etc/passwd", "not_found"),
        ("/docs/../../../../etc/passwd", "not_found"),
        ("/docs/..%2f..%2f..%2fetc%2fpasswd", "not_found"),
        ("/docs/errors/..%2fREADME", "not_found"),
        ("//api/v1/workflows", "not_found"),
        ("/api//v1/workflows", "not_found"),
        ("/api/v1/workflows//", "not_found"),
        ("/api/v1/workflows/a%00b", "entity_not_found"),
        ("/api/v1/workflows/%00", "entity_not_found"),
        ("/api/v1/workflows/a%0d%0aX:%20y", "entity_not_found"),
        ("/api/v1/workflows/%c0%ae%c0%ae", "entity_not_found"),
        ("/api/v1/workflows/%ff", "entity_not_found"),
        ("/api/v1/workflows/%zz", "entity_not_found"),
        ("/api/v1/workflows/%", "entity_not_found"),
        ("/api/v1/workflows/a%20b", "entity_not_found"),
        ("/API/V1/workflows", "not_found"),
        ("/api/v1/workflows;a=b", "not_found"),
        ("/health%2flive", "not_found"),
        ("/health/..;/metrics", "not_found"),
    ] {
        let answer = ask(&world.server.address, get(path).as_bytes());
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        answer.problem(404, code);
    }
    for long in [format!("/api/v1/workflows/{}", "a".repeat(10_240)), format!("/{}", "a/".repeat(5_000))] {
        assert_eq!(ask(&world.server.address, get(&long).as_bytes()).status, 404);
    }
    assert_nothing_stored(&world).await;
}

#[tokio::test]
async fn a_foreign_host_is_refused_wherever_it_stands() {
    let world = World::open();
    let line = |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    for (target, headers, status) in [
        ("/health", "Host: localhost\r\n", 200),
        ("http://localhost/health", "Host: localhost\r\n", 200),
        ("http://evil.example/health", "Host: localhost\r\n", 403),
        ("http://evil.example:80/api/v1/events", "Host: evil.example\r\n", 403),
        ("http://localhost/health", "Host: evil.example\r\n", 403),
        ("/health", "Host: evil.example\r\n", 403),
        ("/health", "Host: localhost\r\nHost: evil.example\r\n", 400),
        ("/health", "Host: evil.example\r\nHost: localhost\r\n", 400),
        ("/health", "Host: localhost\r\nHost: localhost\r\n", 400),
        ("/health", "", 400),
        ("/health", "Host: local host\r\n", 403),
        ("/health", "Host:\r\n", 403),
    ] {
        let answer = ask(&world.server.address, line(target, headers).as_bytes());
        assert_eq!(answer.status, status, "{target} {headers}: {}", answer.text);
        if status >= 400 {
            assert_refused(target, &answer);
        }
    }
    let old = ask(&world.server.address, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n");
    assert_eq!(old.status, 200, "HTTP/1.0 is answered");
    ask(&world.server.address, b"GET /health HTTP/1.0\r\n\r\n").problem(403, "host_not_allowed");
}

/// Name and bytes of requests that are none.
fn bent() -> Vec<(&'static str, Vec<u8>)> {
    let flood: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let big = format!("X: {}\r\n", "x".repeat(200_000));
    let host = "Host: localhost\r\n";
    let head = |text: String| text.into_bytes();
    let chunked = |chunks: &str| post("Transfer-Encoding: chunked\r\n", chunks);
    vec![
        ("no request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("words", b"hello there\r\n\r\n".to_vec()),
        ("a space in the path", head(format!("GET /a b HTTP/1.1\r\n{host}\r\n"))),
        ("control characters in the path", head(format!("GET /a\x01b HTTP/1.1\r\n{host}\r\n"))),
        ("raw bytes in the path", [b"GET /\xff\xfe HTTP/1.1\r\n", host.as_bytes(), b"\r\n"].concat()),
        ("no path", head(format!("GET  HTTP/1.1\r\n{host}\r\n"))),
        ("a relative path", head(format!("GET api HTTP/1.1\r\n{host}Connection: close\r\n\r\n"))),
        ("another version", head(format!("GET / HTTP/3.7\r\n{host}\r\n"))),
        ("a header without a colon", head(format!("GET /health HTTP/1.1\r\n{host}oops\r\n\r\n"))),
        ("a header's name with a space", head(format!("GET /health HTTP/1.1\r\n{host}a b: c\r\n\r\n"))),
        ("a folded header", head(format!("GET /health HTTP/1.1\r\n{host}a: b\r\n c\r\n\r\n"))),
        ("NUL in a header", head(format!("GET /health HTTP/1.1\r\n{host}a: b\x00c\r\n\r\n"))),
        ("a flood of headers", head(format!("GET /health HTTP/1.1\r\n{host}{flood}\r\n"))),
        ("a huge header", head(format!("GET /health HTTP/1.1\r\n{host}{big}\r\n"))),
        ("a method that is none", head(format!("G(T /health HTTP/1.1\r\n{host}\r\n"))),
        ("two lengths", head(post("Content-Length: 38\r\nContent-Length: 5\r\n", BODY))),
        ("a negative length", head(post("Content-Length: -1\r\n", BODY))),
        ("a length with a sign", head(post("Content-Length: +38\r\n", BODY))),
        ("a length that is none", head(post("Content-Length: many\r\n", BODY))),
        ("a length and chunks", head(post("Content-Length: 38\r\nTransfer-Encoding: chunked\r\n", &format!("26\r\n{BODY}\r\n0\r\n\r\n")))),
        ("chunks that are not last", head(post("Transfer-Encoding: chunked, identity\r\n", &format!("26\r\n{BODY}\r\n0\r\n\r\n")))),
        ("a chunk's size that is none", head(chunked(&format!("zz\r\n{BODY}\r\n0\r\n\r\n")))),
        ("a chunk's size beyond all", head(chunked(&format!("fffffffffffffffff\r\n{BODY}\r\n0\r\n\r\n")))),
        ("an end before the end", head(post("Content-Length: 500\r\n", BODY))),
        ("chunks without an end", head(chunked(&format!("26\r\n{BODY}\r\n")))),
    ]
}

#[tokio::test]
async fn bent_requests_are_refused_in_the_form_of_all_refusals() {
    let world = World::open();
    for (name, bytes) in bent() {
        let answers = exchange(&world.server.address, &bytes);
        assert!(answers.len() <= 1, "{name}: one answer, and the rest is not looked at: {answers:?}");
        for answer in &answers {
            assert_refused(name, answer);
        }
        println!("{name}: {:?}", answers.first().map(|answer| answer.status));
    }
    assert_nothing_stored(&world).await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_waited_for() {
    let world = World::open();
    let announced = post("Content-Length: 1000000000\r\n", "{");
    let mut stream = connect(&world.server.address);
    stream.write_all(announced.as_bytes()).expect("sent");
    read_one(&mut stream).problem(413, "body_too_large");
    let chunks = format!("{:x}\r\n{}\r\n", 100_000, " ".repeat(100_000)).repeat(3);
    let answer = ask(&world.server.address, post("Transfer-Encoding: chunked\r\n", &format!("{chunks}0\r\n\r\n")).as_bytes());
    answer.problem(413, "body_too_large");
    assert_nothing_stored(&world).await;
}

#[tokio::test]
async fn good_chunks_are_a_good_body() {
    let world = World::open();
    let (one, two) = BODY.split_at(7);
    let chunks = format!("{:x}\r\n{one}\r\n{:x};ext=1\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    let answer = ask(&world.server.address, post("Transfer-Encoding: chunked\r\n", &chunks).as_bytes());
    assert_eq!(answer.json(201)["id"], "smuggled");
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row_until_garbage_comes() {
    let world = World::open();
    let keep = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let row = format!("{keep}{keep}GET /nosuch HTTP/1.1\r\nHost: localhost\r\n\r\n{keep}\x00\x01garbage\r\n\r\n{keep}");
    let answers = exchange(&world.server.address, row.as_bytes());
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 404, 200, 400], "nothing behind the garbage is read");
    answers[4].problem(400, "bad_request");
    let empty = format!("POST /api/v1/workflows/w/cancel HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n{}", post("", ""));
    assert!(exchange(&world.server.address, empty.as_bytes()).iter().all(|answer| answer.status >= 400));
    assert_nothing_stored(&world).await;
}

#[tokio::test]
async fn half_requests_do_not_hold_up_whole_ones() {
    let world = World::open();
    let begun = post("Content-Length: 38\r\n", "{");
    let halves = ["", "G", "GET /health HTTP/1.1\r\nHost: loc", &begun];
    let mut waiting = Vec::new();
    for half in halves.iter().cycle().take(400) {
        let mut stream = connect(&world.server.address);
        stream.write_all(half.as_bytes()).expect("sent");
        waiting.push(stream);
    }
    for number in 0..20 {
        world.api.create(&format!("w{number}"), "dispatch").await;
    }
    assert_eq!(world.api.feed().await.len(), 20);
    drop(waiting);
    assert_eq!(world.api.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_head_that_stops_in_the_middle_is_given_up() {
    let world = World::open();
    let mut stream = connect(&world.server.address);
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: loc").expect("sent");
    read_one(&mut stream).problem(408, "request_timeout");
}

#[tokio::test]
async fn a_body_that_stops_in_the_middle_is_given_up() {
    let world = World::configured("[server]\nrequest_timeout_ms = 200\n");
    let mut stream = connect(&world.server.address);
    stream.write_all(post("Content-Length: 38\r\n", "{").as_bytes()).expect("sent");
    read_one(&mut stream).problem(408, "request_timeout");
    assert_nothing_stored(&world).await;
}
