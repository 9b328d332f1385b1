//! `ionveil system`: the tree of a running server, entities in trouble and dead letters, as an operator meets them.

use super::given::{Ground, Said, alone, said};
use crate::support::brought::Brought;
use crate::support::poison::Command;
use crate::support::server::ionveil;
use ionveil_actors::AskError;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// `ionveil system` at a server of this process.
fn at(brought: &Brought, args: &[&str]) -> Said {
    said(&[&["system", "--server", &brought.url()], args].concat())
}

fn poison() -> Command {
    Command::Poison("arsenic".to_owned())
}

#[test]
fn without_a_server_there_is_nothing_to_look_at() {
    let ground = Ground::new();
    let id = "0196f0c1-7c00-7000-8000-000000000000";
    let commands: [&[&str]; 8] = [
        &["tree"],
        &["tree", "--watch"],
        &["dead-letters"],
        &["dead-letters", "show", id],
        &["dead-letters", "replay", id],
        &["replay", id],
        &["discard", id],
        &["resume", "workflow", "w"],
    ];
    for command in commands {
        ground.run(&[&["system"], command].concat()).complains(1, &["no server runs on", "ionveil serve", "--server"]);
    }
    assert!(!ground.data().exists(), "nothing was made");
    ground.run(&["system", "tree", "--server", "http://127.0.0.1:1"]).complains(1, &["the server does not answer"]);
    ground.run(&["system", "tree", "--server", "nowhere"]).complains(1, &["nowhere"]);
}

#[test]
fn a_wrong_command_line_is_explained() {
    let rows: [(&[&str], &str); 10] = [
        (&[], "Usage"),
        (&["tre"], "tree"),
        (&["tree", "--depth", "4"], "4"),
        (&["tree", "--entities", "0"], "0"),
        (&["tree", "--kind", "No Kind"], "No Kind"),
        (&["dead-letters", "show", "7"], "7"),
        (&["dead-letters", "replay"], "<ID>"),
        (&["discard"], "<ID>"),
        (&["resume", "workflow"], "<ID>"),
        (&["resume", "workflow", "no id"], "no id"),
    ];
    for (args, word) in rows {
        said(&[&["system"], args].concat()).complains(2, &[word]);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&["completions", shell]).out.contains("dead-letters"), "{shell}");
    }
}

#[test]
fn the_tree_of_a_served_directory_is_drawn() {
    let (ground, _) = Ground::with_calls(0);
    let server = ground.serve(&[]);
    assert!(ground.run(&["system", "tree"]).out.starts_with("nothing is in memory"));
    let file = ground.write("calls.csv", &super::given::calls(0..3));
    ground.import(&file, &[]).json(0);
    let drawn = ground.run(&["system", "tree"]);
    assert_eq!(drawn.code, 0, "{}", drawn.err);
    let lines: Vec<_> = drawn.out.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        "NAME STATE QUEUE IN FLIGHT RESTARTS EVENTS/S LAST FAULT".split(' ').collect::<Vec<_>>()
    );
    for (line, begin) in lines[1..].iter().zip(["default ", "└─ workflow (3) ", "   ├─ 0-E1 ", "   ├─ 1-E1 ", "   └─ 2-E1 "])
    {
        assert!(line.starts_with(begin) && line.contains("  running  "), "{begin:?}: {line:?}");
    }
    assert!(lines.len() == 6 && !drawn.out.contains('\u{1b}'), "no colours on a pipe: {:?}", drawn.out);
    let tree = ground.run(&["system", "tree", "--json", "--kind", "workflow", "--entities", "2"]).json(0);
    assert_eq!((tree["nodes"].as_array().map(Vec::len), &tree["truncated"]), (Some(4), &Value::Bool(true)), "{tree}");
    let shallow = ground.run(&["system", "tree", "--depth", "1"]).out;
    assert_eq!(shallow.lines().count(), 2, "{shallow}");
    assert!(server.stop().success());
}

/// The lines of a child's output, as they come.
#[expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (send, lines) = channel();
    let out = child.stdout.take().expect("piped");
    std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    lines
}

#[test]
fn a_watch_outlives_its_server_and_ends_when_told() {
    let ground = Ground::new();
    let server = ground.serve(&[]);
    let data = ground.data();
    let args = ["system", "tree", "--watch", "--data-dir", data.to_str().expect("UTF-8")];
    let mut child = ionveil(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let lines = lines_of(&mut child);
    let next = || lines.recv_timeout(PATIENCE).expect("a line");
    for _ in 0..2 {
        assert!(next().starts_with("nothing is in memory"));
        assert_eq!(next(), "", "an empty line between two trees");
    }
    server.kill();
    let mut complaints = BufReader::new(child.stderr.take().expect("piped")).lines();
    let complaint = complaints.next().expect("a line").expect("text");
    assert!(complaint.ends_with("trying again"), "{complaint}");
    let _again = ground.serve(&[]);
    let file = ground.write("calls.csv", &super::given::calls(0..1));
    ground.import(&file, &[]).json(0);
    while !next().contains("└─ 0-E1") {}
    let told = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn a_watch_whose_reader_goes_away_ends() {
    let ground = Ground::new();
    let _server = ground.serve(&[]);
    let data = ground.data();
    let args = ["system", "tree", "--watch", "--json", "--data-dir", data.to_str().expect("UTF-8")];
    let mut child = ionveil(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a tree");
    assert_eq!(line, "{\"nodes\":[],\"truncated\":false}\n");
    drop(out);
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn dead_letters_are_listed_shown_replayed_and_discarded() {
    let brought = Brought::start();
    assert_eq!(at(&brought, &["dead-letters"]).out, "there are no dead letters\n");
    assert_eq!(at(&brought, &["dead-letters", "--json"]).out, "");
    let [good, sour, bad] =
        [("a", poison()), ("b", Command::Sour), ("c", poison())].map(|(entity, command)| alone(brought.park("default", entity, command)));
    let listed = at(&brought, &["dead-letters"]);
    assert!(listed.code == 0 && listed.out.lines().count() == 3, "{}{}", listed.out, listed.err);
    let line = listed.out.lines().find(|line| line.starts_with(&good)).expect("the first");
    assert!(line.contains("poison:default:a  by user:host  panicked: poisoned by arsenic"), "{line}");
    let json = at(&brought, &["dead-letters", "--json"]).out;
    assert!(json.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|letter| letter["panics"] == 2)), "{json}");
    let shown = at(&brought, &["dead-letters", "show", &good]);
    for word in [good.as_str(), "poison:default:a", r#"{"Poison":"arsenic"}"#, "user:host", "panics      2"] {
        assert!(shown.out.contains(word), "{word:?} is not in {}", shown.out);
    }
    assert_eq!(at(&brought, &["dead-letters", "show", "--json", &good]).json(0)["command"]["Poison"], "arsenic");
    let failed = at(&brought, &["dead-letters", "replay", &good]);
    assert_eq!((failed.code, failed.out), (1, format!("{good}  faulted (command_faulted): panicked: poisoned by arsenic\n")));
    brought.poison.cure();
    let replayed = at(&brought, &["replay", &sour, &good, &sour]);
    assert_eq!(replayed.out, format!("{sour}  refused (gone_sour): it has gone sour\n{good}  accepted\n"));
    replayed.complains(1, &[&sour, "not_found"]);
    let discarded = at(&brought, &["dead-letters", "discard", &bad]);
    assert_eq!((discarded.code, discarded.out), (0, format!("{bad}  discarded\n")));
    at(&brought, &["discard", &bad]).complains(1, &[&bad, "not_found"]);
}

#[test]
fn a_quarantined_entity_is_drawn_and_resumed() {
    let brought = Brought::configured("[runtime]\nrestarts_max = 1\n");
    let quarantined = async {
        while !matches!(brought.ask("ill", Command::Add).await, Err(AskError::Quarantined(_))) {
            drop(brought.ask("ill", poison()).await);
        }
    };
    alone(async { tokio::time::timeout(PATIENCE, quarantined).await }).expect("it is quarantined in the end");
    let drawn = at(&brought, &["tree"]).out;
    let line = drawn.lines().find(|line| line.contains("└─ ill")).unwrap_or_else(|| panic!("{drawn}"));
    assert!(line.contains("  quarantined  ") && line.ends_with("panicked: poisoned by arsenic"), "{line}");
    let resumed = at(&brought, &["resume", "poison", "ill"]);
    assert_eq!((resumed.code, resumed.out.as_str()), (0, "poison ill is running\n"), "{}", resumed.err);
    at(&brought, &["resume", "poison", "ill"]).complains(1, &["no_effect", "running"]);
    at(&brought, &["resume", "poison", "well"]).complains(1, &["entity_not_found"]);
}

#[test]
fn a_server_with_credentials_wants_one() {
    let ground = Ground::new();
    let key = said(&["token", "api-key", "--id", "cad", "--role", "dispatcher", "--json"]).json(0);
    let entry = format!("[[auth.api_keys]]\nid = \"cad\"\norg = \"acme\"\nrole = \"dispatcher\"\nsha256 = {}\n", key["sha256"]);
    let config = ground.write("ionveil.toml", &entry);
    let _server = ground.serve(&["--config", &config]);
    ground.run(&["system", "tree"]).complains(1, &["unauthenticated"]);
    ground.run(&["system", "tree", "--watch"]).complains(1, &["unauthenticated"]);
    let file = ground.write("key", key["key"].as_str().expect("a key"));
    assert_eq!(ground.run(&["system", "tree", "--token-file", &file]).code, 0);
    ground.run(&["system", "dead-letters", "--token-file", &file]).complains(1, &["forbidden", "supervisor"]);
}
