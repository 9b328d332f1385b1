//! What another system reported of its dispatches: recorded with its source as it was, once, and nobody is moved by it.

use super::answer::Answer;
use super::client::Api;
use super::given::{Guarded, World};
use serde_json::{Value, json};

const REPORTS: &str = "/api/v1/dispatch/reports";

fn at(minute: u32) -> String {
    format!("2017-01-01T08:{minute:02}:00Z")
}

fn incident(id: &str) -> Value {
    json!({"kind": "incident", "id": id, "title": "Explosion", "description": "as told", "priority": 4, "latitude": 37.77, "longitude": -122.42,
        "source": "calls.csv:2", "occurred_at": at(0)})
}

fn unit(id: &str) -> Value {
    json!({"kind": "unit", "id": id, "name": id, "type": "engine", "agency": "SFFD", "occurred_at": at(0)})
}

fn stage(response: (&str, &str, &str), stage: &str, minute: u32) -> Value {
    let (id, incident, unit) = response;
    json!({"kind": "stage", "id": id, "incident": incident, "unit": unit, "stage": stage, "source": "calls.csv:2", "occurred_at": at(minute)})
}

async fn tell(api: &Api, report: &Value) -> Answer {
    let key = format!("{}-{}-{}-{}", report["kind"], report["id"], report["incident"], report["stage"]).replace('"', "");
    api.post_with(REPORTS, report.clone(), &[("idempotency-key", &key)]).await
}

#[tokio::test]
async fn work_on_two_calls_at_once_is_recorded_as_it_was_and_once() {
    let world = World::open();
    let api = &world.api;
    let (first, second) = (("i-u", "i", "u"), ("j-u", "j", "u"));
    let all = [
        incident("i"),
        incident("j"),
        unit("u"),
        stage(first, "dispatched", 1),
        stage(first, "on_scene", 2),
        stage(second, "dispatched", 3),
        stage(first, "available", 4),
        stage(second, "available", 5),
    ];
    for report in &all[..6] {
        tell(api, report).await.json(200);
    }
    let shown = api.get("/api/v1/units/u").await.json(200);
    assert_eq!((&shown["status"], &shown["incident"]), (&json!("dispatched"), &json!("j")), "{shown}");
    for report in &all[6..] {
        tell(api, report).await.json(200);
    }
    let i = api.get("/api/v1/incidents/i").await.json(200);
    assert_eq!((&i["status"], &i["priority"], &i["created_at"]), (&json!("on_scene"), &json!(4), &json!("2017-01-01T08:00:00Z")), "{i}");
    let version = i["version"].clone();
    for report in &all {
        let again = tell(api, report).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{report}");
    }
    let closed = json!({"kind": "closed", "incident": "i", "occurred_at": at(6)});
    tell(api, &closed).await.json(200);
    let i = api.get("/api/v1/incidents/i").await.json(200);
    assert_eq!((&i["status"], &i["closed_at"]), (&json!("closed"), &json!("2017-01-01T08:06:00Z")), "{i}");
    assert_eq!(i["version"].as_u64(), version.as_u64().map(|version| version + 1), "repeats added nothing");
    tell(api, &stage(("i-v", "i", "u"), "dispatched", 7)).await.problem(409, "terminal_incident");
}

#[tokio::test]
async fn who_is_at_work_by_a_report_is_sent_nowhere() {
    let world = World::open();
    let api = &world.api;
    for report in [incident("i"), unit("u"), stage(("i-u", "i", "u"), "dispatched", 1)] {
        tell(api, &report).await.json(200);
    }
    let busy = api.post("/api/v1/dispatch", json!({"incident": "i", "units": ["u"]})).await.json(200);
    assert_eq!((&busy["assigned"], &busy["skipped"][0]["reason"]), (&json!([]), &json!("busy")), "{busy}");
}

#[tokio::test]
async fn every_fault_of_a_report_is_told_and_dispatchers_may_not_make_any() {
    let guarded = Guarded::start();
    let (dispatcher, supervisor) = (guarded.member("acme", "dispatcher"), guarded.member("acme", "supervisor"));
    dispatcher.post(REPORTS, unit("u")).await.problem(403, "forbidden");
    supervisor.post(REPORTS, json!({"kind": "rumour", "occurred_at": at(0)})).await.problem(400, "invalid_field");
    let report = json!({"kind": "stage", "id": "a", "unit": "-", "stage": "lost", "source": "s", "occurred_at": at(0), "colour": "red"});
    let problem = supervisor.post(REPORTS, report).await;
    let problem: Value = serde_json::from_str(&problem.text).expect("JSON");
    let mut faults: Vec<_> = problem["errors"].as_array().expect("faults").iter().map(|fault| fault["field"].to_string()).collect();
    faults.sort_unstable();
    assert_eq!(faults, ["\"colour\"", "\"incident\"", "\"stage\"", "\"unit\""], "{problem}");
    supervisor.post(REPORTS, stage(("a", "i", "u"), "dispatched", 1)).await.problem(404, "entity_not_found");
}
