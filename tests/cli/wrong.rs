//! A wrong command line or configuration ends with 2, before anything is touched.

use super::given::{Ground, said};
use crate::support::server::ionveil;

#[test]
fn a_wrong_command_line_is_explained() {
    let rows: [(&[&str], &str); 9] = [
        (&[], "Usage"),
        (&["sreve"], "serve"),
        (&["serve", "--lisen", "x"], "--listen"),
        (&["import"], "calls"),
        (&["import", "calls", "a.csv"], "--mapping"),
        (&["token", "sign", "--key", "k", "--sub", "s", "--role", "king"], "king"),
        (&["token", "sign", "--key", "k", "--sub", "s", "--role", "admin", "--ttl", "0s"], "0s"),
        (&["completions", "tcsh"], "tcsh"),
        (&["migrate-workflows"], "FILE"),
    ];
    for (args, word) in rows {
        said(args).complains(2, &[word]);
    }
    for args in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        assert_eq!(said(args).code, 0, "{args:?}");
    }
}

#[test]
fn every_command_refuses_a_wrong_configuration() {
    let ground = Ground::new();
    let config = ground.write("ionveil.toml", "[server]\nlisten = 7\nlisen = 1\n[srever]\n[journal]\nqueue_max = 0\n");
    let commands: [&[&str]; 8] = [
        &["serve"],
        &["import", "calls", "--mapping", "m", "f"],
        &["events"],
        &["verify"],
        &["migrate"],
        &["migrate-workflows", "f"],
        &["config", "check"],
        &["config", "show"],
    ];
    for command in commands {
        let said = ground.run(&[command, &["--config", &config]].concat());
        said.complains(2, &["4 faults", "server.listen (file ", "server.lisen", "did you mean", "srever", "journal.queue_max"]);
    }
    assert!(!ground.data().exists(), "nothing was made");
}

#[test]
fn a_setting_is_wrong_wherever_it_is_from() {
    let stores = ["sqlite://", "sqlite:", "mysql://x/y", "memory", "postgres://"];
    for store in stores {
        said(&["config", "check", "--store", store]).complains(2, &["store.url (flag --store)", "sqlite://PATH"]);
        said(&["verify", "--store", store]).complains(2, &["store.url"]);
    }
    said(&["serve", "--listen", "nowhere"]).complains(2, &["server.listen", "127.0.0.1:8080"]);
    said(&["config", "check", "--config", "missing.toml"]).complains(2, &["missing.toml", "cannot be read"]);
    for (name, value, word) in [("IONVEIL__SERVER__LISEN", "x", "IONVEIL__SERVER__LISTEN"), ("IONVEIL__STORE__PARTITIONS", "99", "64")] {
        let output = ionveil(&["config", "check"]).env(name, value).output().expect("the binary runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && err.contains(name) && err.contains(word), "{err}");
    }
}

#[test]
fn a_key_that_cannot_be_read_is_a_fault_of_the_configuration() {
    let ground = Ground::new();
    let entry = "[[auth.keys]]\nid = \"a\"\nalgorithm = \"EdDSA\"\npublic_key_file = \"missing.pem\"\n";
    let config = ground.write("ionveil.toml", entry);
    for command in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        ground.run(&[command, &["--config", &config]].concat()).complains(2, &["auth.keys[0]", "missing.pem"]);
    }
}

#[test]
fn a_password_is_not_repeated_when_the_database_is_away() {
    let said = said(&["events", "--store", "postgres://jane:hush@127.0.0.1:1/ionveil"]);
    said.complains(1, &["open the journal"]);
    assert!(!said.err.contains("hush"), "{}", said.err);
}
