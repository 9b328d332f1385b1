//! Incidents over HTTP: from the report to the end, with every fault of a request at once.

use super::client::Api;
use super::given::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const INCIDENTS: &str = "/api/v1/incidents";

pub(super) fn at(id: &str) -> String {
    format!("{INCIDENTS}/{id}")
}

/// Reports an incident at a place, which must be lawful; its id.
pub(super) async fn report(api: &Api, title: &str, latitude: f64, longitude: f64) -> String {
    let body = json!({"title": title, "description": "as told", "latitude": latitude, "longitude": longitude});
    text(&api.post(INCIDENTS, body).await.json(201), "id")
}

pub(super) fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_else(|| panic!("{field} of {body}")).to_owned()
}

/// Waits until the lists have taken in everything that was recorded.
pub(super) async fn caught_up(api: &Api) {
    // A later position of a partition takes the place of an earlier one.
    let places = api.feed().await.into_iter().map(|event| {
        let position = text(&event, "position");
        let (partition, _) = position.split_once('-').expect("a place in a partition");
        (partition.to_owned(), position)
    });
    for position in places.collect::<BTreeMap<_, _>>().into_values() {
        api.get(&format!("{INCIDENTS}?after={position}")).await.json(200);
    }
}

async fn go(api: &Api, id: &str, to: &str) -> Value {
    api.post(&format!("{}/transitions", at(id)), json!({"to": to})).await.json(200)
}

#[tokio::test]
async fn an_incident_lives_from_report_to_close() {
    let world = World::open();
    let api = &world.api;
    let body =
        json!({"title": "Structure fire", "description": "smoke", "priority": 4, "latitude": 37.5, "longitude": -122.5, "zone": "B1"});
    let made = api.post(INCIDENTS, body).await;
    let incident = made.json(201);
    let id = text(&incident, "id");
    assert_eq!(made.header("location"), Some(at(&id).as_str()));
    assert_eq!((made.header("etag"), &incident["possible_duplicates"]), (Some("\"1\""), &json!([])));
    let (priority, category) = (&incident["priority"], &incident["category"]);
    assert_eq!((priority, category), (&json!(2), &json!("fire")), "what the texts say is more urgent, and says what it is");
    for (field, value) in [("status", "reported"), ("zone", "B1"), ("created_by", "anonymous")] {
        assert_eq!(incident[field], value, "{field}");
    }
    let shown = api.get(&at(&id)).await;
    assert_eq!((shown.header("etag"), shown.json(200)["title"].as_str()), (Some("\"1\""), Some("Structure fire")));
    let changed = api.send(api.request("PATCH", &at(&id)).json(&json!({"title": "Fire out", "priority": 5}))).await.json(200);
    assert_eq!((&changed["title"], &changed["priority"], &changed["version"]), (&json!("Fire out"), &json!(5), &json!(2)));
    for status in ["triaged", "dispatched", "en_route", "on_scene", "mitigated", "resolved"] {
        assert_eq!(go(api, &id, status).await["status"], status);
    }
    api.post(&format!("{}/remarks", at(&id)), json!({"text": "hydrant 7 is dry"})).await.json(200);
    let closed = api.post(&format!("{}/close", at(&id)), json!({})).await.json(200);
    assert_eq!((&closed["status"], closed["closed_at"].is_string()), (&json!("closed"), true));
    let again = api.send(api.request("POST", &format!("{}/close", at(&id)))).await.json(200);
    assert_eq!(again, closed, "who closes it again gets the same answer");
    let lines = api.pages(&format!("{}/timeline?page_size=3", at(&id))).await;
    let words: Vec<_> = lines.iter().map(|line| line["text"].as_str().expect("a text")).collect();
    assert_eq!(words[..3], ["reported, P2 by what the texts say", "changed: title, priority", "reported to triaged"]);
    assert_eq!((lines.len(), words[8]), (10, "hydrant 7 is dry"));
    assert_eq!(lines.iter().map(|line| line["sequence_number"].as_u64().unwrap()).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_state_forbids_is_a_conflict() {
    let world = World::open();
    let api = &world.api;
    let id = report(api, "call", 1.0, 1.0).await;
    let post = async |path: &str, body: Value| api.post(&format!("{}/{path}", at(&id)), body).await;
    post("transitions", json!({"to": "on_scene"})).await.problem(409, "invalid_transition");
    go(api, &id, "triaged").await;
    go(api, &id, "dispatched").await;
    post("close", json!({})).await.problem(409, "must_resolve_first");
    post("merge", json!({"secondary": id})).await.problem(400, "self_merge");
    let patch = async |body: Value| api.send(api.request("PATCH", &at(&id)).json(&body)).await;
    patch(json!({"title": "call"})).await.problem(409, "no_change");
    patch(json!({"title": "x", "expected_version": 1})).await.problem(409, "version_conflict");
    api.send(api.request("PATCH", &at(&id)).header("if-match", "\"1\"").json(&json!({"title": "x"})))
        .await
        .problem(412, "precondition_failed");
    assert_eq!(api.delete(&at(&id)).await.json(200)["archived"], true);
    api.delete(&at(&id)).await.json(200);
    patch(json!({"title": "x"})).await.problem(409, "terminal_incident");
    post("remarks", json!({"text": "x"})).await.problem(409, "terminal_incident");
    assert_eq!(api.get(&at(&id)).await.json(200)["archived"], true, "it stays in the record");
    caught_up(api).await;
    assert_eq!(api.get(INCIDENTS).await.json(200)["total"], 0, "and is in no list");
}

#[tokio::test]
async fn every_fault_of_a_report_is_told_at_once() {
    let world = World::open();
    let api = &world.api;
    let (long, latitude) = ("x".repeat(501), 91);
    let body = json!({"title": long, "description": "", "priority": 6, "latitude": latitude, "longitude": -181, "zone": "B1", "category": "c\u{0}"});
    let expected = [
        "title: invalid_text",
        "description: invalid_text",
        "priority: invalid_priority",
        "latitude: invalid_position",
        "longitude: invalid_position",
        "category: invalid_text",
    ];
    assert_eq!(api.post(INCIDENTS, body).await.faults(400, "invalid_text"), expected);
    for (body, code, faults) in [
        (
            json!({}),
            "missing_field",
            &["title: missing_field", "description: missing_field", "latitude: missing_field", "longitude: missing_field"][..],
        ),
        (
            json!({"title": 1, "description": "d", "latitude": "1", "longitude": null, "org_id": "x"}),
            "invalid_field",
            &["title: invalid_field", "latitude: invalid_field", "longitude: invalid_field", "org_id: unknown_field"],
        ),
        (json!({"title": "t", "description": "d", "latitude": 1, "longitude": 1, "zone": "no zone"}), "invalid_id", &["zone: invalid_id"]),
        (
            json!({"title": "t", "description": "d", "latitude": 1, "longitude": 1, "occurred_at": "10000-01-01T00:00:00Z"}),
            "invalid_time",
            &["occurred_at: invalid_time"],
        ),
    ] {
        assert_eq!(api.post(INCIDENTS, body).await.faults(400, code), faults);
    }
    let future = json!({"title": "t", "description": "d", "latitude": 1, "longitude": 1, "occurred_at": "2999-01-01T00:00:00Z"});
    api.post(INCIDENTS, future).await.problem(400, "occurred_in_future");
    let id = report(api, "call", 1.0, 1.0).await;
    let patch = async |body: Value| api.send(api.request("PATCH", &at(&id)).json(&body)).await;
    assert_eq!(patch(json!({})).await.faults(400, "missing_field"), ["title: missing_field"]);
    assert_eq!(patch(json!({"latitude": 1})).await.faults(400, "invalid_position"), ["latitude: invalid_position"]);
    assert_eq!(patch(json!({"status": "closed"})).await.faults(400, "unknown_field"), ["status: unknown_field"]);
    let transitions = format!("{}/transitions", at(&id));
    assert_eq!(api.post(&transitions, json!({"to": "nowhere"})).await.faults(400, "invalid_field"), ["to: invalid_field"]);
    let remark = json!({"text": "x".repeat(2_001)});
    assert_eq!(api.post(&format!("{}/remarks", at(&id)), remark).await.faults(400, "invalid_text"), ["text: invalid_text"]);
    for query in ["status=open", "priority=0", "zone=%20", "cursor=x", "page_size=501", "after=1", "state=reported"] {
        assert_eq!(api.get(&format!("{INCIDENTS}?{query}")).await.status, 400, "{query}");
    }
    assert_eq!(api.get(&at(&id)).await.json(200)["version"], 1, "nothing of this has changed it");
}

#[tokio::test]
async fn the_list_is_narrowed_counted_and_paged() {
    let world = World::open();
    let api = &world.api;
    for (number, zone) in ["A", "B", "A", "A", "B"].into_iter().enumerate() {
        let body = json!({"title": format!("t{number}"), "description": "d", "priority": number + 1, "latitude": 1, "longitude": 1, "zone": zone,
            "occurred_at": format!("2020-01-01T00:0{number}:00Z")});
        api.post(INCIDENTS, body).await.json(201);
    }
    caught_up(api).await;
    let titles = |items: &[Value]| items.iter().map(|item| text(item, "title")).collect::<Vec<_>>();
    for (query, expected) in [
        ("", &["t4", "t3", "t2", "t1", "t0"][..]),
        ("?zone=A", &["t3", "t2", "t0"]),
        ("?priority=2", &["t1"]),
        ("?zone=A&priority=2", &[]),
        ("?status=reported&zone=B", &["t4", "t1"]),
        ("?status=closed", &[]),
    ] {
        let page = api.get(&format!("{INCIDENTS}{query}")).await.json(200);
        assert_eq!(titles(page["items"].as_array().unwrap()), expected, "{query}");
        assert_eq!(page["total"], expected.len(), "{query}");
    }
    let page = api.get(&format!("{INCIDENTS}?zone=A&page_size=1")).await.json(200);
    assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]), (1, &json!(3)), "the page is cut, the count is not");
    assert_eq!(titles(&api.pages(&format!("{INCIDENTS}?zone=A&page_size=1")).await), ["t3", "t2", "t0"]);
    let item = &page["items"][0];
    assert_eq!(*item, api.get(&at(&text(item, "id"))).await.json(200), "an item is the incident itself");
}

#[tokio::test]
async fn what_may_be_the_same_is_named_also_after_a_restart() {
    let world = World::durable();
    let near = report(&world.api, "first", 0.0, 0.0026).await;
    report(&world.api, "too far", 0.0, 0.0028).await;
    let closed = report(&world.api, "over", 0.0, 0.0).await;
    world.api.post(&format!("{}/close", at(&closed)), json!({})).await.json(200);
    let again = async |api: &Api| {
        let body = json!({"title": "again", "description": "d", "latitude": 0.0, "longitude": 0.0});
        let made = api.post(INCIDENTS, body).await.json(201);
        let id = text(&made, "id");
        api.post(&format!("{}/close", at(&id)), json!({})).await.json(200);
        made["possible_duplicates"].clone()
    };
    assert_eq!(again(&world.api).await, json!([near]));
    let world = world.killed_and_restarted();
    // Everything from before the start is known once this is answered.
    world.api.get("/api/v1/units/capacity").await.json(200);
    assert_eq!(again(&world.api).await, json!([near]));
}

#[tokio::test]
async fn two_incidents_become_one() {
    let world = World::open();
    let api = &world.api;
    let (a, b) = (report(api, "explosion", 1.0, 1.0).await, report(api, "call", 1.0, 1.0).await);
    let key = [("idempotency-key", "merge-1")];
    let merge = json!({"secondary": a});
    let merged = api.post_with(&format!("{}/merge", at(&b)), merge.clone(), &key).await.json(200);
    assert_eq!((&merged["merged_from"], &merged["priority"]), (&json!([a]), &json!(1)));
    let gone = api.get(&at(&a)).await.json(200);
    assert_eq!((&gone["status"], &gone["merged_into"], &gone["units"]), (&json!("merged"), &json!(b), &json!([])));
    go(api, &b, "triaged").await;
    let repeat = api.post_with(&format!("{}/merge", at(&b)), merge.clone(), &key).await;
    assert_eq!((repeat.header("idempotency-replayed"), repeat.json(200)), (Some("true"), merged), "a repeat answers as the first did");
    let c = report(api, "other", 1.0, 1.0).await;
    let other = api.post(&format!("{}/merge", at(&c)), merge).await;
    assert_eq!(other.faults(409, "terminal_incident"), ["secondary: terminal_incident"]);
    let nobody = api.post(&format!("{}/merge", at(&c)), json!({"secondary": "nobody"})).await;
    assert_eq!(nobody.faults(404, "entity_not_found"), ["secondary: entity_not_found"]);
    api.post(&format!("{}/merge", at("nobody")), json!({"secondary": c})).await.problem(404, "entity_not_found");
    assert_eq!(api.get(&at(&c)).await.json(200)["version"], 1, "nothing was begun");
}

#[tokio::test]
async fn a_repeated_report_is_one_incident() {
    let world = World::open();
    let body = |title: &str| json!({"title": title, "description": "d", "latitude": 1, "longitude": 1});
    let key = [("idempotency-key", "call-1")];
    let first = world.api.post_with(INCIDENTS, body("one"), &key).await.json(201);
    let repeat = world.api.post_with(INCIDENTS, body("one"), &key).await;
    assert_eq!((repeat.header("idempotency-replayed"), repeat.json(201)), (Some("true"), first));
    world.api.post_with(INCIDENTS, body("two"), &key).await.problem(409, "idempotency_key_reused");
}
