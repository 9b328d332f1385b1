//! `import zones`: the policy tree from the real file and from small ones of its form, here and through a running server.
#![expect(clippy::disallowed_methods, reason = "a test waits for a file of another process")]

use super::given::{Ground, Said, get, mapping};
use crate::import::real;
use crate::support::server::ionveil;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

const HEADER: &str = "RowID,Battalion,Station Area,Unit Type\n";
const FEW: &str = "\
1-E1,B09,39,ENGINE
2-E1,B09,39,MEDIC
3-P1,B09,12,PRIVATE
4-E1,B01,,ENGINE
5-E1,,39,ENGINE
6-E1,B01,39,
7-E1,B 7,39,ENGINE
";
const PATIENCE: Duration = Duration::from_secs(60);

fn zones(ground: &Ground, file: &str, more: &[&str]) -> Said {
    ground.run(&[&["import", "zones", "--json", "--mapping", &mapping(), file], more].concat())
}

fn few(ground: &Ground) -> String {
    ground.write("few.csv", &format!("{HEADER}{FEW}"))
}

fn counted(report: &Value, added: u64, already_there: u64) {
    let counts = [&report["added"], &report["already_there"], &report["refused"]].map(Value::as_u64);
    assert_eq!(counts, [Some(added), Some(already_there), Some(0)], "{report}");
}

/// The nodes as `kind under parent` by id, from the events of a directory.
fn nodes(ground: &Ground) -> BTreeMap<String, String> {
    let added = ground.events(&["--kind", "policy-node"]).into_iter().filter(|event| event["type"] == "node_added");
    let text = |value: &Value| value.as_str().unwrap_or("nothing").to_owned();
    added
        .map(|event| {
            let stream = text(&event["stream"]);
            let id = stream.rsplit(':').next().expect("an id").to_owned();
            (id, format!("{} under {}", text(&event["data"]["kind"]), text(&event["data"]["parent"])))
        })
        .collect()
}

#[test]
fn a_small_file_becomes_a_tree_once() {
    let ground = Ground::new();
    let file = few(&ground);
    let report = zones(&ground, &file, &[]).json(0);
    counted(&report, 8, 0);
    let found = ["rows", "rows_without_region", "rows_without_zone", "regions", "zones", "agencies"].map(|name| &report[name]);
    assert_eq!(found, [&json!(7), &json!(1), &json!(1), &json!(2), &json!(3), &json!(2)], "{report}");
    let issues: Vec<_> =
        report["issues"].as_array().expect("a list").iter().map(|issue| (&issue["line"], &issue["id"], &issue["code"])).collect();
    let missing = (&json!(6), &json!("5-E1"), &json!("missing_region"));
    assert_eq!(issues, [missing, (&json!(8), &json!("7-E1"), &json!("invalid_zone"))], "{report}");
    let expected = [
        ("B01", "region under SF"),
        ("B01.39", "zone under B01"),
        ("B09", "region under SF"),
        ("B09.12", "zone under B09"),
        ("B09.39", "zone under B09"),
        ("PRIVATE", "agency under SF"),
        ("SF", "global under nothing"),
        ("SFFD", "agency under SF"),
    ];
    assert_eq!(nodes(&ground), expected.map(|(id, stands)| (id.to_owned(), stands.to_owned())).into());
    counted(&zones(&ground, &file, &[]).json(0), 0, 8);
    ground.check(8);
}

#[test]
fn the_first_week_of_2017_becomes_a_tree() {
    let Some(file) = real::file() else { return };
    let mut expected = BTreeSet::from(["SF".to_owned(), "SFFD".to_owned(), "PRIVATE".to_owned()]);
    let mut reader = csv::Reader::from_path(&file).expect("a readable file");
    for row in reader.deserialize::<BTreeMap<String, String>>().map(|row| row.expect("CSV")) {
        expected.insert(row["Battalion"].clone());
        if !row["Station Area"].is_empty() {
            expected.insert(format!("{}.{}", row["Battalion"], row["Station Area"]));
        }
    }
    let (ground, file) = (Ground::new(), file.to_str().expect("UTF-8"));
    let report = zones(&ground, file, &[]).json(0);
    counted(&report, expected.len() as u64, 0);
    let found =
        ["rows", "rows_without_region", "rows_without_zone", "regions", "zones", "agencies", "issues_total"].map(|name| &report[name]);
    assert_eq!(found, [&json!(7_704), &json!(0), &json!(3), &json!(11), &json!(103), &json!(2), &json!(0)], "{report}");
    assert_eq!(nodes(&ground).into_keys().collect::<BTreeSet<_>>(), expected);
    counted(&zones(&ground, file, &[]).json(0), 0, expected.len() as u64);
    ground.check(expected.len() as u64);
}

#[test]
fn a_running_server_takes_it_and_a_local_import_finds_it() {
    let ground = Ground::new();
    let (file, server) = (few(&ground), ground.serve(&[]));
    counted(&zones(&ground, &file, &[]).json(0), 8, 0);
    let (status, node) = get(&server, "/api/v1/policy/nodes/B09");
    assert_eq!((status, &node["children"]), (200, &json!(["B09.12", "B09.39"])), "siblings in the order of their ids: {node}");
    counted(&zones(&ground, &file, &["--server", &server.url("")]).json(0), 0, 8);
    assert!(server.stop().success());
    counted(&zones(&ground, &file, &[]).json(0), 0, 8);
    ground.check(8);
}

#[test]
fn what_a_person_moved_or_removed_is_his() {
    let ground = Ground::new();
    let (file, server) = (few(&ground), ground.serve(&[]));
    zones(&ground, &file, &[]).json(0);
    assert_eq!(ground.run(&["policy", "move", "B09.12", "B01"]).code, 0);
    assert_eq!(ground.run(&["policy", "remove", "B09.39"]).code, 0);
    let report = zones(&ground, &file, &[]).json(0);
    counted(&report, 1, 7);
    let moved = &report["issues"][2];
    assert_eq!((&moved["id"], &moved["code"], &moved["line"]), (&json!("B09.12"), &json!("zone_elsewhere"), &json!(4)), "{report}");
    assert!(moved["reason"].as_str().is_some_and(|reason| reason.contains("a zone under B01")), "{report}");
    let (_, node) = get(&server, "/api/v1/policy/nodes/B09.12");
    assert_eq!(node["parent"], "B01", "it stays there");
}

#[test]
fn a_name_is_one_node() {
    let ground = Ground::new();
    let file = ground.write("clash.csv", &format!("{HEADER}1,SF,1,ENGINE\n2,PRIVATE,,PRIVATE\n3,B1.2,,ENGINE\n4,B1,2,ENGINE\n"));
    let report = zones(&ground, &file, &[]).json(0);
    assert_eq!(report["issues_by_code"], json!({ "zone_elsewhere": 3 }), "{report}");
    assert_eq!(nodes(&ground).into_keys().collect::<Vec<_>>(), ["B1", "B1.2", "PRIVATE", "SF", "SF.1", "SFFD"]);
}

#[test]
fn what_cannot_be_imported_writes_nothing() {
    let ground = Ground::new();
    let file = few(&ground);
    let bad = |name: &str, from: &str, to: &str| ground.write(name, &format!("{HEADER}{FEW}").replace(from, to));
    zones(&ground, &bad("column.csv", "Station Area", "Station"), &[])
        .complains(1, &["column.csv", "\"Station Area\" (nearest: \"Station\")"]);
    zones(&ground, &ground.write("empty.csv", ""), &[]).complains(1, &["empty.csv", "empty"]);
    zones(&ground, "missing.csv", &[]).complains(1, &["missing.csv"]);
    let (text, map) = (std::fs::read_to_string(mapping()).expect("the mapping"), |text: &str| ground.write("mapping.toml", text));
    let with = |mapping: &str| ground.run(&["import", "zones", "--mapping", mapping, &file]);
    let (calls, _) = text.split_once("[zones]").expect("a part");
    with(&map(calls)).complains(1, &["the mapping has no [zones]"]);
    with(&map(&text.replace("root = \"SF\"", "root = \"S F\""))).complains(1, &["mapping.toml", "root"]);
    with(&map(&text.replace("root = ", "rot = "))).complains(1, &["mapping.toml", "rot"]);
    with("missing.toml").complains(1, &["missing.toml"]);
    ground.run(&["import", "zones", &file]).complains(2, &["--mapping"]);
    let mut many = HEADER.to_owned();
    (0..20_001).for_each(|number| writeln!(many, "{number},B{number},,ENGINE").expect("memory"));
    zones(&ground, &ground.write("many.csv", &many), &[]).complains(1, &["many.csv", "more than 20000"]);
    assert!(!ground.data().exists(), "nothing was opened");
    zones(&ground, &file, &["--server", "http://127.0.0.1:1", "--store", "nonsense"]).complains(2, &["store.url"]);
}

#[test]
fn a_tree_with_another_root_is_left_alone() {
    let ground = Ground::new();
    let file = few(&ground);
    zones(&ground, &file, &[]).json(0);
    let text = std::fs::read_to_string(mapping()).expect("the mapping").replace("root = \"SF\"", "root = \"oakland\"");
    let other = ground.write("mapping.toml", &text);
    let said = ground.run(&["import", "zones", "--mapping", &other, &file]);
    said.complains(1, &["the root of the policy tree is SF, not oakland"]);
    ground.check(8);
}

#[test]
fn the_table_for_people_says_the_same() {
    let ground = Ground::new();
    let file = few(&ground);
    let said = ground.run(&["import", "zones", "--mapping", &mapping(), &file]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = said.out.lines().map(words).collect();
    for line in ["rows 7", "without region 1", "without zone 1", "zones 3", "nodes added 8", "missing_region 1"] {
        assert!(lines.contains(&line.to_owned()), "{line:?} is not in {lines:?}");
    }
    assert!(said.out.contains("few.csv:6: 5-E1: Battalion: the row names no region"), "{}", said.out);
}

#[test]
fn an_import_goes_on_where_it_was_killed() {
    const ZONES: u64 = 2_000;
    let ground = Ground::new();
    let mut many = HEADER.to_owned();
    (0..ZONES).for_each(|number| writeln!(many, "{number},B{},{number},ENGINE", number % 10).expect("memory"));
    let (file, data, mapping) = (ground.write("many.csv", &many), ground.data(), mapping());
    let args = ["import", "zones", "--mapping", &mapping, &file, "--data-dir", data.to_str().expect("UTF-8")];
    let mut child = ionveil(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let (log, begun) = (data.join("journal.sqlite-wal"), Instant::now());
    while std::fs::metadata(&log).map_or(0, |file| file.len()) < 300_000 {
        assert!(begun.elapsed() < PATIENCE, "nothing is written");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("SIGKILL");
    assert_eq!(child.wait().expect("its end").code(), None, "it was killed before its end");
    let (all, before) = (ZONES + 10 + 2, ground.events(&[]).len() as u64);
    assert!(before > 0 && before < all, "{before} of {all}");
    ground.check(before);
    counted(&zones(&ground, &file, &[]).json(0), all - before, before);
    ground.check(all);
}
