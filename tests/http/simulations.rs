//! The simulator over HTTP: from a scenario to a recommendation.

use super::client::Api;
use super::given::{Guarded, World};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SIMULATIONS: &str = "/api/v1/simulations";
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Three failures every half minute, for two minutes.
pub(super) fn bursts() -> Value {
    json!({"generator": "burst", "size": 3, "interval_s": 30, "duration_s": 120})
}

pub(super) async fn create(api: &Api, body: Value) -> String {
    api.post(SIMULATIONS, body).await.json(201)["id"].as_str().expect("an id").to_owned()
}

pub(super) async fn get(api: &Api, id: &str) -> Value {
    api.get(&format!("{SIMULATIONS}/{id}")).await.json(200)
}

pub(super) async fn start(api: &Api, id: &str) -> super::answer::Answer {
    api.post(&format!("{SIMULATIONS}/{id}/run"), json!({})).await
}

pub(super) async fn cancel(api: &Api, id: &str) -> super::answer::Answer {
    api.send(api.request("DELETE", &format!("{SIMULATIONS}/{id}"))).await
}

/// Looks again and again until a simulation is as wished.
pub(super) async fn until(api: &Api, id: &str, wish: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let now = get(api, id).await;
            if wish(&now) {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{id} never becomes as wished"))
}

/// Runs a simulation to its end.
pub(super) async fn ran(api: &Api, body: Value) -> Value {
    let id = create(api, body).await;
    start(api, &id).await.json(200);
    until(api, &id, |now| now["status"] != "running").await
}

/// Without what differs from simulation to simulation.
fn outcome(mut result: Value) -> Value {
    for field in ["id", "version"] {
        result.as_object_mut().expect("an object").remove(field);
    }
    result
}

#[tokio::test]
async fn a_simulation_is_set_up_run_and_looked_at() {
    let world = World::open();
    let created = world.api.post(SIMULATIONS, json!({"scenario": {"name": "usual"}, "pattern": bursts(), "duration_s": 60})).await;
    let pending = created.json(201);
    let id = pending["id"].as_str().expect("an id");
    assert_eq!(created.header("location"), Some(format!("{SIMULATIONS}/{id}").as_str()));
    assert_eq!(created.header("etag"), Some("\"1\""));
    assert_eq!(
        (&pending["status"], &pending["totals"]["considered"], &pending["final_policy"]),
        (&json!("pending"), &json!(0), &Value::Null)
    );
    let unrun = world.api.get(&format!("{SIMULATIONS}/{id}/policy?at=1")).await.problem(409, "no_completed_results");
    assert!(unrun["detail"].as_str().is_some_and(|detail| detail.contains("pending")), "{unrun}");

    start(&world.api, id).await.json(200);
    let done = until(&world.api, id, |now| now["status"] == "completed").await;
    let steps = done["transitions"].as_array().expect("transitions").iter();
    let steps: Vec<_> =
        steps.map(|step| format!("{} {} {}", step["timestamp"], step["to"].as_str().unwrap(), step["reason"].as_str().unwrap())).collect();
    assert_eq!(
        steps,
        ["2 watch 3 failures in a row", "8 normal 6 successes in a row", "32 watch 3 failures in a row", "38 normal 6 successes in a row"]
    );
    assert_eq!(done["seconds_in_level"], json!({"normal": 48, "watch": 12, "restricted": 0, "halted": 0}));
    assert_eq!((&done["sla_compliance_rate"], &done["final_policy"]), (&json!(0.9), &json!("normal")));
    assert_eq!((&done["totals"]["considered"], &done["totals"]["ignored"]), (&json!(60), &json!(60)));
    assert!(done.get("progress").is_none() && done["error"].is_null(), "{done}");
    assert_eq!(start(&world.api, id).await.json(200), done, "it is not run again");
    for (at, level) in [("0", "normal"), ("1.999999", "normal"), ("2", "watch"), ("8", "normal"), ("60", "normal")] {
        let policy = world.api.get(&format!("{SIMULATIONS}/{id}/policy?at={at}")).await.json(200);
        assert_eq!(policy["policy"], level, "at {at}");
    }
    assert_eq!(cancel(&world.api, id).await.json(200), json!({"cancelled": false}));
    let events = world.api.get(&format!("/api/v1/events?stream=simulation:default:{id}")).await.json(200);
    let kinds: Vec<_> =
        events["items"].as_array().expect("items").iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(kinds, ["created", "started", "completed"]);
    let [started, completed] = [1_usize, 2].map(|place| &events["items"][place]);
    assert_eq!((&completed["actor"], &completed["correlation_id"]), (&json!("system:simulations"), &started["correlation_id"]));
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was() {
    let world = World::open();
    let body = json!({"scenario": {"name": "s"}, "pattern": bursts()});
    let key = [("idempotency-key", "k-1")];
    let first = world.api.post_with(SIMULATIONS, body.clone(), &key).await.json(201);
    let again = world.api.post_with(SIMULATIONS, body, &key).await;
    assert_eq!((again.header("idempotency-replayed"), again.json(201)), (Some("true"), first.clone()));
    world
        .api
        .post_with(SIMULATIONS, json!({"scenario": {"name": "t"}, "pattern": bursts()}), &key)
        .await
        .problem(409, "idempotency_key_reused");
    let id = first["id"].as_str().expect("an id");
    let run = format!("{SIMULATIONS}/{id}/run");
    world.api.post_with(&run, json!({}), &[("if-match", "\"7\"")]).await.problem(412, "precondition_failed");
    let key = [("idempotency-key", "k-2"), ("if-match", "\"1\"")];
    world.api.post_with(&run, json!({}), &key).await.json(200);
    let done = until(&world.api, id, |now| now["status"] == "completed").await;
    let again = world.api.post_with(&run, json!({}), &key).await;
    assert_eq!((again.header("idempotency-replayed"), again.json(200)), (Some("true"), done), "nothing was started");
    let cancelling = |key: &'static str| world.api.request("DELETE", &format!("{SIMULATIONS}/{id}")).header("idempotency-key", key);
    assert_eq!(world.api.send(cancelling("k-3")).await.json(200), json!({"cancelled": false}));
    assert_eq!(world.api.send(cancelling("k-3")).await.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn simulations_of_others_are_not_there() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "dispatcher"), guarded.member("umbra", "admin"));
    let done = ran(&acme, json!({"scenario": {"name": "s"}, "pattern": bursts()})).await;
    let id = done["id"].as_str().expect("an id");
    umbra.get(&format!("{SIMULATIONS}/{id}")).await.problem(404, "not_found");
    start(&umbra, id).await.problem(404, "not_found");
    cancel(&umbra, id).await.problem(404, "not_found");
    let recommended = umbra.post(&format!("{SIMULATIONS}/recommend"), json!({"simulations": [id]})).await;
    assert_eq!(recommended.faults(404, "not_found"), ["simulations[0]: not_found"]);
    assert_eq!(get(&guarded.member("acme", "operator"), id).await["status"], "completed");
}

#[tokio::test]
async fn the_same_input_comes_to_the_same_result() {
    let world = World::open();
    // Three failures in twenty, thrown into disorder.
    let place = |n: u64| n * 7_919 % 30_000;
    let events: Vec<_> = (0..30_000).map(|n| json!([place(n) as f64 / 8.0, place(n) % 20 > 2])).collect();
    let body = json!({"scenario": {"name": "s", "escalation_threshold": 2}, "pattern": {"events": events}, "duration_s": 3000});
    assert!(body.to_string().len() > 256 * 1024, "more than other routes take");
    let (first, second) = (ran(&world.api, body.clone()).await, ran(&world.api, body.clone()).await);
    assert!(first["totals"]["transitions"].as_u64().is_some_and(|count| count > 100), "{}", first["totals"]);
    let asked = json!({"scenarios": [body["scenario"], {"name": "t"}], "pattern": body["pattern"], "duration_s": 3000});
    let compared = world.api.post(&format!("{SIMULATIONS}/compare"), asked).await.json(200);
    assert_eq!(compared.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()), Some(vec!["s".to_owned(), "t".to_owned()]));
    assert_eq!(outcome(first.clone()), outcome(compared["s"].clone()));
    assert_eq!(outcome(first), outcome(second));
}

#[tokio::test]
async fn the_best_settings_are_recommended_with_reasons() {
    let world = World::open();
    let recommend = async |ids: Value| world.api.post(&format!("{SIMULATIONS}/recommend"), json!({"simulations": ids})).await;
    recommend(json!([])).await.problem(409, "no_completed_results");
    let pending = create(&world.api, json!({"scenario": {"name": "pending"}, "pattern": bursts()})).await;
    recommend(json!([pending])).await.problem(409, "no_completed_results");
    let mut ids = vec![json!(pending)];
    for (name, threshold) in [("jumpy", 1), ("calm", 4), ("usual", 3)] {
        let scenario = json!({"name": name, "escalation_threshold": threshold});
        ids.push(ran(&world.api, json!({"scenario": scenario, "pattern": bursts(), "duration_s": 120})).await["id"].clone());
    }
    let best = recommend(json!(ids)).await.json(200);
    assert_eq!((&best["scenario"], &best["escalation_threshold"], &best["considered"]), (&json!("calm"), &json!(4), &json!(3)));
    assert!(best["reasons"].as_array().is_some_and(|reasons| reasons.len() == 3), "{best}");
    let twice = recommend(json!([ids[1], ids[1]])).await.json(200);
    assert_eq!(twice["considered"], 1, "nothing is compared with itself");
    let unknown = recommend(json!([ids[1], "nobody", "no id"])).await;
    assert_eq!(unknown.faults(400, "invalid_id"), ["simulations[2]: invalid_id"]);
    assert_eq!(recommend(json!([ids[1], "nobody"])).await.faults(404, "not_found"), ["simulations[1]: not_found"]);
    assert_eq!(recommend(json!(vec!["a"; 101])).await.faults(400, "invalid_field"), ["simulations: invalid_field"]);
}

#[tokio::test]
async fn points_behind_the_last_kept_transition_are_found() {
    let world = World::open();
    // Up with each failure, down with the second success after it.
    let pattern = json!({"generator": "burst", "size": 1, "interval_s": 3, "duration_s": 90_000});
    let scenario =
        json!({"name": "s", "policy_order": ["calm", "wild"], "escalation_threshold": 1, "deescalation_thresholds": {"wild": 1}});
    let done = ran(&world.api, json!({"scenario": scenario, "pattern": pattern, "duration_s": 90_000})).await;
    assert_eq!(done["totals"]["transitions"], 60_000);
    assert_eq!(done["transitions"].as_array().map(Vec::len), Some(10_000), "the first ones");
    let path = format!("{SIMULATIONS}/{}/policy", done["id"].as_str().expect("an id"));
    for (at, level) in [("89997", "wild"), ("89998.5", "wild"), ("89999", "calm"), ("0", "wild"), ("2", "calm")] {
        assert_eq!(world.api.get(&format!("{path}?at={at}")).await.json(200)["policy"], level, "at {at}");
    }
}
