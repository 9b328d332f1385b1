//! The audit trail: every change is in it, in its chain; what was taken out or altered is found.

use super::given::{Guarded, World};
use crate::support::server::run;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

const AUDIT: &str = "/api/v1/audit";

/// The trail, once all of it is sealed.
async fn sealed(api: &super::client::Api) -> Vec<Value> {
    loop {
        let all = api.pages(AUDIT).await;
        if !all.is_empty() && all.iter().all(|entry| entry["sequence"].is_u64()) {
            return all;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_change_is_in_the_trail_with_who_and_when() {
    let world = World::open();
    let api = &world.api;
    api.create("w-1", "dispatch").await;
    api.go("w-1", "allocated").await;
    let body = json!({"title": "a call", "description": "as told", "latitude": 37.0, "longitude": -122.0});
    let id = api.post("/api/v1/incidents", body).await.json(201)["id"].as_str().expect("an id").to_owned();
    let all = sealed(api).await;
    assert_eq!(all.len(), api.feed().await.len(), "the trail is the journal");
    let first = &all[0];
    assert_eq!((&first["action"], &first["entity"]), (&json!("workflow.registered"), &json!("workflow:default:w-1")));
    assert!(first["actor"].is_string() && first["timestamp"].is_string() && first["details"]["machine"] == "dispatch", "{first}");
    assert_eq!((&first["sequence"], first["previous"].as_str()), (&json!(1), Some("0".repeat(64).as_str())));
    let second = all.iter().find(|entry| entry["action"] == "workflow.transitioned").expect("it is there");
    assert_eq!((&second["sequence"], &second["previous"]), (&json!(2), &first["checksum"]));
    for (query, count) in [
        ("entity=workflow:default:w-1", 2),
        ("action=workflow.registered", 1),
        ("actor=nobody", 0),
        ("until=2020-01-01T00:00:00Z", 0),
        ("since=2020-01-01T00:00:00Z&page_size=1&entity=workflow:default:w-1", 2),
        (&format!("incident={id}&action=incident.created"), 1),
    ] {
        assert_eq!(api.pages(&format!("{AUDIT}?{query}")).await.len(), count, "{query}");
    }
    api.get(&format!("{AUDIT}?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z")).await.problem(400, "invalid_range");
    api.get(&format!("{AUDIT}?entity=workflow:other:w-1")).await.problem(404, "not_found");
}

#[tokio::test]
async fn nobody_reads_the_trail_of_others() {
    let guarded = Guarded::start();
    guarded.member("acme", "dispatcher").create("w-1", "dispatch").await;
    assert_eq!(sealed(&guarded.member("acme", "supervisor")).await.len(), 1);
    let foreign = guarded.member("umbra", "supervisor").get(AUDIT).await.json(200);
    assert_eq!(foreign["items"], json!([]));
}

#[tokio::test]
async fn what_was_taken_out_or_altered_is_found() {
    let world = World::durable();
    for n in 0..5 {
        world.api.create(&format!("w-{n}"), "dispatch").await;
        world.api.go(&format!("w-{n}"), "allocated").await;
    }
    let count = sealed(&world.api).await.len();
    let (server, data) = world.into_parts();
    assert!(server.stop().success());
    let folder = data.path().to_str().expect("UTF-8");
    let verify = |more: &[&str]| {
        let output = run(&[&["audit", "verify", "--json", "--data-dir", folder], more].concat());
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code(), verdict)
    };
    let (code, sound) = verify(&[]);
    assert_eq!((code, &sound["verified"], &sound["findings"]), (Some(0), &json!(count), &json!([])), "{sound}");
    let known = data.path().join("known.json");
    std::fs::write(&known, sound.to_string()).expect("written");
    let known = known.to_str().expect("UTF-8");
    assert_eq!(verify(&["--known", known]).0, Some(0));
    let journal = std::fs::read(data.path().join("journal.sqlite")).expect("the journal");
    for (sql, wanted) in [
        ("UPDATE events SET data = replace(data, 'allocated', 'cancelled') WHERE id = 'w-3' AND sequence_number = 2", "altered"),
        ("UPDATE events SET actor = 'somebody' WHERE id = 'w-1' AND sequence_number = 1", "altered"),
        ("DELETE FROM events WHERE id = 'w-2' AND sequence_number = 2", "removed"),
        ("DELETE FROM events WHERE id = 'w-4'", "removed"),
    ] {
        meddle(&data.path().join("journal.sqlite"), sql).await;
        let (code, verdict) = verify(&[]);
        let codes: Vec<_> = verdict["findings"].as_array().expect("findings").iter().map(|finding| finding["code"].clone()).collect();
        assert!(code == Some(1) && codes == [json!(wanted)], "{sql}: {verdict}");
        std::fs::write(data.path().join("journal.sqlite"), &journal).expect("put back");
    }
    meddle(
        &data.path().join("views.sqlite"),
        "UPDATE audit_seals SET seals = substr(seals, 1, 16) || '0000' || substr(seals, 21) WHERE first_sequence = 1",
    )
    .await;
    assert_eq!(verify(&[]).0, Some(1), "a seal that was altered shows as well");
    meddle(&data.path().join("views.sqlite"), "DELETE FROM audit_seals").await;
    assert_eq!(verify(&[]).0, Some(0), "without seals nothing is known");
    let (code, verdict) = verify(&["--known", known]);
    assert!(code == Some(1) && verdict["findings"][0]["code"] == "truncated", "but by a head that was kept elsewhere: {verdict}");
}

async fn meddle(file: &Path, sql: &str) {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
    let changed = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("it is changed").rows_affected();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.expect("all is in the file");
    connection.close().await.expect("closed");
    assert!(changed > 0, "{sql}");
}
