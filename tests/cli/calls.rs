//! `import calls`: the real file and small ones of its form, here and through a running server.

use super::given::{Ground, calls, events, get};
use crate::import::real;
use crate::support::server::Server;
use serde_json::Value;

const RESPONSE: &str = "/api/v1/workflows/163664036-AM30";

fn counted(report: &Value, appended: u64, already_there: u64) {
    let counts = [&report["appended"], &report["already_there"], &report["refused"]].map(Value::as_u64);
    assert_eq!(counts, [Some(appended), Some(already_there), Some(0)], "{report}");
}

#[test]
fn the_first_week_of_2017_comes_in_once_and_with_both_times() {
    let (Some(file), Some(expected)) = (real::file(), real::expected()) else { return };
    let (file, events) = (file.to_str().expect("UTF-8"), expected.values().map(|(states, _)| states.len() as u64).sum());
    let (ground, before) = (Ground::new(), jiff::Timestamp::now());
    let mapping = ground.write("workflows.toml", &workflows_only());
    let import = || ground.run(&["import", "calls", "--json", "--mapping", &mapping, file]).json(0);
    counted(&import(), events, 0);
    let server = ground.serve(&[]);
    the_turn_of_the_year(&server, &before.to_string());
    counted(&import(), 0, events);
    assert!(server.stop().success());
    let verified = ground.run(&["verify", "--json"]).json(0);
    assert_eq!(verified["findings_total"], 0, "{verified}");
}

/// The project's mapping without incidents, units and assignments, which have a test of their own (`city`).
fn workflows_only() -> String {
    let mut mapping: toml::Table = include_str!("../../config/mappings/sf-fire.toml").parse().expect("TOML");
    mapping.remove("dispatch").expect("the section");
    mapping.to_string()
}

/// What was, what had happened by then, and what was known of it.
fn the_turn_of_the_year(server: &Server, before: &str) {
    let past = |query: &str| get(server, &format!("{RESPONSE}?{query}"));
    for (query, state) in [("at=2017-01-01T08:00:00Z", "departed"), ("at=2017-01-01T08:01:00Z", "arrived"), ("", "arrived")] {
        let (status, body) = past(query);
        assert_eq!((status, body["state"].as_str()), (200, Some(state)), "{query}: {body}");
    }
    assert_eq!(past(&format!("known_at={before}")).0, 404, "nothing was known before the import");
    assert_eq!(past("at=2017-01-01T07:52:00Z").0, 404, "nothing had happened");
    let (status, body) = get(server, &format!("{RESPONSE}/events"));
    let events = body["items"].as_array().expect("a list").iter();
    let found: Vec<_> = events.map(|event| format!("{} {}", event["data"]["to"], event["occurred_at"]).replace('"', "")).collect();
    let expected =
        ["queued 2017-01-01T07:52:01Z", "allocated 2017-01-01T07:55:20Z", "departed 2017-01-01T07:56:13Z", "arrived 2017-01-01T08:00:47Z"];
    assert_eq!((status, found), (200, expected.map(str::to_owned).into()));
}

#[test]
fn another_store_than_the_servers_is_not_written_to_behind_its_back() {
    let ground = Ground::new();
    let file = ground.write("calls.csv", &calls(0..3));
    let server = ground.serve(&[]);
    let elsewhere = format!("sqlite://{}", ground.path("elsewhere.sqlite").display());
    let said = ground.import(&file, &["--store", &elsewhere]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("belongs to the server at") && said.err.contains("--data-dir"), "{}", said.err);
    assert!(!ground.path("elsewhere.sqlite").exists());
    let its_own = format!("sqlite://{}", ground.data().join("journal.sqlite").display());
    counted(&ground.import(&file, &["--store", &its_own]).json(0), events(0..3), 0);
    assert!(server.stop().success());
}

#[test]
fn what_a_server_took_is_there_for_a_local_import() {
    let ground = Ground::new();
    let file = ground.write("calls.csv", &calls(0..20));
    let server = ground.serve(&[]);
    counted(&ground.import(&file, &[]).json(0), events(0..20), 0);
    counted(&ground.import(&file, &["--server", &server.url("")]).json(0), 0, events(0..20));
    assert!(server.stop().success());
    counted(&ground.import(&file, &[]).json(0), 0, events(0..20));
    ground.check(events(0..20));
}

#[test]
fn a_later_extract_adds_what_is_new_in_it() {
    let (ground, had) = Ground::with_calls(20);
    let later = ground.write("later.csv", &calls(10..30));
    counted(&ground.import(&later, &[]).json(0), events(20..30), events(10..20));
    ground.check(had + events(20..30));
}

#[test]
fn a_changed_row_is_listed_and_its_new_stamps_are_taken() {
    let (ground, had) = Ground::with_calls(5);
    let line = |file: &str| file.lines().find(|line| line.ends_with(",4-E1")).expect("a row").to_owned();
    let was = calls(0..5);
    let changed = line(&was).replace(",,,Fire", ",01/02/2017 01:04:20 AM,01/02/2017 01:04:30 AM,Medical");
    let file = ground.write("changed.csv", &was.replace(&line(&was), &changed));
    let report = ground.import(&file, &[]).json(1);
    assert_eq!((&report["appended"], &report["refused"]), (&2.into(), &1.into()), "{report}");
    let issue = &report["issues"][0];
    assert_eq!((&issue["id"], &issue["code"], &issue["line"]), (&"4-E1".into(), &"idempotency_key_reused".into(), &6.into()), "{report}");
    ground.check(had + 2);
}

#[test]
fn the_table_for_people_says_the_same() {
    let (ground, _) = Ground::with_calls(5);
    let file = ground.path("calls.csv");
    let said = ground.run(&["import", "calls", "--mapping", &super::given::mapping(), file.to_str().expect("UTF-8")]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = said.out.lines().map(words).collect();
    assert!(
        said.code == 0 && lines.contains(&"events appended 0".to_owned()) && lines.contains(&"already there 16".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn what_cannot_be_imported_writes_nothing() {
    let ground = Ground::new();
    let no_column = ground.write("no-column.csv", &calls(0..3).replace("Dispatch DtTm", "Dispatched"));
    ground.import(&no_column, &[]).complains(1, &["no-column.csv", "Dispatch DtTm"]);
    ground.import(&ground.write("empty.csv", ""), &[]).complains(1, &["empty.csv"]);
    ground.import("missing.csv", &[]).complains(1, &["missing.csv"]);
    let mapping = ground.write("mapping.toml", "machine = \"dispatch\"\n");
    let file = ground.write("calls.csv", &calls(0..3));
    ground.run(&["import", "calls", "--mapping", &mapping, &file]).complains(1, &["mapping.toml"]);
    ground.import(&file, &["--server", "http://127.0.0.1:1", "--store", "nonsense"]).complains(2, &["store.url"]);
    assert!(!ground.data().exists(), "nothing was opened");
}
