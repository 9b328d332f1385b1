//! An entity that is in trouble on one server is seen, and put right, at every other one.

use super::stage::{Node, Stage};
use crate::crash::scene::until;
use crate::support::postgres::Postgres;
use serde_json::{Value, json};
use tokio::task::block_in_place;

const WORKFLOWS: usize = 6;

async fn send(stage: &Stage, node: &Node, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = stage.scene.client.request(method.parse().expect("a method"), node.server.url(&format!("/api/v1{path}")));
    let request = body.into_iter().fold(request, |request, body| request.json(&body));
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

fn sql(stage: &Stage, sql: &str) {
    block_in_place(|| Postgres::shared().psql(&stage.database.name, sql));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_server_shows_and_resumes_what_another_has_in_memory() {
    let stage = Stage::new("cluster-quarantined");
    let first = stage.node();
    for number in 0..WORKFLOWS {
        let (status, answer) =
            send(&stage, &first, "POST", "/workflows", Some(json!({"id": format!("w{number}"), "machine": "ring"}))).await;
        assert_eq!(status, 201, "{answer}");
    }
    // Whoever takes over finds histories that cannot be folded.
    first.server.kill();
    sql(&stage, "CREATE TABLE kept AS SELECT event_id, data FROM ionveil.events WHERE kind = 'workflow'");
    sql(&stage, "UPDATE ionveil.events SET data = '{}' WHERE kind = 'workflow'");
    let nodes = [stage.node(), stage.node()];
    stage.until_shared(&nodes[0], 2).await;
    for number in 0..WORKFLOWS {
        let path = format!("/workflows/w{number}/transitions");
        let (status, answer) = send(&stage, &nodes[number % 2], "POST", &path, Some(json!({"to": "east"}))).await;
        assert_eq!((status, &answer["code"]), (503, &json!("quarantined")), "{answer}");
    }
    for node in &nodes {
        let (status, tree) = send(&stage, node, "GET", "/system/tree?kind=workflow", None).await;
        let shown: Vec<_> = tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["kind"] == "workflow").collect();
        assert_eq!((status, shown.len(), &tree["silent"]), (200, WORKFLOWS, &Value::Null), "{tree}");
        assert!(shown.iter().all(|node| node["state"] == "quarantined"), "{tree}");
        for number in 0..WORKFLOWS {
            let path = format!("/system/entities/workflow/w{number}");
            assert_eq!(send(&stage, node, "GET", &path, None).await.1["state"], "quarantined");
        }
        assert_eq!(send(&stage, node, "GET", "/system/entities/workflow/nobody", None).await.0, 404);
    }
    sql(&stage, "UPDATE ionveil.events e SET data = k.data FROM kept k WHERE k.event_id = e.event_id");
    for number in 0..WORKFLOWS {
        let path = format!("/system/entities/workflow/w{number}/resume");
        let (status, answer) = send(&stage, &nodes[0], "POST", &path, Some(json!({}))).await;
        assert_eq!((status, &answer["state"]), (200, &json!("running")), "{answer}");
        let (status, again) = send(&stage, &nodes[1], "POST", &path, Some(json!({}))).await;
        assert_eq!((status, &again["code"]), (409, &json!("no_effect")), "{again}");
    }
    // One that says nothing is missing, and named.
    let [first, second] = nodes;
    let gone = second.server.address.clone();
    second.server.kill();
    let mut named = false;
    until(async || {
        let (_, tree) = send(&stage, &first, "GET", "/system/tree", None).await;
        named |= tree["silent"] == json!([gone]);
        tree["silent"] == Value::Null
    })
    .await;
    assert!(named, "while its lease lasted");
}
