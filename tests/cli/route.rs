//! `ionveil route explain`: the decision of a running server, for people and for programs.

use super::given::{Ground, said};
use crate::support::server::Server;
use serde_json::{Value, json};

/// A server with two nodes of a service, one of which is sick, and one node of each other service of a chain.
fn served() -> (Ground, Server) {
    let ground = Ground::new();
    let server = ground.serve(&[]);
    for (service, endpoint) in [("intake", "gw-1"), ("intake", "gw-2"), ("policy", "p-1"), ("audit", "a-1")] {
        let load = json!({"service": service, "endpoint": endpoint, "latency_ms": 20, "queue_depth": 0, "saturation": 0.6});
        post(&server, "/api/v1/routing/nodes", &load);
    }
    post(&server, "/api/v1/routing/nodes/gw-2/health", &json!({"value": 0.0}));
    (ground, server)
}

fn post(server: &Server, path: &str, body: &Value) {
    super::given::alone(async {
        let client = ionveil::web::client().build().expect("a client");
        let answer = client.post(server.url(path)).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    });
}

#[test]
fn the_choice_of_a_node_is_explained() {
    let (ground, _server) = served();
    let shown = ground.run(&["route", "explain", "intake", "--draw", "0.5"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let words: Vec<String> = shown.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        words[0],
        "intake: 1 of 2 nodes are in; all of them are new: nothing is known yet, or they warm up; the draw 0.5000 falls on gw-1"
    );
    assert_eq!(words[2], "▶ gw-1 active 100.0 % 92.0 92.0 1.0000 0 costs least");
    assert_eq!(words[3], "gw-2 excluded 0.0 % 292.0 92.0 0.0000 1 its health is below the limit");
    let body = ground.run(&["route", "explain", "intake", "--json"]).json(0);
    assert_eq!((&body["candidates"]["candidates"][1]["reason"], &body["selection"]["endpoint"]), (&json!("unhealthy"), &json!("gw-1")));
    let none = ground.run(&["route", "explain", "nobody"]);
    assert_eq!((none.code, none.out.trim()), (0, "the service nobody has no nodes"));
}

#[test]
fn the_way_of_an_intent_is_explained() {
    let (ground, _server) = served();
    let shown = ground.run(&["route", "explain", "--intent", "tea"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(
        shown.out.starts_with("tea (unknown: the chain of all that are): 3 services, 60 ms together; busy nodes are not blocked"),
        "{}",
        shown.out
    );
    let body = ground.run(&["route", "explain", "--intent", "tea", "--json"]).json(0);
    assert_eq!(body["chain"][0]["endpoint"], "gw-1");
    ground
        .run(&["route", "explain", "--intent", "tea", "--risk", "55", "--comms-degraded"])
        .complains(1, &["no_route_candidates", "saturated"]);
    ground.run(&["route", "explain", "--intent", "tea", "--block", "p-1"]).complains(1, &["the service policy", "1 blocked"]);
}

#[test]
fn without_a_server_or_with_a_wrong_command_line_it_is_told_what_to_do() {
    let ground = Ground::new();
    ground.run(&["route", "explain", "s"]).complains(1, &["no server runs on", "ionveil serve", "--server"]);
    for (args, word) in [
        (&["route"][..], "Usage"),
        (&["route", "explain"], "SERVICE"),
        (&["route", "explain", "s", "--intent", "x"], "--intent"),
        (&["route", "explain", "s", "--risk", "1"], "--risk"),
        (&["route", "explain", "--intent", "x", "--draw", "0.5"], "--draw"),
        (&["route", "explain", "s", "--draw", "half"], "half"),
    ] {
        said(args).complains(2, &[word]);
    }
}

#[test]
fn what_routing_recorded_is_verified() {
    let (ground, server) = served();
    drop(server);
    let report = ground.run(&["verify", "--json"]).json(0);
    assert_eq!((&report["findings_total"], &report["events"]), (&json!(0), &json!(6)), "{report}");
}
