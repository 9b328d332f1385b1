//! `verify` on journals that somebody has meddled with.

use super::given::{Ground, alone};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

/// What was done to the third event of a call, and what `verify` must say of it.
const DAMAGES: [(&str, &str, &str, &str); 9] = [
    ("an unknown type", "UPDATE events SET event_type = 'teleported'", "unreadable", "teleported"),
    ("a newer version", "UPDATE events SET schema_version = 9", "unreadable", "version"),
    ("a payload cut short", "UPDATE events SET data = '{\"from\":'", "unreadable", "decode event 3"),
    ("another payload", "UPDATE events SET data = '{\"from\":\"allocated\",\"to\":\"departed\",\"by\":1}'", "unreadable", "decode event 3"),
    ("a state that is none", "UPDATE events SET data = replace(data, 'departed', 'vanished')", "unreadable", "fold event"),
    ("an edge that is none", "UPDATE events SET data = replace(data, 'departed', 'queued')", "unreadable", "fold event"),
    ("a hole", "DELETE FROM events", "gap", "partition"),
    ("a hole, to the one who folds", "DELETE FROM events", "unreadable", "event 4 where 3 was due"),
    ("a time before", "UPDATE events SET recorded_at = 1", "time_went_back", "event 3"),
];

#[test]
fn every_damage_is_found_and_named() {
    let (sound, events) = Ground::with_calls(8);
    sound.check(events);
    for (name, sql, code, word) in DAMAGES {
        let ground = copy(&sound);
        meddle(&ground.data(), &format!("{sql} WHERE id = '7-E1' AND sequence_number = 3"));
        let report = ground.run(&["verify", "--json"]).json(1);
        let findings = report["findings"].as_array().expect("a list");
        let named = findings.iter().any(|finding| finding["code"] == code && finding.to_string().contains(word));
        assert!(named, "{name}: {report}");
        assert_eq!(report["findings_total"], findings.len(), "{name}");
        let said = ground.run(&["verify"]);
        assert!(said.code == 1 && said.out.contains(&format!("{code}: ")), "{name}: {}", said.out);
    }
}

#[test]
fn a_stream_of_a_kind_that_nobody_knows_is_named() {
    let (ground, _) = Ground::with_calls(8);
    meddle(&ground.data(), "UPDATE events SET kind = 'incident' WHERE id = '7-E1'");
    let report = ground.run(&["verify", "--json"]).json(1);
    assert_eq!(report["findings"][0]["stream"], "incident:default:7-E1", "{report}");
}

#[test]
fn a_snapshot_that_says_otherwise_is_found() {
    let ground = Ground::new();
    let config = ground.write("ionveil.toml", "[runtime]\nsnapshot_every = 10\n");
    let at = |n: u32| format!("2025-01-01T10:00:{n:02}Z");
    let there_and_back = |n: u32| match n % 2 {
        0 => json!({"entity_id": "a", "from": "queued", "to": "allocated", "timestamp": at(n)}),
        _ => json!({"entity_id": "a", "from": "allocated", "to": "queued", "timestamp": at(n), "rollback": true}),
    };
    let history: Vec<_> = (0..9).map(there_and_back).collect();
    let dump = ground.write("dump.json", &json!({"entities": {"a": "allocated"}, "history": history}).to_string());
    let report = ground.run(&["migrate-workflows", "--json", "--config", &config, &dump]).json(0);
    assert_eq!((&report["appended"], &report["reconciled"]), (&10.into(), &0.into()), "{report}");
    ground.check(10);
    meddle(&ground.data(), "UPDATE snapshots SET occurred_at = occurred_at + 1");
    let report = ground.run(&["verify", "--json"]).json(1);
    assert_eq!(report["findings"][0]["code"], "diverged", "{report}");
}

#[test]
fn a_file_that_is_no_journal_is_no_sound_one() {
    let ground = Ground::new();
    ground.run(&["verify"]).complains(1, &["there is no journal at", "--data-dir"]);
    std::fs::create_dir(ground.data()).expect("a folder");
    std::fs::write(ground.data().join("journal.sqlite"), "once upon a time ".repeat(100)).expect("a file");
    ground.run(&["verify"]).complains(1, &["open the journal"]);
    ground.run(&["events"]).complains(1, &["open the journal"]);
    ground.run(&["verify", "--store", "memory:"]).complains(1, &["memory"]);
}

fn copy(from: &Ground) -> Ground {
    let to = Ground::new();
    std::fs::create_dir(to.data()).expect("a folder");
    for entry in std::fs::read_dir(from.data()).expect("a folder").map(|entry| entry.expect("a file")) {
        std::fs::copy(entry.path(), to.data().join(entry.file_name())).expect("copied");
    }
    to
}

fn meddle(data: &Path, sql: &str) {
    let url = format!("sqlite://{}", data.join("journal.sqlite").display());
    let changed = alone(async {
        let mut connection = SqliteConnection::connect(&url).await.expect("the file opens");
        let changed = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("it is changed").rows_affected();
        connection.close().await.expect("closed");
        changed
    });
    assert!(changed > 0, "{sql} changed nothing");
}
