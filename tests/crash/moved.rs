//! A journal moves: from a file into a database, and from a database into another one by its backup. Callers, feed readers
//! and timers go on where they were.

use super::callers::Callers;
use super::expiry;
use super::killed::repeat_everything;
use super::scene::{Ground, Scene, until};
use super::seed::Seed;
use crate::support::postgres::{Database, Postgres};
use crate::support::server::{Server, ionveil};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::block_in_place;

/// A reader of the feed that keeps its cursor.
#[derive(Default)]
struct Reader {
    cursor: Option<String>,
    ids: Vec<String>,
}

impl Reader {
    /// Reads so many pages of fifty, or to the end.
    async fn read(&mut self, scene: &Scene, server: &Server, pages: usize) {
        for _ in 0..pages {
            let at = self.cursor.iter().map(|cursor| format!("?cursor={cursor}")).collect::<String>();
            let answer = scene.client.get(server.url(&format!("/api/v1/events{at}"))).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            let page: Value = answer.json().await.expect("JSON");
            let items = page["items"].as_array().expect("items");
            self.ids.extend(items.iter().map(id));
            match page["next_cursor"].as_str() {
                Some(next) => self.cursor = Some(next.to_owned()),
                None => return,
            }
        }
    }

    /// It has seen everything of the journal of `ground`, each once.
    fn check(&self, ground: &Ground) {
        let all: BTreeSet<String> = events(ground).iter().map(id).collect();
        let seen: BTreeSet<String> = self.ids.iter().cloned().collect();
        assert_eq!(seen.len(), self.ids.len(), "nothing twice");
        assert_eq!(seen, all, "nothing skipped, nothing made up");
    }
}

fn id(event: &Value) -> String {
    event["event_id"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned()
}

fn events(ground: &Ground) -> Vec<Value> {
    let output = ground.run(&["events", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn database() -> Database {
    block_in_place(Postgres::shared).database()
}

fn source(ground: &Ground) -> String {
    format!("sqlite://{}", ground.data().join("journal.sqlite").display())
}

/// `ionveil migrate` from the file of `ground`.
fn migrate(ground: &Ground, to: &Database) -> Output {
    block_in_place(|| ionveil(&["migrate", "--json", "--from", &source(ground), "--to", &to.url]).output()).expect("the binary runs")
}

fn migrated(ground: &Ground, to: &Database) -> Value {
    let output = migrate(ground, to);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn stop(server: Server) {
    assert!(block_in_place(|| server.stop()).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_and_readers_go_on_where_the_journal_was_copied_to() {
    let (mut seed, database) = (Seed::of("moved"), database());
    let (old, new) = (Ground::sqlite(), Ground::postgres(&database.url));
    let (scene, mut reader) = (Arc::new(Scene::new()), Reader::default());
    let server = old.serve();
    scene.lead_to(Some(&server));
    let callers = Callers::start(&scene, "mover", 8, &mut seed);
    scene.until_answered(300).await;
    reader.read(&scene, &server, 2).await;
    scene.lead_to(None);
    stop(server);

    let before = events(&old);
    let report = migrated(&old, &database);
    assert_eq!(report["rows"]["events"], before.len(), "{report}");
    assert_eq!(events(&new), before, "each event is where it was");
    let server = new.serve();
    scene.lead_to(Some(&server));
    scene.until_answered(200).await;
    callers.finish(&scene).await;
    repeat_everything(&scene).await;
    reader.read(&scene, &server, usize::MAX).await;
    reader.check(&new);
    scene.check(&new).await;
    stop(server);
    let again = migrate(&old, &database);
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.code() == Some(1) && said.contains("the target is not empty: its table events"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_fire_where_the_journal_was_copied_to() {
    let database = database();
    let (old, new) = (Ground::sqlite(), Ground::postgres(&database.url));
    let (server, scene) = (old.serve(), Scene::new());
    scene.lead_to(Some(&server));
    expiry::plant(&scene).await;
    expiry::set(&scene, 1, Duration::from_millis(500)).await;
    let coming = expiry::set(&scene, 2, Duration::from_secs(8)).await;
    server.kill();
    // The lease of a server that was killed has to end first.
    until(async || migrate(&old, &database).status.success()).await;
    let server = new.serve();
    scene.lead_to(Some(&server));
    expiry::ended(&new, &scene, 1).await;
    let ended = expiry::ended(&new, &scene, 2).await;
    assert!(ended >= coming, "on time: {ended:?}, due at {coming:?}");
    stop(server);
    assert!(new.run(&["verify"]).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_half_way_leaves_nothing() {
    let (mut seed, database, postgres) = (Seed::of("half-way"), database(), block_in_place(Postgres::shared));
    let (old, new) = (Ground::sqlite(), Ground::postgres(&database.url));
    let scene = Arc::new(Scene::new());
    let server = old.serve();
    scene.lead_to(Some(&server));
    let callers = Callers::start(&scene, "caller", 4, &mut seed);
    scene.until_answered(100).await;
    callers.finish(&scene).await;
    stop(server);
    assert!(new.run(&["migrate"]).status.success(), "the tables are there, and empty");

    // The last table cannot be written, so that the copy stands still when everything else was sent.
    let mut blocker = postgres.psql_command(&database.name).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("psql");
    let mut orders = blocker.stdin.take().expect("piped");
    writeln!(orders, "BEGIN; LOCK TABLE ionveil.dead_letters IN SHARE MODE;").expect("psql listens");
    let count = |sql: &str| block_in_place(|| postgres.psql(&database.name, sql)).parse::<u64>().expect("a number");
    let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation = 'ionveil.dead_letters'::regclass";
    until(async || count(locked) == 1).await;
    let mut copy = ionveil(&["migrate", "--from", &source(&old), "--to", &database.url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let standing = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'COPY dead_letters%'";
    until(async || count(standing) == 1).await;
    copy.kill().expect("kill");
    copy.wait().expect("wait");
    drop(orders);
    block_in_place(|| blocker.wait()).expect("psql ends");

    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ionveil'";
    until(async || count(sessions) == 0).await;
    let left =
        "SELECT (SELECT count(*) FROM ionveil.events) + (SELECT count(*) FROM ionveil.receipts) + (SELECT max(epoch) FROM ionveil.heads)";
    assert_eq!(count(left), 0, "no rows, and the heads as they were made");
    migrated(&old, &database);
    assert_eq!(events(&new), events(&old));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_go_on_where_a_backup_was_restored() {
    let (mut seed, first, second) = (Seed::of("restored"), database(), database());
    let (old, new) = (Ground::postgres(&first.url), Ground::postgres(&second.url));
    let (scene, mut reader) = (Arc::new(Scene::new()), Reader::default());
    let server = old.serve();
    scene.lead_to(Some(&server));
    let callers = Callers::start(&scene, "caller", 8, &mut seed);
    scene.until_answered(300).await;
    reader.read(&scene, &server, 3).await;
    // The callers are not asked to pause.
    block_in_place(|| Postgres::shared().restore(&first.name, &second.name));
    scene.until_answered(50).await;
    callers.finish(&scene).await;
    let whole = events(&old);
    server.kill();

    let restored = events(&new);
    assert!(restored.len() < whole.len(), "{} events went on after the backup of {}", whole.len(), restored.len());
    assert!(restored.iter().all(|event| whole.contains(event)), "each is one of the old ones");
    let server = new.serve();
    scene.lead_to(Some(&server));
    scene.until_ready(&server, true).await;
    reader.read(&scene, &server, usize::MAX).await;
    for number in 0..20 {
        let body = serde_json::json!({ "id": format!("after-{number}"), "machine": "ring" });
        let answer = scene.client.post(server.url("/api/v1/workflows")).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
    }
    reader.read(&scene, &server, usize::MAX).await;
    reader.check(&new);
    assert_eq!(reader.ids.len(), restored.len() + 20);
    let verified = new.run(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    stop(server);
}
