//! A server of ours beside a NATS server, and clients of both.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use crate::support::nats::Nats;
use crate::support::server::{Server, run};
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::{Client, HeaderMap, Message};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const STREAM: &str = "IONVEIL_EVENTS";

pub(super) struct World {
    pub(super) nats: Nats,
    pub(super) server: Option<Server>,
    pub(super) dir: TempDir,
    config: String,
    http: reqwest::Client,
    pub(super) key: Option<String>,
}

/// A reply to a command.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl World {
    /// Authentication off.
    pub(super) fn open() -> Self {
        Self::with(Nats::start(), "", None)
    }

    /// With an API key of a dispatcher of `acme`.
    pub(super) fn guarded() -> Self {
        let made = run(&["token", "api-key", "--id", "cad", "--org", "acme", "--role", "dispatcher", "--json"]);
        let key: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let entry = format!("[[auth.api_keys]]\nid = \"cad\"\norg = \"acme\"\nrole = \"dispatcher\"\nsha256 = {}\n", key["sha256"]);
        Self::with(Nats::start(), &entry, key["key"].as_str().map(str::to_owned))
    }

    /// With further settings: of `[nats]` first, then of other sections.
    pub(super) fn with(nats: Nats, settings: &str, key: Option<String>) -> Self {
        let (dir, http) = (TempDir::new().expect("a folder"), ionveil::web::client().timeout(PATIENCE).build().expect("a client"));
        let config = dir.path().join("ionveil.toml");
        std::fs::write(&config, format!("[nats]\nservers = \"{}\"\nmax_bytes = 67108864\n{settings}", nats.url())).expect("written");
        let config = config.to_str().expect("UTF-8").to_owned();
        let mut world = Self { nats, server: None, dir, config, http, key };
        world.serve();
        world
    }

    /// Starts our server, again if it was killed.
    pub(super) fn serve(&mut self) {
        self.server = Some(Server::start(&self.dir.path().join("data"), &["--config", &self.config]));
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.server.as_ref().expect("a running server").url(path)
    }

    pub(super) async fn client(&self) -> Client {
        async_nats::connect(self.nats.url()).await.expect("a client of NATS")
    }

    /// Status and body of an answer over HTTP; a text where it is no JSON.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, self.url(path));
        let request = self.key.iter().fold(request, |request, key| request.header("x-api-key", key));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = body.iter().fold(request, |request, body| request.json(body));
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, None, &[]).await
    }

    /// Starts a workflow and moves it: two events.
    pub(super) async fn work(&self, id: &str) {
        let made = self.ask("POST", "/api/v1/workflows", Some(json!({"id": id, "machine": "dispatch"})), &[]).await;
        assert_eq!(made.0, 201, "{}", made.1);
        let moved = self.ask("POST", &format!("/api/v1/workflows/{id}/transitions"), Some(json!({"to": "allocated"})), &[]).await;
        assert_eq!(moved.0, 200, "{}", moved.1);
    }

    /// The ids of all events in the journal.
    pub(super) async fn journal(&self) -> BTreeSet<String> {
        let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let (_, page) = self.get(&format!("/api/v1/events?page_size=500{cursor}")).await;
            let items = page["items"].as_array().expect("items");
            ids.extend(items.iter().map(|event| event["event_id"].as_str().expect("an id").to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) if !items.is_empty() => cursor = format!("&cursor={next}"),
                Some(_) | None => return ids,
            }
        }
    }

    /// What stands in the stream of events, once it holds this many different ones.
    pub(super) async fn published(&self, distinct: usize) -> Vec<Message> {
        until("the events in the stream", async || {
            let jetstream = async_nats::jetstream::new(self.client().await);
            let mut stream = jetstream.get_stream(STREAM).await.ok()?;
            let there = usize::try_from(stream.info().await.ok()?.state.messages).expect("a count");
            if there < distinct {
                return None;
            }
            let config = pull::Config { deliver_policy: DeliverPolicy::All, ..pull::Config::default() };
            let consumer = stream.create_consumer(config).await.ok()?;
            let batch = consumer.fetch().max_messages(there).messages().await.ok()?;
            let messages: Vec<Message> = batch.map(|message| Message::from(message.expect("a message"))).collect().await;
            (messages.iter().map(id_of).collect::<BTreeSet<_>>().len() >= distinct).then_some(messages)
        })
        .await
    }

    /// The figure of this name and label in `/metrics`.
    pub(super) async fn figure(&self, name: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await;
        text.as_str()?.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// Waits until a bridge is at work.
    pub(super) async fn connected(&self, bridge: &str) {
        let name = format!("ionveil_nats_connected{{bridge=\"{bridge}\"}}");
        until("a bridge at work", async || self.figure(&name).await.filter(|connected| *connected > 0.0)).await;
    }

    /// Sends a command, with these headers beside the key.
    pub(super) async fn command(&self, client: &Client, kind: &str, command: &Value, more: &[(&str, &str)]) -> Reply {
        let mut headers = HeaderMap::new();
        self.key.iter().for_each(|key| headers.insert("X-Api-Key", key.as_str()));
        more.iter().for_each(|(name, value)| headers.insert(*name, *value));
        send(client, kind, headers, command.to_string().into_bytes()).await
    }
}

/// Sends a command as it is.
pub(super) async fn send(client: &Client, kind: &str, headers: HeaderMap, payload: Vec<u8>) -> Reply {
    let reply = client.request_with_headers(format!("ionveil.commands.{kind}"), headers, payload.into()).await.expect("a reply");
    let headers = reply.headers.expect("headers");
    let status = headers.get("Ionveil-Status").and_then(|status| status.as_str().parse().ok()).expect("a status");
    Reply { status, headers, body: serde_json::from_slice(&reply.payload).expect("JSON") }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    /// That it is this problem, as a client over HTTP would read it.
    pub(super) fn problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("Nats-Service-Error"), Some(code));
        assert_eq!(self.header("Nats-Service-Error-Code"), Some(status.to_string().as_str()));
        assert_eq!(self.body["trace_id"].as_str().map(str::len), Some(32), "{}", self.body);
        assert!(self.body["title"].is_string() && self.body["detail"].is_string() && self.body["errors"].is_array(), "{}", self.body);
    }
}

pub(super) fn id_of(message: &Message) -> String {
    let headers = message.headers.as_ref().expect("headers");
    headers.get("Nats-Msg-Id").expect("an id").as_str().to_owned()
}

/// Asks again until there is something.
pub(super) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
