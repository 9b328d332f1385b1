//! A preview counts everything that policy can stop: units that are sent, plans, dispatches over channels; and the calls that
//! went beyond what another level allows.

use super::assignments::DISPATCH;
use super::client::Api;
use super::failover::{ROUTE, channel, world};
use super::incidents::{INCIDENTS, text};
use super::orders::{ORDERS, PLAN};
use super::policy_tree::plant;
use super::units::register;
use crate::support::gateway::{Gateway, Manner};
use serde_json::{Value, json};

/// Sends one unit to an incident of a zone, makes a plan, and routes a dispatch in each of two zones: three channels fail in the
/// first one.
async fn work(api: &Api, gateways: &[(&str, Gateway)]) {
    register(api, "E1", "engine", 37.0, -122.0).await;
    let call = json!({"title": "a call", "description": "as told", "latitude": 37.0, "longitude": -122.0, "zone": "n1"});
    let incident = text(&api.post(INCIDENTS, call).await.json(201), "id");
    assert_eq!(api.post(DISPATCH, json!({"incident": incident})).await.json(200)["status"], "assigned");
    api.post(ORDERS, json!({"id": "o1", "urgency": 5})).await.json(201);
    api.post(PLAN, json!({"request_id": "r1", "capacity": 1})).await.json(200);
    for (name, gateway) in gateways {
        channel(api, name, gateway, json!({})).await;
    }
    let backups = json!([{"channel": "sick2"}, {"channel": "sick3"}, {"channel": "well"}]);
    let hard = json!({"dispatch_id": "d1", "primary": "sick1", "backups": backups, "max_failovers": 3, "zone": "n1", "payload": {}});
    assert_eq!(api.post(ROUTE, hard).await.json(200)["failovers"], 3);
    let easy = json!({"dispatch_id": "d2", "primary": "well", "backups": [], "zone": "n2", "payload": {}});
    api.post(ROUTE, easy).await.json(200);
}

async fn preview(api: &Api, command: Value) -> Value {
    api.post("/api/v1/policy/preview", json!({"command": command})).await.json(200)
}

#[tokio::test]
async fn units_plans_and_sends_are_counted_where_they_were() {
    let world = world();
    let api = &world.api;
    plant(api).await;
    let sick = async || Gateway::start(Manner::Answer(500, "")).await;
    let well = Gateway::start(Manner::Answer(204, "")).await;
    work(api, &[("sick1", sick().await), ("sick2", sick().await), ("sick3", sick().await), ("well", well)]).await;
    let told = |node: &str, level: &str| json!({"kind": "set_override", "node": node, "level": level, "authorization": "T1"});
    let root = |level: &str| json!({"kind": "set_root", "level": level, "authorization": "T1"});
    for (name, command, refused, over) in [
        ("a zone is halted", told("n1", "halted"), json!({"assign": 1, "send": 1}), json!({"send": 1})),
        ("the other one", told("n2", "halted"), json!({"send": 1}), json!({})),
        ("both", told("north", "halted"), json!({"assign": 1, "send": 2}), json!({"send": 1})),
        ("everything", root("halted"), json!({"assign": 1, "plan": 1, "send": 2}), json!({"send": 1})),
        ("fewer retries", told("n1", "watch"), json!({}), json!({"send": 1})),
        ("fewer retries elsewhere", told("n2", "restricted"), json!({}), json!({})),
    ] {
        let seen = preview(api, command).await;
        assert_eq!((&seen["would_refuse"]["by_kind"], &seen["over_limit"]["by_kind"]), (&refused, &over), "{name}: {seen}");
    }
    let seen = preview(api, told("n1", "halted")).await;
    let shown = |sum: &str| {
        let examples = seen[sum]["examples"].as_array().expect("a list").iter();
        let mut shown: Vec<_> = examples.map(|one| ["type", "node"].map(|key| text(one, key)).join(" at ")).collect();
        shown.sort();
        shown
    };
    assert_eq!(shown("would_refuse"), ["begun at n1", "requested at n1"]);
    assert_eq!(shown("over_limit"), ["route_selected at n1"]);
}
