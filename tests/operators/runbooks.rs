//! Runbooks: their commands are ours, and their routes are there.

use super::{path, read, understood};
use crate::support::server::Server;
use serde_json::Value;
use std::collections::BTreeSet;

/// Name and text of each.
fn runbooks() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(path("docs/runbooks")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let names = entries.map(|name| format!("docs/runbooks/{}", name.to_str().expect("UTF-8")));
    names.map(|name| (name.clone(), read(&name))).collect()
}

/// What a line of a runbook asks of `ionveil`: in a block, or between backticks.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.lines().filter(|line| line.starts_with("    ")).map(str::trim);
    let inline = text.split('`').skip(1).step_by(2);
    let ours = blocks.chain(inline).filter_map(|line| line.strip_prefix("ionveil "));
    // A comment, a pipe and the choice of an output belong to the shell.
    ours.map(|line| line.split(['#', '|', '>']).next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn every_command_of_a_runbook_is_understood() {
    let mut found = 0;
    for (name, text) in runbooks() {
        for command in commands(&text) {
            // A placeholder for an id has to be one.
            let words = command.split_whitespace().map(|word| if word == "LETTER" { "00000000-0000-0000-0000-000000000000" } else { word });
            understood(&words.collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{name}: {error}"));
            found += 1;
        }
    }
    assert!(found > 20, "{found} commands");
}

#[test]
fn every_route_of_a_runbook_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let described: Value = serde_json::from_str(&crate::cli::text_of(&server, "/openapi.json")).expect("JSON");
    let paths = described["paths"].as_object().expect("paths");
    let routes: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().expect("methods").keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let mut found = 0;
    for (name, text) in runbooks() {
        for asked in text.split('`').skip(1).step_by(2).filter(|text| ["GET /", "POST /"].iter().any(|begin| text.starts_with(begin))) {
            assert!(routes.contains(asked), "{name}: {asked}");
            found += 1;
        }
    }
    assert!(found > 5, "{found} routes");
}
