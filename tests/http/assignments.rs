//! Units sent to incidents over HTTP: the nearest or named ones, exchanged and let go; and nobody is ever sent twice, however
//! many dispatchers ask at once.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use super::incidents::{INCIDENTS, at, caught_up, report, text};
use super::policy_tree::{add, set as override_policy};
use super::units::{UNITS, register, set, unit};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) const DISPATCH: &str = "/api/v1/dispatch";
const PATIENCE: Duration = Duration::from_secs(30);

async fn dispatch(api: &Api, body: Value) -> Answer {
    api.post(DISPATCH, body).await
}

async fn status(api: &Api, id: &str) -> (Value, Value) {
    let body = api.get(&unit(id)).await.json(200);
    (body["status"].clone(), body.get("incident").cloned().unwrap_or_default())
}

/// Asks until it holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what}"));
}

fn list(body: &Value, field: &str) -> Vec<String> {
    body[field].as_array().expect("a list").iter().map(|value| value.as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn the_nearest_are_sent_and_numbered_and_their_work_is_a_workflow() {
    let world = World::open();
    let api = &world.api;
    for (id, longitude) in [("E1", 0.03), ("E2", 0.01), ("E3", 0.02), ("E4", 0.04), ("FAR", 0.5)] {
        register(api, id, "engine", 0.0, longitude).await;
    }
    let incident = report(api, "call", 0.0, 0.0).await;
    let first = dispatch(api, json!({"incident": incident})).await.json(200);
    assert_eq!((&first["status"], &first["dispatch_number"], &first["skipped"]), (&json!("assigned"), &json!(1), &json!([])));
    let mut assigned = list(&first, "assigned");
    assigned.sort();
    assert_eq!(assigned, ["E1", "E2", "E3"], "three, the nearest");
    assert_eq!(status(api, "E2").await, (json!("dispatched"), json!(incident)));
    let body = api.get(&at(&incident)).await.json(200);
    assert_eq!((&body["status"], body["units"].as_array().map(Vec::len)), (&json!("dispatched"), Some(3)));
    let second = dispatch(api, json!({"incident": incident, "units": "auto", "max": 1})).await.json(200);
    assert_eq!((&second["dispatch_number"], list(&second, "assigned")), (&json!(2), vec!["E4".to_owned()]));
    let third = dispatch(api, json!({"incident": incident})).await.json(200);
    assert_eq!(third, json!({"status": "no_units", "dispatch_number": null, "incident": incident, "assigned": [], "skipped": []}), "50 km");
    // The work of a unit on an assignment is a workflow: what `react.rs` writes is what workflows read.
    set(api, "E2", json!({"status": "on_scene"})).await.json(200);
    set(api, "E3", json!({"status": "en_route"})).await.json(200);
    let released = api.post(&format!("{}/units/E1/release", at(&incident)), json!({})).await.json(200);
    assert_eq!((&released["status"], released.get("incident")), (&json!("available"), None));
    let workflow = async |id: &str| {
        let all = api.pages("/api/v1/workflows").await;
        let found = all.into_iter().find(|workflow| workflow["attributes"]["unit"] == id);
        found.map(|workflow| (text(&workflow, "state"), workflow["attributes"]["incident"].clone()))
    };
    for (id, state) in [("E2", "arrived"), ("E3", "departed"), ("E1", "cancelled"), ("E4", "allocated")] {
        let wanted = Some((state.to_owned(), json!(incident)));
        until(&format!("the workflow of {id} comes to {state}"), async || workflow(id).await == wanted).await;
    }
}

#[tokio::test]
async fn who_cannot_be_had_is_passed_over_one_by_one() {
    let world = World::open();
    let api = &world.api;
    for id in ["E1", "E2", "E3", "E4"] {
        register(api, id, "engine", 0.0, 0.0).await;
    }
    set(api, "E2", json!({"duty": "off_duty"})).await.json(200);
    set(api, "E3", json!({"status": "out_of_service"})).await.json(200);
    let (a, b) = (report(api, "a", 0.0, 0.0).await, report(api, "b", 0.0, 0.0).await);
    dispatch(api, json!({"incident": a, "units": ["E4"]})).await.json(200);
    let body = dispatch(api, json!({"incident": b, "units": ["nobody", "E1", "E2", "E3", "E4"]})).await.json(200);
    assert_eq!((list(&body, "assigned"), &body["dispatch_number"]), (vec!["E1".to_owned()], &json!(2)));
    let skipped: BTreeMap<_, _> =
        body["skipped"].as_array().unwrap().iter().map(|skipped| (text(skipped, "unit"), text(skipped, "reason"))).collect();
    let reasons = [("E2", "off_duty"), ("E3", "out_of_service"), ("E4", "busy"), ("nobody", "unknown")];
    assert_eq!(skipped, BTreeMap::from(reasons.map(|(unit, reason)| (unit.to_owned(), reason.to_owned()))));
    let none = dispatch(api, json!({"incident": b, "units": ["E4", "nobody"]})).await.json(200);
    assert_eq!((&none["status"], &none["dispatch_number"], &none["assigned"]), (&json!("no_units"), &json!(null), &json!([])));
    let next = dispatch(api, json!({"incident": b, "units": ["E1", "E4"]})).await.json(200);
    assert_eq!(next["status"], "no_units");
    api.get(&unit("nobody")).await.problem(404, "entity_not_found");
}

#[tokio::test]
async fn a_dispatch_that_makes_no_sense_is_refused() {
    let world = World::open();
    let api = &world.api;
    register(api, "E1", "engine", 0.0, 0.0).await;
    let incident = report(api, "call", 0.0, 0.0).await;
    for (body, code, fault) in [
        (json!({}), "missing_field", "incident: missing_field"),
        (json!({"incident": incident, "units": []}), "invalid_candidates", "units: invalid_candidates"),
        (json!({"incident": incident, "units": ["E1", "E1"]}), "duplicate_unit", "units: duplicate_unit"),
        (json!({"incident": incident, "units": "all"}), "invalid_field", "units: invalid_field"),
        (json!({"incident": incident, "units": ["-"]}), "invalid_id", "units[0]: invalid_id"),
        (json!({"incident": incident, "max": 0}), "invalid_wanted", "max: invalid_wanted"),
        (json!({"incident": incident, "max": 101}), "invalid_wanted", "max: invalid_wanted"),
        (json!({"incident": incident, "override": true}), "unknown_field", "override: unknown_field"),
    ] {
        assert_eq!(dispatch(api, body.clone()).await.faults(400, code), [fault], "{body}");
    }
    let many: Vec<_> = (0..101).map(|number| format!("u{number}")).collect();
    dispatch(api, json!({"incident": incident, "units": many})).await.problem(400, "invalid_candidates");
    assert_eq!(dispatch(api, json!({"incident": "nobody"})).await.faults(404, "entity_not_found"), ["incident: entity_not_found"]);
    api.post(&format!("{}/close", at(&incident)), json!({})).await.json(200);
    dispatch(api, json!({"incident": incident})).await.problem(409, "terminal_incident");
    assert_eq!(status(api, "E1").await.0, "available");
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_and_sends_nobody_again() {
    let world = World::open();
    let api = &world.api;
    for id in ["E1", "E2"] {
        register(api, id, "engine", 0.0, 0.0).await;
    }
    let incident = report(api, "call", 0.0, 0.0).await;
    let (body, key) = (json!({"incident": incident, "max": 1}), [("idempotency-key", "d-1")]);
    let first = api.post_with(DISPATCH, body.clone(), &key).await.json(200);
    api.delete(&at(&incident)).await.json(200);
    let repeat = api.post_with(DISPATCH, body, &key).await;
    assert_eq!((repeat.header("idempotency-replayed"), repeat.json(200)), (Some("true"), first), "whatever came in between");
    let other = json!({"incident": incident, "max": 2});
    api.post_with(DISPATCH, other, &key).await.problem(409, "idempotency_key_reused");
}

#[tokio::test]
async fn a_unit_is_exchanged_only_for_one_that_is_there_and_one_that_can_come() {
    let world = World::open();
    let api = &world.api;
    for id in ["E1", "E2", "E3"] {
        register(api, id, "engine", 0.0, 0.0).await;
    }
    let (a, b) = (report(api, "a", 0.0, 0.0).await, report(api, "b", 0.0, 0.0).await);
    dispatch(api, json!({"incident": a, "units": ["E1"]})).await.json(200);
    dispatch(api, json!({"incident": b, "units": ["E3"]})).await.json(200);
    let reassign =
        async |incident: &str, from: &str, to: &str| api.post(&format!("{}/reassign", at(incident)), json!({"from": from, "to": to})).await;
    assert_eq!(reassign(&a, "E2", "E3").await.faults(409, "not_on_incident"), ["from: not_on_incident"]);
    assert_eq!(reassign(&a, "E1", "E3").await.faults(409, "unit_unavailable"), ["to: unit_unavailable"]);
    assert_eq!(reassign(&a, "E1", "nobody").await.faults(404, "entity_not_found"), ["to: entity_not_found"]);
    assert_eq!(status(api, "E1").await.1, json!(a), "it stays while nobody can come");
    let done = reassign(&a, "E1", "E2").await.json(200);
    assert_eq!((list(&done, "assigned"), &done["dispatch_number"]), (vec!["E2".to_owned()], &json!(3)));
    until("E1 is free", async || status(api, "E1").await.0 == "available").await;
    assert_eq!(api.get(&at(&a)).await.json(200)["units"], json!(["E2"]));
    let release = async |incident: &str, unit: &str| api.post(&format!("{}/units/{unit}/release", at(incident)), json!({})).await;
    release(&a, "E3").await.problem(409, "not_on_incident");
    release("nobody", "E3").await.problem(404, "entity_not_found");
    release(&a, "nobody").await.problem(404, "entity_not_found");
    release(&b, "E3").await.json(200);
    assert_eq!(api.get(&at(&b)).await.json(200)["units"], json!([]));
}

#[tokio::test]
async fn who_ends_an_incident_lets_its_units_go_and_who_merges_takes_them_along() {
    let world = World::open();
    let api = &world.api;
    for id in ["E1", "E2", "E3"] {
        register(api, id, "engine", 0.0, 0.0).await;
    }
    let (a, b) = (report(api, "a", 0.0, 0.0).await, report(api, "b", 0.0, 0.0).await);
    dispatch(api, json!({"incident": a, "units": ["E1"]})).await.json(200);
    dispatch(api, json!({"incident": b, "units": ["E2", "E3"]})).await.json(200);
    let merged = api.post(&format!("{}/merge", at(&a)), json!({"secondary": b})).await.json(200);
    let units: BTreeSet<_> = list(&merged, "units").into_iter().collect();
    assert_eq!((list(&merged, "units")[0].as_str(), units.len()), ("E1", 3), "its own first");
    until("E2 and E3 know it", async || status(api, "E2").await.1 == json!(a) && status(api, "E3").await.1 == json!(a)).await;
    api.delete(&at(&a)).await.json(200);
    until("all are free", async || {
        for id in ["E1", "E2", "E3"] {
            if status(api, id).await != (json!("available"), json!(null)) {
                return false;
            }
        }
        true
    })
    .await;
}

#[tokio::test]
async fn a_halted_zone_takes_calls_and_sends_nobody() {
    let world = World::open();
    let api = &world.api;
    add(api, "city", "global", None).await;
    add(api, "inside", "zone", Some("city")).await;
    add(api, "beside", "zone", Some("city")).await;
    override_policy(api, "inside", "halted").await.json(200);
    for id in ["E1", "E2"] {
        register(api, id, "engine", 0.0, 0.0).await;
    }
    let in_zone = async |zone: &str| {
        let body = json!({"title": "t", "description": "d", "latitude": 0, "longitude": 0, "zone": zone});
        text(&api.post(INCIDENTS, body).await.json(201), "id")
    };
    let (inside, beside) = (in_zone("inside").await, in_zone("beside").await);
    let problem = dispatch(api, json!({"incident": inside})).await.problem(409, "policy_halted");
    assert_eq!(problem["policy"]["node"], "inside", "{problem}");
    dispatch(api, json!({"incident": inside, "units": ["E1"]})).await.problem(409, "policy_halted");
    assert_eq!(status(api, "E1").await.0, "available");
    let sent = dispatch(api, json!({"incident": beside, "max": 1})).await.json(200);
    assert_eq!(sent["dispatch_number"], 1, "no number was lost");
    override_policy(api, "inside", "restricted").await.json(200);
    assert_eq!(dispatch(api, json!({"incident": inside, "max": 1})).await.json(200)["dispatch_number"], 2);
}

/// What dispatchers were told, held against units and incidents as they are.
async fn check(api: &Api, units: usize, told: &[Value]) {
    let assigned: Vec<_> =
        told.iter().flat_map(|body| list(body, "assigned").into_iter().map(|unit| (unit, text(body, "incident")))).collect();
    let names: BTreeSet<_> = assigned.iter().map(|(unit, _)| unit).collect();
    assert_eq!(names.len(), assigned.len(), "a unit was sent twice");
    let mut numbers: Vec<_> = told.iter().filter_map(|body| body["dispatch_number"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "numbers without gap or repeat");
    caught_up(api).await;
    let assigned: BTreeMap<_, _> = assigned.into_iter().collect();
    // Who took an assignment when nobody waited for him any more goes back in a moment.
    until("who is busy is who was sent", async || {
        let listed = api.pages(&format!("{UNITS}?page_size=500")).await;
        assert_eq!(listed.len(), units);
        let busy = listed.iter().filter(|unit| unit["status"] != "available");
        busy.map(|unit| (text(unit, "id"), text(unit, "incident"))).collect::<BTreeMap<_, _>>() == assigned
    })
    .await;
    for body in told {
        let there = list(&api.get(&at(&text(body, "incident"))).await.json(200), "units");
        assert!(list(body, "assigned").iter().all(|unit| there.contains(unit)), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_dispatchers_send_fifty_units_once_each() {
    const DISPATCHERS: usize = 200;
    const FLEET: usize = 50;
    let world = World::durable();
    let api = &world.api;
    for number in 0..FLEET {
        register(api, &format!("u{number}"), "engine", 0.0, number as f64 / 1_000.0).await;
    }
    let mut asked = Vec::new();
    for number in 0..DISPATCHERS {
        let incident = report(api, &format!("call {number}"), 0.0, 0.0).await;
        // Some name units, all of them the same; some take what is nearest.
        let named: Vec<_> = (0..10).map(|n| format!("u{}", (number + n) % FLEET)).collect();
        let units = if number.is_multiple_of(2) { json!(named) } else { json!("auto") };
        asked.push(json!({"incident": incident, "units": units, "max": 1}));
    }
    let all = asked.into_iter().enumerate().map(|(number, body)| {
        let api = api.clone();
        tokio::spawn(async move {
            loop {
                let key = format!("dispatcher-{number}");
                let answer = api.post_with(DISPATCH, body.clone(), &[("idempotency-key", &key)]).await;
                match answer.status {
                    429 | 503 => tokio::time::sleep(Duration::from_millis(50)).await,
                    _settled => return answer.json(200),
                }
            }
        })
    });
    let mut told = Vec::new();
    for one in all.collect::<Vec<_>>() {
        told.push(one.await.expect("no panic"));
    }
    let sent: usize = told.iter().map(|body| list(body, "assigned").len()).sum();
    // Who does not answer within ten seconds is passed over, so a slow machine may leave some at home.
    assert!(sent >= FLEET / 2, "{sent} were sent");
    check(api, FLEET, &told).await;
    assert!(told.iter().any(|body| body["status"] == "no_units"), "and most got nobody");
}
