//! `serve`: who may have a directory and a port, machines of the user's own, and the end.

use super::given::{Ground, get, said};
use crate::support::server::Server;

const RING: &str = r#"
[machines.ring]
initial = "north"
states = [{ name = "north", to = ["south"] }, { name = "south", to = ["north", "gone"] }, { name = "gone" }]
"#;

#[test]
fn one_directory_has_one_server() {
    let ground = Ground::new();
    let server = ground.serve(&[]);
    let second = ground.run(&["serve", "--listen", "127.0.0.1:0"]);
    second.complains(1, &["in use by another ionveil process", &format!("pid {}", server.pid()), &server.address, "--data-dir"]);
    ground.run(&["migrate"]).complains(1, &["in use by another ionveil process"]);
    assert_eq!(get(&server, "/health/ready").0, 200, "the first is not disturbed");
    assert!(server.stop().success(), "SIGTERM ends it with 0");
    assert!(ground.serve(&[]).stop().success(), "and the next can have it");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (first, second) = (Ground::new(), Ground::new());
    let server = first.serve(&[]);
    second.run(&["serve", "--listen", &server.address]).complains(1, &[&format!("listen on {}", server.address)]);
}

#[test]
fn a_killed_server_leaves_the_directory_to_the_next() {
    let (ground, events) = Ground::with_calls(8);
    ground.serve(&[]).kill();
    let file = ground.path("calls.csv");
    let again = ground.import(file.to_str().expect("UTF-8"), &[]).json(0);
    assert_eq!(again["already_there"], events, "the dead server is not asked");
    assert_eq!(get(&ground.serve(&[]), "/api/v1/workflows/7-E1").0, 200);
}

#[test]
fn a_store_in_memory_leaves_nothing_behind() {
    let ground = Ground::new();
    let server = ground.serve(&["--store", "memory:"]);
    assert_eq!(get(&server, "/api/v1/workflows").0, 200);
    assert!(server.stop().success());
    assert!(!ground.data().exists());
    ground.run(&["migrate", "--store", "memory:"]).complains(1, &["nothing to migrate"]);
}

#[test]
fn a_database_is_migrated_without_serving() {
    let ground = Ground::new();
    for _ in 0..2 {
        let said = ground.run(&["migrate"]);
        assert!(said.code == 0 && said.out.contains("16 partitions"), "{}{}", said.out, said.err);
    }
    ground.check(0);
    let elsewhere = format!("sqlite://{}", ground.path("other.sqlite").display());
    let server = ground.serve(&["--store", &elsewhere]);
    assert_eq!(get(&server, "/health/ready").0, 200);
    assert!(ground.path("other.sqlite").exists());
}

#[test]
fn strangers_are_not_let_in_by_mistake() {
    let ground = Ground::new();
    ground.run(&["serve", "--listen", "0.0.0.0:0"]).complains(2, &["server.listen", "ionveil token keygen"]);
    assert!(!ground.data().exists());
    let server = ground.serve(&[]);
    assert!(server.log().contains("authentication is off"), "{}", server.log());
}

#[test]
fn a_machine_of_the_users_own_is_served() {
    let ground = Ground::new();
    let config = ground.write("ionveil.toml", RING);
    assert_eq!(said(&["config", "check", "--config", &config]).code, 0);
    let server: Server = ground.serve(&["--config", &config, "--store", "memory:"]);
    let (status, path) = get(&server, "/api/v1/machines/ring/path?from=north&to=gone");
    assert!(status == 200 && path.to_string().contains(r#"["north","south","gone"]"#), "{path}");
}

#[test]
fn a_machine_that_cannot_be_is_a_fault_with_its_place() {
    let ground = Ground::new();
    let rows = [
        (RING.replace("\"gone\"] }", "\"nowhere\"] }"), "nowhere"),
        (RING.replace("initial = \"north\"", "initial = \"up\""), "up"),
        (RING.replace("{ name = \"gone\" }", "{ name = \"gone\" }, { name = \"island\" }"), "island"),
        (RING.replace(", \"gone\"]", "]").replace(", { name = \"gone\" }", ""), "terminal"),
        (RING.replace("machines.ring", "machines.dispatch"), "dispatch"),
    ];
    for (toml, word) in rows {
        said(&["config", "check", "--config", &ground.write("ionveil.toml", &toml)]).complains(2, &["machines.", word]);
    }
}
