//! The health of queues over HTTP: each with its own limit, judged by the thresholds that are configured, by one monitor.

use super::given::{Guarded, World};
use super::orders::{ORDERS, PLAN};
use serde_json::{Value, json};

fn orders(count: usize) -> Value {
    json!((0..count).map(|n| json!({"id": format!("o{n}"), "urgency": 1})).collect::<Vec<_>>())
}

#[tokio::test]
async fn each_queue_has_its_own_limit_and_starts_out_healthy() {
    let world = World::open();
    let list = world.api.get("/api/v1/queues").await.json(200);
    let shown: Vec<_> =
        list["items"].as_array().expect("a list").iter().map(|queue| (queue["name"].clone(), queue["limit"].clone())).collect();
    assert_eq!(shown, [(json!("pool"), json!(100_000)), (json!("intake"), json!(2_000_000)), (json!("outbox"), json!(10_000))]);
    for queue in list["items"].as_array().expect("a list") {
        assert_eq!((&queue["status"], &queue["backpressure"], &queue["depth"]), (&json!("healthy"), &json!("none"), &json!(0)), "{queue}");
        let alone = world.api.get(&format!("/api/v1/queues/{}/health", queue["name"].as_str().expect("a name"))).await.json(200);
        assert_eq!(&alone, queue);
    }
    world.api.get("/api/v1/queues/mailbox/health").await.problem(404, "not_found");
    world.api.get("/api/v1/queues?name=pool").await.problem(400, "unknown_field");
}

#[tokio::test]
async fn the_pool_is_judged_by_the_configured_thresholds() {
    let world = World::configured("[pool]\nlimit = 10\nwindow_ms = 0\n[queue]\nslow_p95_ms = 1000000.0\n");
    let api = &world.api;
    let health = || async { api.get("/api/v1/queues/pool/health").await.json(200) };
    let mut depth = 0;
    for (more, status, backpressure, alert) in [
        (5, "healthy", "none", None),
        (1, "warning", "none", Some("warning")),
        (2, "warning", "none", Some("warning")),
        (1, "critical", "throttle", Some("critical")),
        (1, "overloaded", "shed", Some("emergency")),
    ] {
        for n in depth..depth + more {
            api.post(ORDERS, json!({"id": format!("o{n}"), "urgency": 1})).await.json(201);
        }
        depth += more;
        let found = health().await;
        assert_eq!((&found["depth"], &found["status"], &found["backpressure"]), (&json!(depth), &json!(status), &json!(backpressure)));
        assert_eq!(found["alerts"].get(0).map(|alert| alert["severity"].clone()), alert.map(|severity| json!(severity)), "{found}");
        assert_eq!(found.get("wait_s"), None, "nobody knows how many leave");
    }
    let metrics = api.get("/metrics").await.text;
    for line in ["ionveil_queue_depth{queue=\"pool\"} 10", "ionveil_queue_status{queue=\"pool\",status=\"overloaded\"} 1"] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    api.post(PLAN, json!({"request_id": "r", "capacity": 4})).await.json(200);
    let found = health().await;
    assert_eq!((&found["depth"], &found["status"], &found["slow"]), (&json!(6), &json!("warning"), &json!(false)));
    assert!(found["wait_s"].is_number() && found["p95_ms"].is_number(), "{found}");
}

#[tokio::test]
async fn at_four_fifths_a_warning_stays_one_and_an_emergency_sheds() {
    let world = World::configured("[pool]\nlimit = 10\nwindow_ms = 0\n");
    world.api.post(ORDERS, orders(8)).await.json(201);
    let health = world.api.get("/api/v1/queues/pool/health").await.json(200);
    assert_eq!((&health["status"], &health["emergency"], &health["shed"]), (&json!("warning"), &json!(false), &json!(false)));
    super::policy_tree::add(&world.api, "city", "global", None).await;
    world.api.put("/api/v1/policy/root", json!({"level": "restricted", "authorization": "chief"})).await.json(200);
    let health = world.api.get("/api/v1/queues/pool/health").await.json(200);
    assert_eq!((&health["status"], &health["emergency"], &health["shed"]), (&json!("warning"), &json!(true), &json!(true)));
}

#[tokio::test]
async fn what_does_not_leave_waits_without_end() {
    let world = World::configured("[pool]\nwindow_ms = 0\n");
    world.api.post(ORDERS, orders(3)).await.json(201);
    world.api.post(PLAN, json!({"request_id": "r", "capacity": 0})).await.json(200);
    let health = world.api.get("/api/v1/queues/pool/health").await.json(200);
    assert_eq!((&health["wait_s"], &health["unbounded"]), (&Value::Null, &json!(true)), "{health}");
    assert!(health.as_object().is_some_and(|health| health.contains_key("wait_s")));
}

#[tokio::test]
async fn nobody_sees_how_full_others_are() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "dispatcher"), guarded.member("umbra", "operator"));
    acme.post(ORDERS, orders(5)).await.json(201);
    assert_eq!(acme.get("/api/v1/queues/pool/health").await.json(200)["depth"], 5);
    assert_eq!(umbra.get("/api/v1/queues/pool/health").await.json(200)["depth"], 0);
    let metrics = umbra.get("/metrics").await.text;
    assert!(!metrics.contains("acme"), "metrics name no organisation");
}
