//! SIGKILL with breakers open and half open and a send in flight: after the restart they are where they were, timers included,
//! and the send is unknown until it is asked for again.

use super::scene::{Ground, until};
use crate::support::gateway::{Gateway, Manner};
use crate::support::postgres::Postgres;
use crate::support::server::Server;
use reqwest::Client;
use serde_json::{Value, json};

const CONFIG: &str = "[channels]\nallow = [\"127.0.0.0/8\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breakers_and_sends_survive_a_kill_on_sqlite() {
    survive(&Ground::new(None, CONFIG)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breakers_and_sends_survive_a_kill_on_postgres() {
    let database = tokio::task::block_in_place(Postgres::shared).database();
    survive(&Ground::new(Some(database.url.clone()), CONFIG)).await;
}

struct Caller {
    client: Client,
}

impl Caller {
    async fn post(&self, server: &Server, path: &str, body: Value) -> Value {
        let answer = self.client.post(server.url(path)).json(&body).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    async fn get(&self, server: &Server, path: &str) -> Value {
        self.client.get(server.url(path)).send().await.expect("an answer").json().await.expect("JSON")
    }

    async fn channel(&self, server: &Server, name: &str, gateway: &Gateway, reset_ms: u64) {
        let driver = json!({"kind": "http", "url": gateway.url()});
        let breaker = json!({"failure_threshold": 1, "reset_timeout_ms": reset_ms, "probe_timeout_ms": 600_000});
        let made = self.post(server, "/api/v1/channels", json!({"name": name, "driver": driver, "breaker": breaker})).await;
        assert_eq!(made["name"], name, "{made}");
    }

    async fn route(&self, server: &Server, id: &str, primary: &str, backups: &[&str]) -> Value {
        self.post(server, "/api/v1/dispatch/route/failover", asked(id, primary, backups)).await
    }

    async fn state(&self, server: &Server, name: &str) -> Value {
        self.get(server, &format!("/api/v1/channels/{name}")).await
    }

    async fn attempts(&self, server: &Server, id: &str) -> Vec<Value> {
        let list = self.get(server, &format!("/api/v1/routing/attempts?dispatch_id={id}")).await;
        list["items"].as_array().cloned().unwrap_or_default()
    }
}

fn asked(id: &str, primary: &str, backups: &[&str]) -> Value {
    let backups: Vec<_> = backups.iter().map(|channel| json!({"channel": channel})).collect();
    json!({"dispatch_id": id, "primary": primary, "backups": backups, "latency_threshold_ms": 60_000})
}

async fn survive(ground: &Ground) {
    let caller = Caller { client: ionveil::web::client().build().expect("a client") };
    let (sick, stalled, well) =
        (Gateway::start(Manner::Answer(500, "")).await, Gateway::start(Manner::Stall).await, Gateway::start(Manner::Answer(200, "")).await);
    let mut server = ground.serve();
    for (name, gateway, reset_ms) in
        [("open", &sick, 600_000), ("half", &sick, 1), ("stalled", &stalled, 600_000), ("well", &well, 600_000)]
    {
        caller.channel(&server, name, gateway, reset_ms).await;
    }
    caller.route(&server, "d1", "open", &[]).await;
    caller.route(&server, "d2", "half", &[]).await;
    until(async || caller.state(&server, "half").await["state"] == "half_open").await;
    sick_probe(&caller, &server, &sick).await;
    // A send in flight.
    let sending = caller.client.post(server.url("/api/v1/dispatch/route/failover")).json(&asked("d4", "stalled", &["well"])).send();
    let sending = tokio::spawn(sending);
    until(async || !stalled.heard().is_empty()).await;
    let before = [caller.state(&server, "open").await, caller.state(&server, "half").await];
    assert_eq!([&before[0]["state"], &before[1]["state"]], [&json!("open"), &json!("half_open")]);
    server.kill();
    drop(sending.await);
    server = ground.serve();
    let after = [caller.state(&server, "open").await, caller.state(&server, "half").await];
    for (before, after) in before.iter().zip(&after) {
        for part in ["state", "next_probe_at", "reliability", "version"] {
            assert_eq!(before[part], after[part], "{part} of {}", before["name"]);
        }
    }
    until(async || caller.attempts(&server, "d4").await.first().is_some_and(|first| first["outcome"] == "unknown")).await;
    assert_eq!(caller.route(&server, "d5", "half", &[]).await["attempts"][0]["reason"], "circuit_open", "its one probe is out still");
    let stalled_before = caller.state(&server, "stalled").await;
    let routed = caller.route(&server, "d4", "stalled", &["well"]).await;
    let told: Vec<_> = routed["attempts"].as_array().expect("attempts").iter().map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!((told, &routed["failovers"]), (vec![json!("unknown"), json!("success")], &json!(1)), "{routed}");
    assert_eq!((stalled.heard().len(), well.heard().len()), (1, 1), "nothing is sent twice");
    let stalled_after = caller.state(&server, "stalled").await;
    assert_eq!((&stalled_after["state"], &stalled_after["reliability"]), (&stalled_before["state"], &stalled_before["reliability"]));
    assert!(tokio::task::block_in_place(|| server.stop()).success());
    let verified = ground.run(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains(" 0 findings"), "{said}{}", String::from_utf8_lossy(&verified.stderr));
}

/// Leaves a probe without an answer.
async fn sick_probe(caller: &Caller, server: &Server, sick: &Gateway) {
    let heard = sick.heard().len();
    sick.turn(Manner::Stall);
    let probing = caller.client.post(server.url("/api/v1/dispatch/route/failover")).json(&asked("d3", "half", &[])).send();
    tokio::spawn(probing);
    until(async || sick.heard().len() > heard).await;
}
