//! `ionveil policy`: the tree of a running server as a supervisor meets it, and what is wrong with what he types.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::given::{Ground, Said, mapping, said};
use crate::support::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const FEW: &str = "RowID,Battalion,Station Area,Unit Type\n1,B09,39,ENGINE\n2,B09,12,PRIVATE\n3,B01,02,ENGINE\n";

/// A server whose tree has two battalions with three stations and two agencies.
fn city() -> (Ground, Server) {
    let ground = Ground::new();
    let (file, server) = (ground.write("few.csv", FEW), ground.serve(&[]));
    ground.run(&["import", "zones", "--json", "--mapping", &mapping(), &file]).json(0);
    (ground, server)
}

fn policy(ground: &Ground, args: &[&str]) -> Said {
    ground.run(&[&["policy"], args].concat())
}

/// The lines of a command that must have gone well.
fn lines(ground: &Ground, args: &[&str]) -> Vec<String> {
    let said = policy(ground, args);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!said.out.contains('\u{1b}'), "no colours on a pipe: {:?}", said.out);
    said.out.lines().map(str::to_owned).collect()
}

/// A line with single spaces.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn records(ground: &Ground, args: &[&str]) -> Vec<Value> {
    lines(ground, &[&["audit", "--json"], args].concat()).iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn without_a_server_there_is_no_policy() {
    let ground = Ground::new();
    let right = ["--authorization", "T-1"];
    let commands: [&[&str]; 9] = [
        &["tree"],
        &["tree", "--history"],
        &["set", "B09", "halted"],
        &["clear", "B09"],
        &["root", "watch"],
        &["preview", "root", "watch"],
        &["audit"],
        &["add", "SF", "--kind", "global"],
        &["remove", "SF"],
    ];
    for command in commands {
        let authorized = command.iter().any(|word| ["set", "clear", "root"].contains(word));
        let command = [command, if authorized { &right[..] } else { &[] }].concat();
        policy(&ground, &command).complains(1, &["no server runs on", "ionveil serve", "--server"]);
    }
    assert!(!ground.data().exists(), "nothing was made");
    policy(&ground, &["tree", "--server", "http://127.0.0.1:1"]).complains(1, &["the server does not answer"]);
}

#[test]
fn a_wrong_command_line_is_explained() {
    let rows: [(&[&str], &str); 16] = [
        (&[], "Usage"),
        (&["tre"], "tree"),
        (&["tree", "no node"], "no node"),
        (&["tree", "--since", "2026-01-01T00:00:00Z"], "--history"),
        (&["tree", "--history", "--since", "yesterday"], "yesterday"),
        (&["set", "B09", "panic", "--authorization", "T"], "normal, watch, restricted, halted"),
        (&["set", "B09", "Halted", "--authorization", "T"], "Halted"),
        (&["set", "B09", "halted"], "--authorization"),
        (&["set", "B09", "halted", "--authorization", "T", "--for", "1 hour"], "1 hour"),
        (&["set", "B09", "halted", "--authorization", "T", "--for", "1h", "--expires-at", "2999-01-01T00:00:00Z"], "--expires-at"),
        (&["clear", "B09"], "--authorization"),
        (&["root", "watch"], "--authorization"),
        (&["preview"], "Usage"),
        (&["preview", "set", "B09", "halted"], "--authorization"),
        (&["audit", "--since", "soon"], "soon"),
        (&["add", "B09", "--kind", "city"], "global, agency, region, zone"),
    ];
    for (args, word) in rows {
        said(&[&["policy"], args].concat()).complains(2, &[word]);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&["completions", shell]).out.contains("expires-at"), "{shell}");
    }
}

#[test]
fn a_tree_is_built_moved_and_taken_down_by_hand() {
    let ground = Ground::new();
    let _server = ground.serve(&[]);
    assert!(lines(&ground, &["tree"])[0].starts_with("there is no policy tree"));
    policy(&ground, &["add", "B09", "--kind", "region", "--parent", "SF"]).complains(1, &["unknown_parent"]);
    let added = lines(&ground, &["add", "SF", "--kind", "global"]);
    assert_eq!(
        (words(&added[0]), words(&added[1])),
        ("NODE KIND LEVEL DECIDED BY ENGINE OVERRIDE".to_owned(), "SF global normal normal".to_owned())
    );
    for (id, parent) in [("B09", "SF"), ("B01", "SF"), ("B09.39", "B09")] {
        assert_eq!(policy(&ground, &["add", id, "--kind", "zone", "--parent", parent]).code, 0, "{id}");
    }
    let names = |ground: &Ground| {
        lines(ground, &["tree"])[1..]
            .iter()
            .map(|line| line.split_once(" zone").map_or("SF", |(name, _)| name).trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&ground), ["SF", "├─ B09", "│  └─ B09.39", "└─ B01"]);
    assert!(words(&lines(&ground, &["move", "B09.39", "B01"])[1]).starts_with("B09.39 zone normal"));
    assert_eq!(names(&ground), ["SF", "├─ B09", "└─ B01", "   └─ B09.39"]);
    policy(&ground, &["move", "B01", "B09.39"]).complains(1, &["would_create_cycle"]);
    policy(&ground, &["remove", "B01"]).complains(1, &["has_children"]);
    assert_eq!(lines(&ground, &["remove", "B09.39"]), ["B09.39 is removed"]);
    policy(&ground, &["tree", "B09.39"]).complains(1, &["unknown_node"]);
    let json = lines(&ground, &["tree", "--json", "SF"]);
    assert_eq!(
        json.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone()).collect::<Vec<_>>(),
        ["SF", "B09", "B01"]
    );
}

#[test]
fn levels_are_drawn_with_who_decided_them_and_why() {
    let (ground, _server) = city();
    let set =
        ["set", "B09", "restricted", "--authorization", "T-4711", "--reason", "smoke over town", "--expires-at", "2999-01-01T00:00:00Z"];
    let answered = lines(&ground, &set);
    assert!(answered.len() == 2 && words(&answered[1]).starts_with("B09 region restricted normal restricted by anonymous"), "{answered:?}");
    lines(&ground, &["set", "B09.39", "halted", "--authorization", "T-1"]);
    lines(&ground, &["root", "watch", "--authorization", "chief"]);
    let drawn = lines(&ground, &["tree"]);
    let text = |id: &str| words(drawn.iter().find(|line| line.contains(&format!("{id} "))).unwrap_or_else(|| panic!("{id}: {drawn:#?}")));
    assert_eq!(text("SF"), "SF global watch watch");
    assert!(text("─ B09").starts_with("├─ B09 region restricted normal restricted by anonymous"), "{}", text("─ B09"));
    assert!(text("─ B09").ends_with("until 2999-01-01T00:00:00Z: smoke over town"), "{}", text("─ B09"));
    assert_eq!(text("B09.12"), "│ ├─ B09.12 zone restricted B09 normal");
    assert!(text("B09.39").starts_with("│ └─ B09.39 zone halted normal halted by anonymous"), "{}", text("B09.39"));
    assert_eq!(text("PRIVATE"), "├─ PRIVATE agency watch SF normal");
    let part = lines(&ground, &["tree", "B09"]);
    assert!(
        part.len() == 4 && part[1].starts_with("B09 ") && part[2].starts_with("├─ B09.12") && part[3].starts_with("└─ B09.39"),
        "{part:?}"
    );
    let cleared = lines(&ground, &["clear", "B09.39", "--authorization", "T-1", "--reason", "over"]);
    assert_eq!(words(&cleared[1]), "B09.39 zone restricted B09 normal");
    let json = policy(&ground, &["set", "B09.39", "halted", "--authorization", "T-1", "--json"]).json(0);
    assert_eq!(
        (&json["effective"], &json["deciding_node"], &json["override"]["level"]),
        (&json!("halted"), &json!("B09.39"), &json!("halted"))
    );
}

#[test]
fn what_the_rules_forbid_is_refused_in_their_words() {
    let (ground, _server) = city();
    let right = ["--authorization", "T-1"];
    lines(&ground, &[&["set", "B09", "restricted"], &right[..]].concat());
    let rows: [(&[&str], &str); 10] = [
        (&["set", "B09.39", "watch"], "deescalation_forbidden"),
        (&["set", "B09.39", "restricted"], "no_effect"),
        (&["set", "SF", "halted"], "root_has_no_parent"),
        (&["set", "B99", "halted"], "unknown_node"),
        (&["set", "B09.39", "halted", "--expires-at", "2001-01-01T00:00:00Z"], "invalid_expiry"),
        (&["clear", "B09.39"], "no_override"),
        (&["clear", "B99"], "unknown_node"),
        (&["root", "normal"], "no_change"),
        (&["tree", "B99"], "unknown_node"),
        (&["add", "B09", "--kind", "zone", "--parent", "SF"], "duplicate_node"),
    ];
    for (args, code) in rows {
        let authorized = ["set", "clear", "root"].contains(&args[0]);
        policy(&ground, &[args, if authorized { &right[..] } else { &[] }].concat()).complains(1, &[code]);
    }
    policy(&ground, &["set", "B09.39", "halted", "--authorization", " "]).complains(1, &["missing_authorization"]);
    let both = policy(&ground, &["set", "B09.39", "halted", "--authorization", "", "--expires-at", "2001-01-01T00:00:00Z"]);
    both.complains(1, &["missing_authorization", "invalid_expiry"]);
    until(&ground, 3);
    let refused: Vec<_> = records(&ground, &["--node", "B09.39"]).iter().map(|record| record["code"].clone()).collect();
    assert_eq!(refused, ["deescalation_forbidden", "no_effect"], "the two that are audited, and nothing else");
}

#[test]
fn an_override_ends_by_itself() {
    let (ground, _server) = city();
    let set = policy(&ground, &["set", "B09.39", "halted", "--authorization", "T-1", "--for", "2s", "--json"]).json(0);
    let times =
        ["set_at", "expires_at"].map(|name| set["override"][name].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339"));
    let lasts = times[1].duration_since(times[0]);
    assert!(lasts <= jiff::SignedDuration::from_secs(2) && lasts > jiff::SignedDuration::ZERO, "{set}");
    let begun = Instant::now();
    while words(&lines(&ground, &["tree", "B09.39"])[1]) != "B09.39 zone normal normal" {
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = until(&ground, 2);
    assert_eq!(
        (&ended[1]["action"], &ended[1]["source"], &ended[1]["authorization"]),
        (&json!("auto_reverted"), &json!("timer"), &json!("system"))
    );
}

/// The audit, once it has come to so many records.
fn until(ground: &Ground, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let found = records(ground, &[]);
        if found.len() >= count {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_audit_is_listed_and_drawn_over_time() {
    let (ground, _server) = city();
    assert_eq!(lines(&ground, &["audit"]), ["no level was changed"]);
    assert_eq!(lines(&ground, &["audit", "--json"]), [""; 0]);
    assert_eq!(lines(&ground, &["tree", "--history"]), ["no level was changed"]);
    let right = ["--authorization", "T-1"];
    for change in [&["set", "B09.39", "halted"][..], &["root", "watch"], &["clear", "B09.39"]] {
        lines(&ground, &[change, &right[..]].concat());
    }
    let all = until(&ground, 3);
    let listed = lines(&ground, &["audit"]);
    let text =
        |record: &Value, rest: &str| format!("#{} {} {rest} by {} (T-1)", record["seq"], record["time"], record["source"]).replace('"', "");
    let expected = ["B09.39 set none → halted", "SF base_changed normal → watch", "B09.39 cleared halted → none"];
    let expected: Vec<_> = all.iter().zip(expected).map(|(record, rest)| text(record, rest)).collect();
    assert_eq!(listed.iter().map(|line| words(line)).collect::<Vec<_>>(), expected);
    assert_eq!(records(&ground, &["--node", "SF"]), [all[1].clone()]);
    assert_eq!(records(&ground, &["--since", all[2]["time"].as_str().expect("a time")]).last(), Some(&all[2]));
    let drawn = lines(&ground, &["tree", "--history"]);
    let bar = |id: &str| drawn.iter().find_map(|line| line.split_once(&format!("{id} "))).map_or("", |(_, bar)| bar.trim()).to_owned();
    assert!(drawn[0].contains(all[0]["time"].as_str().expect("a time")), "{drawn:#?}");
    assert_eq!(drawn.len(), 1 + 8 + 1, "{drawn:#?}");
    assert!(bar("B09.39").starts_with('█') && bar("B09.39").ends_with('▃') && bar("B09.39").chars().count() == 60, "{drawn:#?}");
    assert!(bar("SF").ends_with('▃') && !bar("SF").contains('█') && bar("B09.12") == bar("SF"), "{drawn:#?}");
    assert!(drawn[9].starts_with("▁ normal  ▃ watch  ▅ restricted  █ halted;"), "{drawn:#?}");
    let part = lines(&ground, &["tree", "B09", "--history"]);
    assert_eq!(part.len(), 1 + 3 + 1, "{part:#?}");
    policy(&ground, &["tree", "B99", "--history"]).complains(1, &["unknown_node"]);
    policy(&ground, &["tree", "--history", "--since", "2999-01-01T00:00:00Z"]).complains(1, &["future"]);
}

#[test]
fn a_change_is_foreseen_and_nothing_is_done() {
    let (ground, _server) = city();
    let right = ["--authorization", "T-1"];
    lines(&ground, &[&["root", "watch"], &right[..]].concat());
    lines(&ground, &[&["set", "B09.39", "restricted"], &right[..]].concat());
    let foreseen = lines(&ground, &[&["preview", "set", "B09", "halted"], &right[..]].concat());
    assert_eq!(
        foreseen[..5],
        [
            "nodes whose level would change: 3",
            "  B09  watch → halted",
            "  B09.12  watch → halted",
            "  B09.39  restricted → halted",
            "overrides that would end by themselves: 0"
        ]
    );
    let range = ["--from", "2017-01-01T00:00:00Z", "--to", "2017-01-08T00:00:00Z"];
    let json = policy(&ground, &[&["preview", "--json"], &range[..], &["set", "B09", "halted"], &right].concat()).json(0);
    assert_eq!((&json["would_refuse"]["total"], json["changes"].as_array().map(Vec::len)), (&json!(0), Some(3)), "{json}");
    let changes: [(&[&str], usize); 4] =
        [(&["clear", "B09.39"], 1), (&["root", "halted"], 8), (&["move", "B09.39", "B01"], 0), (&["remove", "B09.39"], 1)];
    for (change, changes) in changes {
        let authorized = ["clear", "root"].contains(&change[0]);
        let by: &[&str] = if authorized { &right } else { &[] };
        let json = policy(&ground, &[&["preview", "--json"][..], change, by].concat()).json(0);
        assert_eq!(json["changes"].as_array().map(Vec::len), Some(changes), "{change:?}: {json}");
    }
    policy(&ground, &[&["preview", "set", "B09", "watch"], &right[..]].concat()).complains(1, &["no_effect"]);
    policy(&ground, &["preview", "remove", "B09"]).complains(1, &["has_children"]);
    policy(&ground, &["preview", "remove", "B09.39", "--from", "2017-01-01T00:00:00Z"])
        .complains(1, &["missing_field", "is needed together with `from`"]);
    assert_eq!(until(&ground, 2).len(), 2, "a preview leaves no record");
    assert!(words(&lines(&ground, &["tree", "B09"])[1]).starts_with("B09 region watch SF"));
}

#[test]
fn the_brake_wants_a_supervisor() {
    let ground = Ground::new();
    let (mut config, mut files) = (String::new(), Vec::new());
    for role in ["operator", "supervisor", "admin"] {
        let key = said(&["token", "api-key", "--id", role, "--role", role, "--json"]).json(0);
        config += &format!("[[auth.api_keys]]\nid = \"{role}\"\norg = \"acme\"\nrole = \"{role}\"\nsha256 = {}\n", key["sha256"]);
        files.push(ground.write(role, key["key"].as_str().expect("a key")));
    }
    let config = ground.write("ionveil.toml", &config);
    let _server = ground.serve(&["--config", &config]);
    let with = |file: &str, args: &[&str]| policy(&ground, &[args, &["--token-file", file]].concat());
    let halt = ["set", "Z", "halted", "--authorization", "T-1"];
    policy(&ground, &["tree"]).complains(1, &["unauthenticated"]);
    with(&files[1], &["add", "SF", "--kind", "global"]).complains(1, &["forbidden", "admin"]);
    assert_eq!(with(&files[2], &["add", "SF", "--kind", "global"]).code, 0);
    assert_eq!(with(&files[2], &["add", "Z", "--kind", "zone", "--parent", "SF"]).code, 0);
    with(&files[0], &halt).complains(1, &["forbidden", "supervisor"]);
    assert!(with(&files[1], &halt).out.contains("halted by key:supervisor (T-1)"));
    assert!(with(&files[0], &["tree"]).out.contains("halted"), "everybody may look");
}
