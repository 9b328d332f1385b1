//! `migrate --from --to`: what it refuses before it touches anything.

use super::given::{Ground, get, said};
use crate::support::postgres::Postgres;

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
