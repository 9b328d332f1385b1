//! `migrate-workflows`: a dump of another system's states and history, taken over once.

use super::given::{Ground, get};
use serde_json::{Value, json};

/// A workflow with a way back, one without history, one whose history stops early, one known by its history alone.
fn dump() -> Value {
    let at = |minute: u32| format!("2025-01-01T10:{minute:02}:00Z");
    json!({
        "entities": {"back": "queued", "bare": "departed", "jumped": "arrived"},
        "history": [
            {"entity_id": "back", "from": "queued", "to": "allocated", "timestamp": at(0), "reason": "engine 7", "shift": "B"},
            {"entity_id": "back", "from": "allocated", "to": "queued", "timestamp": at(1), "rollback": true},
            {"id": "jumped", "from": "queued", "to": "allocated", "timestamp": at(5)},
            {"id": "jumped", "from": "allocated", "to": "departed", "timestamp": at(4)},
            {"id": "orphan", "from": "queued", "to": "cancelled", "timestamp": at(9)},
        ],
    })
}

#[test]
fn a_dump_is_taken_over_once() {
    let ground = Ground::new();
    let file = ground.write("dump.json", &dump().to_string());
    let report = ground.run(&["migrate-workflows", "--json", &file]).json(0);
    let counts = ["entities", "events", "reconciled", "clamped", "appended", "already_there"].map(|name| report[name].as_u64());
    assert_eq!(counts, [3, 10, 1, 1, 10, 0].map(Some), "{report}");
    assert_eq!((&report["orphans"], &report["refused"]), (&json!(["orphan"]), &json!([])));

    let again = ground.run(&["migrate-workflows", "--json", &file]).json(0);
    assert_eq!((&again["appended"], &again["already_there"]), (&0.into(), &10.into()), "{again}");
    let server = ground.serve(&[]);
    let again = ground.run(&["migrate-workflows", "--json", &file]).json(0);
    assert_eq!((&again["appended"], &again["already_there"]), (&0.into(), &10.into()), "{again}");
    for (id, state, version) in [("back", "queued", 3), ("bare", "departed", 1), ("jumped", "arrived", 4), ("orphan", "cancelled", 2)] {
        let (_, body) = get(&server, &format!("/api/v1/workflows/{id}"));
        assert_eq!((&body["state"], &body["version"]), (&state.into(), &version.into()), "{body}");
    }
    let (_, then) = get(&server, "/api/v1/workflows/back?at=2025-01-01T10:00:30Z");
    assert_eq!(then["state"], "allocated", "the times are those of the history");
    assert!(server.stop().success());
    ground.check(10);
}

#[test]
fn a_server_takes_a_dump_as_well() {
    let ground = Ground::new();
    let file = ground.write("dump.json", &dump().to_string());
    let server = ground.serve(&[]);
    assert_eq!(ground.run(&["migrate-workflows", "--json", &file]).json(0)["appended"], 10);
    assert!(server.stop().success());
    let said = ground.run(&["migrate-workflows", &file]);
    assert!(said.code == 0 && said.out.contains("appended 0, already there 10, refused 0"), "{}{}", said.out, said.err);
    assert!(said.out.contains("orphan: orphan has a history and no stored state"), "{}", said.out);
}

#[test]
fn a_dump_may_hold_its_history_by_id_and_name_another_machine() {
    let ground = Ground::new();
    let dump = json!({
        "entities": {"m": "executing"},
        "history": {"m": [{"from": "planned", "to": "queued", "timestamp": "2025-01-01T10:00:00Z"}]},
    });
    let file = ground.write("dump.json", &dump.to_string());
    let report = ground.run(&["migrate-workflows", "--json", "--machine", "mission", &file]).json(0);
    assert_eq!((&report["events"], &report["reconciled"]), (&3.into(), &1.into()), "{report}");
    assert_eq!(ground.run(&["migrate-workflows", "--machine", "nonsense", &file]).code, 1);
}

#[test]
fn all_faults_of_a_dump_are_named_and_nothing_is_written() {
    let ground = Ground::new();
    let record = json!({"entity_id": "a", "from": "nowhere", "timestamp": "yesterday"});
    let bad = json!({"entities": {"a": "queued", "b c": "queued", "d": 7}, "history": [record], "histroy": []});
    let file = ground.write("dump.json", &bad.to_string());
    let paths = ["histroy: ", "entities.b c: ", "entities.d: ", "history[0].from: ", "history[0].to: ", "history[0].timestamp: "];
    ground.run(&["migrate-workflows", &file]).complains(1, &[&paths[..], &["6 faults", "nothing was written"]].concat());
    ground.run(&["migrate-workflows", &ground.write("cut.json", "{\"entities\":")]).complains(1, &["cut.json", "as JSON"]);
    ground.run(&["migrate-workflows", "missing.json"]).complains(1, &["missing.json"]);
    assert!(!ground.data().exists());
}

#[test]
fn a_workflow_that_is_there_already_is_refused_and_the_others_are_taken() {
    let ground = Ground::new();
    let bare = |id: &str, state: &str| ground.write("dump.json", &json!({"entities": {id: state, "other": "queued"}}).to_string());
    ground.run(&["migrate-workflows", "--json", &bare("a", "queued")]).json(0);
    let report = ground.run(&["migrate-workflows", "--json", &bare("a", "arrived")]).json(1);
    assert_eq!((&report["refused"][0]["id"], &report["refused"][0]["code"]), (&"a".into(), &"idempotency_key_reused".into()), "{report}");
    assert_eq!((&report["already_there"], &report["appended"]), (&1.into(), &0.into()), "{report}");
}
