//! Alerts of Prometheus and of an Alertmanager, in and out, over real receivers on loopback.

use super::alerts::{alert, breach, policy, recipient, settings, until};
use super::client::Api;
use super::given::{Guarded, World};
use crate::support::gateway::{Gateway, Manner};
use crate::support::server::Server;
use serde_json::{Value, json};

const POST: &str = "/api/v2/alerts";
const HOOK: &str = "/api/v1/integrations/alertmanager";
const LATER: &str = "2999-01-01T00:00:00Z";

fn latency(ends_at: &str) -> Value {
    json!({
        "labels": {"alertname": "HighLatency", "severity": "critical", "job": "api"},
        "annotations": {"summary": "the api is slow", "description": "2 s", "runbook_url": "https://wiki/x"},
        "startsAt": "2026-01-01T00:00:00.123456789Z",
        "endsAt": ends_at,
        "generatorURL": "http://prometheus/graph?g0.expr=x",
    })
}

/// The alerts in this status, once there are so many.
async fn listed(api: &Api, status: &str, count: u64) -> Vec<Value> {
    until(async || {
        let list = api.get(&format!("/api/v1/alerts?status={status}")).await.json(200);
        (list["total"] == count).then(|| list["items"].as_array().cloned().unwrap_or_default())
    })
    .await
}

fn id(alert: &Value) -> String {
    alert["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn what_prometheus_sends_pages_once_until_it_ends_and_is_another_afterwards() {
    let slack = Gateway::start(Manner::Answer(200, "")).await;
    let world = World::configured(&settings(None, ""));
    let api = &world.api;
    recipient(api, "desk", json!({"slack": slack.url()})).await;
    policy(api, &[("L1", &["desk"], &["slack"])]).await;
    for _sent_again in 0..3 {
        assert_eq!(api.post(POST, json!([latency(LATER)])).await.json(200), json!({"accepted": 1}));
    }
    let first = id(&listed(api, "open", 1).await[0]);
    until(async || (slack.heard().len() == 1).then_some(())).await;
    assert!(slack.heard()[0].contains("the api is slow"), "{:?}", slack.heard());
    let shown = alert(api, &first).await;
    assert!(shown["rule"].as_str().is_some_and(|rule| rule.starts_with("alertmanager:HighLatency:")), "{shown}");
    assert_eq!((&shown["severity"], &shown["description"]), (&json!("critical"), &json!("2 s")));
    assert_eq!((&shown["origin"]["labels"]["job"], &shown["origin"]["url"]), (&json!("api"), &json!("http://prometheus/graph?g0.expr=x")));
    api.post(POST, json!([latency("2026-01-01T00:01:00Z")])).await.json(200);
    assert_eq!(id(&listed(api, "resolved", 1).await[0]), first);
    api.post(POST, json!([latency(LATER)])).await.json(200);
    let second = id(&listed(api, "open", 1).await[0]);
    assert_ne!(second, first);
    until(async || (slack.heard().len() == 2).then_some(())).await;
    api.post(&format!("/api/v1/alerts/{second}/acknowledge"), json!({})).await.json(200);
    listed(api, "acknowledged", 1).await;
    let now_less = json!({"labels": {"alertname": "NoEnd"}});
    api.post(POST, json!([now_less])).await.json(200);
    assert_eq!(listed(api, "open", 1).await[0]["severity"], "warning");
}

#[tokio::test]
async fn the_webhook_of_an_alertmanager_opens_and_resolves() {
    let world = World::configured(&settings(None, ""));
    let api = &world.api;
    let hook = |status: &str| {
        let one = json!({"status": status, "labels": {"alertname": "Disk", "severity": "page"}, "annotations": {},
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "f"});
        json!({"version": "4", "groupKey": "g", "truncatedAlerts": 0, "status": status, "receiver": "ionveil", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager", "alerts": [one]})
    };
    api.post(HOOK, hook("firing")).await.json(200);
    let open = listed(api, "open", 1).await;
    assert_eq!((&open[0]["severity"], &open[0]["title"]), (&json!("warning"), &json!("Disk")));
    api.post(HOOK, hook("resolved")).await.json(200);
    assert_eq!(id(&listed(api, "resolved", 1).await[0]), id(&open[0]));
}

#[tokio::test]
async fn sound_alerts_are_taken_in_beside_faulty_ones_whose_faults_are_all_told() {
    let world = World::configured(&settings(None, ""));
    let api = &world.api;
    let faulty = json!([
        {"labels": {}, "startsAt": "soon"},
        latency(LATER),
        {"labels": {"alertname": 7}},
        {"labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"},
    ]);
    let refused = api.post(POST, faulty).await.problem(400, "invalid_time");
    let faults = refused["errors"].as_array().expect("faults").iter();
    let places: Vec<_> = faults.map(|fault| (fault["index"].as_u64(), fault["field"].as_str().unwrap_or_default())).collect();
    assert_eq!(places, [(Some(0), "startsAt"), (Some(2), "labels.alertname"), (Some(3), "endsAt")]);
    listed(api, "open", 1).await;
    api.post(POST, json!(vec![json!({"labels": {"a": "b"}}); 1_001])).await.problem(400, "too_many_events");
    api.post(HOOK, json!({"version": "3", "alerts": []})).await.problem(400, "invalid_field");
    api.post(POST, json!({})).await.problem(400, "invalid_field");
}

#[tokio::test]
async fn an_alert_belongs_to_the_organisation_of_whoever_sends_it() {
    let world = Guarded::start();
    world.stranger().post(POST, json!([latency(LATER)])).await.problem(401, "unauthenticated");
    let prometheus = world.stranger().with("x-api-key", world.api_key.clone());
    prometheus.post(POST, json!([latency(LATER)])).await.json(200);
    let own = listed(&world.member("acme", "operator"), "open", 1).await;
    let other = world.member("other", "admin");
    listed(&other, "open", 0).await;
    other.get(&format!("/api/v1/alerts/{}", id(&own[0]))).await.problem(404, "not_found");
}

/// The alerts that an Alertmanager was told, oldest first.
fn told(alertmanager: &Gateway) -> Vec<Value> {
    let bodies = alertmanager.heard().into_iter().filter_map(|request| {
        assert!(request.starts_with("POST /api/v2/alerts "), "{request}");
        serde_json::from_str::<Vec<Value>>(request.split_once("\r\n\r\n")?.1).ok()
    });
    bodies.flatten().collect()
}

#[tokio::test]
async fn an_alertmanager_is_told_of_our_own_alerts_again_and_again_until_they_are_over_also_after_a_kill() {
    let alertmanager = Gateway::start(Manner::Answer(503, "")).await;
    let more = format!("alertmanager = \"http://{}/\"\nalertmanager_resend_s = 1\n", alertmanager.address);
    let world = World::durable_configured(&settings(None, &more));
    world.api.post(POST, json!([latency(LATER)])).await.json(200);
    let alert = breach(&world.api, "i1").await;
    until(async || (!told(&alertmanager).is_empty()).then_some(())).await;
    let (server, dir) = world.into_parts();
    server.kill();
    let before = told(&alertmanager).len();
    alertmanager.turn(Manner::Answer(200, ""));
    let config = dir.path().join("config.toml");
    let server = Server::start(dir.path(), &["--config", config.to_str().expect("UTF-8")]);
    until(async || (told(&alertmanager).len() >= before + 3).then_some(())).await;
    let all = told(&alertmanager);
    for one in &all {
        assert_eq!((&one["labels"]["alertname"], &one["labels"]["alert"]), (&json!("sla-breach"), &json!(alert)), "none but our own");
        assert_eq!((&one["labels"]["severity"], &one["labels"]["incident"]), (&json!("critical"), &json!("i1")));
    }
    let end = |one: &Value| one["endsAt"].as_str().and_then(|end| end.parse::<jiff::Timestamp>().ok()).expect("an end");
    let ends: Vec<_> = all[before..].iter().map(end).collect();
    assert!(ends.is_sorted() && ends.first() < ends.last(), "each time it lasts longer: {ends:?}");
    let api = Api::of(&server.address);
    api.post(&format!("/api/v1/alerts/{alert}/resolve"), json!({"note": "done"})).await.json(200);
    let resolved = super::alerts::alert(&api, &alert).await["resolved"]["at"].clone();
    until(async || told(&alertmanager).iter().any(|one| one["endsAt"] == resolved).then_some(())).await;
}
