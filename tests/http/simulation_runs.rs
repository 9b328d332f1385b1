//! How many simulations run at once, and what becomes of those that are called off or killed.

use super::given::World;
use super::simulations::{PATIENCE, SIMULATIONS, bursts, cancel, create, get, start, until};
use serde_json::{Value, json};

/// As many outcomes as a run that is to be met in the middle needs.
const LONG: u64 = 10_000_000;

fn endless() -> Value {
    json!({"scenario": {"name": "endless"}, "pattern": {"generator": "constant", "rate": 0.5, "duration_s": LONG, "events_per_s": 1}, "duration_s": LONG})
}

#[tokio::test]
async fn ten_run_at_once_and_a_cancelled_one_gives_its_place_away() {
    let world = World::open();
    let mut ids = Vec::new();
    for _ in 0..11 {
        ids.push(create(&world.api, endless()).await);
    }
    let (last, running) = ids.split_last().expect("eleven");
    let starting = running.iter().map(|id| {
        let (api, id) = (world.api.clone(), id.clone());
        tokio::spawn(async move { start(&api, &id).await.status })
    });
    let starting: Vec<_> = starting.collect();
    for id in running {
        until(&world.api, id, |now| now["status"] != "pending").await;
    }
    let refused = start(&world.api, last).await;
    refused.problem(429, "capacity_exceeded");
    let compared = json!({"scenarios": [{"name": "s"}], "pattern": bursts()});
    world.api.post(&format!("{SIMULATIONS}/compare"), compared).await.problem(429, "capacity_exceeded");
    start(&world.api, &running[0]).await.problem(409, "already_running");
    assert_eq!(get(&world.api, last).await["status"], "pending", "it was refused, not queued");

    assert_eq!(cancel(&world.api, &running[0]).await.json(200), json!({"cancelled": true}));
    assert_eq!(get(&world.api, &running[0]).await["status"], "cancelled");
    let halfway = |now: &Value| now["progress"]["done"].as_u64().is_some_and(|done| done > 0 && done < LONG);
    let seen = until(&world.api, &running[9], |now| halfway(now) || now["status"] == "completed").await;
    assert!(halfway(&seen) && seen["progress"]["total"] == LONG, "{}", seen["progress"]);
    let taken = tokio::time::timeout(PATIENCE, async { while start(&world.api, last).await.status == 429 {} });
    taken.await.expect("a place becomes free");
    for started in starting {
        assert_eq!(started.await.expect("no panic"), 200);
    }
    for id in &ids[1..] {
        let done = until(&world.api, id, |now| now["status"] != "running").await;
        assert_eq!((&done["status"], &done["totals"]["considered"]), (&json!("completed"), &json!(LONG)));
    }
    assert_eq!(get(&world.api, &running[0]).await["status"], "cancelled", "what its run came to does not count");
}

#[tokio::test]
async fn a_run_that_is_killed_is_run_again() {
    let world = World::durable();
    let id = create(&world.api, endless()).await;
    let cancelled = create(&world.api, endless()).await;
    let starting = [&id, &cancelled].map(|id| {
        let (api, id) = (world.api.clone(), id.clone());
        // The server goes away before it answers.
        tokio::spawn(async move { drop(api.request("POST", &format!("{SIMULATIONS}/{id}/run")).json(&json!({})).send().await) })
    });
    for id in [&id, &cancelled] {
        assert_eq!(until(&world.api, id, |now| now["status"] != "pending").await["status"], "running");
    }
    cancel(&world.api, &cancelled).await.json(200);
    let world = world.killed_and_restarted();
    let done = until(&world.api, &id, |now| now["status"] != "running").await;
    assert_eq!((&done["status"], &done["totals"]["considered"]), (&json!("completed"), &json!(LONG)));
    let events = world.api.get(&format!("/api/v1/events?stream=simulation:default:{id}")).await.json(200);
    let events: Vec<_> = events["items"].as_array().expect("items").iter().skip(1).collect();
    let kinds: Vec<_> = events.iter().map(|event| (event["type"].as_str().expect("a type"), &event["data"]["restarted"])).collect();
    assert_eq!(kinds, [("started", &Value::Null), ("started", &json!(true)), ("completed", &Value::Null)]);
    assert_eq!(get(&world.api, &cancelled).await["status"], "cancelled");
    for started in starting {
        started.await.expect("no panic");
    }
}
