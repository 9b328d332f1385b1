//! Analytics over HTTP: what is posted counts once and at once, every question is answered to the figure, nobody sees another's
//! numbers, and all of it can be read anew from the journal.

use super::client::Api;
use super::given::{Guarded, World};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/dashboard/events";

/// A time so many seconds ago, now being at the full second.
fn ago(seconds: i64) -> String {
    jiff::Timestamp::from_second(super::given::now_s() - seconds).expect("a time").to_string()
}

fn event(id: &str, timestamp: &str, response: f64, region: &str) -> Value {
    json!({"event_id": id, "dispatch_id": format!("d-{id}"), "timestamp": timestamp, "severity": 4, "response_time_minutes": response,
        "distance_km": 2.5, "region": region, "unit_type": "engine", "sla_met": response <= 8.0})
}

/// The one window of an hour-long question.
async fn value(api: &Api, query: &str) -> (f64, u64) {
    let (start, end) = (ago(7_200), ago(-120));
    let answer = api.get(&format!("/api/v1/dashboard/metrics?window=1d&start={start}&end={end}&{query}")).await.json(200);
    let points = answer["points"].as_array().expect("points");
    // Midnight may lie between the events.
    (
        points.iter().map(|point| point["value"].as_f64().expect("a number")).sum(),
        points.iter().filter_map(|point| point["count"].as_u64()).sum(),
    )
}

#[tokio::test]
async fn what_is_posted_counts_once_and_every_question_is_answered() {
    let world = World::open();
    let api = &world.api;
    let at = ago(60);
    let events: Vec<_> =
        (1..=100).map(|n| event(&format!("e{n}"), &at, f64::from(n) / 10.0, if n % 4 == 0 { "north" } else { "south" })).collect();
    let posted = api.post(EVENTS, json!(events)).await.json(200);
    assert_eq!(posted, json!({"accepted": 100, "duplicates": 0, "rejected": 0, "errors": []}));
    let again = api.post(EVENTS, json!(events[..10])).await.json(200);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(10)));
    for (query, expected) in [
        ("metric=dispatch_count&aggregation=sum", 100.0),
        ("metric=response_time&aggregation=avg", 5.05),
        ("metric=response_time&aggregation=p50", 5.0),
        ("metric=response_time&aggregation=p99", 9.9),
        ("metric=response_time&aggregation=max", 10.0),
        ("metric=distance&aggregation=sum", 250.0),
        ("metric=sla_compliance&aggregation=avg", 0.8),
        ("metric=response_time&aggregation=avg&region=north", 5.2),
        ("metric=dispatch_count&aggregation=sum&severity=4&unit_type=engine", 100.0),
        ("metric=dispatch_count&aggregation=sum&severity=5", 0.0),
    ] {
        assert_eq!(value(api, query).await.0, expected, "{query}");
    }
    let snapshot = api.get("/api/v1/dashboard/snapshot").await.json(200);
    assert_eq!(
        (&snapshot["dispatch_count"], &snapshot["response_time"]["p95"], &snapshot["compliance_rate"]),
        (&json!(100), &json!(9.5), &json!(0.8))
    );
    assert_eq!((&snapshot["approximate"], &snapshot["active_dispatches"]), (&json!(false), &json!(0)));
    let regions = api.get("/api/v1/dashboard/regions").await.json(200);
    assert_eq!(
        regions["regions"]["north"],
        json!({"dispatch_count": 25, "avg_response": 5.2, "avg_distance": 2.5, "sla_compliance_rate": 0.8})
    );
    let trend = api.get("/api/v1/dashboard/trends?metric=response_time&horizon_hours=3").await.json(200);
    assert_eq!((&trend["direction"], trend["forecasts"].as_array().map(Vec::len)), (&json!("stable"), Some(3)));
    let found = api.get("/api/v1/dashboard/anomalies?metric=response_time").await.json(200);
    assert_eq!((&found["anomalies"], &found["windows"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn bad_events_do_not_stop_the_rest_but_one_alone_is_refused() {
    let world = World::open();
    let (good, late) = (event("a", &ago(5), 1.0, "north"), event("b", &ago(86_401), 1.0, "north"));
    let posted = world.api.post(EVENTS, json!([late, good, 7, {"event_id": "c", "severity": 9, "note": "x"}])).await.json(200);
    assert_eq!((&posted["accepted"], &posted["rejected"]), (&json!(1), &json!(3)));
    let told: Vec<_> =
        posted["errors"].as_array().expect("errors").iter().map(|error| (error["index"].clone(), error["code"].clone())).collect();
    assert_eq!(told[0], (json!(0), json!("too_old")));
    assert!(told.contains(&(json!(3), json!("unknown_field"))), "{told:?}");
    let bad = json!({"event_id": " ", "severity": 9, "response_time_minutes": -1.0, "distance_km": 1.0, "sla_met": true});
    let faults = world.api.post(EVENTS, bad).await.faults(400, "missing_event_id");
    let expected = ["event_id: missing_event_id", "severity: severity_out_of_range", "response_time_minutes: invalid_response_time"];
    assert_eq!(faults, expected);
    world.api.post(EVENTS, json!(vec![json!({}); 10_001])).await.problem(400, "too_many_events");
    let questions = "metrics?metric=speed&window=2m&aggregation=median&start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z&zone=1";
    let faults = world.api.get(&format!("/api/v1/dashboard/{questions}")).await.faults(400, "unknown_metric");
    let expected = [
        "metric: unknown_metric",
        "window: unknown_window",
        "aggregation: unknown_aggregation",
        "end: invalid_range",
        "dimensions: unknown_dimension",
    ];
    assert_eq!(faults, expected);
    for (question, code) in [
        ("trends?metric=distance&lookback=0", "invalid_lookback"),
        ("anomalies?metric=distance&sensitivity=0", "invalid_sensitivity"),
        ("heatmap?metric=distance&rows=0", "invalid_grid"),
        ("heatmap?metric=distance&h3_resolution=16", "invalid_grid"),
        ("heatmap?metric=distance&h3_resolution=5&rows=5", "invalid_field"),
        ("stream?metrics=speed", "unknown_metric"),
    ] {
        world.api.get(&format!("/api/v1/dashboard/{question}")).await.problem(400, code);
    }
}

#[tokio::test]
async fn places_are_summed_on_a_grid_and_in_cells_of_the_earth() {
    let world = World::open();
    let mut events: Vec<_> = (0..4).map(|n| event(&format!("p{n}"), &ago(30), 1.0, "north")).collect();
    events[0]["metadata"] = json!({"lat": 37.7749, "lon": -122.4194});
    events[1]["metadata"] = json!({"latitude": 37.7749, "longitude": -122.4194});
    events[2]["metadata"] = json!({"row": -1, "col": 12});
    world.api.post(EVENTS, json!(events)).await.json(200);
    let heatmap = world.api.get("/api/v1/dashboard/heatmap?metric=dispatch_count").await.json(200);
    let expected = json!([{"row": 7, "col": 1, "value": 2.0, "count": 2}, {"row": 9, "col": 2, "value": 1.0, "count": 1}]);
    assert_eq!((&heatmap["cells"], &heatmap["left_out"]), (&expected, &json!(1)), "−1 is the last row, 12 wraps around");
    let answer = world.api.get("/api/v1/dashboard/heatmap?metric=distance&h3_resolution=8").await;
    assert_eq!(answer.header("content-type"), Some("application/geo+json"));
    let cells = answer.json(200);
    assert_eq!((&cells["type"], &cells["left_out"]), (&json!("FeatureCollection"), &json!(2)));
    let cell = h3o::LatLng::new(37.7749, -122.4194).expect("a place").to_cell(h3o::Resolution::Eight).to_string();
    assert_eq!(cells["features"][0]["properties"], json!({"cell": cell, "value": 5.0, "count": 2}));
}

#[tokio::test]
async fn an_arrival_counts_as_it_was_judged_when_it_happened() {
    let world = World::open();
    let api = &world.api;
    let body = json!({"title": "a call", "description": "as told", "priority": 3, "latitude": 37.0, "longitude": -122.0, "zone": "n1", "occurred_at": ago(1_500)});
    let id = api.post("/api/v1/incidents", body).await.json(201)["id"].as_str().expect("an id").to_owned();
    for (to, seconds) in [("triaged", 1_500), ("dispatched", 1_500), ("en_route", 1_400), ("on_scene", 300)] {
        api.post(&format!("/api/v1/incidents/{id}/transitions"), json!({"to": to, "occurred_at": ago(seconds)})).await.json(200);
    }
    let mut seen = (0.0, 0);
    while seen.1 == 0 {
        seen = value(api, "metric=response_time&region=n1&severity=3").await;
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.1, 1);
    assert!((19.9..=20.1).contains(&seen.0), "twenty minutes: {seen:?}");
    let stored = api.feed().await.into_iter().filter(|event| event["type"] == "dispatch_observed").count();
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn nobody_sees_the_numbers_of_others_and_roles_hold() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "dispatcher"), guarded.member("umbra", "dispatcher"));
    acme.post(EVENTS, event("e", &ago(5), 1.0, "north")).await.json(200);
    assert_eq!(acme.get("/api/v1/dashboard/snapshot").await.json(200)["dispatch_count"], 1);
    assert_eq!(umbra.get("/api/v1/dashboard/snapshot").await.json(200)["dispatch_count"], 0);
    assert_eq!(umbra.post(EVENTS, event("e", &ago(5), 1.0, "north")).await.json(200)["accepted"], 1, "ids are of an organisation");
    guarded.member("acme", "operator").post(EVENTS, event("f", &ago(5), 1.0, "north")).await.problem(403, "forbidden");
    guarded.member("acme", "supervisor").post("/api/v1/dashboard/rebuild", json!({})).await.problem(403, "forbidden");
    acme.get("/api/v1/audit").await.problem(403, "forbidden");
}

#[tokio::test]
async fn after_a_power_cut_and_read_anew_the_numbers_are_the_same() {
    let world = World::durable();
    let events: Vec<_> = (0..500).map(|n| event(&format!("e{n}"), &ago(60 + n), (n % 17) as f64, "north")).collect();
    world.api.post(EVENTS, json!(events)).await.json(200);
    let query = "metric=response_time&aggregation=p90";
    let before = value(&world.api, query).await;
    assert_eq!(before.1, 500);
    let world = world.killed_and_restarted();
    while value(&world.api, query).await != before {
        tokio::task::yield_now().await;
    }
    let begun = world.api.post("/api/v1/dashboard/rebuild", json!({})).await.json(200);
    assert_eq!(begun["running"], true);
    loop {
        // What is there answers while all is read anew, and what comes in meanwhile counts.
        assert_eq!(value(&world.api, query).await, before);
        let progress = world.api.get("/api/v1/dashboard/rebuild").await.json(200);
        if progress["running"] == false {
            assert_eq!((&progress["rebuilds"], &progress["done"]), (&json!(1), &progress["total"]), "{progress}");
            break;
        }
    }
    assert_eq!(value(&world.api, query).await, before);
    assert_eq!(world.api.post(EVENTS, json!(events[..5])).await.json(200)["duplicates"], 5);
}

#[tokio::test]
async fn past_the_bound_of_memory_rows_by_minute_stand_in_and_say_so() {
    let world = World::configured("[analytics]\nmemory_mib = 1\n");
    for batch in 0..4 {
        let events: Vec<_> = (0..5_000_i64)
            .map(|n| {
                let n = batch * 5_000 + n;
                event(&format!("e{n}"), &ago(60 + n % 3_000), (n % 50) as f64 / 10.0, &format!("r{}", n % 3))
            })
            .collect();
        assert_eq!(world.api.post(EVENTS, json!(events)).await.json(200)["accepted"], 5_000);
    }
    let (start, end) = (ago(7_200), ago(0));
    let ask = format!("/api/v1/dashboard/metrics?metric=response_time&window=1d&aggregation=sum&start={start}&end={end}");
    // The lists follow a little later.
    loop {
        let answer = world.api.get(&ask).await.json(200);
        assert_eq!(answer["approximate"], true);
        let points = answer["points"].as_array().expect("points");
        let count: u64 = points.iter().filter_map(|point| point["count"].as_u64()).sum();
        if count == 20_000 {
            let sum: f64 = points.iter().filter_map(|point| point["value"].as_f64()).sum();
            assert!((sum - 49_000.0).abs() < 1e-6, "sums stay exact: {sum}");
            assert!(answer["relative_error_max"].as_f64().is_some_and(|error| error > 0.0 && error < 0.1), "{answer}");
            break;
        }
        assert!(count < 20_000);
        tokio::task::yield_now().await;
    }
}
