//! Where a server listens without keys, and who may speak to it then.

use super::client::Api;
use super::given::{World, keys};
use crate::support::server::{Server, ionveil, run};
use serde_json::json;
use tempfile::TempDir;

#[test]
fn without_keys_only_loopback_is_listened_on() {
    let dir = TempDir::new().expect("a folder");
    let folder = dir.path().to_str().expect("UTF-8");
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let ended = run(&["serve", "--listen", listen, "--data-dir", folder]);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{listen}");
        for word in ["without authentication", "--listen 127.0.0.1", "ionveil token keygen", "--config"] {
            assert!(said.contains(word), "{word} in {said}");
        }
        assert!(ended.stdout.is_empty());
    }
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0, "nothing was made before the refusal");
}

#[tokio::test]
async fn with_keys_any_address_is_listened_on_and_any_name_answered_to() {
    let dir = TempDir::new().expect("a folder");
    let (config, ..) = keys(dir.path());
    let config = config.to_str().expect("UTF-8");
    let server = Server::spawn(ionveil(&["serve", "--listen", "0.0.0.0:0", "--store", "memory:", "--config", config]));
    let port = server.address.rsplit_once(':').expect("a port").1;
    let api = Api::of(&format!("127.0.0.1:{port}"));
    api.get("/api/v1/workflows").await.problem(401, "unauthenticated");
    let named = api.request("GET", "/health").header("host", "ionveil.example.org");
    assert_eq!(api.send(named).await.status, 200);
    assert!(!server.log().contains("authentication is off"), "{}", server.log());
}

#[tokio::test]
async fn without_keys_everybody_is_admin_and_the_log_says_so() {
    let world = World::open();
    assert!(world.server.log().contains("authentication is off"), "{}", world.server.log());
    world.api.create("w", "dispatch").await;
    world.api.post("/api/v1/workflows/w/reconcile", json!({"to": "arrived"})).await.json(200);
    let token = world.api.bearing("whatever");
    assert_eq!(token.get("/api/v1/workflows").await.status, 200, "a credential is not looked at");
    assert_eq!(world.api.feed().await[0]["stream"], "workflow:default:w");
}

#[tokio::test]
async fn without_keys_foreign_names_are_turned_away() {
    let world = World::configured("[server]\nallowed_hosts = [\"cad.example.org\"]\n");
    for (host, lawful) in [
        ("localhost", true),
        ("LOCALHOST:8080", true),
        ("127.0.0.1:1", true),
        ("[::1]:8080", true),
        ("cad.example.org", true),
        ("CAD.example.org:443", true),
        ("evil.example.org", false),
        ("cad.example.org.evil.example", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example:80", false),
        ("127.0.0.2", false),
        ("localhost:80:80", false),
        ("localhost@evil.example", false),
        ("", false),
    ] {
        for (method, path) in [("GET", "/health"), ("GET", "/docs/"), ("POST", "/api/v1/workflows"), ("GET", "/nosuch")] {
            let answer = world.api.send(world.api.request(method, path).header("host", host)).await;
            if lawful {
                assert_ne!(answer.status, 403, "{host} {path}");
            } else {
                answer.problem(403, "host_not_allowed");
            }
        }
    }
}
