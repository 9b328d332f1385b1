//! What moves the policy tree without a person: outcomes through the engine of a node, and the end of an override.

use super::given::World;
use super::policy_tree::{NODES, add, levels, node, outcome, plant, set_root, until, until_event};
use serde_json::json;

#[tokio::test]
async fn an_outcome_is_answered_with_where_the_engine_stands() {
    let world = World::open();
    plant(&world.api).await;
    let first = outcome(&world.api, "n1", true).await;
    assert_eq!(first.json(200), json!({"node": "n1", "level": "normal", "streak": 1, "burst": 0, "outcomes": 1, "version": 1}));
    assert_eq!(first.header("etag"), Some("\"1\""));
    let path = format!("{NODES}/n1/outcomes");
    let at = "2100-01-01T00:00:00Z";
    world.api.post(&path, json!({"success": true, "occurred_at": at})).await.problem(400, "occurred_in_future");
    let before = json!({"success": true, "occurred_at": "2020-01-01T00:00:00Z"});
    world.api.post(&path, before.clone()).await.problem(409, "occurred_before_previous");
    world.api.post(&format!("{NODES}/n2/outcomes"), before).await.json(200);
    world.api.post(&path, json!({"success": true, "expected_version": 7})).await.problem(409, "version_conflict");
    let stale = world.api.post_with(&path, json!({"success": true}), &[("if-match", "\"7\"")]).await;
    stale.problem(412, "precondition_failed");
    world.api.post(&path, json!({})).await.problem(400, "missing_field");
}

#[tokio::test]
async fn failures_in_a_row_make_a_zone_stricter_and_successes_milder() {
    let world = World::open();
    plant(&world.api).await;
    for (failure, level) in [(1, "normal"), (2, "normal"), (3, "watch"), (4, "watch")] {
        let engine = outcome(&world.api, "n1", false).await.json(200);
        assert_eq!((engine["outcomes"].as_u64(), &engine["level"]), (Some(failure), &json!(level)), "{engine}");
        assert_eq!(engine.get("since").is_some(), level == "watch", "{engine}");
    }
    let zone = until(&world.api, "n1", |zone| zone["engine_level"] == "watch").await;
    assert_eq!((&zone["effective"], &zone["deciding_node"], zone.get("override")), (&json!("watch"), &json!("n1"), None));
    assert_eq!(levels(&world.api).await[1], "north normal city", "nobody else is stricter for it");
    let events = until_event(&world.api, "policy-node:default:n1", "engine_changed").await;
    let changed = events.iter().find(|event| event["type"] == "engine_changed").expect("it is told");
    assert_eq!(changed["data"]["by"]["source"], "engine:n1");
    let alert = events.iter().find(|event| event["type"] == "alert_raised").expect("it is told");
    assert_eq!((&alert["stream"], &alert["data"]), (&json!("policy-engine:default:n1"), &json!({"severity": "warning", "level": "watch"})));
    for _ in 0..6 {
        outcome(&world.api, "n1", true).await.json(200);
    }
    let zone = until(&world.api, "n1", |zone| zone["engine_level"] == "normal").await;
    assert_eq!((&zone["effective"], &zone["deciding_node"]), (&json!("normal"), &json!("city")));
    until_event(&world.api, "policy-engine:default:n1", "alert_cleared").await;
}

#[tokio::test]
async fn the_engine_of_the_root_moves_everybody_and_a_person_begins_it_anew() {
    let world = World::open();
    plant(&world.api).await;
    for _ in 0..5 {
        outcome(&world.api, "city", false).await.json(200);
    }
    until(&world.api, "n2", |zone| zone["effective"] == "watch" && zone["deciding_node"] == "city").await;
    assert!(levels(&world.api).await.iter().all(|line| line.ends_with(" watch city")));
    let root = set_root(&world.api, "restricted").await.json(200);
    assert_eq!((&root["engine_level"], &root["effective"]), (&json!("restricted"), &json!("restricted")));
    until_event(&world.api, "policy-engine:default:city", "reset").await;
    let engine = outcome(&world.api, "city", false).await.json(200);
    assert_eq!(
        (&engine["level"], &engine["burst"], &engine["streak"], &engine["outcomes"]),
        (&json!("restricted"), &json!(1), &json!(0), &json!(6)),
        "two failures were counted before, and are forgotten"
    );
}

#[tokio::test]
async fn an_outcome_that_is_repeated_counts_once_also_when_its_node_is_gone() {
    let world = World::open();
    plant(&world.api).await;
    let (path, key) = (format!("{NODES}/n1/outcomes"), [("idempotency-key", "k")]);
    let first = world.api.post_with(&path, json!({"success": false}), &key).await;
    assert_eq!(first.json(200)["burst"], 1);
    outcome(&world.api, "n1", false).await.json(200);
    world.api.delete(&node("n1")).await.json(200);
    let again = world.api.post_with(&path, json!({"success": false}), &key).await;
    assert_eq!((again.text, again.status), (first.text, 200));
    outcome(&world.api, "n1", false).await.problem(404, "unknown_node");
    world.api.post_with(&path, json!({"success": false}), &[("idempotency-key", "other")]).await.problem(404, "unknown_node");
    // The name comes again, and nothing of what it had counted.
    until_event(&world.api, "policy-engine:default:n1", "reset").await;
    add(&world.api, "n1", "zone", Some("north")).await;
    assert_eq!(outcome(&world.api, "n1", false).await.json(200)["burst"], 1);
}

#[tokio::test]
async fn an_override_ends_when_its_time_is_over() {
    let world = World::open();
    plant(&world.api).await;
    let ends = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2)).to_string();
    let asked = json!({"level": "halted", "authorization": "chief", "expires_at": ends});
    let told = world.api.post(&format!("{NODES}/north/override"), asked).await.json(200);
    assert_eq!(told["effective"], "halted");
    let after = until(&world.api, "n1", |zone| zone["effective"] == "normal").await;
    assert!(jiff::Timestamp::now() >= ends.parse::<jiff::Timestamp>().expect("a time"), "not before: {after}");
    assert_eq!(world.api.get(&node("north")).await.json(200).get("override"), None);
    let events = until_event(&world.api, "policy-node:default:north", "override_auto_reverted").await;
    let reverted = &events.iter().find(|event| event["type"] == "override_auto_reverted").expect("it is told")["data"];
    assert_eq!((&reverted["by"]["source"], &reverted["by"]["authorization"]), (&json!("timer"), &json!("system")));
    assert_eq!((&reverted["from"], reverted.get("above")), (&json!("halted"), None));
}

#[tokio::test]
async fn the_engines_hang_under_their_nodes_in_the_tree_of_the_system() {
    let world = World::open();
    plant(&world.api).await;
    world.api.create("w", "dispatch").await;
    outcome(&world.api, "n2", true).await.json(200);
    let tree = world.api.get("/api/v1/system/tree").await.json(200);
    let line = |node: &serde_json::Value| ["kind", "id", "parent"].map(|name| node[name].as_str().unwrap_or("-").to_owned()).join(" ");
    let lines: Vec<_> = tree["nodes"].as_array().expect("nodes").iter().map(line).collect();
    let expected = [
        "organisation default -",
        "kind default/policy-tree default",
        "policy-tree tree default/policy-tree",
        "kind default/workflow default",
        "workflow w default/workflow",
        "policy-node default@city default",
        "policy-node default@north default@city",
        "policy-node default@n2 default@north",
        "kind default@n2/policy-engine default@n2",
        "policy-engine n2 default@n2/policy-engine",
    ];
    assert_eq!(lines, expected);
    let engine = world.api.get("/api/v1/system/entities/policy-engine/n2").await.json(200);
    assert_eq!(engine["parent"], "default@n2/policy-engine");
    // Who never had an outcome is nobody; who has no node any more hangs under the organisation.
    world.api.get("/api/v1/system/entities/policy-engine/n1").await.problem(404, "entity_not_found");
    world.api.delete(&node("n2")).await.json(200);
    assert_eq!(world.api.get("/api/v1/system/entities/policy-engine/n2").await.json(200)["parent"], "default/policy-engine");
}
