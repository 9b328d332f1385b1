//! Alerts and dashboard: every figure that they name is one of `/metrics`.

use super::{path, read, yaml};
use crate::support::server::Server;
use serde_json::Value;
use std::collections::BTreeSet;

/// The names of our figures in an expression.
fn named(expression: &str) -> impl Iterator<Item = String> + '_ {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("ionveil_")).map(str::to_owned)
}

/// The names under which a server shows its figures, by the lines `# TYPE name kind`.
fn shown() -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let text = crate::cli::text_of(&server, "/metrics");
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.flat_map(|(name, kind)| match kind {
        "counter" => vec![format!("{name}_total")],
        "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).into(),
        _ => vec![name.to_owned()],
    });
    names.collect()
}

fn alerts() -> Vec<(String, String, String)> {
    let groups = yaml("docker/prometheus/alerts.yaml").remove(0);
    let rules = groups["groups"][0]["rules"].as_vec().expect("rules").clone();
    let text = |rule: &yaml_rust2::Yaml, key: &str| rule[key].as_str().unwrap_or_else(|| panic!("{key} in {rule:?}")).to_owned();
    rules.iter().map(|rule| (text(rule, "alert"), text(rule, "expr"), text(&rule["annotations"], "runbook"))).collect()
}

fn panels() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("docker/grafana/ionveil.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets").clone());
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

#[test]
fn every_figure_of_alerts_and_dashboard_exists() {
    let shown = shown();
    let expressions: Vec<_> = alerts().into_iter().map(|(_, expression, _)| expression).chain(panels()).collect();
    let wanted: BTreeSet<_> = expressions.iter().flat_map(|expression| named(expression)).collect();
    let missing: Vec<_> = wanted.difference(&shown).collect();
    assert!(wanted.len() > 15 && missing.is_empty(), "{missing:?} of {wanted:?}");
    for word in ["lag", "quarantined", "shed", "dead_letters", "views_behind"] {
        assert!(wanted.iter().any(|name| name.contains(word)), "something is shown of {word}");
    }
}

#[test]
fn every_alert_leads_to_a_runbook() {
    let alerts = alerts();
    assert!(alerts.len() > 8);
    for (alert, _, runbook) in alerts {
        assert!(path(&runbook).is_file(), "{alert}: {runbook}");
    }
}
