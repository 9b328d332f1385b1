//! Two organisations: over no route of dispatch can one read, list, change, merge or guess anything of the other. One table of
//! every such route, asked by a stranger about what is there and about what is not: nothing may differ.

use super::answer::Answer;
use super::client::Api;
use super::given::Guarded;
use super::incidents::{INCIDENTS, caught_up, report};
use super::units::{UNITS, register};
use serde_json::{Value, json};

/// A route that names something, with `{}` for its id, and a body in which `{}` stands for it as well.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Option<&'static str>,
    /// What is answered to whoever names what is not his.
    status: u16,
    code: &'static str,
}

const fn row(method: &'static str, path: &'static str, body: Option<&'static str>) -> Row {
    Row { method, path, body, status: 404, code: "entity_not_found" }
}

/// `{}` is the incident.
const OF_INCIDENTS: &[Row] = &[
    row("GET", "/api/v1/incidents/{}", None),
    row("GET", "/api/v1/incidents/{}/timeline", None),
    row("PATCH", "/api/v1/incidents/{}", Some(r#"{"title":"stolen"}"#)),
    row("DELETE", "/api/v1/incidents/{}", None),
    row("POST", "/api/v1/incidents/{}/transitions", Some(r#"{"to":"triaged"}"#)),
    row("POST", "/api/v1/incidents/{}/close", Some("{}")),
    row("POST", "/api/v1/incidents/{}/remarks", Some(r#"{"text":"seen"}"#)),
    row("POST", "/api/v1/incidents/{}/merge", Some(r#"{"secondary":"OWN"}"#)),
    row("POST", "/api/v1/incidents/OWN/merge", Some(r#"{"secondary":"{}"}"#)),
    row("POST", "/api/v1/incidents/{}/reassign", Some(r#"{"from":"own","to":"own"}"#)),
    row("POST", "/api/v1/incidents/{}/units/own/release", Some("{}")),
    row("POST", "/api/v1/dispatch", Some(r#"{"incident":"{}"}"#)),
    row("POST", "/api/v1/dispatch/reports", Some(r#"{"kind":"closed","incident":"{}","occurred_at":"2017-01-01T00:00:00Z"}"#)),
    row("POST", "/api/v1/dispatch", Some(r#"{"incident":"{}","units":["own"]}"#)),
];

/// `{}` is the unit.
const OF_UNITS: &[Row] = &[
    row("GET", "/api/v1/units/{}", None),
    row("PATCH", "/api/v1/units/{}", Some(r#"{"name":"stolen"}"#)),
    row("POST", "/api/v1/units/{}/status", Some(r#"{"status":"out_of_service"}"#)),
    row("POST", "/api/v1/units/{}/position", Some(r#"{"latitude":1,"longitude":1}"#)),
    row("POST", "/api/v1/units/{}/certificates", Some(r#"{"name":"x","issued":"2020-01-01T00:00:00Z","expires":"2030-01-01T00:00:00Z"}"#)),
    row("POST", "/api/v1/incidents/OWN/units/{}/release", Some("{}")),
    Row { status: 409, code: "not_on_incident", ..row("POST", "/api/v1/incidents/OWN/reassign", Some(r#"{"from":"{}","to":"own"}"#)) },
];

async fn ask(api: &Api, row: &Row, id: &str, own: &str) -> Answer {
    let fill = |text: &str| text.replace("{}", id).replace("OWN", own);
    // A body of `{}` alone names nothing.
    let body = row.body.map(|body| if body == "{}" { body.to_owned() } else { fill(body) });
    let request = api.request(row.method, &fill(row.path));
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body),
        None => request,
    };
    api.send(request).await
}

/// What an answer says, but for the trace.
fn said(answer: &Answer) -> Value {
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    body["trace_id"] = json!(null);
    body
}

#[tokio::test]
async fn no_route_of_dispatch_tells_of_others_or_changes_them() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "admin"));
    register(&acme, "secret-unit", "engine", 0.0, 0.0).await;
    let secret = report(&acme, "secret call", 0.0, 0.0).await;
    register(&umbra, "own", "engine", 40.0, 40.0).await;
    let own = report(&umbra, "own call", 40.0, 40.0).await;
    let before = (acme.get(&format!("{INCIDENTS}/{secret}")).await.json(200), acme.get(&format!("{UNITS}/secret-unit")).await.json(200));
    let events = acme.feed().await.len();
    for (rows, id) in [(OF_INCIDENTS, secret.as_str()), (OF_UNITS, "secret-unit")] {
        for row in rows {
            let (there, nowhere) = (ask(&umbra, row, id, &own).await, ask(&umbra, row, "nowhere", &own).await);
            let place = format!("{} {} {:?}", row.method, row.path, row.body);
            assert_eq!((there.status, nowhere.status), (row.status, row.status), "{place}: {} {}", there.text, nowhere.text);
            assert_eq!((&said(&there)["code"], said(&there)), (&json!(row.code), said(&nowhere)), "{place}");
        }
    }
    // Where units are named one by one, one of others is as unknown as one that is not.
    let named = umbra.post("/api/v1/dispatch", json!({"incident": own, "units": ["secret-unit", "nowhere"]})).await.json(200);
    assert!(named["skipped"].as_array().unwrap().iter().all(|skipped| skipped["reason"] == "unknown"), "{named}");
    assert_eq!((named["skipped"].as_array().unwrap().len(), &named["status"]), (2, &json!("no_units")));
    caught_up(&acme).await;
    caught_up(&umbra).await;
    for (path, expected) in
        [("/api/v1/incidents", json!([own])), ("/api/v1/units", json!(["own"])), ("/api/v1/units?type=engine", json!(["own"]))]
    {
        let ids: Vec<_> = umbra.pages(path).await.iter().map(|item| item["id"].clone()).collect();
        assert_eq!(json!(ids), expected, "{path}");
    }
    assert_eq!(umbra.get(INCIDENTS).await.json(200)["total"], 1);
    assert_eq!(umbra.get("/api/v1/resources/available?lat=0&lon=0&radius_km=1000").await.json(200)["items"], json!([]));
    assert_eq!(umbra.get("/api/v1/units/capacity").await.json(200)["total"], 1);
    assert_eq!(umbra.get("/api/v1/units/certificates?within_days=3650").await.json(200)["total"], 0);
    let report = json!({"title": "t", "description": "d", "latitude": 0, "longitude": 0});
    assert_eq!(umbra.post(INCIDENTS, report).await.json(201)["possible_duplicates"], json!([]), "nor is it hinted at");
    let after = (acme.get(&format!("{INCIDENTS}/{secret}")).await.json(200), acme.get(&format!("{UNITS}/secret-unit")).await.json(200));
    assert_eq!((after, acme.feed().await.len()), (before, events), "nothing has changed");
    // The same id in two organisations is two units.
    register(&umbra, "secret-unit", "medic", 40.0, 40.0).await;
    assert_eq!(acme.get(&format!("{UNITS}/secret-unit")).await.json(200)["type"], "engine");
}

#[tokio::test]
async fn the_table_holds_every_route_of_dispatch_that_names_something() {
    let guarded = Guarded::start();
    let described = guarded.stranger().get("/openapi.json").await.json(200);
    let paths = described["paths"].as_object().unwrap();
    let of_dispatch = paths.keys().filter(|path| path.starts_with("/api/v1/incidents/") || path.starts_with("/api/v1/units/{"));
    for path in of_dispatch {
        for method in paths[path].as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let same = |row: &&Row| {
                let template = path.replace("{id}", "{}").replace("{unit}", "own");
                row.method.eq_ignore_ascii_case(method) && row.path == template
            };
            assert!(OF_INCIDENTS.iter().chain(OF_UNITS).any(|row| same(&row)), "{method} {path} is not in the table");
        }
    }
}
