//! The tree, entities in trouble and dead letters, over HTTP: a server of this process with a decider that fails.

use super::client::Api;
use super::given::{claims, keys, signed};
use crate::support::brought::Brought;
use crate::support::poison::Command;
use ionveil_actors::AskError;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const TREE: &str = "/api/v1/system/tree";
const LETTERS: &str = "/api/v1/system/dead-letters";

fn poison() -> Command {
    Command::Poison("arsenic".to_owned())
}

fn started() -> (Brought, Api) {
    let brought = Brought::start();
    let api = Api::of(&brought.address);
    (brought, api)
}

/// A server whose entities get no second chance; its entity `ill` is quarantined.
async fn quarantined() -> (Brought, Api, String) {
    let brought = Brought::configured("[runtime]\nrestarts_max = 1\n");
    let api = Api::of(&brought.address);
    brought.ask("ill", Command::Add).await.expect("added");
    let letter = brought.park("default", "ill", poison()).await;
    let again = tokio::time::timeout(Duration::from_secs(30), async {
        while !matches!(brought.ask("ill", Command::Add).await, Err(AskError::Quarantined(_))) {
            drop(brought.ask("ill", poison()).await);
        }
    });
    again.await.expect("it is quarantined in the end");
    (brought, api, letter)
}

fn find<'a>(tree: &'a Value, kind: &str, id: &str) -> &'a Value {
    let found = tree["nodes"].as_array().expect("nodes").iter().find(|node| node["kind"] == kind && node["id"] == id);
    found.unwrap_or_else(|| panic!("{kind} {id} is not in {tree}"))
}

fn names(tree: &Value) -> Vec<String> {
    let name = |node: &Value| format!("{} {}", node["kind"].as_str().expect("a kind"), node["id"].as_str().expect("an id"));
    tree["nodes"].as_array().expect("nodes").iter().map(name).collect()
}

#[tokio::test]
async fn the_tree_has_organisation_kinds_and_entities() {
    let (brought, api) = started();
    assert_eq!(api.get(TREE).await.json(200), json!({"nodes": [], "truncated": false}), "nothing is in memory");
    for id in ["a", "b", "c"] {
        brought.ask(id, Command::Add).await.expect("added");
    }
    api.create("w", "dispatch").await;
    let tree = api.get(TREE).await.json(200);
    let all = ["organisation default", "kind default/poison", "poison a", "poison b", "poison c", "kind default/workflow", "workflow w"];
    assert_eq!(names(&tree), all);
    let entity = find(&tree, "poison", "b");
    let of_entity = json!({"kind": "poison", "id": "b", "parent": "default/poison", "state": "running", "mailbox_depth": 0,
        "oldest_waiting_ms": 0, "in_flight": 0, "restarts": 0, "events_per_s": entity["events_per_s"], "children": 0});
    assert_eq!(*entity, of_entity);
    let parent = find(&tree, "kind", "default/poison");
    assert_eq!((&parent["children"], &parent["parent"]), (&json!(3), &json!("default")));
    for (query, shown, truncated) in [
        ("depth=1", &all[..1], false),
        ("depth=2", &["organisation default", "kind default/poison", "kind default/workflow"], false),
        ("kind=workflow", &["organisation default", "kind default/workflow", "workflow w"], false),
        ("kind=nosuch", &[], false),
        ("kind=poison&entities=2", &["organisation default", "kind default/poison", "poison a", "poison b"], true),
        ("entities=3&depth=3", &all, false),
    ] {
        let tree = api.get(&format!("{TREE}?{query}")).await.json(200);
        assert_eq!(
            (names(&tree), &tree["truncated"]),
            (shown.iter().map(|name| (*name).to_owned()).collect(), &json!(truncated)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn wrong_queries_are_refused() {
    let (_brought, api) = started();
    for (path, fault) in [
        ("tree?depth=0", "depth: invalid_field"),
        ("tree?depth=4", "depth: invalid_field"),
        ("tree?depth=three", "depth: invalid_field"),
        ("tree?entities=0", "entities: invalid_field"),
        ("tree?entities=501", "entities: invalid_field"),
        ("tree?kind=No%20Kind", "kind: invalid_id"),
        ("tree?dept=1", "dept: unknown_field"),
        ("tree?depth=1&depth=1", "depth: duplicate_key"),
        ("dead-letters?cursor=d1", "cursor: invalid_cursor"),
        ("dead-letters?cursor=", "cursor: invalid_cursor"),
        ("dead-letters?page_size=501", "page_size: invalid_field"),
        ("dead-letters?page=1", "page: unknown_field"),
    ] {
        let code = fault.split(": ").nth(1).expect("a code");
        assert_eq!(api.get(&format!("/api/v1/system/{path}")).await.faults(400, code), [fault], "{path}");
    }
    for path in ["entities/poison/a/resume", "dead-letters/a/replay", "dead-letters/a/discard"] {
        let path = format!("/api/v1/system/{path}");
        assert_eq!(api.post(&path, json!({"force": true})).await.faults(400, "unknown_field"), ["force: unknown_field"]);
        api.post(&path, json!([])).await.problem(400, "invalid_field");
        assert_eq!(api.send(api.request("POST", &path)).await.status, 404, "a body is not needed");
    }
}

#[tokio::test]
async fn an_entity_is_known_in_memory_and_from_the_journal() {
    let brought = Brought::configured("[runtime]\nidle_ms = 100\n");
    let api = Api::of(&brought.address);
    brought.ask("a", Command::Wait).await.expect("waits");
    let path = "/api/v1/system/entities/poison/a";
    let passive = async {
        loop {
            let entity = api.get(path).await.json(200);
            if entity["state"] == "passive" {
                return entity;
            }
            tokio::task::yield_now().await;
        }
    };
    let entity = tokio::time::timeout(Duration::from_secs(30), passive).await.expect("it is let go");
    assert_eq!((&entity["kind"], &entity["id"], &entity["parent"]), (&json!("poison"), &json!("a"), &json!("default/poison")));
    let timer = &entity["timers"][0];
    assert_eq!((&timer["name"], &timer["policy"], &timer["consumed"]), (&json!("call"), &json!("skip"), &json!(false)));
    assert_eq!(timer["due"], "2100-01-01T00:00:00Z");
    assert!(timer["armed"].as_u64().is_some_and(|armed| armed > 0) && entity["timers"].as_array().is_some_and(|all| all.len() == 1));
    let passive = api.post(&format!("{path}/resume"), json!({})).await.problem(409, "no_effect");
    assert!(passive["detail"].as_str().is_some_and(|detail| detail.contains("passive")), "{passive}");
    for nobody in ["poison/b", "nosuch/a", "poison/%20", "No%20Kind/a"] {
        let path = format!("/api/v1/system/entities/{nobody}");
        api.get(&path).await.problem(404, "entity_not_found");
        api.post(&format!("{path}/resume"), json!({})).await.problem(404, "entity_not_found");
    }
}

#[tokio::test]
async fn a_quarantined_entity_stands_first_and_is_resumed() {
    let (brought, api, _) = quarantined().await;
    brought.ask("a", Command::Add).await.expect("others go on");
    let tree = api.get(TREE).await.json(200);
    assert_eq!(names(&tree)[2..], ["poison ill", "poison a"], "trouble first");
    let ill = find(&tree, "poison", "ill");
    assert_eq!(ill["state"], "quarantined");
    assert!(ill["last_fault"].as_str().is_some_and(|fault| fault.contains("poisoned by arsenic")), "{ill}");
    assert!(find(&tree, "organisation", "default")["state"] == "running");
    let climbed = &find(&tree, "kind", "default/poison")["last_fault"];
    assert!(climbed.as_str().is_some_and(|fault| fault.contains("poison:default:ill")), "{climbed}");
    let path = "/api/v1/system/entities/poison/ill";
    assert_eq!(api.get(path).await.json(200)["state"], "quarantined");
    let resumed = api.post(&format!("{path}/resume"), json!({})).await.json(200);
    assert_eq!((&resumed["state"], &resumed["timers"]), (&json!("running"), &json!([])));
    brought.ask("ill", Command::Add).await.expect("it works again");
    let again = api.post(&format!("{path}/resume"), json!({})).await.problem(409, "no_effect");
    assert!(again["detail"].as_str().is_some_and(|detail| detail.contains("running")), "{again}");
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_paged() {
    let (brought, api) = started();
    assert_eq!(api.get(LETTERS).await.json(200), json!({"items": []}));
    let mut ids = Vec::new();
    for entity in ["a", "b", "c"] {
        ids.push(brought.park("default", entity, poison()).await);
    }
    let letter = api.get(&format!("{LETTERS}/{}", ids[0])).await.json(200);
    assert_eq!((&letter["id"], &letter["entity"]), (&json!(ids[0]), &json!("poison:default:a")));
    assert_eq!((&letter["command"], &letter["actor"]), (&json!({"Poison": "arsenic"}), &json!("user:host")));
    assert_eq!((&letter["panics"], letter["fault"].as_str()), (&json!(2), Some("panicked: poisoned by arsenic")));
    assert!(letter["command_id"].is_string() && letter["parked_at"].as_str().is_some_and(|time| time.ends_with('Z')));
    ids.sort();
    for size in [1, 2, 3, 500] {
        let all = api.pages(&format!("{LETTERS}?page_size={size}")).await;
        assert_eq!(all.iter().map(|letter| letter["id"].as_str().expect("an id")).collect::<Vec<_>>(), ids, "{size} a page");
    }
    for nobody in ["nobody", "0196f0c1-7c00-7000-8000-000000000000", "%20"] {
        api.get(&format!("{LETTERS}/{nobody}")).await.problem(404, "not_found");
        for action in ["replay", "discard"] {
            api.post(&format!("{LETTERS}/{nobody}/{action}"), json!({})).await.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_replay_fails_again_until_the_cause_is_gone() {
    let (brought, api) = started();
    let letter = brought.park("default", "a", poison()).await;
    let sour = brought.park("default", "b", Command::Sour).await;
    let replay = async |id: &str| api.post(&format!("{LETTERS}/{id}/replay"), json!({})).await;
    let failed = replay(&letter).await.json(200);
    assert_eq!((&failed["outcome"], &failed["code"]), (&json!("faulted"), &json!("command_faulted")));
    assert!(failed["detail"].as_str().is_some_and(|detail| detail.contains("arsenic")), "{failed}");
    assert_eq!(api.get(&format!("{LETTERS}/{letter}")).await.status, 200, "it is parked anew");
    brought.poison.cure();
    assert_eq!(replay(&letter).await.json(200), json!({"outcome": "accepted"}));
    assert_eq!(replay(&sour).await.json(200), json!({"outcome": "refused", "code": "gone_sour", "detail": "it has gone sour"}));
    for gone in [&letter, &sour] {
        replay(gone).await.problem(404, "not_found");
    }
    assert_eq!(api.get(LETTERS).await.json(200), json!({"items": []}));
    let events = api.feed().await;
    assert_eq!(events.iter().map(|event| &event["stream"]).collect::<Vec<_>>(), ["poison:default:a"]);
    assert_eq!(events[0]["actor"], "user:host", "with the rights of who asked");
}

#[tokio::test]
async fn a_replay_at_a_quarantined_entity_has_to_wait() {
    let (brought, api, letter) = quarantined().await;
    brought.poison.cure();
    let path = format!("{LETTERS}/{letter}/replay");
    let answer = api.post(&path, json!({})).await;
    answer.problem(503, "quarantined");
    assert!(answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok()).is_some_and(|seconds| seconds >= 1));
    assert_eq!(api.get(&format!("{LETTERS}/{letter}")).await.status, 200, "it is kept");
    api.post("/api/v1/system/entities/poison/ill/resume", json!({})).await.json(200);
    assert_eq!(api.post(&path, json!({})).await.json(200), json!({"outcome": "accepted"}));
}

#[tokio::test]
async fn a_discarded_letter_is_gone_and_its_command_was_not_done() {
    let (brought, api) = started();
    let letter = brought.park("default", "a", poison()).await;
    let path = format!("{LETTERS}/{letter}/discard");
    assert_eq!(api.post(&path, json!({})).await.json(200), json!({"discarded": true}));
    api.post(&path, json!({})).await.problem(404, "not_found");
    assert_eq!(api.feed().await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_in_trouble_elsewhere_is_nobody_elses_business() {
    let dir = TempDir::new().expect("a folder");
    let (config, key, _) = keys(dir.path());
    let brought = Brought::of_file(&config);
    let member = |org: &str| {
        let token = signed(Some("ed"), Algorithm::EdDSA, &EncodingKey::from_ed_pem(&key).expect("a key"), &claims(org, "admin"));
        Api::of(&brought.address).bearing(&token)
    };
    let (acme, umbra) = (member("acme"), member("umbra"));
    let letter = brought.park("acme", "a", poison()).await;
    assert_eq!(names(&acme.get(TREE).await.json(200)), ["organisation acme", "kind acme/poison", "poison a"]);
    assert_eq!(umbra.get(TREE).await.json(200), json!({"nodes": [], "truncated": false}));
    umbra.get("/api/v1/system/entities/poison/a").await.problem(404, "entity_not_found");
    umbra.post("/api/v1/system/entities/poison/a/resume", json!({})).await.problem(404, "entity_not_found");
    assert_eq!(umbra.get(LETTERS).await.json(200), json!({"items": []}));
    let unknown = umbra.get(&format!("{LETTERS}/nobody")).await.problem(404, "not_found");
    let hidden = umbra.get(&format!("{LETTERS}/{letter}")).await.problem(404, "not_found");
    assert_eq!(hidden["detail"], unknown["detail"], "told as if it had never been");
    for action in ["replay", "discard"] {
        umbra.post(&format!("{LETTERS}/{letter}/{action}"), json!({})).await.problem(404, "not_found");
    }
    assert_eq!(acme.get(LETTERS).await.json(200)["items"].as_array().map(Vec::len), Some(1), "nothing happened to it");
}
