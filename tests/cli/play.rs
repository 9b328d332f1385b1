//! Live play: a server whose clock runs through a night of 2017, and the calls of that night sent to it as they came.

#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::given::{Ground, alone, get, mapping, said};
use crate::import::real;
use serde_json::json;

const CLOCK: &str = "2017-01-01T08:00:00Z@600x";

#[test]
fn an_hour_of_2017_is_over_in_some_seconds_and_everything_carries_its_times() {
    let Some(file) = real::file() else { return };
    let ground = Ground::new();
    let server = ground.serve(&["--clock", CLOCK]);
    let url = server.url("");
    let told = alone(ionveil::web::client().build().expect("a client").get(server.url("/api/v1/nowhere")).send()).expect("an answer");
    let mark = told.headers().get("ionveil-clock").expect("every answer is marked").to_str().expect("text").to_owned();
    assert!(mark.starts_with("2017-01-01T") && mark.ends_with("@600x"), "{mark}");
    let (_, health) = get(&server, "/health");
    assert_eq!((&health["clock"]["begin"], &health["clock"]["speed"]), (&json!("2017-01-01T08:00:00Z"), &json!(600)), "{health}");
    let title = get(&server, "/openapi.json").1["info"]["title"].to_string();
    assert!(title.contains("live play") && title.contains("600"), "{title}");
    let file = file.to_str().expect("UTF-8");
    let range = ["--from", "2017-01-01T08:30:00Z", "--to", "2017-01-01T10:00:00Z", "--speed", "600x"];
    let replayed = said(&[&["replay", "calls", "--json", "--mapping", &mapping(), "--server", &url, file][..], &range].concat()).json(0);
    assert_eq!((&replayed["refused"], &replayed["stopped"]), (&json!(0), &json!(false)), "{replayed}");
    assert!(replayed["appended"].as_u64() > Some(100), "{replayed}");
    let (_, incidents) = get(&server, "/api/v1/incidents?page_size=500");
    let items = incidents["items"].as_array().expect("incidents");
    assert!(items.len() > 20, "{incidents}");
    for incident in items {
        let at = incident["created_at"].as_str().expect("a time");
        assert!(("2017-01-01T08:30:00Z".."2017-01-01T10:00:00Z").contains(&at), "{incident}");
    }
    let (_, health) = get(&server, "/health");
    assert!(health["clock"]["now"].as_str() >= Some("2017-01-01T09:59"), "it was sent at its pace: {health}");
    let wrong = said(&["replay", "calls", "--mapping", &mapping(), "--server", &url, "--speed", "1x", file]);
    wrong.complains(1, &["600x", "--speed"]);
    assert!(server.stop().success());
}

#[test]
fn a_timer_that_is_due_in_the_played_time_fires_in_it() {
    let ground = Ground::new();
    let server = ground.serve(&["--clock", CLOCK]);
    let send = |path: &str, body: serde_json::Value| {
        let client = ionveil::web::client().build().expect("a client");
        let answer = alone(client.post(server.url(path)).json(&body).send()).expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    };
    send("/api/v1/policy/nodes", json!([{"id": "city", "kind": "global"}, {"id": "north", "kind": "zone", "parent": "city"}]));
    let (_, health) = get(&server, "/health");
    let now: jiff::Timestamp = health["clock"]["now"].as_str().expect("a time").parse().expect("a time");
    let ends = (now + jiff::Span::new().minutes(30)).to_string();
    let until = json!({"level": "halted", "authorization": "chief", "expires_at": ends});
    send("/api/v1/policy/nodes/north/override", until);
    let level = || get(&server, "/api/v1/policy/nodes/north").1["effective"].as_str().expect("a level").to_owned();
    assert_eq!(level(), "halted");
    let begun = std::time::Instant::now();
    while level() == "halted" {
        assert!(begun.elapsed().as_secs() < 60, "half an hour at 600x takes three seconds");
        std::thread::yield_now();
    }
    let (_, health) = get(&server, "/health");
    assert!(health["clock"]["now"].as_str() >= Some(ends.as_str()), "not before it was due: {health} {ends}");
    assert!(server.stop().success());
}

#[test]
fn a_clock_that_plays_is_for_loopback_only() {
    let ground = Ground::new();
    ground.run(&["serve", "--clock", CLOCK, "--listen", "0.0.0.0:0"]).complains(2, &["--clock", "loopback"]);
    for bad in ["2017-01-01T08:00:00Z", "2017@600x", "2017-01-01T08:00:00Z@600", "2017-01-01T08:00:00Z@0x", "2017-01-01T08:00:00Z@10001x"] {
        ground.run(&["serve", "--clock", bad]).complains(2, &["--clock"]);
    }
}
