//! `POST /policy/preview` over a month of a million recorded events, through the route: calls of a hundred zones, four events
//! each, of which one assigns a unit; against a plain count of the rows of that work by scope.

use crate::support::{Figure, head, postgres::Postgres, ratio, row};
use crate::tree;
use futures_util::future::join_all;
use ionveil::auth::Authenticator;
use ionveil::cli::runtime::Threads;
use ionveil::config::{self, Config};
use ionveil::http::app::App;
use ionveil::http::server;
use ionveil::node::Node;
use ionveil_journal::{Append, Journal, NewEvent, Outcome};
use ionveil_kernel::{BodyHash, CommandId, CorrelationId, EntityId, Env, EventCodec, EventId, IdSource, Kind, NodeId, StreamId, Timestamp};
use ionveil_policy::tree::{Command, NodeKind};
use ionveil_workflow::{Attributes, Event, Registered, Transitioned};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const EVENTS: usize = 1_000_000;
/// Events of a call.
const EACH: usize = 4;
const CALLS: usize = EVENTS / EACH;
const ZONES: usize = 100;
const LANES: usize = 256;
const RUNS: usize = 7;
const MONTH: Duration = Duration::from_hours(24 * 30);
const COUNT: &str = "SELECT scope, count(*), min(occurred_at) FROM policy_work WHERE org = 'default' GROUP BY scope";

/// A server with all that in its store.
struct Site {
    node: Node,
    url: String,
    client: reqwest::Client,
    from: Timestamp,
    to: Timestamp,
}

impl Site {
    async fn open(threads: &Threads, store: &[(&'static str, &str)], folder: Option<&Path>) -> Self {
        let config = config::of(&[store, &[("server.listen", "127.0.0.1:0")]].concat()).expect("lawful");
        let node = node_of(&config, folder, threads).await;
        plant(&node).await;
        let (env, journal) = (node.env.clone(), node.journal.clone());
        let to = env.now();
        let from = Timestamp::from_micros(to.micros() - i64::try_from(MONTH.as_micros()).expect("a month"));
        let started = Instant::now();
        threads.journal.spawn(fill(journal, env.clone(), from)).await.expect("filled");
        let filled = started.elapsed();
        let heads = node.store.heads().await.expect("heads");
        node.views.wait_for(&env, &heads, Duration::from_secs(600)).await.expect("the lists follow");
        eprintln!("filled in {:.0} s, in the lists after {:.0} s", filled.as_secs_f64(), started.elapsed().as_secs_f64());
        let authenticator = Authenticator::new(&config.auth, env).expect("no keys");
        let (server, address) = server::start(&config.server, App::new(node.clone()), Arc::new(authenticator)).expect("it listens");
        actix::spawn(server);
        Self {
            node,
            url: format!("http://{address}/api/v1/policy/preview"),
            client: ionveil::web::client().build().expect("a client"),
            from,
            to,
        }
    }

    /// Milliseconds of a preview that halts everything, of the time before the newest `span`.
    async fn preview(&self, span: Duration) -> (f64, u64) {
        let from = Timestamp::from_micros(self.to.micros() - i64::try_from(span.as_micros()).expect("a month")).max(self.from);
        let text = ionveil::time::format;
        let command = json!({"kind": "set_root", "level": "halted", "authorization": "T1"});
        let body = json!({"command": command, "from": text(from), "to": text(self.to)}).to_string();
        let started = Instant::now();
        let request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        let answer = request.send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.text().await.expect("a body"));
        let took = started.elapsed().as_secs_f64() * 1e3;
        assert!(status.is_success(), "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        (took, body["would_refuse"]["total"].as_u64().expect("a number"))
    }

    async fn measure(&self, what: &str, mut bare: impl AsyncFnMut() -> f64) {
        let (mut month, mut day, mut peer) = (vec![], vec![], vec![]);
        for _ in 0..RUNS {
            let (took, refused) = self.preview(MONTH).await;
            assert_eq!(refused as usize, CALLS, "all of it");
            month.push(took);
            day.push(self.preview(Duration::from_hours(24)).await.0);
            peer.push(bare().await);
        }
        let text = |figures: &[f64]| Figure::new(figures.to_vec()).to_string();
        row(&format!("{what}, a month"), &text(&month), &text(&peer), &format!("{:.2}", ratio(&month, &peer)));
        row("  the newest day", &text(&day), "", "");
    }
}

async fn node_of(config: &Config, folder: Option<&Path>, threads: &Threads) -> Node {
    let (config, env, arbiters, id) = (config.clone(), threads.env.clone(), Threads::arbiters(), NodeId(threads.env.next_id()));
    let folder = folder.map(Path::to_owned);
    threads
        .journal
        .spawn(async move { Node::open(&config, folder.as_deref(), id, env, arbiters).await })
        .await
        .expect("no panic")
        .expect("a node")
}

fn zone(number: usize) -> EntityId {
    EntityId::new(&format!("B{:02}.{number:02}", number / 10)).expect("lawful")
}

async fn plant(node: &Node) {
    let root = EntityId::new("city").expect("lawful");
    for (id, parent) in std::iter::once((root.clone(), None)).chain((0..ZONES).map(|number| (zone(number), Some(root.clone())))) {
        let command = Command::AddNode { node: id, kind: NodeKind::Zone, parent };
        node.policy_trees.ask(tree::owner(), command, tree::meta(&node.env)).await.expect("accepted");
    }
}

/// The calls come evenly through the month.
async fn fill(journal: Journal, env: Env, from: Timestamp) {
    let lanes = (0..LANES).map(|lane| {
        let (journal, env) = (journal.clone(), env.clone());
        tokio::spawn(async move {
            for number in (lane..CALLS).step_by(LANES) {
                let at = Timestamp::from_micros(from.micros() + (MONTH.as_micros() as usize / CALLS * number) as i64);
                let (told, outcome) = oneshot::channel();
                journal.submit(call(number, at, &env), Box::new(move |outcome| drop(told.send(outcome))));
                assert!(matches!(outcome.await.expect("an answer"), Outcome::Committed(_)));
            }
        })
    });
    join_all(lanes.collect::<Vec<_>>()).await.into_iter().for_each(|lane| lane.expect("filled"));
}

fn call(number: usize, at: Timestamp, env: &Env) -> Append {
    let id = EntityId::new(&format!("call-{number}")).expect("lawful");
    let owner = StreamId::new(tree::org(), Kind::new("workflow").expect("lawful"), id);
    let zone = zone(number * 7_919 % ZONES);
    let attributes = BTreeMap::from([("zone".to_owned(), json!(zone.as_str()))]);
    let attributes = Attributes::check(&attributes).expect("lawful");
    let began = Event::Registered(Registered { machine: "dispatch".to_owned(), definition: None, to: "queued".to_owned(), attributes });
    let way = [("queued", "allocated"), ("allocated", "departed"), ("departed", "arrived")];
    let moved = |(from, to): (&str, &str)| {
        Event::Transitioned(Transitioned { from: from.to_owned(), to: to.to_owned(), reason: None, policy: None })
    };
    let events = std::iter::once(began).chain(way.map(moved)).zip(1..).map(|(event, sequence_number)| NewEvent {
        event_id: EventId(env.next_id()),
        stream: owner.clone(),
        sequence_number,
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        data: event.encode().expect("JSON"),
        occurred_at: at,
        correlation_id: CorrelationId(env.next_id()),
        causation_id: env.next_id(),
        actor: "user:dispatcher-7".into(),
        traceparent: None,
    });
    let events = events.collect();
    Append {
        owner,
        generation: 1,
        command_id: CommandId(env.next_id()),
        body_hash: BodyHash([7; 32]),
        version: EACH as u64,
        events,
        timers: Vec::new(),
    }
}

pub(crate) async fn over_a_million(threads: &Threads) {
    head("A preview over 1,000,000 recorded events, through the route: must ≤ 2,000 ms, should ≤ 300 ms", "IonVeil, ms", "bare count, ms");
    sqlite(threads).await;
    postgres(threads).await;
}

async fn sqlite(threads: &Threads) {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::open(threads, &[("store.data_dir", folder.path().to_str().expect("UTF-8"))], Some(folder.path())).await;
    let file = format!("sqlite://{}?mode=ro", folder.path().join("views.sqlite").display());
    site.measure("SQLite", async || {
        let mut connection = SqliteConnection::connect(&file).await.expect("connect");
        let started = Instant::now();
        assert_eq!(sqlx::query(COUNT).fetch_all(&mut connection).await.expect("a count").len(), ZONES);
        started.elapsed().as_secs_f64() * 1e3
    })
    .await;
    site.node.close(Duration::from_secs(5)).await;
}

/// Before anything was vacuumed, and after it.
async fn postgres(threads: &Threads) {
    let server = Postgres::shared();
    server.psql("postgres", "ALTER SYSTEM SET autovacuum = off");
    server.psql("postgres", "SELECT pg_reload_conf()");
    let database = server.database();
    let site = Site::open(threads, &[("store.url", &database.url)], None).await;
    let schema = server.psql(&database.name, "SELECT schemaname FROM pg_tables WHERE tablename = 'policy_work'");
    let count = format!("SET search_path = {schema}; {COUNT}");
    for (what, vacuum) in [("Postgres, never vacuumed", false), ("Postgres, vacuumed", true)] {
        if vacuum {
            server.psql(&database.name, "VACUUM ANALYZE");
        }
        site.measure(what, async || {
            let started = Instant::now();
            assert_eq!(server.psql(&database.name, &count).lines().count(), ZONES);
            started.elapsed().as_secs_f64() * 1e3
        })
        .await;
    }
    site.node.close(Duration::from_secs(5)).await;
}
