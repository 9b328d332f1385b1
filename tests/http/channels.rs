//! Channels over HTTP: what is set up is shown without secrets, what cannot be is refused with every fault, and nothing around
//! the server is called unless the configuration names it.

use super::failover::{CHANNELS, ROUTE, channel, state, world};
use super::given::World;
use crate::support::gateway::{Gateway, Manner};
use serde_json::{Value, json};

fn http(url: &str) -> Value {
    json!({"kind": "http", "url": url})
}

#[tokio::test]
async fn a_channel_is_set_up_changed_listed_and_taken_away() {
    let world = World::open();
    let api = &world.api;
    let made =
        api.post(CHANNELS, json!({"name": "radio", "driver": http("https://radio.example/send"), "breaker": {"profile": "http"}})).await;
    let body = made.json(201);
    assert_eq!(made.header("location"), Some("/api/v1/channels/radio"));
    assert_eq!((&body["state"], &body["reliability"], &body["score"]), (&json!("closed"), &json!(1.0), &json!(1.0)));
    assert_eq!(body["driver"], json!({"kind": "http", "url": "https://radio.example/send", "method": "POST", "timeout_ms": 30_000}));
    assert_eq!(api.get(&format!("{CHANNELS}/radio")).await.json(200), body);
    let again = json!({"name": "radio", "driver": http("https://radio.example/send")});
    api.post(CHANNELS, again).await.problem(409, "duplicate_entity");
    let simulated = json!({"driver": {"kind": "simulated", "latency_ms": 5}});
    let changed = api.put(&format!("{CHANNELS}/radio"), simulated.clone()).await.json(200);
    assert_eq!(changed["driver"]["kind"], "simulated");
    api.put(&format!("{CHANNELS}/radio"), simulated.clone()).await.problem(409, "no_change");
    api.put(&format!("{CHANNELS}/nobody"), simulated).await.problem(404, "channel_not_found");
    for name in ["a", "b"] {
        api.post(CHANNELS, json!({"name": name, "driver": {"kind": "simulated", "latency_ms": 1}})).await.json(201);
    }
    let names: Vec<_> = api.pages(&format!("{CHANNELS}?page_size=2")).await.iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "radio"]);
    api.delete(&format!("{CHANNELS}/radio")).await.json(200);
    api.get(&format!("{CHANNELS}/radio")).await.problem(404, "channel_not_found");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let world = World::open();
    let api = &world.api;
    let headers = json!({"Authorization": "Bearer hunter2", "X-Two": {"env": "PATH"}});
    let driver = json!({"kind": "http", "url": "https://radio.example/", "method": "TRACE", "headers": headers});
    let wrong = json!({"name": "radio", "driver": driver, "breaker": {"failure_threshold": 0, "jitter": 2.0}});
    let refused = api.post(CHANNELS, wrong).await;
    let expected = [
        "driver.method: invalid_field",
        "driver.headers.Authorization: invalid_field",
        "driver.headers.X-Two: invalid_field",
        "breaker.failure_threshold: invalid_breaker_policy",
        "breaker.jitter: invalid_breaker_policy",
    ];
    assert_eq!(refused.faults(400, "invalid_field"), expected);
    assert!(!refused.text.contains("hunter2"), "{}", refused.text);
    let with = |driver: Value| json!({"name": "radio", "driver": driver});
    for (driver, code) in [
        (json!({"kind": "nats", "subject": "a.b"}), "missing_field"),
        (json!({"kind": "pigeon"}), "invalid_field"),
        (json!({"kind": "simulated", "latency_ms": 1, "colour": 1}), "unknown_field"),
        (http("ftp://radio.example/"), "invalid_field"),
        (http("https://user:hunter2@radio.example/"), "invalid_field"),
        (json!({"kind": "http", "url": "https://radio.example/", "body": "{{ "}), "invalid_field"),
        (
            json!({"kind": "http", "url": "https://radio.example/", "headers": {"X-Key": {"env": "IONVEIL_SECRET_NOBODY"}}}),
            "unknown_secret",
        ),
    ] {
        let refused = api.post(CHANNELS, with(driver.clone())).await;
        refused.problem(400, code);
        assert!(!refused.text.contains("hunter2"), "{driver}");
    }
    let custom = json!({"name": "radio", "driver": {"kind": "simulated", "latency_ms": 1}, "detector": {"kind": "custom", "name": "mine"}});
    api.post(CHANNELS, custom).await.problem(400, "unknown_detector");
}

#[tokio::test]
async fn hostile_addresses_are_refused_and_loopback_is_among_them() {
    let world = World::open();
    let api = &world.api;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "169.254.169.254",
        "0xa9fea9fe",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "192.168.1.1",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
    ] {
        let body = json!({"name": "radio", "driver": http(&format!("http://{host}:8080/send"))});
        let refused = api.post(CHANNELS, body).await;
        assert_eq!(refused.faults(400, "address_not_allowed"), ["driver.url: address_not_allowed"], "{host}");
    }
    // A name that leads to loopback is seen when it is resolved.
    api.post(CHANNELS, json!({"name": "radio", "driver": http("http://localhost:9/send")})).await.json(201);
    let request = json!({"dispatch_id": "d", "primary": "radio", "latency_threshold_ms": 5_000});
    let answer = api.post(ROUTE, request).await.problem(503, "all_channels_failed");
    assert_eq!(answer["attempts"][0]["reason"], "address_not_allowed", "{answer}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (world, target) = (world(), Gateway::start(Manner::Answer(200, "")).await);
    let location: &'static str = Box::leak(format!("location: {}\r\n", target.url()).into_boxed_str());
    let sly = Gateway::start(Manner::Answer(307, location)).await;
    channel(&world.api, "radio", &sly, json!({})).await;
    let request = json!({"dispatch_id": "d", "primary": "radio", "latency_threshold_ms": 5_000});
    let answer = world.api.post(ROUTE, request).await.problem(503, "all_channels_failed");
    assert_eq!(answer["attempts"][0]["http_status"], 307);
    assert_eq!((sly.heard().len(), target.heard().len()), (1, 0));
}

#[tokio::test]
async fn headers_take_secrets_from_files_and_a_template_makes_the_body() {
    let secrets = tempfile::tempdir().expect("a folder");
    std::fs::write(secrets.path().join("radio"), "Bearer hunter2\n").expect("a secret");
    let folder = secrets.path().to_str().expect("UTF-8");
    let world = World::configured(&format!("[channels]\nallow = [\"127.0.0.0/8\"]\nsecrets_dir = {folder:?}\n"));
    let radio = Gateway::start(Manner::Answer(200, "")).await;
    let headers = json!({"Authorization": {"file": "radio"}, "X-Plain": "north"});
    let body = r#"{"id": {{ dispatch_id | tojson }}, "say": {{ payload.text | tojson }}}"#;
    let driver = json!({"kind": "http", "url": radio.url(), "method": "PUT", "headers": headers, "body": body});
    let made = world.api.post(CHANNELS, json!({"name": "radio", "driver": driver})).await;
    made.json(201);
    let request = json!({"dispatch_id": "d", "primary": "radio", "latency_threshold_ms": 5_000, "payload": {"text": "a \"b\""}});
    world.api.post(ROUTE, request).await.json(200);
    let heard = radio.heard().remove(0);
    for part in ["PUT /send", "authorization: Bearer hunter2", "x-plain: north", r#"{"id": "d", "say": "a \"b\""}"#] {
        assert!(heard.contains(part), "{part} in {heard}");
    }
    let shown = state(&world.api, "radio").await.to_string();
    let events = world.api.feed().await.iter().map(Value::to_string).collect::<String>();
    assert!(!shown.contains("hunter2") && !events.contains("hunter2") && !world.server.log().contains("hunter2"));
}
