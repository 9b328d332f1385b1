//! The driver `nats` of channels: to a real server, with a token by reference, under the rules of addresses.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::given::World;
use crate::support::nats::Nats;
use async_nats::{Client, ConnectOptions, HeaderMap};
use futures_util::StreamExt;
use serde_json::{Value, json};

const TOKEN: &str = "t0ken-of-the-radio";

/// A NATS with a token, which the bridge shows from a file and channels by reference.
fn world(allow: &str) -> (World, tempfile::TempDir) {
    let secrets = tempfile::tempdir().expect("a folder");
    std::fs::write(secrets.path().join("radio"), format!("{TOKEN}\n")).expect("written");
    let folder = secrets.path().display();
    let settings = format!("token_file = \"{folder}/radio\"\n\n[channels]\nallow = [{allow}]\nsecrets_dir = \"{folder}\"\n");
    (World::with(Nats::with_token(TOKEN), &settings, None), secrets)
}

fn driver(world: &World, subject: &str) -> Value {
    json!({"kind": "nats", "server": world.nats.url(), "subject": subject, "login": {"token": {"file": "radio"}}, "timeout_ms": 2_000,
        "headers": {"X-Desk": "north"}})
}

async fn create(world: &World, name: &str, driver: Value) -> (u16, Value) {
    world.ask("POST", "/api/v1/channels", Some(json!({"name": name, "driver": driver})), &[]).await
}

async fn route(world: &World, id: &str, primary: &str) -> Value {
    let body = json!({"dispatch_id": id, "primary": primary, "backups": [], "payload": {"text": "fire"}, "latency_threshold_ms": 5_000});
    world.ask("POST", "/api/v1/dispatch/route/failover", Some(body), &[]).await.1
}

/// Answers on two subjects: one takes what comes, one refuses it; says what came.
async fn radio(client: &Client) -> tokio::task::JoinHandle<Vec<async_nats::Message>> {
    let (mut good, mut bad) =
        (client.subscribe("radio.good").await.expect("subscribed"), client.subscribe("radio.bad").await.expect("subscribed"));
    client.flush().await.expect("subscribed");
    let client = client.clone();
    tokio::spawn(async move {
        let mut came = Vec::new();
        let message = good.next().await.expect("a message");
        client.publish(message.reply.clone().expect("a reply is waited for"), "ok".into()).await.expect("sent");
        came.push(message);
        let message = bad.next().await.expect("a message");
        let headers = HeaderMap::from_iter([("Nats-Service-Error-Code".parse().expect("a name"), "422".parse().expect("a value"))]);
        client.publish_with_headers(message.reply.clone().expect("a reply is waited for"), headers, "".into()).await.expect("sent");
        came.push(message);
        came.push(good.next().await.expect("a message"));
        came
    })
}

#[tokio::test]
async fn a_message_is_delivered_when_its_receiver_says_so() {
    let (world, _secrets) = world("\"127.0.0.1\"");
    let client = ConnectOptions::new().token(TOKEN.to_owned()).connect(world.nats.url()).await.expect("a client");
    let radio = radio(&client).await;
    for (name, driver) in [
        ("good", driver(&world, "radio.good")),
        ("bad", driver(&world, "radio.bad")),
        ("nobody", driver(&world, "radio.nobody")),
        (
            "told",
            json!({"kind": "nats", "server": world.nats.url(), "subject": "radio.good", "reply": false, "login": {"token": {"file": "radio"}}}),
        ),
    ] {
        let made = create(&world, name, driver).await;
        assert_eq!(made.0, 201, "{}", made.1);
        assert!(!made.1.to_string().contains(TOKEN), "{}", made.1);
    }
    let mut outcomes = Vec::new();
    for name in ["good", "bad", "nobody", "told"] {
        let attempt = route(&world, &format!("d-{name}"), name).await["attempts"][0].clone();
        outcomes.push((attempt["outcome"].clone(), attempt["reason"].clone(), attempt["http_status"].clone()));
    }
    let text = |text: &str| json!(text);
    let expected = [
        (text("success"), Value::Null, Value::Null),
        (text("failed"), text("send_failed"), json!(422)),
        (text("failed"), text("unavailable"), Value::Null),
        (text("success"), Value::Null, Value::Null),
    ];
    assert_eq!(outcomes, expected);
    let came = radio.await.expect("the radio");
    let first: Value = serde_json::from_slice(&came[0].payload).expect("JSON");
    assert_eq!(first, json!({"dispatch_id": "d-good", "payload": {"text": "fire"}}));
    let headers = came[0].headers.as_ref().expect("headers");
    assert_eq!(headers.get("X-Desk").map(|value| value.as_str()), Some("north"));
    assert!(came[2].reply.is_none(), "nobody waits for a reply");
    assert!(!world.server.as_ref().expect("a server").log().contains(TOKEN));
}

#[tokio::test]
async fn a_server_that_may_not_be_called_is_refused_and_so_is_a_subject_that_is_none() {
    let (world, _secrets) = world("");
    let with = |name: &str, value: Value| {
        let mut driver = driver(&world, "radio.good");
        driver["server"] = json!("nats://radio.example");
        driver[name] = value;
        driver
    };
    for (driver, code, field) in [
        (driver(&world, "radio.good"), "address_not_allowed", "driver.server"),
        (with("server", json!("nats://0x7f000001:4222")), "address_not_allowed", "driver.server"),
        (with("server", json!("tls://radio.example")), "address_not_allowed", "driver.server"),
        (with("server", json!("nats://user:pw@radio.example")), "invalid_field", "driver.server"),
        (with("subject", json!("radio.*")), "invalid_field", "driver.subject"),
        (with("login", json!({"token": "plain"})), "invalid_field", "driver.login.token"),
    ] {
        let (status, body) = create(&world, "radio", driver.clone()).await;
        let fields: Vec<_> = body["errors"].as_array().expect("faults").iter().map(|fault| fault["field"].clone()).collect();
        assert_eq!((status, &body["code"], fields.contains(&json!(field))), (400, &json!(code), true), "{driver}: {body}");
    }
    let (_, missing) = create(
        &world,
        "radio",
        json!({"kind": "nats", "server": "nats://radio.example", "subject": "a", "login": {"token": {"file": "none"}}}),
    )
    .await;
    assert_eq!(missing["code"], "unknown_secret", "{missing}");
    // A name is judged when it is resolved.
    let made = create(&world, "named", with("server", json!(world.nats.url().replace("127.0.0.1", "localhost")))).await;
    assert_eq!(made.0, 201, "{}", made.1);
    assert_eq!(route(&world, "d-1", "named").await["attempts"][0]["reason"], "address_not_allowed");
}
