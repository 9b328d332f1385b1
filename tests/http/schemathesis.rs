//! Schemathesis against the description: a thousand made-up requests, lawful and not, and no answer that the description
//! does not know. The streams stand apart, because they never end.

use super::given::World;
use super::policy_tree::add;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// That what is answered is described, and that what breaks the description is refused.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method";

/// A failover over channels that do not deliver ends with 503, as described: the channels of a made-up request lead nowhere.
const SETTINGS: &str = r#"
[[operations]]
include-path-regex = "/dispatch/route/failover$"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
"#;
/// So long does a stuck run last.
const LIMIT_S: &str = "300";

/// Where `cargo xtask setup` puts it, unless the environment says otherwise.
fn program() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemathesis/bin/schemathesis");
    let program = std::env::var_os("IONVEIL_SCHEMATHESIS").map_or(made, PathBuf::from);
    program.is_file().then_some(program)
}

#[tokio::test]
async fn no_made_up_request_gets_an_answer_that_is_not_described() {
    let Some(program) = program() else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "schemathesis is missing: run `cargo xtask setup`");
        println!("skipped: schemathesis is missing; `cargo xtask setup` installs it");
        return;
    };
    let world = World::open();
    // Something to find, so that not everything ends with 404.
    for id in ["0", "1", "a", "A"] {
        world.api.create(id, "dispatch").await;
    }
    for (id, parent) in [("0", None), ("1", Some("0")), ("a", Some("1")), ("A", Some("0"))] {
        add(&world.api, id, "zone", parent).await;
    }
    for endpoint in ["0", "a"] {
        let load = json!({"service": "0", "endpoint": endpoint, "latency_ms": 1, "queue_depth": 0, "saturation": 0.1});
        world.api.post("/api/v1/routing/nodes", load).await.json(201);
        let unit = json!({"id": endpoint, "name": "U", "type": "engine", "latitude": 0, "longitude": 0});
        world.api.post("/api/v1/units", unit).await.json(201);
    }
    for id in ["0", "a"] {
        world.api.post("/api/v1/dispatch/orders", json!({"id": id, "urgency": 1})).await.json(201);
        world.api.post("/api/v1/intake/batches", json!({"batch_id": id, "rows": [1]})).await.json(200);
    }
    let description = world.server.url("/openapi.json");
    let folder = world.data_dir().to_owned();
    let settings = folder.join("schemathesis.toml");
    std::fs::write(&settings, SETTINGS).expect("a file");
    let run = move || {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LIMIT_S]).arg(program).arg("--config-file").arg(settings);
        command.args(["run", &description, "--checks", CHECKS]);
        command.args(["--exclude-path", "/api/v1/dashboard/stream"]);
        command.args(["--exclude-path", "/api/v1/events/stream", "--phases", "examples,coverage,fuzzing", "--max-examples", "10"]);
        command.args(["--seed", "1", "--workers", "1", "--request-timeout", "10", "--suppress-health-check", "all"]);
        command.args(["--generation-database", "none", "--continue-on-failure", "--no-color"]);
        command.current_dir(folder).output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("unresolvable"), "{said}");
}
