//! `ionveil incidents` and `ionveil units`: what a running server knows, for people and for programs.

use super::given::Ground;
use crate::support::server::Server;
use serde_json::{Value, json};

fn post(server: &Server, path: &str, body: &Value) -> Value {
    super::given::alone(async {
        let client = ionveil::web::client().build().expect("a client");
        let answer = client.post(server.url(path)).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    })
}

/// Waits until the list has so many lines.
fn listed(ground: &Ground, command: &[&str], lines: usize) -> Vec<Value> {
    loop {
        let shown = ground.run(&[command, &["--json"]].concat());
        assert_eq!(shown.code, 0, "{}", shown.err);
        let found: Vec<Value> = shown.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        if found.len() == lines {
            return found;
        }
    }
}

#[test]
fn incidents_and_units_are_listed() {
    let ground = Ground::new();
    let server = ground.serve(&[]);
    let call = |title: &str, zone: &str| {
        let body = json!({"title": title, "description": "d", "latitude": 1, "longitude": 1, "zone": zone});
        post(&server, "/api/v1/incidents", &body)["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (call("first", "B1"), call("second", "B2"));
    post(&server, "/api/v1/units", &json!({"id": "E1", "name": "Engine 1", "type": "engine"}));
    post(&server, "/api/v1/dispatch", &json!({"incident": first, "units": ["E1"]}));
    let ids: Vec<_> = listed(&ground, &["incidents"], 2).iter().map(|incident| incident["id"].clone()).collect();
    assert_eq!(json!(ids), json!([second, first]), "newest first");
    let one = listed(&ground, &["incidents", "--zone", "B1", "--priority", "3"], 1);
    assert_eq!(one[0]["title"], "first");
    listed(&ground, &["incidents", "--status", "dispatched"], 1);
    listed(&ground, &["units", "--type", "engine", "--status", "dispatched"], 1);
    let shown = ground.run(&["incidents", "--limit", "1"]);
    let words: Vec<_> = shown.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!((words[0][0], words[1][0], &words[2]), ("INCIDENT", second.as_str(), &vec!["1", "of", "2"]), "{}", shown.out);
    let shown = ground.run(&["units"]);
    let words: Vec<_> = shown.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(words[1], ["E1", "dispatched", "on_duty", "engine", first.as_str(), "Engine", "1"]);
    assert_eq!(ground.run(&["incidents", "--status", "nowhere"]).code, 1, "the server refuses it");
    assert_eq!(ground.run(&["incidents", "--priority", "6"]).code, 2);
}
