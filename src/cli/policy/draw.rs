//! The policy tree as lines of text.

use super::nodes::{Node, kind_name, style};
use crate::cli::output::printable;
use crate::cli::table::{self, Look, branches};
use ionveil_policy::level;
use std::collections::BTreeMap;

const HEAD: [&str; COLUMNS] = ["NODE", "KIND", "LEVEL", "DECIDED BY", "ENGINE", "OVERRIDE"];
const COLUMNS: usize = 6;
const LEVEL: usize = 2;

type Row = table::Row<COLUMNS>;

/// The lines, with a head above them; a sentence instead if there is no tree.
pub(super) fn draw(nodes: &[Node], look: Look) -> Vec<String> {
    if nodes.is_empty() {
        return vec![
            "there is no policy tree: `ionveil policy add ID --kind global` begins one, `ionveil import zones` makes one of calls"
                .to_owned(),
        ];
    }
    let head = Row { cells: HEAD.map(str::to_owned), colour: None };
    let rows = shape(nodes).into_iter().map(|(index, lead)| row(&nodes[index], &lead));
    table::lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), 0..0, look)
}

/// The nodes depth first, with the branches before each; `nodes` has parents before children.
pub(super) fn shape(nodes: &[Node]) -> Vec<(usize, String)> {
    let places: BTreeMap<_, _> = nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut tops = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        // What stands above the subtree that was asked for is not among the nodes.
        match node.parent.as_deref().and_then(|parent| places.get(parent)).filter(|parent| **parent < index) {
            Some(parent) => below[*parent].push(index),
            None => tops.push(index),
        }
    }
    branches(&tops, &below)
}

fn row(node: &Node, lead: &str) -> Row {
    let decided = node.decided_elsewhere().map(printable).unwrap_or_default();
    let (kind, effective, engine) = (kind_name(node.kind), level::name(node.effective), level::name(node.engine_level));
    let cells = [format!("{lead}{}", printable(&node.id)), kind.to_owned(), effective.to_owned(), decided, engine.to_owned()];
    let [name, kind, effective, decided, engine] = cells;
    Row { cells: [name, kind, effective, decided, engine, node.override_text()], colour: Some((LEVEL, style(node.effective))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node(id: &str, kind: &str, parent: Option<&str>, effective: &str, deciding: &str, told: &Value) -> Node {
        let node = json!({
            "id": id, "kind": kind, "parent": parent, "effective": effective, "deciding_node": deciding, "override": told,
            "engine_level": "normal", "children": [], "version": 7,
        });
        serde_json::from_value(node).unwrap()
    }

    fn told(level: &str) -> Value {
        json!({
            "level": level, "source": "user:jane", "authorization": "T-4711", "reason": "smoke\u{1b}[2J", "set_at": "2026-01-01T00:00:00Z",
            "expires_at": "2026-01-01T01:00:00Z",
        })
    }

    fn tree() -> Vec<Node> {
        vec![
            node("city", "global", None, "normal", "city", &Value::Null),
            node("B09", "region", Some("city"), "restricted", "B09", &told("restricted")),
            node("B09.39", "zone", Some("B09"), "restricted", "B09", &told("watch")),
            node("PRIVATE", "agency", Some("city"), "normal", "city", &Value::Null),
        ]
    }

    #[test]
    fn levels_stand_beside_who_decided_them() {
        let expected = "\
NODE          KIND    LEVEL       DECIDED BY  ENGINE  OVERRIDE
city          global  normal                  normal
├─ B09        region  restricted              normal  restricted by user:jane (T-4711) since 2026-01-01T00:00:00Z until 2026-01-01T01:00:00Z: smoke\u{fffd}[2J
│  └─ B09.39  zone    restricted  B09         normal  watch (not in force) by user:jane (T-4711) since 2026-01-01T00:00:00Z until 2026-01-01T01:00:00Z: smoke\u{fffd}[2J
└─ PRIVATE    agency  normal                  normal";
        assert_eq!(draw(&tree(), Look::default()).join("\n"), expected);
    }

    #[test]
    fn colours_change_nothing_but_the_level() {
        let coloured = draw(&tree(), Look { columns: Some(40), colours: true });
        let stripped: Vec<_> = coloured.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
        assert_eq!(stripped, draw(&tree(), Look { columns: Some(40), colours: false }));
        assert!(coloured[2].contains("\u{1b}[33mrestricted\u{1b}[0m"), "{:?}", coloured[2]);
    }

    #[test]
    fn a_part_of_the_tree_stands_alone() {
        let part = draw(&tree()[1..3], Look { columns: Some(20), colours: false });
        assert_eq!(part[1..], ["B09        region  …", "└─ B09.39  zone    …"]);
        assert!(draw(&[], Look::default())[0].starts_with("there is no policy tree"));
    }
}
