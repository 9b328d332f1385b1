//! Patterns from history: they are what was recorded, and the simulator comes to what the live engine came to.

use super::client::Api;
use super::given::World;
use super::simulations::{create, ran, start, until};
use crate::support::brought::Brought;
use ionveil_policy::level;
use serde_json::{Value, json};

/// Outcomes of a node, a second apart from the beginning of 2026 on.
async fn report(api: &Api, node: &str, second: u64, success: bool) {
    let at = format!("2026-01-01T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60);
    api.post(&format!("/api/v1/policy/nodes/{node}/outcomes"), json!({"success": success, "occurred_at": at})).await.json(200);
}

async fn tree(api: &Api) {
    for (id, kind, parent) in
        [("root", "global", None), ("north", "region", Some("root")), ("n1", "zone", Some("north")), ("south", "region", Some("root"))]
    {
        api.post("/api/v1/policy/nodes", json!({"id": id, "kind": kind, "parent": parent})).await.json(201);
    }
}

fn history(scope: &str, from: &str, to: &str) -> Value {
    json!({"from_history": {"scope": scope, "from": format!("2026-01-01T{from}Z"), "to": format!("2026-01-01T{to}Z")}})
}

#[tokio::test]
async fn a_pattern_from_history_is_the_outcomes_of_the_scope() {
    let world = World::open();
    tree(&world.api).await;
    let (mut given, nodes) = (Vec::new(), ["n1", "south", "north"]);
    for second in 0..90 {
        let (node, success) = (nodes[second % 3], second % 7 > 2);
        report(&world.api, node, second as u64, success).await;
        given.push((node, second, success));
    }
    let scenario = json!({"name": "s", "escalation_threshold": 2});
    for (scope, nodes) in [("root", &["n1", "south", "north"][..]), ("north", &["north", "n1"]), ("n1", &["n1"]), ("south", &["south"])] {
        let events: Vec<_> = given
            .iter()
            .filter(|(node, second, _)| nodes.contains(node) && (10..80).contains(second))
            .map(|(_, second, success)| json!([second - 10, success]))
            .collect();
        let body = |pattern: Value| json!({"scenario": scenario, "pattern": pattern, "duration_s": 70});
        let (recorded, expected) =
            (ran(&world.api, body(history(scope, "00:00:10", "00:01:20"))).await, ran(&world.api, body(json!({"events": events}))).await);
        assert_eq!((&recorded["status"], &recorded["pattern"]["kind"]), (&json!("completed"), &json!("history")), "{recorded}");
        assert_eq!(recorded["totals"]["considered"], events.len(), "{scope}");
        for field in ["transitions", "totals", "seconds_in_level", "final_policy", "sla_compliance_rate"] {
            assert_eq!(recorded[field], expected[field], "{scope} {field}");
        }
    }
    let id = create(&world.api, json!({"scenario": scenario, "pattern": history("n1", "00:00:00", "01:00:00")})).await;
    world.api.send(world.api.request("DELETE", "/api/v1/policy/nodes/n1")).await.json(200);
    start(&world.api, &id).await.json(200);
    let failed = until(&world.api, &id, |now| now["status"] != "running").await;
    assert_eq!(failed["status"], "failed", "{failed}");
    assert!(failed["error"].as_str().is_some_and(|error| error.starts_with("unknown_node: ")), "{failed}");
    start(&world.api, &id).await.problem(409, "not_runnable");
}

#[tokio::test]
async fn simulator_and_live_engine_come_to_the_same_levels() {
    let brought = Brought::start();
    let api = Api::of(&brought.address);
    tree(&api).await;
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    for second in 0..2_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Spells of trouble and of calm, so that all levels are reached and left.
        let failing = if second / 100 % 2 == 0 { 60 } else { 3 };
        report(&api, "n1", second, seed % 100 >= failing).await;
    }
    let live = brought.node.policy_engines.loader().load(&"policy-engine:default:n1".parse().expect("a name")).await.expect("the engine");
    let done = ran(&api, json!({"scenario": {"name": "live"}, "pattern": history("n1", "00:00:00", "01:00:00")})).await;
    assert_eq!((&done["totals"]["considered"], live.state.outcomes), (&json!(2_000), 2_000));
    assert_eq!(done["final_policy"], level::name(live.state.level));
    let steps: Vec<_> = api
        .pages("/api/v1/events?stream=policy-engine:default:n1&page_size=500")
        .await
        .into_iter()
        .filter(|event| event["type"] == "escalated" || event["type"] == "deescalated")
        .map(|event| (event["data"]["from"].clone(), event["data"]["to"].clone(), event["occurred_at"].as_str().map(str::to_owned)))
        .collect();
    let clock = |second: u64| format!("2026-01-01T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60);
    let simulated = done["transitions"].as_array().expect("transitions").iter();
    let simulated: Vec<_> =
        simulated.map(|step| (step["from"].clone(), step["to"].clone(), step["timestamp"].as_u64().map(clock))).collect();
    assert!(steps.len() > 20 && steps.iter().any(|step| step.1 == "halted"), "{}", steps.len());
    assert_eq!(simulated, steps, "each step, not only the last");
}
