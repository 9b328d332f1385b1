//! What a cluster shows, and whom it trusts.

use super::stage::{PARTITIONS, Stage};
use crate::support::server::run;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_database_and_any_of_them_may_be_asked() {
    let stage = Stage::new("known");
    let nodes = [stage.node(), stage.node()];
    stage.until_shared(&nodes[0], 2).await;
    let client = &stage.scene.client;
    for number in 0..12 {
        let (here, there) = (&nodes[number % 2].server, &nodes[(number + 1) % 2].server);
        let body = json!({ "id": format!("w{number}"), "machine": "ring" });
        let created = client.post(here.url("/api/v1/workflows")).json(&body).send().await.expect("an answer");
        assert_eq!(created.status(), 201);
        let url = there.url(&format!("/api/v1/workflows/w{number}/transitions"));
        let moved = client.post(&url).json(&json!({ "to": "east" })).send().await.expect("an answer");
        assert_eq!(moved.status(), 200);
        let moved: Value = moved.json().await.expect("JSON");
        assert_eq!((&moved["state"], &moved["version"]), (&json!("east"), &json!(2)), "whoever owns it");
        let refused = client.post(&url).json(&json!({ "to": "east" })).send().await.expect("an answer");
        assert_eq!(refused.status(), 409);
        let refused: Value = refused.json().await.expect("JSON");
        assert_eq!(refused["code"], "invalid_transition", "{refused}");
    }
    shows(&stage, &nodes).await;
    refuses_strangers(&stage, &nodes).await;
    stage.scene.lead_to_all(nodes.iter().map(|node| &node.server));
    stage
        .scene
        .check_but(
            &nodes[0].ground,
            &(0..12).map(|number| format!("w{number}")).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .await;
}

/// The route and the command say the same of nodes and partitions.
async fn shows(stage: &Stage, nodes: &[super::stage::Node]) {
    let cluster = stage.cluster(&nodes[1]).await;
    let addresses: BTreeSet<_> = cluster["nodes"].as_array().expect("nodes").iter().map(|node| node["address"].as_str()).collect();
    assert_eq!(addresses, nodes.iter().map(|node| Some(node.server.address.as_str())).collect());
    for partition in cluster["partitions"].as_array().expect("partitions") {
        assert!(partition["lease_age_ms"].as_u64().is_some_and(|age| age < 3_000) && partition["epoch"].as_u64() > Some(0), "{partition}");
    }
    let url = nodes[0].server.url("");
    let output = block_in_place(|| run(&["cluster", "--json", "--server", &url]));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(printed["partitions"].as_array().map(|all| all.len() as u64), Some(PARTITIONS));
    let output = block_in_place(|| run(&["cluster", "--server", &url]));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && text.lines().filter(|line| line.contains("serving")).count() == 2, "{text}");
}

/// What nodes forward to each other is for those who know the secret.
async fn refuses_strangers(stage: &Stage, nodes: &[super::stage::Node]) {
    let url = nodes[0].server.url("/cluster/commands");
    for credential in ["", "Bearer x", "IonVeil-Node aa.bb"] {
        let request = stage.scene.client.post(&url).header("authorization", credential).json(&json!({ "owner": "workflow:default:w1" }));
        assert_eq!(request.send().await.expect("an answer").status(), 401, "{credential:?}");
    }
}
