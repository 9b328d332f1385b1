//! `migrate --from --to`: what it refuses before it touches anything.

use super::given::{Ground, alone, get, said};
use crate::support::postgres::Postgres;
use crate::support::server::Server;
use serde_json::{Value, json};

#[test]
fn only_a_file_is_copied_and_only_into_a_database() {
    said(&["migrate", "--from", "sqlite://a"]).complains(2, &["--to"]);
    said(&["migrate", "--to", "postgres://h/d"]).complains(2, &["--from"]);
    let back = said(&["migrate", "--from", "postgres://jane:hush@h/d", "--to", "sqlite://a"]);
    back.complains(2, &["2 faults", "--from", "from a file only", "--to", "into a database only"]);
    let wrong = said(&["migrate", "--from", "sqlite://a", "--to", "mysql://jane:hush@h/d"]);
    wrong.complains(2, &["--to", "postgres://USER@HOST/DATABASE"]);
    let away = said(&["migrate", "--from", "sqlite://missing.sqlite", "--to", "postgres://jane:hush@127.0.0.1:1/d"]);
    away.complains(1, &["there is no journal at missing.sqlite"]);
    assert!(![&back, &wrong, &away].iter().any(|said| said.err.contains("hush")), "no password is repeated");
}

#[test]
fn the_addresses_of_recipients_move_with_the_journal() {
    let database = Postgres::shared().database();
    let ground = Ground::new();
    let server = ground.serve(&[]);
    let body = json!({"name": "Night desk", "addresses": {"slack": "http://127.0.0.1:9/x", "sms": "+15550100"}});
    let refused = put(&server, "/api/v1/recipients/desk", &body);
    assert_eq!(refused, 400, "loopback is not called");
    assert_eq!(put(&server, "/api/v1/recipients/desk", &json!({"name": "Night desk", "addresses": {"sms": "+15550100"}})), 200);
    assert!(server.stop().success());
    let file = format!("sqlite://{}", ground.data().join("journal.sqlite").display());
    let report = ground.run(&["migrate", "--json", "--from", &file, "--to", &database.url]).json(0);
    assert_eq!(report["contacts"], 1, "{report}");
    let server = ground.serve(&["--store", &database.url]);
    let (status, recipient) = get(&server, "/api/v1/recipients/desk");
    assert_eq!(
        (status, &recipient["name"], &recipient["addresses"]["sms"]),
        (200, &json!("Night desk"), &json!("+15550100")),
        "{recipient}"
    );
    assert!(server.stop().success());
}

fn put(server: &Server, path: &str, body: &Value) -> u16 {
    let client = ionveil::web::client().build().expect("a client");
    alone(client.put(server.url(path)).json(body).send()).expect("an answer").status().as_u16()
}

#[test]
fn a_journal_that_is_served_is_not_copied() {
    let database = Postgres::shared().database();
    let ground = Ground::new();
    let copy = |file: &str| ground.run(&["migrate", "--json", "--from", &format!("sqlite://{file}"), "--to", &database.url]);
    let file = ground.data().join("journal.sqlite");
    let server = ground.serve(&[]);
    copy(file.to_str().expect("UTF-8")).complains(1, &["in use by another ionveil process", &server.address]);
    assert!(server.stop().success());

    // A file elsewhere has no lock beside it, but leases in it.
    let elsewhere = ground.path("other.sqlite");
    let server = ground.serve(&["--store", &format!("sqlite://{}", elsewhere.display())]);
    assert_eq!(get(&server, "/health/ready").0, 200);
    copy(elsewhere.to_str().expect("UTF-8")).complains(1, &["the source is in use: node"]);
    assert!(server.stop().success());
    let report = copy(elsewhere.to_str().expect("UTF-8")).json(0);
    assert_eq!((&report["partitions"], &report["rows"]["events"]), (&16.into(), &0.into()), "{report}");
}
