//! Units over HTTP: made known, looked for, and where they stand in their work.

use super::client::Api;
use super::given::World;
use super::incidents::{caught_up, text};
use serde_json::{Value, json};

pub(super) const UNITS: &str = "/api/v1/units";

pub(super) fn unit(id: &str) -> String {
    format!("{UNITS}/{id}")
}

/// Registers a unit at a place, which must be lawful.
pub(super) async fn register(api: &Api, id: &str, unit_type: &str, latitude: f64, longitude: f64) -> Value {
    let body = json!({"id": id, "name": id, "type": unit_type, "latitude": latitude, "longitude": longitude});
    api.post(UNITS, body).await.json(201)
}

pub(super) async fn set(api: &Api, id: &str, body: Value) -> super::answer::Answer {
    api.post(&format!("{}/status", unit(id)), body).await
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| text(item, "id")).collect()
}

#[tokio::test]
async fn a_unit_is_made_known_changed_and_listed() {
    let world = World::open();
    let api = &world.api;
    let shift = json!({"from": "19:00", "until": "07:00", "days": ["sunday", "monday"], "zone": "America/Los_Angeles"});
    let body = json!({"id": "E14", "name": "Engine 14", "type": "engine", "agency": "fire", "skills": ["HAZMAT"], "capacity": 4,
        "latitude": 37.5, "longitude": -122.5, "shift": shift});
    let made = api.post(UNITS, body.clone()).await;
    let known = made.json(201);
    assert_eq!((made.header("location"), made.header("etag")), (Some("/api/v1/units/E14"), Some("\"1\"")));
    for (field, value) in
        [("status", json!("available")), ("duty", json!("on_duty")), ("skills", json!(["hazmat"])), ("type", json!("engine"))]
    {
        assert_eq!(known[field], value, "{field}");
    }
    assert_eq!(known["shift"]["days"], json!(["monday", "sunday"]));
    assert_eq!(api.post(UNITS, body).await.faults(409, "duplicate_entity"), ["id: duplicate_entity"]);
    assert_eq!(api.get(&unit("E14")).await.json(200), known);
    let changed = api.send(api.request("PATCH", &unit("E14")).json(&json!({"type": "truck", "skills": []}))).await.json(200);
    assert_eq!((&changed["type"], &changed["skills"], &changed["name"]), (&json!("truck"), &json!([]), &json!("Engine 14")));
    let moved = api.post(&format!("{}/position", unit("E14")), json!({"latitude": 1, "longitude": 2})).await.json(200);
    assert_eq!((&moved["latitude"], &moved["longitude"]), (&json!(1.0), &json!(2.0)));
    for (id, unit_type) in [("M1", "medic"), ("E2", "engine")] {
        register(api, id, unit_type, 1.0, 1.0).await;
    }
    assert_eq!(set(api, "E2", json!({"status": "out_of_service"})).await.json(200)["status"], "out_of_service");
    caught_up(api).await;
    for (query, expected) in [
        ("", &["E14", "E2", "M1"][..]),
        ("?type=engine", &["E2"]),
        ("?status=available", &["E14", "M1"]),
        ("?type=medic&status=out_of_service", &[]),
    ] {
        assert_eq!(ids(&api.pages(&format!("{UNITS}{query}")).await), expected, "{query}");
    }
    assert_eq!(ids(&api.pages(&format!("{UNITS}?page_size=1")).await), ["E14", "E2", "M1"]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_every_fault() {
    let world = World::open();
    let api = &world.api;
    register(api, "E1", "engine", 1.0, 1.0).await;
    let shift = json!({"from": "9:00", "until": "24:00", "days": ["someday"], "zone": ""});
    let body = json!({"id": "-", "name": "", "type": 1, "capacity": -1, "latitude": 91, "shift": shift, "rank": 1});
    let expected = ["id: invalid_id", "type: invalid_field", "shift.days: invalid_field", "rank: unknown_field"];
    assert_eq!(api.post(UNITS, body).await.faults(400, "invalid_id"), expected);
    let body = json!({"name": "", "type": "x", "capacity": -1, "latitude": 91, "longitude": 181, "skills": [""]});
    let expected = [
        "name: invalid_text",
        "skills: invalid_text",
        "capacity: invalid_capacity",
        "latitude: invalid_position",
        "longitude: invalid_position",
    ];
    assert_eq!(api.post(UNITS, body).await.faults(400, "invalid_text"), expected);
    let half = json!({"name": "n", "type": "x", "latitude": 1});
    assert_eq!(api.post(UNITS, half).await.status, 400, "a latitude comes with a longitude");
    assert_eq!(api.post(UNITS, json!({"id": "capacity", "name": "n", "type": "x"})).await.faults(400, "invalid_id"), ["id: invalid_id"]);
    for (body, code, fault) in [
        (json!({}), "missing_field", "status: missing_field"),
        (json!({"status": "available", "duty": "on_duty"}), "invalid_field", "duty: invalid_field"),
        (json!({"status": "asleep"}), "invalid_field", "status: invalid_field"),
        (json!({"duty": 1}), "invalid_field", "duty: invalid_field"),
    ] {
        assert_eq!(set(api, "E1", body).await.faults(400, code), [fault]);
    }
    set(api, "E1", json!({"status": "on_scene"})).await.problem(409, "invalid_transition");
    set(api, "E1", json!({"status": "available"})).await.problem(409, "no_change");
    set(api, "E9", json!({"duty": "off_duty"})).await.problem(404, "entity_not_found");
    let position = format!("{}/position", unit("E1"));
    assert_eq!(
        api.post(&position, json!({"latitude": 91, "longitude": 0})).await.faults(400, "invalid_position"),
        ["latitude: invalid_position"]
    );
    let certificate = json!({"name": "emt", "issued": "2021-01-01T00:00:00Z", "expires": "2020-01-01T00:00:00Z"});
    let certificates = format!("{}/certificates", unit("E1"));
    assert_eq!(api.post(&certificates, certificate).await.faults(400, "invalid_range"), ["expires: invalid_range"]);
    for query in
        ["lat=1", "lat=91&lon=1", "lat=1&lon=181", "lat=x&lon=1", "lat=1&lon=1&radius_km=-1", "lat=1&lon=1&radius_km=1001", "lat=NaN&lon=1"]
    {
        assert_eq!(api.get(&format!("/api/v1/resources/available?{query}")).await.status, 400, "{query}");
    }
    for query in ["within_days=-1", "within_days=3651", "cursor=c", "cursor=c1_zz_a"] {
        assert_eq!(api.get(&format!("{UNITS}/certificates?{query}")).await.status, 400, "{query}");
    }
    assert_eq!(api.get(&unit("E1")).await.json(200)["version"], 1, "nothing of this has changed it");
}

#[tokio::test]
async fn the_nearest_that_can_be_sent_are_found() {
    let world = World::open();
    let api = &world.api;
    // 0.01 degrees are 1.11 km.
    for (id, unit_type, longitude) in [("E1", "engine", 0.01), ("E2", "engine", 0.02), ("M1", "medic", 0.01), ("FAR", "engine", 0.2)] {
        register(api, id, unit_type, 0.0, longitude).await;
    }
    api.post(UNITS, json!({"id": "LOST", "name": "LOST", "type": "engine"})).await.json(201);
    let certificate = |expires: &str| json!({"name": "Hazmat", "issued": "2020-01-01T00:00:00Z", "expires": expires});
    api.post(&format!("{}/certificates", unit("E2")), certificate("2999-01-01T00:00:00Z")).await.json(200);
    api.post(&format!("{}/certificates", unit("E1")), certificate("2020-01-02T00:00:00Z")).await.json(200);
    let found = async |query: &str| {
        let body = api.get(&format!("/api/v1/resources/available?lat=0&lon=0{query}")).await.json(200);
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| format!("{} {}", text(&item["unit"], "id"), item["distance_km"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("").await, ["E1 1.11", "M1 1.11", "E2 2.22"], "within 10 km, ties by id");
    assert_eq!(found("&radius_km=30&type=engine").await, ["E1 1.11", "E2 2.22", "FAR 22.24"]);
    assert_eq!(found("&skill=HAZMAT").await, ["E2 2.22"], "a certificate counts until it ends");
    assert_eq!(found("&page_size=1").await, ["E1 1.11"]);
    set(api, "E1", json!({"duty": "on_break"})).await.json(200);
    set(api, "M1", json!({"status": "out_of_service"})).await.json(200);
    api.post(&format!("{}/position", unit("FAR")), json!({"latitude": 0, "longitude": 0})).await.json(200);
    assert_eq!(found("").await, ["FAR 0.0", "E2 2.22"]);
}

#[tokio::test]
async fn capacity_and_certificates_are_known_also_after_a_restart() {
    let world = World::durable();
    let api = &world.api;
    for (id, unit_type) in [("E1", "engine"), ("E2", "engine"), ("M1", "medic")] {
        register(api, id, unit_type, 0.0, 0.0).await;
    }
    set(api, "E2", json!({"duty": "off_duty"})).await.json(200);
    let expires = |days: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days + 1);
        json!(jiff::Timestamp::from_second(at.as_second()).unwrap().to_string())
    };
    for (id, name, days) in [("E1", "late", 40), ("E1", "emt", 20), ("M1", "emt", -3), ("M1", "a b", 10)] {
        let body = json!({"name": name, "issued": "2001-01-01T00:00:00Z", "expires": expires(days)});
        api.post(&format!("{}/certificates", unit(id)), body).await.json(200);
    }
    let check = async |api: &Api| {
        let body = api.get(&format!("{UNITS}/capacity")).await.json(200);
        let engine = json!({"total": 2, "available": 1, "dispatched": 0, "utilisation_pct": 0.0});
        assert_eq!((&body["total"], &body["available"], &body["by_type"]["engine"]), (&json!(3), &json!(2), &engine));
        let due = api.pages(&format!("{UNITS}/certificates?page_size=1")).await;
        let told: Vec<_> = due.iter().map(|due| format!("{} {} {}", text(due, "unit"), text(due, "name"), due["days_left"])).collect();
        assert_eq!(told, ["M1 emt -3", "M1 a b 10", "E1 emt 20"], "soonest first");
        assert_eq!(api.get(&format!("{UNITS}/certificates?within_days=60&page_size=1")).await.json(200)["total"], 4);
    };
    check(api).await;
    let world = world.killed_and_restarted();
    check(&world.api).await;
}
