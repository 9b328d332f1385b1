//! The tree of supervisors as lines of text: branches on the left, figures in columns.

use crate::cli::output::printable;
use crate::cli::table::{self, Look, branches};
use console::Style;
use ionveil_actors::{Phase, Tree, TreeNode};
use std::collections::BTreeMap;

const HEAD: [&str; COLUMNS] = ["NAME", "STATE", "QUEUE", "IN FLIGHT", "RESTARTS", "EVENTS/S", "LAST FAULT"];
const COLUMNS: usize = 7;
/// The columns of texts stand to the left, the figures to the right.
const STATE: usize = 1;
const FIGURES: std::ops::Range<usize> = 2..6;

type Row = table::Row<COLUMNS>;

/// The lines, with a head above them; a sentence instead if there is nothing.
pub(super) fn draw(tree: &Tree, look: Look) -> Vec<String> {
    if tree.nodes.is_empty() {
        return vec!["nothing is in memory: entities appear when they are asked something".to_owned()];
    }
    let head = Row { cells: HEAD.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(rows(&tree.nodes)).collect();
    let mut lines = table::lines(&rows, FIGURES, look);
    if tree.truncated {
        lines.push("… there are more entities; --entities N lists more of each kind, --kind K only one kind".to_owned());
    }
    if !tree.silent.is_empty() {
        lines.push(format!("… no word from {}: what is in memory there is missing", printable(&tree.silent.join(", "))));
    }
    lines
}

/// One row a node, depth first.
fn rows(nodes: &[TreeNode]) -> Vec<Row> {
    let mut supervisors: BTreeMap<&str, usize> = BTreeMap::new();
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut tops = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        match node.parent.as_deref().and_then(|parent| supervisors.get(parent)) {
            Some(parent) => below[*parent].push(index),
            None => tops.push(index),
        }
        // Entities have nothing below them, and an id of theirs may be spelt like a supervisor's.
        if matches!(node.kind.as_str(), "organisation" | "policy-node" | "kind") {
            supervisors.entry(&node.id).or_insert(index);
        }
    }
    branches(&tops, &below).iter().map(|(index, lead)| row(&nodes[*index], lead)).collect()
}

fn row(node: &TreeNode, lead: &str) -> Row {
    let name = match (node.kind.as_str(), node.id.rsplit_once('/'), node.id.split_once('@')) {
        ("kind", Some((_, kind)), _) => format!("{kind} ({})", node.children),
        ("policy-node", _, Some((_, id))) => id.to_owned(),
        (_, _, _) => node.id.clone(),
    };
    let figures = [node.mailbox_depth, node.in_flight, node.restarts, node.events_per_s].map(|figure| figure.to_string());
    let [queue, in_flight, restarts, events] = figures;
    let fault = node.last_fault.as_deref().map(printable).unwrap_or_default();
    let cells = [format!("{lead}{}", printable(&name)), node.state.as_str().to_owned(), queue, in_flight, restarts, events, fault];
    Row { cells, colour: Some((STATE, style(node.state))) }
}

const fn style(state: Phase) -> Style {
    let style = Style::new().force_styling(true);
    match state {
        Phase::Running => style.green(),
        Phase::Starting | Phase::Passive => style.dim(),
        Phase::Suspended | Phase::Restarting => style.yellow(),
        Phase::Quarantined => style.red().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: &str, id: &str, parent: Option<&str>, state: Phase) -> TreeNode {
        TreeNode {
            kind: kind.to_owned(),
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            state,
            mailbox_depth: 0,
            oldest_waiting_ms: 0,
            in_flight: 0,
            restarts: 0,
            last_fault: None,
            events_per_s: 0,
            children: 2,
        }
    }

    fn tree() -> Tree {
        let fault = Some("panicked: \u{1b}[2J no".to_owned());
        let nodes = vec![
            node("organisation", "acme", None, Phase::Running),
            node("kind", "acme/unit", Some("acme"), Phase::Running),
            TreeNode { mailbox_depth: 1024, restarts: 7, last_fault: fault, ..node("unit", "acme", Some("acme/unit"), Phase::Quarantined) },
            node("unit", "u2", Some("acme/unit"), Phase::Running),
            node("policy-node", "acme@north", Some("acme"), Phase::Running),
            node("policy-node", "acme@n@1", Some("acme@north"), Phase::Running),
            node("kind", "acme@n@1/policy-engine", Some("acme@n@1"), Phase::Running),
            node("policy-engine", "n@1", Some("acme@n@1/policy-engine"), Phase::Running),
            node("kind", "acme/workflow", Some("acme"), Phase::Running),
            TreeNode { events_per_s: 12, ..node("workflow", "w", Some("acme/workflow"), Phase::Starting) },
        ];
        Tree { nodes, ..Tree::default() }
    }

    #[test]
    fn branches_stand_above_one_another_and_figures_in_columns() {
        let expected = "\
NAME                        STATE        QUEUE  IN FLIGHT  RESTARTS  EVENTS/S  LAST FAULT
acme                        running          0          0         0         0
├─ unit (2)                 running          0          0         0         0
│  ├─ acme                  quarantined   1024          0         7         0  panicked: \u{fffd}[2J no
│  └─ u2                    running          0          0         0         0
├─ north                    running          0          0         0         0
│  └─ n@1                   running          0          0         0         0
│     └─ policy-engine (2)  running          0          0         0         0
│        └─ n@1             running          0          0         0         0
└─ workflow (2)             running          0          0         0         0
   └─ w                     starting         0          0         0        12";
        assert_eq!(draw(&tree(), Look::default()).join("\n"), expected);
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        let lines = draw(&Tree { truncated: true, ..tree() }, Look { columns: Some(20), colours: false });
        assert_eq!(lines[3], "│  ├─ acme         …");
        assert!(lines.last().unwrap().contains("--entities"));
        assert!(draw(&Tree::default(), Look::default())[0].starts_with("nothing is in memory"));
    }

    #[test]
    fn colours_change_nothing_but_the_state() {
        for columns in [None, Some(20), Some(5)] {
            let (plain, coloured) = (Look { columns, colours: false }, Look { columns, colours: true });
            let (plain, coloured) = (draw(&tree(), plain), draw(&tree(), coloured));
            let stripped: Vec<_> = coloured.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
            assert_eq!(stripped, plain);
        }
        let lines = draw(&tree(), Look { columns: None, colours: true });
        assert!(lines[3].contains("\u{1b}[31m\u{1b}[1mquarantined\u{1b}[0m "), "{:?}", lines[3]);
        assert!(!lines[0].contains('\u{1b}'));
    }
}
