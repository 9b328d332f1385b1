//! What the simulator's routes refuse: each fault with its code and its field, all at once.

use super::given::World;
use super::simulations::{SIMULATIONS, bursts, cancel, create, get, ran, start};
use serde_json::{Value, json};

#[tokio::test]
async fn every_fault_of_a_scenario_and_a_pattern_has_its_code() {
    let world = World::open();
    let named = |more: Value| {
        let mut scenario = json!({"name": "s"});
        scenario.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scenario
    };
    let constant =
        |rate: f64, duration: f64, eps: f64| json!({"generator": "constant", "rate": rate, "duration_s": duration, "events_per_s": eps});
    let levels: Vec<_> = (0..65).map(|n| format!("l{n}")).collect();
    let metadata: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), json!("v"))).collect();
    let long = "n".repeat(129);
    let scenarios = [
        (json!({}), "name: missing_name"),
        (json!({"name": " "}), "name: missing_name"),
        (json!({"name": long}), "name: invalid_text"),
        (named(json!({"policy_order": ["a"]})), "policy_order: policy_order_too_short"),
        (named(json!({"policy_order": levels})), "policy_order: policy_order_too_long"),
        (named(json!({"policy_order": ["a", "b", "a"]})), "policy_order[2]: duplicate_policy"),
        (named(json!({"escalation_threshold": 0})), "escalation_threshold: invalid_escalation_threshold"),
        (named(json!({"deescalation_thresholds": {"odd": 1}})), "deescalation_thresholds.odd: unknown_policy"),
        (named(json!({"deescalation_thresholds": {"watch": 0}})), "deescalation_thresholds.watch: invalid_deescalation_threshold"),
        (named(json!({"dwell_s": -1})), "dwell_s: invalid_dwell"),
        (named(json!({"metadata": metadata})), "metadata: invalid_metadata"),
        (named(json!({"nam": 1})), "nam: unknown_field"),
    ];
    for (scenario, fault) in scenarios {
        let code = fault.split(": ").nth(1).unwrap();
        let answer = world.api.post(SIMULATIONS, json!({"scenario": scenario, "pattern": bursts()})).await;
        assert_eq!(answer.faults(400, code), [format!("scenario.{fault}")]);
        let answer = world.api.post(&format!("{SIMULATIONS}/compare"), json!({"scenarios": [scenario], "pattern": bursts()})).await;
        assert_eq!(answer.faults(400, code), [format!("scenarios[0].{fault}")]);
    }
    let range = |from: &str, to: &str| json!({"from_history": {"scope": "root", "from": from, "to": to}});
    let patterns = [
        (json!({"events": [[0, true], [-1, true]]}), "events[1][0]: invalid_offset"),
        (json!({"events": vec![json!([0, true]); 1_000_001]}), "events: pattern_too_long"),
        (json!({"events": [], "id": ""}), "id: invalid_text"),
        (constant(1.5, 1.0, 1.0), "rate: invalid_rate"),
        (constant(0.5, 0.5, 1.0), "duration_s: invalid_duration"),
        (constant(0.5, 1.0, 0.0), "events_per_s: invalid_event_rate"),
        (constant(0.5, 1e9, 1.0), "duration_s: pattern_too_long"),
        (json!({"generator": "burst", "size": 0, "interval_s": 1, "duration_s": 1}), "size: invalid_burst_size"),
        (json!({"generator": "burst", "size": 1, "interval_s": 0, "duration_s": 1}), "interval_s: invalid_interval"),
        (json!({"generator": "cascade", "initial_rate": 0, "factor": 0.5, "recovery_at_s": 1, "duration_s": 1}), "factor: invalid_factor"),
        (
            json!({"generator": "cascade", "initial_rate": 0, "factor": 1, "recovery_at_s": -1, "duration_s": 1}),
            "recovery_at_s: invalid_recovery",
        ),
        (json!({"generator": "random"}), "generator: invalid_field"),
        (range("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"), "from_history.to: invalid_range"),
        (range("yesterday", "2026-01-02T00:00:00Z"), "from_history.from: invalid_time"),
    ];
    for (pattern, fault) in patterns {
        let code = fault.split(": ").nth(1).unwrap();
        let answer = world.api.post(SIMULATIONS, json!({"scenario": {"name": "s"}, "pattern": pattern})).await;
        assert_eq!(answer.faults(400, code), [format!("pattern.{fault}")]);
    }
    let all = json!({"scenario": {"escalation_threshold": 0}, "pattern": constant(2.0, 1.0, 0.0), "duration_s": 0});
    let faults = world.api.post(SIMULATIONS, all).await.faults(400, "missing_name");
    let expected = [
        "scenario.name: missing_name",
        "scenario.escalation_threshold: invalid_escalation_threshold",
        "pattern.rate: invalid_rate",
        "pattern.events_per_s: invalid_event_rate",
        "duration_s: invalid_duration",
    ];
    assert_eq!(faults, expected, "all at once");
    assert_eq!(world.api.feed().await, [] as [Value; 0], "nothing was stored");
    let unknown = range("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    for (path, body) in [
        ("", json!({"scenario": {"name": "s"}, "pattern": unknown})),
        ("/compare", json!({"scenarios": [{"name": "s"}], "pattern": unknown})),
    ] {
        let answer = world.api.post(&format!("{SIMULATIONS}{path}"), body).await;
        assert_eq!(answer.faults(404, "unknown_node"), ["pattern.from_history.scope: unknown_node"], "there is no tree");
    }
}

#[tokio::test]
async fn points_outside_a_run_are_refused() {
    let world = World::open();
    let done = ran(&world.api, json!({"scenario": {"name": "s"}, "pattern": bursts(), "duration_s": 60})).await;
    let path = format!("{SIMULATIONS}/{}/policy", done["id"].as_str().expect("an id"));
    for (query, code) in [
        ("at=60.000001", "outside_run"),
        ("at=-1", "outside_run"),
        ("at=NaN", "invalid_number"),
        ("at=inf", "invalid_number"),
        ("at=now", "invalid_field"),
        ("", "missing_field"),
        ("at=1&at=2", "duplicate_key"),
    ] {
        assert_eq!(world.api.get(&format!("{path}?{query}")).await.faults(400, code), [format!("at: {code}")], "{query}");
    }
}

#[tokio::test]
async fn what_has_ended_is_not_run_and_what_is_not_there_is_not_found() {
    let world = World::open();
    let id = create(&world.api, json!({"scenario": {"name": "s"}, "pattern": bursts()})).await;
    assert_eq!(cancel(&world.api, &id).await.json(200), json!({"cancelled": true}));
    assert_eq!(cancel(&world.api, &id).await.json(200), json!({"cancelled": false}));
    assert_eq!(get(&world.api, &id).await["status"], "cancelled");
    start(&world.api, &id).await.problem(409, "not_runnable");
    for nobody in ["nobody", "%20", "compare", "recommend"] {
        start(&world.api, nobody).await.problem(404, "not_found");
    }
    for nobody in ["nobody", "%20"] {
        cancel(&world.api, nobody).await.problem(404, "not_found");
        world.api.get(&format!("{SIMULATIONS}/{nobody}")).await.problem(404, "not_found");
        world.api.get(&format!("{SIMULATIONS}/{nobody}/policy?at=0")).await.problem(404, "not_found");
    }
    world.api.get(&format!("{SIMULATIONS}/compare")).await.problem(405, "method_not_allowed");
    world.api.post(&format!("{SIMULATIONS}/{id}/run"), json!({"force": true})).await.problem(400, "unknown_field");
}

#[tokio::test]
async fn comparisons_have_limits() {
    let world = World::open();
    let compare = async |scenarios: Vec<Value>, pattern: Value| {
        world.api.post(&format!("{SIMULATIONS}/compare"), json!({"scenarios": scenarios, "pattern": pattern, "duration_s": 10})).await
    };
    let named = |count: u32| (0..count).map(|n| json!({"name": n.to_string()})).collect::<Vec<_>>();
    assert_eq!(compare(vec![], bursts()).await.json(200), json!({}));
    let twice = vec![json!({"name": "a"}), json!({"name": "b"}), json!({"name": "a"})];
    assert_eq!(compare(twice, bursts()).await.faults(400, "duplicate_scenario"), ["scenarios[2].name: duplicate_scenario"]);
    assert_eq!(compare(named(100), bursts()).await.json(200).as_object().map(serde_json::Map::len), Some(100));
    assert_eq!(compare(named(101), bursts()).await.faults(400, "too_many_scenarios"), ["scenarios: too_many_scenarios"]);
    let many = json!({"generator": "constant", "rate": 0, "duration_s": 5_000_000, "events_per_s": 1});
    assert_eq!(compare(named(21), many).await.faults(400, "pattern_too_long"), ["pattern: pattern_too_long"]);
}
