//! What helps when regions fail, over HTTP: the specification's figures, and what is refused.

use super::given::World;
use serde_json::{Value, json};

const REGION: &str = "/api/v1/resilience/failover-region";
const PLAN: &str = "/api/v1/resilience/replay-plan";
const BACKOFF: &str = "/api/v1/resilience/backoff";

fn regions(more: &Value) -> Value {
    let mut body = json!({"primary": "us-east-1", "candidates": ["us-west-2", "us-central-1", "eu-west-1"]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn the_first_region_that_is_well_takes_over() {
    let world = World::open();
    let selected = async |more: Value| world.api.post(REGION, regions(&more)).await.json(200);
    let expected = json!({"region": "us-central-1", "from": "us-east-1", "fallback": false, "degraded": ["us-west-2"]});
    assert_eq!(selected(json!({"degraded": ["us-west-2"]})).await, expected);
    assert_eq!(selected(json!({"breakers": [{"region": "us-west-2", "state": "open"}]})).await, expected, "an open breaker is as bad");
    let half = json!({"breakers": [{"region": "us-west-2", "state": "half_open"}, {"region": "eu-west-1", "state": "closed"}]});
    assert_eq!(selected(half).await["region"], "us-west-2");
    let none = selected(json!({"degraded": ["us-west-2", "us-central-1"], "breakers": [{"region": "eu-west-1", "state": "open"}]})).await;
    assert_eq!((&none["region"], &none["fallback"]), (&json!("us-east-1"), &json!(true)));
}

#[tokio::test]
async fn a_replay_is_planned() {
    let world = World::open();
    let body = regions(&json!({"events": 1000, "timeout_s": 20, "degraded": ["us-west-2"]}));
    let expected = json!({"budget": 216, "batch_size": 21, "retries": 10, "region": "us-central-1", "fallback": false,
        "outage_class": "critical", "mode": "sampled", "coverage": 0.216, "est_duration_s": 27.0});
    assert_eq!(world.api.post(PLAN, body).await.json(200), expected);
    for (events, timeout_s, budget) in [(100, 3, 32), (100, 20, 90), (1000, 5, 54), (10, 100, 9), (0, 20, 0), (9, 0, 0)] {
        let plan = world.api.post(PLAN, regions(&json!({"events": events, "timeout_s": timeout_s, "parallel": true}))).await.json(200);
        assert_eq!(plan["budget"], budget, "{plan}");
        assert_eq!(plan["mode"] == "skip", budget == 0, "{plan}");
    }
}

#[tokio::test]
async fn a_wait_doubles_up_to_its_cap() {
    let world = World::open();
    for (attempt, ms) in [(-1, 80), (0, 80), (1, 80), (2, 160), (7, 5_000), (i64::MAX, 5_000)] {
        let wait = world.api.get(&format!("{BACKOFF}?attempt={attempt}")).await.json(200);
        assert_eq!((&wait["attempt"], &wait["delay_ms"]), (&json!(attempt), &json!(ms)));
        let shown = usize::try_from(attempt.clamp(0, 64)).expect("few");
        assert_eq!(wait["schedule_ms"].as_array().map(Vec::len), Some(shown));
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::open();
    let wrong = world.api.post(REGION, json!({"degraded": [7], "breakers": [{"region": "a", "state": "ajar"}]})).await;
    let faults = ["primary: missing_field", "candidates: missing_field", "degraded[0]: invalid_field", "breakers[0].state: invalid_field"];
    assert_eq!(wrong.faults(400, "missing_field"), faults);
    let wrong = world.api.post(PLAN, regions(&json!({"events": "many", "region": "x"}))).await;
    assert_eq!(wrong.faults(400, "invalid_field"), ["events: invalid_field", "timeout_s: missing_field", "region: unknown_field"]);
    world.api.get(BACKOFF).await.problem(400, "missing_field");
    world.api.get(&format!("{BACKOFF}?attempt=soon")).await.problem(400, "invalid_field");
}
