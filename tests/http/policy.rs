//! The policy tree over HTTP: what is in force where, what changes it, and every refusal with its code.

use super::given::{Guarded, World};
use super::policy_tree::{NODES, ROOT, add, clear, count, levels, node, plant, set, set_root};
use serde_json::{Value, json};

#[tokio::test]
async fn a_node_is_added_and_shown() {
    let world = World::open();
    assert_eq!(world.api.get(NODES).await.json(200), json!({"items": []}), "there is no tree yet");
    let added = world.api.post(NODES, json!({"id": "city", "kind": "global"})).await;
    let root = json!({"id": "city", "kind": "global", "parent": null, "effective": "normal", "deciding_node": "city",
        "engine_level": "normal", "children": [], "version": 1});
    assert_eq!(added.json(201), root);
    assert_eq!((added.header("location"), added.header("etag")), (Some("/api/v1/policy/nodes/city"), Some("\"1\"")));
    let zone = add(&world.api, "B09.39", "zone", Some("city")).await;
    let expected = json!({"id": "B09.39", "kind": "zone", "parent": "city", "effective": "normal", "deciding_node": "city",
        "engine_level": "normal", "children": [], "version": 2});
    assert_eq!(zone, expected);
    let shown = world.api.get(&node("B09.39")).await;
    assert_eq!((shown.json(200), shown.header("etag")), (zone, Some("\"2\"")));
    let root = world.api.get(&node("city")).await.json(200);
    assert_eq!((&root["children"], &root["version"]), (&json!(["B09.39"]), &json!(2)));
}

#[tokio::test]
async fn an_override_holds_at_once_for_all_below_and_nobody_beside() {
    let world = World::open();
    plant(&world.api).await;
    let asked = json!({"level": "halted", "authorization": "chief", "reason": "gas leak", "expires_at": "2100-01-01T01:00:00+01:00"});
    let answer = world.api.post(&format!("{NODES}/north/override"), asked).await;
    let body = answer.json(200);
    let told = &body["override"];
    let known = [&told["level"], &told["source"], &told["authorization"], &told["reason"], &told["expires_at"]];
    assert_eq!(json!(known), json!(["halted", "anonymous", "chief", "gas leak", "2100-01-01T00:00:00Z"]), "{told}");
    assert!(told["set_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{told}");
    assert_eq!((&body["effective"], &body["deciding_node"], &body["engine_level"]), (&json!("halted"), &json!("north"), &json!("normal")));
    assert_eq!((answer.header("etag"), &body["version"]), (Some("\"6\""), &json!(6)));
    let halted = ["city normal city", "north halted north", "n1 halted north", "n2 halted north", "fire normal city"];
    assert_eq!(levels(&world.api).await, halted);
    assert_eq!(world.api.get(&node("n1")).await.json(200).get("override"), None, "it was told nothing itself");
    let milder = set(&world.api, "north", "watch").await.json(200);
    assert_eq!((&milder["override"]["level"], &milder["effective"]), (&json!("watch"), &json!("watch")), "another one in its place");
    assert_eq!(milder["override"].get("reason"), None, "{milder}");
    let cleared = clear(&world.api, "north").await.json(200);
    assert_eq!((&cleared["effective"], cleared.get("override")), (&json!("normal"), None));
    assert!(levels(&world.api).await.iter().all(|line| line.ends_with(" normal city")));
}

#[tokio::test]
async fn what_falls_below_its_parents_level_is_reverted_in_the_same_breath() {
    let world = World::open();
    plant(&world.api).await;
    set(&world.api, "n1", "watch").await.json(200);
    let root = set_root(&world.api, "halted").await.json(200);
    assert_eq!((&root["id"], &root["engine_level"], &root["effective"]), (&json!("city"), &json!("halted"), &json!("halted")));
    let asleep = world.api.get(&node("n1")).await.json(200);
    assert_eq!((&asleep["override"]["level"], &asleep["deciding_node"]), (&json!("watch"), &json!("city")), "it sleeps");
    set_root(&world.api, "watch").await.json(200);
    assert_eq!(world.api.get(&node("n1")).await.json(200)["override"]["level"], "watch", "exactly the level is kept");
    set_root(&world.api, "normal").await.json(200);
    assert!(levels(&world.api).await.iter().all(|line| line.ends_with(" normal city")), "below it is gone");
    let events = world.api.feed().await;
    let reverted = events.iter().find(|event| event["type"] == "override_auto_reverted").expect("it is told");
    let cause = events.iter().rfind(|event| event["type"] == "base_changed").expect("it is told");
    assert_eq!((&reverted["stream"], &reverted["data"]["by"]["source"]), (&json!("policy-node:default:n1"), &json!("parent:north")));
    assert_eq!(reverted["data"]["by"]["authorization"], "system");
    assert_eq!((&reverted["correlation_id"], &reverted["causation_id"]), (&cause["correlation_id"], &cause["event_id"]));
}

#[tokio::test]
async fn nodes_move_and_go() {
    let world = World::open();
    plant(&world.api).await;
    set(&world.api, "north", "restricted").await.json(200);
    let moved = world.api.post(&format!("{NODES}/n1/move"), json!({"parent": "fire"})).await;
    let body = moved.json(200);
    assert_eq!((&body["parent"], &body["effective"], &body["version"]), (&json!("fire"), &json!("normal"), &json!(7)));
    assert_eq!(moved.header("etag"), Some("\"7\""));
    let all = ["city normal city", "north restricted north", "n2 restricted north", "fire normal city", "n1 normal city"];
    assert_eq!(levels(&world.api).await, all);
    let gone = world.api.delete(&node("n1")).await;
    assert_eq!(gone.json(200), json!({"id": "n1", "removed": true, "version": 8}));
    assert_eq!(gone.header("etag"), Some("\"8\""));
    world.api.get(&node("n1")).await.problem(404, "unknown_node");
    for id in ["n2", "north", "fire", "city"] {
        world.api.delete(&node(id)).await.json(200);
    }
    assert_eq!(world.api.get(NODES).await.json(200), json!({"items": []}));
    assert_eq!(add(&world.api, "town", "global", None).await["version"], 13, "another root, in the same history");
}

/// Method, path, body, status, code, faults.
type Row = (&'static str, &'static str, Value, u16, &'static str, &'static [&'static str]);

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_its_reason() {
    let world = World::open();
    plant(&world.api).await;
    set(&world.api, "north", "restricted").await.json(200);
    let (long, past) = ("x".repeat(257), "2020-01-01T00:00:00Z");
    let rows: [Row; 30] = [
        ("POST", "nodes", json!({"id": "n1", "kind": "zone", "parent": "city"}), 409, "duplicate_node", &["id: duplicate_node"]),
        ("POST", "nodes", json!({"id": "x", "kind": "zone"}), 404, "unknown_parent", &["parent: unknown_parent"]),
        ("POST", "nodes", json!({"id": "x", "kind": "zone", "parent": "y"}), 404, "unknown_parent", &["parent: unknown_parent"]),
        ("POST", "nodes", json!({"id": "x", "kind": "town"}), 400, "invalid_field", &["kind: invalid_field"]),
        (
            "POST",
            "nodes",
            json!({"id": "-", "parent": "-"}),
            400,
            "invalid_id",
            &["id: invalid_id", "kind: missing_field", "parent: invalid_id"],
        ),
        ("POST", "nodes/x/move", json!({"parent": "city"}), 404, "unknown_node", &["-: unknown_node"]),
        ("POST", "nodes/n1/move", json!({"parent": "x"}), 404, "unknown_parent", &["parent: unknown_parent"]),
        ("POST", "nodes/north/move", json!({"parent": "n1"}), 409, "would_create_cycle", &["parent: would_create_cycle"]),
        ("POST", "nodes/city/move", json!({"parent": "n1"}), 409, "would_create_cycle", &["parent: would_create_cycle"]),
        ("POST", "nodes/n1/move", json!({"parent": "north"}), 409, "no_change", &["-: no_change"]),
        ("POST", "nodes/n1/move", json!({}), 400, "missing_field", &["parent: missing_field"]),
        ("DELETE", "nodes/north", json!({}), 409, "has_children", &["-: has_children"]),
        ("DELETE", "nodes/x", json!({}), 404, "unknown_node", &["-: unknown_node"]),
        ("DELETE", "nodes/n1", json!({"force": true}), 400, "unknown_field", &["force: unknown_field"]),
        ("PUT", "root", json!({"level": "panic", "authorization": "a"}), 400, "unknown_policy", &["level: unknown_policy"]),
        ("PUT", "root", json!({"level": "watch"}), 400, "missing_authorization", &["authorization: missing_authorization"]),
        ("PUT", "root", json!({"level": "normal", "authorization": "a"}), 409, "no_change", &["-: no_change"]),
        (
            "PUT",
            "root",
            json!({"levl": "watch"}),
            400,
            "missing_field",
            &["level: missing_field", "authorization: missing_authorization", "levl: unknown_field"],
        ),
        ("POST", "nodes/x/override", json!({"level": "odd"}), 404, "unknown_node", &["-: unknown_node"]),
        (
            "POST",
            "nodes/n1/override",
            json!({"level": "Halted", "authorization": " ", "reason": long, "expires_at": past}),
            400,
            "unknown_policy",
            &["level: unknown_policy", "authorization: missing_authorization", "reason: text_too_long", "expires_at: invalid_expiry"],
        ),
        (
            "POST",
            "nodes/n1/override",
            json!({"level": "odd", "expires_at": "soon"}),
            400,
            "invalid_time",
            &["expires_at: invalid_time", "level: unknown_policy", "authorization: missing_authorization"],
        ),
        (
            "POST",
            "nodes/n1/override",
            json!({"level": "halted", "authorization": long}),
            400,
            "text_too_long",
            &["authorization: text_too_long"],
        ),
        (
            "POST",
            "nodes/n1/override",
            json!({"level": "halted", "authorization": "a\u{7}"}),
            400,
            "invalid_field",
            &["authorization: invalid_field"],
        ),
        (
            "POST",
            "nodes/n1/override",
            json!({"level": "halted", "authorization": "a", "expires_at": past}),
            400,
            "invalid_expiry",
            &["expires_at: invalid_expiry"],
        ),
        (
            "POST",
            "nodes/city/override",
            json!({"level": "halted", "authorization": "a"}),
            409,
            "root_has_no_parent",
            &["-: root_has_no_parent"],
        ),
        ("DELETE", "nodes/x/override", json!({}), 404, "unknown_node", &["-: unknown_node"]),
        ("DELETE", "nodes/n1/override", json!({}), 400, "missing_authorization", &["authorization: missing_authorization"]),
        ("DELETE", "nodes/n1/override", json!({"authorization": "a"}), 409, "no_override", &["-: no_override"]),
        ("POST", "nodes/x/outcomes", json!({"success": true}), 404, "unknown_node", &[]),
        ("POST", "nodes/n1/outcomes", json!({"success": "yes"}), 400, "invalid_field", &["success: invalid_field"]),
    ];
    let events = world.api.feed().await.len();
    for (method, path, body, status, code, faults) in rows {
        let request = world.api.request(method, &format!("/api/v1/policy/{path}")).json(&body);
        assert_eq!(world.api.send(request).await.faults(status, code), faults, "{method} {path} {body}");
    }
    for path in ["nodes/x", "nodes/%20", "nodes?root=x"] {
        world.api.get(&format!("/api/v1/policy/{path}")).await.problem(404, "unknown_node");
    }
    assert_eq!(world.api.feed().await.len(), events, "nothing of it is stored");
}

#[tokio::test]
async fn a_tree_has_64_nodes_from_its_root_down() {
    let world = World::open();
    add(&world.api, "d1", "global", None).await;
    for depth in 2..=64 {
        add(&world.api, &format!("d{depth}"), "region", Some(&format!("d{}", depth - 1))).await;
    }
    add(&world.api, "side", "region", Some("d1")).await;
    let deeper = json!({"id": "d65", "kind": "zone", "parent": "d64"});
    assert_eq!(world.api.post(NODES, deeper).await.faults(409, "tree_too_deep"), ["parent: tree_too_deep"]);
    let moved = world.api.post(&format!("{NODES}/side/move"), json!({"parent": "d64"})).await;
    assert_eq!(moved.faults(409, "tree_too_deep"), ["parent: tree_too_deep"]);
}

#[tokio::test]
async fn to_loosen_from_below_is_refused_and_recorded() {
    let world = World::open();
    plant(&world.api).await;
    set(&world.api, "north", "restricted").await.json(200);
    let below = set(&world.api, "n1", "watch").await;
    assert_eq!(below.faults(409, "deescalation_forbidden"), ["level: deescalation_forbidden"]);
    assert!(below.text.contains("restricted"), "it says what the parent's level is: {}", below.text);
    assert_eq!(set(&world.api, "n1", "restricted").await.faults(409, "no_effect"), ["level: no_effect"]);
    let events = world.api.feed().await;
    let rejected: Vec<_> = events.iter().filter(|event| event["type"] == "override_rejected").map(|event| &event["data"]["code"]).collect();
    assert_eq!(json!(rejected), json!(["deescalation_forbidden", "no_effect"]));
    let n1 = world.api.get(&node("n1")).await.json(200);
    assert_eq!((n1.get("override"), &n1["version"]), (None, &json!(8)), "the attempts count as events, and change nothing");
    set(&world.api, "n1", "halted").await.json(200);
}

#[tokio::test]
async fn a_delete_takes_its_fields_from_the_body_or_the_query() {
    let world = World::open();
    plant(&world.api).await;
    let path = format!("{NODES}/n1/override");
    for (query, body) in
        [("?authorization=shift%20chief&reason=closed", None), ("", Some(json!({"authorization": "shift chief", "reason": "closed"})))]
    {
        set(&world.api, "n1", "halted").await.json(200);
        let request = world.api.request("DELETE", &format!("{path}{query}"));
        let request = body.into_iter().fold(request, |request, body| request.json(&body));
        assert_eq!(world.api.send(request).await.json(200)["effective"], "normal");
        let events = world.api.feed().await;
        let cleared = &events.iter().rfind(|event| event["type"] == "override_cleared").expect("it is told")["data"]["by"];
        assert_eq!((&cleared["authorization"], &cleared["reason"]), (&json!("shift chief"), &json!("closed")));
    }
    set(&world.api, "n1", "halted").await.json(200);
    let both = world.api.request("DELETE", &format!("{path}?authorization=a")).json(&json!({"reason": "r"}));
    world.api.send(both).await.problem(400, "bad_request");
    let form = world.api.request("DELETE", &path).header("content-type", "text/plain").body(r#"{"authorization": "a"}"#);
    world.api.send(form).await.problem(415, "unsupported_media_type");
    let stale = world.api.delete(&format!("{path}?authorization=a&expected_version=1")).await;
    assert_eq!(stale.faults(409, "version_conflict"), ["expected_version: version_conflict"]);
    world.api.delete(&format!("{}?expected_version=1", node("n2"))).await.problem(409, "version_conflict");
    assert_eq!(world.api.get(&node("n1")).await.json(200)["effective"], "halted");
}

#[tokio::test]
async fn pages_are_of_one_version() {
    let world = World::open();
    plant(&world.api).await;
    let ids = |items: &[Value]| items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>();
    let all = ["city", "north", "n1", "n2", "fire"];
    for size in [1, 2, 4, 5, 500] {
        assert_eq!(ids(&world.api.pages(&format!("{NODES}?page_size={size}")).await), all, "pages of {size}");
        assert_eq!(ids(&world.api.pages(&format!("{NODES}?root=north&page_size={size}")).await), all[1..4], "pages of {size}");
    }
    let first = world.api.get(&format!("{NODES}?page_size=4")).await;
    assert_eq!(first.header("etag"), Some("\"5\""));
    let cursor = first.json(200)["next_cursor"].as_str().expect("there is more").to_owned();
    set_root(&world.api, "watch").await.json(200);
    let stale = world.api.get(&format!("{NODES}?page_size=4&cursor={cursor}")).await;
    assert_eq!(stale.faults(400, "invalid_cursor"), ["cursor: invalid_cursor"], "the rest would be of another version");
    for (query, fault) in [
        ("cursor=", "cursor: invalid_cursor"),
        ("cursor=t6", "cursor: invalid_cursor"),
        ("cursor=6-1", "cursor: invalid_cursor"),
        ("root=-", "root: invalid_id"),
        ("page_size=501", "page_size: invalid_field"),
        ("top=city", "top: unknown_field"),
    ] {
        let code = fault.split(": ").nth(1).expect("a code");
        assert_eq!(world.api.get(&format!("{NODES}?{query}")).await.faults(400, code), [fault], "{query}");
    }
    assert_eq!(world.api.get(&format!("{NODES}?cursor=t6-99")).await.json(200), json!({"items": []}), "behind the last one");
}

#[tokio::test]
async fn each_organisation_has_a_tree_of_its_own() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "admin"));
    plant(&acme).await;
    assert_eq!(umbra.get(NODES).await.json(200), json!({"items": []}));
    let unknown = umbra.get(&node("nobody")).await.problem(404, "unknown_node");
    let hidden = umbra.get(&node("n1")).await.problem(404, "unknown_node");
    assert_eq!(hidden["detail"], unknown["detail"], "told as if it had never been");
    set(&umbra, "n1", "halted").await.problem(404, "unknown_node");
    clear(&umbra, "n1").await.problem(404, "unknown_node");
    umbra.post(&format!("{NODES}/n1/move"), json!({"parent": "fire"})).await.problem(404, "unknown_node");
    umbra.post(&format!("{NODES}/n1/outcomes"), json!({"success": false})).await.problem(404, "unknown_node");
    umbra.delete(&node("n1")).await.problem(404, "unknown_node");
    set_root(&umbra, "halted").await.problem(404, "unknown_node");
    add(&umbra, "n1", "global", None).await;
    set_root(&umbra, "halted").await.json(200);
    assert_eq!(acme.get(&node("n1")).await.json(200)["effective"], "normal");
    assert_eq!((count(&acme, "node_added").await, count(&umbra, "node_added").await), (5, 1));
}

#[tokio::test]
async fn the_version_of_the_tree_is_a_precondition() {
    let world = World::open();
    plant(&world.api).await;
    let put = |if_match: &str| {
        world.api.request("PUT", ROOT).json(&json!({"level": "halted", "authorization": "a"})).header("if-match", if_match)
    };
    for stale in ["\"4\"", "\"6\"", "\"x\"", "W/\"5\""] {
        world.api.send(put(stale)).await.problem(412, "precondition_failed");
    }
    world.api.send(put("5")).await.problem(400, "invalid_field");
    for path in ["nodes/n1/override", "nodes/n1/move", "nodes"] {
        let body = match path {
            "nodes" => json!({"id": "x", "kind": "zone", "parent": "city", "expected_version": 4}),
            "nodes/n1/move" => json!({"parent": "fire", "expected_version": 4}),
            _override => json!({"level": "halted", "authorization": "a", "expected_version": 4}),
        };
        world.api.post(&format!("/api/v1/policy/{path}"), body).await.problem(409, "version_conflict");
    }
    let done = world.api.send(put("\"5\"")).await;
    assert_eq!((done.json(200)["version"].as_u64(), done.header("etag")), (Some(6), Some("\"6\"")));
}

#[tokio::test]
async fn several_nodes_are_added_together_or_not_at_all() {
    let world = World::open();
    let api = &world.api;
    let all = json!([{"id": "city", "kind": "global"}, {"id": "north", "kind": "region", "parent": "city"}, {"id": "n1", "kind": "zone", "parent": "north"}]);
    let request = || api.request("POST", NODES).header("idempotency-key", "tree").json(&all);
    let added = api.send(request()).await;
    let items = added.json(201);
    assert_eq!((added.header("location"), added.header("etag")), (None, Some("\"3\"")));
    let ids: Vec<_> = items["items"].as_array().expect("a list").iter().map(|node| &node["id"]).collect();
    assert_eq!(ids, ["city", "north", "n1"]);
    assert_eq!(items["items"][1]["children"], json!(["n1"]));
    let again = api.send(request()).await;
    assert_eq!((again.json(201), again.header("idempotency-replayed")), (items, Some("true")));
    let half = json!([{"id": "n2", "kind": "zone", "parent": "north"}, {"id": "n3", "kind": "zone", "parent": "nowhere"}]);
    let problem = api.post(NODES, half).await.problem(404, "unknown_parent");
    assert_eq!((&problem["errors"][0]["index"], &problem["errors"][0]["field"]), (&json!(1), &json!("parent")), "{problem}");
    let twice = json!([{"id": "n2", "kind": "zone", "parent": "north"}, {"id": "n2", "kind": "zone", "parent": "north"}]);
    let problem = api.post(NODES, twice).await.problem(409, "duplicate_node");
    assert_eq!((&problem["errors"][0]["index"], &problem["errors"][0]["field"]), (&json!(1), &json!("id")), "{problem}");
    let odd = json!([{"id": "n2", "kind": "zone", "parent": "north"}, {"id": "n3", "kind": "planet"}]);
    let problem = api.post(NODES, odd).await.problem(400, "invalid_field");
    assert_eq!(problem["errors"][0]["field"], "[1].kind", "{problem}");
    api.post(NODES, json!([])).await.problem(400, "invalid_field");
    let many: Vec<_> = (0..1_001).map(|number| json!({"id": format!("m{number}"), "kind": "zone", "parent": "n1"})).collect();
    api.post(NODES, json!(many)).await.problem(400, "invalid_field");
    assert_eq!(api.pages(NODES).await.len(), 3, "nothing else was added");
}
