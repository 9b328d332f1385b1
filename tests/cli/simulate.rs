//! `ionveil simulate`: scenarios from flags and files, run in this process, and histories, run at a server.

use super::given::{Ground, alone, said};
use crate::support::server::Server;
use serde_json::{Value, json};

const BURSTS: [&str; 2] = ["--burst", "3,30,60"];

fn simulate(args: &[&str]) -> super::given::Said {
    said(&[&["simulate"], args].concat())
}

#[test]
fn a_timeline_is_drawn_without_a_server() {
    let drawn = simulate(&BURSTS);
    assert_eq!(drawn.code, 0, "{}", drawn.err);
    let (name, rest) = drawn.out.split_once('\n').expect("lines");
    assert_eq!(name, "flags: 0:01:00 of burst");
    for word in [
        "60 outcomes, 6 failures, 90.00 % successes",
        "0:00:12   20.0 %",
        "0:00:48   80.0 %",
        "4 transitions, 2 up and 2 down; it ends in normal",
    ] {
        assert!(rest.contains(word), "{word:?} is not in {rest}");
    }
    let rows: Vec<_> = rest.lines().filter(|line| line.contains('│')).collect();
    let names: Vec<_> = rows.iter().filter_map(|row| row.split_whitespace().next()).collect();
    assert_eq!(names, ["halted", "restricted", "watch", "normal"], "the strictest on top");
    let cells = |row: &str| row.split_once('│').map(|(_, cells)| cells.to_owned()).expect("cells");
    assert!(cells(rows[0]).is_empty() && cells(rows[2]).starts_with(" ▒") && cells(rows[3]).starts_with('█'), "{rest}");
    assert!(
        rest.contains("0:00:02  normal → watch  3 failures in a row") && !rest.contains('\u{1b}') && drawn.err.is_empty(),
        "{rest}{}",
        drawn.err
    );
}

#[test]
fn flags_make_a_scenario() {
    let args = [
        "--name",
        "mine",
        "--levels",
        "calm,busy,wild",
        "--escalate-at",
        "1",
        "--deescalate",
        "busy=2",
        "--deescalate",
        "wild=3",
        "--dwell",
        "4",
    ];
    let done = simulate(&[&args[..], &["--json", "--duration", "45"], &BURSTS].concat()).json(0);
    let result = &done["results"]["mine"];
    let scenario = json!({"name": "mine", "policy_order": ["calm", "busy", "wild"], "escalation_threshold": 1,
        "deescalation_thresholds": {"busy": 2, "wild": 3}, "dwell_s": 4});
    assert_eq!((&result["scenario"], &result["duration_s"], &result["status"]), (&scenario, &json!(45), &json!("completed")));
    assert!(done.get("recommendation").is_none(), "there is nothing to compare it with");
    for (flag, kind, count) in [("--constant=0.25,40,2", "constant", 80), ("--cascade=0.1,2,30,60", "cascade", 60)] {
        let done = simulate(&["--json", flag]).json(0);
        let result = &done["results"]["flags"];
        assert_eq!((&result["pattern"]["kind"], &result["totals"]["considered"]), (&json!(kind), &json!(count)));
    }
}

#[test]
fn scenarios_of_a_file_are_compared() {
    let ground = Ground::new();
    let toml = "duration_s = 120\n\
        [pattern]\ngenerator = \"burst\"\nsize = 3\ninterval_s = 30\nduration_s = 120\n\
        [[scenarios]]\nname = \"usual\"\n\
        [[scenarios]]\nname = \"calm\"\nescalation_threshold = 4\n";
    let file = ground.write("s.toml", toml);
    let done = simulate(&["--json", &file, "--escalate-at", "1"]).json(0);
    let names: Vec<_> = done["results"].as_object().expect("results").keys().collect();
    assert_eq!(names, ["calm", "flags", "usual"]);
    assert_eq!((&done["recommendation"]["scenario"], &done["recommendation"]["considered"]), (&json!("calm"), &json!(3)));
    let body = json!({"duration_s": 120, "scenarios": [{"name": "usual"}, {"name": "calm", "escalation_threshold": 4}, {"name": "flags", "escalation_threshold": 1}],
        "pattern": {"generator": "burst", "size": 3, "interval_s": 30, "duration_s": 120}});
    let same = ground.write("s.json", &body.to_string());
    assert_eq!(simulate(&["--json", &same]).json(0), done, "the same in JSON");
    let drawn = simulate(&[&file]);
    for word in [
        "calm: 0:02:00 of burst",
        "usual: 0:02:00 of burst",
        "SCENARIO",
        "STRICTEST LEVEL",
        "recommended: calm",
        "successes, as many as in \"usual\"",
    ] {
        assert!(drawn.out.contains(word), "{word:?} is not in {}", drawn.out);
    }
}

#[test]
fn what_makes_no_sense_is_explained() {
    let ground = Ground::new();
    simulate(&[]).complains(2, &["no pattern", "--constant", "--history"]);
    simulate(&[&BURSTS[..], &["--escalate-at", "0", "--levels", "a,a", "--duration", "0"]].concat()).complains(
        2,
        &[
            "the scenario of the flags.policy_order[1]: ",
            "the scenario of the flags.escalation_threshold: the escalation threshold is at least 1",
            "duration_s: ",
        ],
    );
    simulate(&["--constant", "2,60,1"]).complains(2, &["pattern.rate: a rate is from 0 to 1"]);
    for (args, word) in [
        (&["--constant", "2,60"][..], "3 numbers"),
        (&["--burst", "1.5,2,60"], "whole number"),
        (&["--deescalate", "watch"], "LEVEL=N"),
        (&["--history", "north,now,then"], "RFC 3339"),
        (&["--burst", "3,30,60", "--constant", "0.5,60,1"], "cannot be used with"),
    ] {
        simulate(args).complains(2, &[word]);
    }
    let file = ground.write(
        "s.toml",
        "[[scenarios]]\nnam = \"a\"\n[[scenarios]]\nname = \"b\"\nescalation_threshold = \"x\"\n[pattern]\nevents = [[0, 1]]\n",
    );
    simulate(&[&file]).complains(
        2,
        &[
            "s.toml: scenarios[0].nam: is unknown; did you mean `name`?",
            "scenarios[1].escalation_threshold: must be an integer",
            "pattern.events[0]: ",
        ],
    );
    let file = ground.write("t.toml", "[pattern\n");
    simulate(&[&file]).complains(2, &["t.toml", "TOML parse error at line 1"]);
    let file = ground.write("t.json", "{\"pattern\": {}, \"pattern\": {}}");
    simulate(&[&file]).complains(2, &["t.json: pattern: appears twice"]);
    let file = ground.write("u.toml", "[[scenarios]]\nname = \"a\"\n[[scenarios]]\nname = \"a\"\n");
    simulate(&[&BURSTS[..], &[file.as_str()]].concat()).complains(2, &["scenarios[1].name: two scenarios have this name"]);
    let missing = ground.path("nowhere.toml");
    simulate(&[missing.to_str().expect("UTF-8")]).complains(1, &["nowhere.toml", "No such file"]);
    let range = ["--history", "root,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z"];
    ground.run(&[&["simulate"], &range[..]].concat()).complains(1, &["none runs on", "ionveil serve", "--server"]);
    assert!(!ground.data().exists(), "nothing was made");
}

fn post(server: &Server, path: &str, body: &Value) {
    alone(async {
        let client = ionveil::web::client().build().expect("a client");
        let answer = client.post(server.url(path)).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    });
}

#[test]
fn a_history_is_run_at_the_server() {
    let ground = Ground::new();
    let server = ground.serve(&[]);
    post(&server, "/api/v1/policy/nodes", &json!({"id": "root", "kind": "global"}));
    for second in 0..20 {
        let outcome = json!({"success": second > 5, "occurred_at": format!("2026-01-01T00:00:{second:02}Z")});
        post(&server, "/api/v1/policy/nodes/root/outcomes", &outcome);
    }
    let file = ground.write("s.toml", "[[scenarios]]\nname = \"usual\"\n[[scenarios]]\nname = \"calm\"\nescalation_threshold = 9\n");
    let history = ["--history", "root,2026-01-01T00:00:00Z,2026-01-01T00:00:20Z"];
    let done = ground.run(&[&["simulate", "--json", &file], &history[..]].concat()).json(0);
    let usual = &done["results"]["usual"];
    assert_eq!(
        (&usual["totals"]["considered"], &usual["duration_s"], &usual["totals"]["escalations"]),
        (&json!(20), &json!(20), &json!(2))
    );
    assert_eq!((&done["recommendation"]["scenario"], &done["results"]["calm"]["totals"]["transitions"]), (&json!("calm"), &json!(0)));
    let drawn = ground.run(&[&["simulate", "--server", &server.url("")], &history[..]].concat());
    assert!(
        drawn.code == 0 && drawn.out.contains("flags: 0:00:20 of history") && drawn.out.contains("normal → watch"),
        "{}{}",
        drawn.out,
        drawn.err
    );
    let nobody = ["simulate", "--history", "nobody,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z"];
    ground.run(&nobody).complains(1, &["unknown_node", "pattern.from_history.scope"]);
}
