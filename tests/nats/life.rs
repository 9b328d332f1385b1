//! The bridges as parts of the server: in the tree, in the figures, and of no harm to it when NATS is away.

use super::given::{World, until};
use crate::support::nats::Nats;
use crate::support::server::run;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_that_is_away_harms_nobody_and_is_found_again() {
    let nats = Nats::start();
    nats.crash();
    let world = World::with(nats, "", None);
    world.work("w-1").await;
    assert_eq!(world.get("/health/ready").await.0, 200);
    until("a failure", async || world.figure("ionveil_nats_failures_total{bridge=\"events\"}").await.filter(|failures| *failures > 0.0))
        .await;
    let (_, tree) = world.get("/api/v1/system/tree?kind=nats-bridge").await;
    let bridges: Vec<_> = tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["kind"] == "nats-bridge").collect();
    let shown: Vec<_> = bridges.iter().map(|node| (node["id"].clone(), node["state"].clone(), node["restarts"].clone())).collect();
    let running = |id: &str| (json!(id), json!("running"), json!(0));
    assert_eq!(shown.iter().filter(|node| [running("commands"), running("events"), running("intake")].contains(node)).count(), 3, "{tree}");
    assert_eq!(world.get("/api/v1/system/entities/nats-bridge/events").await.0, 200);
    tokio::task::block_in_place(|| world.nats.restart());
    world.published(2).await;
    world.connected("commands").await;
    tokio::task::block_in_place(|| {
        let world = world;
        assert!(world.server.expect("a server").stop().success());
    });
}

#[test]
fn without_keys_commands_are_taken_from_this_machine_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |settings: &str| {
        let file = folder.path().join("ionveil.toml");
        std::fs::write(&file, format!("[nats]\nservers = \"nats://10.1.2.3\"\n{settings}")).expect("written");
        run(&["config", "check", "--config", file.to_str().expect("UTF-8")])
    };
    let refused = check("");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("nats.servers"));
    assert!(check("commands = false\nintake = false\n").status.success());
}
