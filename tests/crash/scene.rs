//! Where a test plays: a data directory with a configuration, the server in it, and the callers' common knowledge.

use super::ledger::{Ledger, Streams};
use crate::support::server::{Server, ionveil};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A machine of the user's own that can go round for ever.
const CONFIG: &str = r#"
[machines.ring]
initial = "north"
states = [
    { name = "north", to = ["east", "south"] },
    { name = "east", to = ["south", "north"] },
    { name = "south", to = ["north", "east", "gone"] },
    { name = "gone" },
]
"#;

/// A data directory, a configuration and a store.
pub(crate) struct Ground {
    folder: TempDir,
    store: Option<String>,
}

impl Ground {
    /// The default store: SQLite in the data directory.
    pub(crate) fn sqlite() -> Self {
        Self::new(None, "")
    }

    pub(crate) fn postgres(url: &str) -> Self {
        Self::new(Some(url.to_owned()), "")
    }

    /// With more lines of configuration.
    pub(crate) fn new(store: Option<String>, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ionveil.toml"), format!("{more}{CONFIG}")).expect("a configuration");
        Self { folder, store }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn options(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let mut options = vec!["--config".to_owned(), text(&self.folder.path().join("ionveil.toml"))];
        options.extend(["--data-dir".to_owned(), text(&self.data())]);
        options.extend(self.store.iter().flat_map(|url| ["--store".to_owned(), url.clone()]));
        options
    }

    /// The arguments of `serve` on a free port.
    pub(crate) fn serve_args(&self) -> Vec<String> {
        self.serve_args_at("127.0.0.1:0")
    }

    fn serve_args_at(&self, listen: &str) -> Vec<String> {
        let mut args: Vec<_> = ["serve", "--listen", listen].map(str::to_owned).into();
        args.extend(self.options());
        args
    }

    /// The server that listens there, ready to run.
    pub(crate) fn server_at(&self, listen: &str) -> Command {
        ionveil(&self.serve_args_at(listen).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        let args = self.serve_args();
        tokio::task::block_in_place(|| Server::spawn(ionveil(&args.iter().map(String::as_str).collect::<Vec<_>>())))
    }

    /// Runs another command on the same data.
    pub(crate) fn run(&self, command: &[&str]) -> Output {
        let options = self.options();
        let args: Vec<_> = command.iter().copied().chain(options.iter().map(String::as_str)).collect();
        tokio::task::block_in_place(|| ionveil(&args).output()).expect("the binary runs")
    }
}

/// What callers share: where the servers are, what was asked, and when to stop.
pub(crate) struct Scene {
    pub(crate) client: reqwest::Client,
    pub(crate) addresses: watch::Sender<Vec<String>>,
    turn: AtomicUsize,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) stop: watch::Sender<bool>,
    /// How often something was acknowledged, repeats included.
    pub(crate) answers: watch::Sender<u64>,
    /// Answers of another kind by code.
    pub(crate) setbacks: Mutex<BTreeMap<String, u64>>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(ionveil::web::client().timeout(PATIENCE / 2).build().expect("a client"))
    }

    /// Callers ask with this client.
    pub(crate) fn with(client: reqwest::Client) -> Self {
        Self {
            client,
            addresses: watch::Sender::default(),
            turn: AtomicUsize::new(0),
            ledger: Mutex::default(),
            stop: watch::Sender::new(false),
            answers: watch::Sender::new(0),
            setbacks: Mutex::default(),
        }
    }

    pub(crate) fn lead_to(&self, server: Option<&Server>) {
        self.lead_to_all(server);
    }

    /// Callers ask one after the other of them.
    pub(crate) fn lead_to_all<'a>(&self, servers: impl IntoIterator<Item = &'a Server>) {
        self.addresses.send_replace(servers.into_iter().map(|server| server.address.clone()).collect());
    }

    /// Where a server is now; waits for one.
    pub(crate) async fn place(&self) -> String {
        let mut addresses = self.addresses.subscribe();
        let found = timeout(PATIENCE, addresses.wait_for(|found| !found.is_empty())).await;
        let found = found.expect("a server in time").expect("the scene lives");
        found[self.turn.fetch_add(1, Ordering::Relaxed) % found.len()].clone()
    }

    /// Waits until `more` further commands were acknowledged; says how long that took.
    pub(crate) async fn until_answered(&self, more: u64) -> Duration {
        let (mut answers, begun) = (self.answers.subscribe(), Instant::now());
        let wanted = *answers.borrow() + more;
        let answered = timeout(PATIENCE, answers.wait_for(|answers| *answers >= wanted)).await;
        assert!(answered.is_ok(), "no {more} answers within {PATIENCE:?}; setbacks {:?}", self.setbacks.lock());
        begun.elapsed()
    }

    /// Waits until callers were set back so often by an answer of the server.
    pub(crate) async fn until_set_back(&self, times: u64) {
        let said =
            |setbacks: &BTreeMap<String, u64>| -> u64 { setbacks.iter().filter(|(code, _)| !code.contains(' ')).map(|(_, n)| n).sum() };
        until(async || said(&self.setbacks.lock()) >= times).await;
    }

    /// Waits until the server says that it is ready, or that it is not.
    pub(crate) async fn until_ready(&self, server: &Server, ready: bool) {
        let wanted = if ready { 200 } else { 503 };
        until(async || self.client.get(server.url("/health/ready")).send().await.is_ok_and(|answer| answer.status() == wanted)).await;
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.ledger.lock().acknowledged().count()
    }

    /// The events of all workflows, over HTTP.
    pub(crate) async fn streams(&self) -> Streams {
        let names: Vec<String> = self.ledger.lock().workflows().into_iter().map(str::to_owned).collect();
        let mut streams = Streams::new();
        for name in names {
            let events = self.events(&name).await;
            streams.insert(name, events);
        }
        streams
    }

    async fn events(&self, workflow: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let at = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let url = format!("http://{}/api/v1/workflows/{workflow}/events?page_size=500{at}", self.place().await);
            let answer = self.client.get(url).send().await.expect("an answer");
            if answer.status() == 404 {
                return events;
            }
            assert_eq!(answer.status(), 200);
            let mut page: Value = answer.json().await.expect("JSON");
            events.append(page["items"].as_array_mut().expect("items"));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return events,
            }
        }
    }

    /// The end of every test: the journal holds what the callers were told, however it is read.
    pub(crate) async fn check(&self, ground: &Ground) {
        self.check_but(ground, &[]).await;
    }

    /// The same, with workflows that are the test's own.
    pub(crate) async fn check_but(&self, ground: &Ground, own: &[&str]) {
        let over_http = self.streams().await;
        self.ledger.lock().check(&over_http);
        let mut listed = listed(ground);
        listed.retain(|workflow, _| !own.contains(&workflow.as_str()));
        let not_empty: Streams = over_http.into_iter().filter(|(_, events)| !events.is_empty()).collect();
        assert_eq!(listed.keys().collect::<Vec<_>>(), not_empty.keys().collect::<Vec<_>>(), "the same workflows");
        for (workflow, events) in &listed {
            assert_eq!(events, &not_empty[workflow], "`ionveil events` and HTTP agree on {workflow}");
        }
        let verified = ground.run(&["verify"]);
        let said = String::from_utf8_lossy(&verified.stdout);
        assert!(verified.status.success() && said.contains(" 0 findings"), "{said}{}", String::from_utf8_lossy(&verified.stderr));
    }
}

/// A client with a connection for each request: one that was open while a server was frozen is dropped when it wakes.
pub(crate) fn unpooled() -> reqwest::Client {
    ionveil::web::client().pool_max_idle_per_host(0).timeout(PATIENCE / 2).build().expect("a client")
}

/// Waits for a condition.
pub(crate) async fn until(condition: impl AsyncFnMut() -> bool) {
    until_within(PATIENCE, condition).await;
}

pub(crate) async fn until_within(patience: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(patience, looking).await.expect("the condition comes true in time");
}

/// What `ionveil events --json` prints, by workflow.
pub(crate) fn listed(ground: &Ground) -> Streams {
    let output = ground.run(&["events", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut streams = Streams::new();
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let stream = event["stream"].as_str().expect("a stream");
        let workflow = stream.strip_prefix("workflow:default:").unwrap_or_else(|| panic!("nobody asked for {stream}")).to_owned();
        streams.entry(workflow).or_default().push(event);
    }
    streams
}
