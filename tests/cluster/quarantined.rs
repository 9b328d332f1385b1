//! An entity that is in trouble on one server is seen, and put right, at every other one.

use super::stage::{Node, Stage};
use crate::crash::scene::until;
use crate::support::postgres::Postgres;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::block_in_place;

const WORKFLOWS: usize = 6;

fn sql(stage: &Stage, sql: &str) {
    block_in_place(|| Postgres::shared().psql(&stage.database.name, sql));
}

/// Each is asked something, and says why it cannot.
async fn ask_all(stage: &Stage, nodes: &[Node]) {
    for number in 0..WORKFLOWS {
        let path = format!("/workflows/w{number}/transitions");
        let (status, answer) = stage.send(&nodes[number % nodes.len()], Method::POST, &path, Some(json!({"to": "east"}))).await;
        assert_eq!((status, &answer["code"]), (503, &json!("quarantined")), "{answer}");
    }
}

/// Whether a server shows all of them as quarantined, in the tree and one by one.
async fn shows_all(stage: &Stage, node: &Node) -> bool {
    let (_, tree) = stage.send(node, Method::GET, "/system/tree?kind=workflow", None).await;
    let of_kind = |node: &&Value| node["kind"] == "workflow" && node["state"] == "quarantined";
    let mut all = tree["nodes"].as_array().expect("nodes").iter().filter(of_kind).count() == WORKFLOWS && tree["silent"] == Value::Null;
    for number in 0..WORKFLOWS {
        let path = format!("/system/entities/workflow/w{number}");
        all &= stage.send(node, Method::GET, &path, None).await.1["state"] == "quarantined";
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_server_shows_and_resumes_what_another_has_in_memory() {
    let stage = Stage::new("cluster-quarantined");
    let first = stage.node();
    for number in 0..WORKFLOWS {
        let (status, answer) =
            stage.send(&first, Method::POST, "/workflows", Some(json!({"id": format!("w{number}"), "machine": "ring"}))).await;
        assert_eq!(status, 201, "{answer}");
    }
    // Whoever takes over finds histories that cannot be folded.
    first.server.kill();
    sql(&stage, "CREATE TABLE kept AS SELECT event_id, data FROM ionveil.events WHERE kind = 'workflow'");
    sql(&stage, "UPDATE ionveil.events SET data = '{}' WHERE kind = 'workflow'");
    let nodes = [stage.node(), stage.node()];
    stage.until_settled(&nodes[0], 2).await;
    // What moves once more is in nobody's memory until it is asked again.
    until(async || {
        ask_all(&stage, &nodes).await;
        shows_all(&stage, &nodes[0]).await && shows_all(&stage, &nodes[1]).await
    })
    .await;
    for node in &nodes {
        // The kind is below the organisation once, though both have it.
        let (_, top) = stage.send(node, Method::GET, "/system/tree?depth=1&kind=workflow", None).await;
        assert_eq!((&top["nodes"][0]["children"], &top["nodes"][1]), (&json!(1), &Value::Null), "{top}");
        assert_eq!(stage.send(node, Method::GET, "/system/entities/workflow/nobody", None).await.0, 404);
    }
    sql(&stage, "UPDATE ionveil.events e SET data = k.data FROM kept k WHERE k.event_id = e.event_id");
    for number in 0..WORKFLOWS {
        let path = format!("/system/entities/workflow/w{number}/resume");
        let (status, answer) = stage.send(&nodes[0], Method::POST, &path, Some(json!({}))).await;
        assert_eq!((status, &answer["state"]), (200, &json!("running")), "{answer}");
        let (status, again) = stage.send(&nodes[1], Method::POST, &path, Some(json!({}))).await;
        assert_eq!((status, &again["code"]), (409, &json!("no_effect")), "{again}");
    }
    // One that says nothing is missing, and named.
    let [first, second] = nodes;
    let gone = second.server.address.clone();
    second.server.kill();
    let mut named = false;
    until(async || {
        let (_, tree) = stage.send(&first, Method::GET, "/system/tree", None).await;
        named |= tree["silent"] == json!([gone]);
        tree["silent"] == Value::Null
    })
    .await;
    assert!(named, "while its lease lasted");
}
