//! What an organisation promises: set by its administrator, read by everybody of it, kept over a restart.

use super::given::{Guarded, World};
use serde_json::json;

const SLA: &str = "/api/v1/organisation/sla";

#[tokio::test]
async fn an_organisation_promises_its_own_times_and_keeps_those_of_the_house_beside_them() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "operator"));
    let house = json!({"1": 5, "2": 10, "3": 20, "4": 45, "5": 120});
    let before = acme.get(SLA).await.json(200);
    assert_eq!(before, json!({"sla": {}, "response_minutes": house, "version": 0}));
    let table = json!({"5": {"response_minutes": 4, "resolution_minutes": 90}, "1": {"response_minutes": 90, "resolution_minutes": 1440}});
    let set = acme.send(acme.request("PUT", SLA).json(&table)).await;
    assert_eq!(set.header("etag"), Some("\"1\""));
    let after = json!({"sla": table, "response_minutes": {"1": 4, "2": 10, "3": 20, "4": 45, "5": 90}, "version": 1});
    assert_eq!(set.json(200), after);
    assert_eq!(acme.get(SLA).await.json(200), after);
    assert_eq!(umbra.get(SLA).await.json(200), before, "another organisation has said nothing");
    assert_eq!(acme.send(acme.request("PUT", SLA).json(&table)).await.json(200)["version"], 1, "the same again is nothing new");
    acme.send(acme.request("PUT", SLA).header("if-match", "\"9\"").json(&json!({}))).await.problem(412, "precondition_failed");
    let cleared = acme.send(acme.request("PUT", SLA).header("if-match", "\"1\"").json(&json!({}))).await.json(200);
    assert_eq!((&cleared["response_minutes"], &cleared["version"]), (&house, &json!(2)));
}

#[tokio::test]
async fn every_fault_of_a_table_is_told_at_once_and_changes_nothing() {
    let world = World::open();
    let table = json!({
        "5": {"response_minutes": 0, "resolution_minutes": 525_601},
        "4": {"response_minutes": 10, "resolution_minutes": 9},
        "3": {"response_minutes": 9},
        "2": 7,
        "6": {"response_minutes": 1, "resolution_minutes": 1},
        "1": {"response_minutes": 1, "resolution_minutes": 1, "hours": 1},
    });
    let problem = world.api.send(world.api.request("PUT", SLA).json(&table)).await.problem(400, "unknown_field");
    let mut faults: Vec<_> = problem["errors"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| format!("{} {}", fault["field"].as_str().expect("a field"), fault["code"].as_str().expect("a code")))
        .collect();
    faults.sort_unstable();
    let expected = [
        "1.hours unknown_field",
        "2 invalid_field",
        "3.resolution_minutes missing_field",
        "4.response_minutes invalid_field",
        "5.resolution_minutes invalid_field",
        "5.response_minutes invalid_field",
        "6 unknown_field",
    ];
    assert_eq!(faults, expected);
    assert_eq!(world.api.get(SLA).await.json(200)["version"], 0);
}
