//! A client that is not ours: the Python one.

use super::given::World;
use crate::support::nats::python;
use serde_json::{Value, json};
use std::process::Command;

const CLIENT: &str = include_str!("client.py");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_sends_commands_sees_problems_and_reads_events() {
    let Some(python) = python() else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the Python client of NATS is missing: run `cargo xtask setup`");
        println!("skipped: the Python client of NATS is missing; `cargo xtask setup` installs it");
        return;
    };
    let world = World::guarded();
    world.connected("commands").await;
    world.connected("events").await;
    let key = world.key.clone().expect("a key");
    let mut command = Command::new(python);
    command.args(["-c", CLIENT, &world.nats.url(), &key]);
    let output = tokio::task::block_in_place(|| command.output().expect("Python"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["made"], json!(["201", "queued"]));
    assert_eq!(said["repeated"], json!(["201", "true"]));
    assert_eq!(said["refused"], json!(["404", "entity_not_found", "entity_not_found"]));
    assert_eq!(said["event"]["subject"], "ionveil.events.acme.workflow");
    assert_eq!(said["event"]["stream"], "workflow:acme:from-python");
    assert_eq!(said["service"], "ionveil");
}
