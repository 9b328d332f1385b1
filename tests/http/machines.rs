//! The machines and the ways through their tables.

use super::given::World;
use serde_json::json;

const RESCUE: &str = r#"
[machines.rescue]
initial = "called"
states = [
    { name = "called", to = ["moving"] },
    { name = "moving", to = ["safe", "called"], assigns = true },
    { name = "safe" },
]
"#;

#[tokio::test]
async fn built_in_machines_and_ones_own_are_listed_with_their_tables() {
    let world = World::configured(RESCUE);
    let items = world.api.get("/api/v1/machines").await.json(200)["items"].clone();
    let names: Vec<_> = items.as_array().expect("items").iter().map(|machine| machine["name"].clone()).collect();
    assert_eq!(json!(names), json!(["dispatch", "mission", "mission_phase", "rescue", "workflow"]));
    let dispatch = json!({"name": "dispatch", "initial": "queued", "terminal": ["arrived", "cancelled"], "states": [
        {"name": "queued", "to": ["allocated", "cancelled"]}, {"name": "allocated", "to": ["departed", "cancelled"], "assigns": true},
        {"name": "departed", "to": ["arrived", "cancelled"]}, {"name": "arrived", "to": []}, {"name": "cancelled", "to": []}]});
    assert_eq!(items[0], dispatch);
    let rescue = json!({"name": "rescue", "initial": "called", "terminal": ["safe"], "states": [
        {"name": "called", "to": ["moving"]}, {"name": "moving", "to": ["safe", "called"], "assigns": true}, {"name": "safe", "to": []}]});
    assert_eq!(items[3], rescue);
}

#[tokio::test]
async fn ones_own_machine_is_law() {
    let world = World::configured(RESCUE);
    assert_eq!(world.api.create("r", "rescue").await["state"], "called");
    world.api.post("/api/v1/workflows/r/transitions", json!({"to": "safe"})).await.problem(409, "invalid_transition");
    world.api.go("r", "moving").await;
    world.api.go("r", "called").await;
    world.api.go("r", "moving").await;
    assert_eq!(world.api.go("r", "safe").await["terminal"], true);
}

#[tokio::test]
async fn the_shortest_way_is_found() {
    let world = World::open();
    for (machine, from, to, way) in [
        ("dispatch", "queued", "arrived", &["queued", "allocated", "departed", "arrived"][..]),
        ("dispatch", "queued", "queued", &["queued"]),
        ("dispatch", "arrived", "queued", &[]),
        ("dispatch", "queued", "nowhere", &[]),
        ("mission", "planned", "failed", &["planned", "queued", "executing", "failed"]),
        ("workflow", "created", "in-progress", &["created", "validated", "scheduled", "in-progress"]),
    ] {
        let found = world.api.get(&format!("/api/v1/machines/{machine}/path?from={from}&to={to}")).await.json(200);
        assert_eq!(found, json!({"machine": machine, "path": way}), "{machine} from {from} to {to}");
    }
    world.api.get("/api/v1/machines/nosuch/path?from=a&to=b").await.problem(404, "not_found");
    let missing = world.api.get("/api/v1/machines/dispatch/path").await;
    assert_eq!(missing.faults(400, "missing_field"), ["from: missing_field", "to: missing_field"]);
    world.api.get("/api/v1/machines?kind=dispatch").await.problem(400, "unknown_field");
}
