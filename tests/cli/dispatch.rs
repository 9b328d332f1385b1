//! `ionveil orders`, `ionveil queues` and `ionveil import intake`: what waits at a server, how healthy its queues are, and commands
//! from a file.

use super::given::{Ground, Said, alone};
use crate::support::server::Server;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

fn put_in(server: &Server, orders: &Value) {
    alone(async {
        let client = ionveil::web::client().build().expect("a client");
        let answer = client.post(server.url("/api/v1/dispatch/orders")).json(orders).send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
    });
}

fn json_lines(said: &Said) -> Vec<Value> {
    assert_eq!(said.code, 0, "{}", said.err);
    said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn what_waits_is_listed_and_queues_are_shown() {
    let ground = Ground::new();
    for command in ["orders", "queues"] {
        ground.run(&[command]).complains(1, &["no server runs on", "ionveil serve", "--server"]);
    }
    let server = ground.serve(&[]);
    assert!(ground.run(&["orders"]).out.starts_with("no orders wait"));
    put_in(&server, &json!([{"id": "o-1", "urgency": 7}, {"id": "o-2", "urgency": 90, "eta": "09:05", "agency": "medic"}]));
    let table = ground.run(&["orders"]).out;
    let words: Vec<_> = table.lines().map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect();
    assert_eq!(words, ["ORDER", "o-2", "o-1", "2"], "{table}");
    assert_eq!(json_lines(&ground.run(&["orders", "--json"])).len(), 2);
    assert_eq!(json_lines(&ground.run(&["orders", "--json", "--agency", "medic"]))[0]["id"], "o-2");
    ground.run(&["orders", "--agency", "no agency"]).complains(2, &["no agency"]);
    let queues = json_lines(&ground.run(&["queues", "--json"]));
    assert_eq!((queues.len(), &queues[0]["name"], &queues[0]["depth"]), (3, &json!("pool"), &json!(2)));
    let table = ground.run(&["queues"]).out;
    assert!(table.lines().nth(1).is_some_and(|line| line.starts_with("pool") && line.contains("healthy")), "{table}");
    assert!(server.stop().success());
}

#[test]
fn thresholds_that_make_no_sense_stop_the_start() {
    let ground = Ground::new();
    let mut command = crate::support::server::ionveil(&["serve", "--listen", "127.0.0.1:0", "--store", "memory:"]);
    let output = command.env("IONVEIL_QUEUE_WARN_RATIO", "0.9").env("IONVEIL__QUEUE__HARD_LIMIT", "0").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for word in ["invalid_thresholds", "queue.critical_ratio", "queue.hard_limit", "IONVEIL__QUEUE__HARD_LIMIT"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    assert!(!ground.data().exists());
}

fn rows() -> Vec<Value> {
    let row = |id: u32, deadline: &str| json!({"command_id": format!("c{id}"), "satellite_id": "s", "intent": "move", "issued_by": "ops", "signature": "x", "deadline": deadline});
    (0..2_500).map(|id| row(id, "2999-01-01T00:00:00Z")).chain([row(0, "2999-01-01T00:00:00Z"), row(1, "1999-01-01T00:00:00Z")]).collect()
}

fn counted(report: &Value, repeated: bool) {
    assert_eq!(
        (&report["accepted"], &report["errors_total"], &report["stats"]["duplicates"]),
        (&json!(2_500), &json!(1), &json!(1)),
        "{report}"
    );
    assert_eq!((&report["errors"], &report["repeated"]), (&json!(["row 2501: deadline already expired"]), &json!(repeated)), "{report}");
}

#[test]
fn a_file_of_commands_comes_in_once_here_and_through_a_server() {
    let ground = Ground::new();
    let lines: String = rows().iter().map(|row| format!("{row}\n")).collect();
    let plain = ground.write("night.ndjson", &lines);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines.as_bytes()).expect("memory");
    std::fs::write(ground.path("night.jsonl.gz"), encoder.finish().expect("memory")).expect("written");
    let packed = ground.path("night.jsonl.gz").to_str().expect("UTF-8").to_owned();
    let object = ground.write("night.json", &json!({"batch_id": "night", "rows": rows()}).to_string());
    let import = |more: &[&str]| ground.run(&[&["import", "intake", "--json"], more].concat());
    counted(&import(&["--batch-id", "night", &plain]).json(1), false);
    counted(&import(&[&object]).json(1), true);
    let server = ground.serve(&[]);
    for again in [&["--batch-id", "night", &packed][..], &["--batch-id", "night", &plain], &[&object]] {
        counted(&import(again).json(1), true);
    }
    counted(&import(&["--batch-id", "second", &packed]).json(1), false);
    let table = ground.run(&["import", "intake", &object]);
    assert!(table.code == 1 && table.out.contains("imported before") && table.out.contains("row 2501"), "{}{}", table.out, table.err);
    assert!(server.stop().success());
    ground.check(2 * (2_500 + 2 + 2));
}

#[test]
fn what_cannot_be_imported_is_explained() {
    let ground = Ground::new();
    let lines = ground.write("a.ndjson", "{}\n");
    let import = |file: &str| ground.run(&["import", "intake", file]);
    import("missing.json").complains(1, &["missing.json"]);
    let server = ground.serve(&[]);
    import(&lines).complains(1, &["batch_id", "required"]);
    import(&ground.write("half.json", "{\"batch_id\": \"b\", \"rows\": [1,")).complains(1, &["the body ends before its JSON does"]);
    assert!(server.stop().success());
    import(&lines).complains(1, &["batch_id", "required"]);
    ground.check(0);
}
