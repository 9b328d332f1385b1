//! Levels over time as lines of text: a row a node, a character a span of time, as high as its strictest level.
//!
//! The present is known and the audit says what each level was before: it is undone record by record, newest first. Where
//! nodes stood before they were moved is not in the audit, so the form of the tree is the present one.

use super::audit::Record;
use super::draw::shape;
use super::history::History;
use super::nodes::{Node, style};
use crate::cli::output::printable;
use crate::cli::table::{Look, cut, width};
use crate::time;
use indicatif::HumanDuration;
use ionveil_kernel::PolicyLevel;
use ionveil_policy::level::{self, LEVELS};
use ionveil_policy::tree::AuditAction;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many spans are shown where there is no terminal, and at least.
const SPANS: usize = 60;
const SPANS_MIN: usize = 12;
const GAP: &str = "  ";

/// The lines: times above, a row a node, what the characters mean below.
pub(super) fn draw(history: &History, look: Look) -> Vec<String> {
    let shown = shown(history);
    if shown.is_empty() || (history.records.is_empty() && history.from == history.to) {
        return vec!["no level was changed".to_owned()];
    }
    let names: Vec<_> = shown.iter().map(|(index, lead)| format!("{lead}{}", printable(&history.nodes[*index].id))).collect();
    let indent = names.iter().map(|name| width(name)).max().unwrap_or(0) + GAP.len();
    let spans = look.columns.map_or(SPANS, |columns| columns.saturating_sub(indent).max(SPANS_MIN));
    let levels = levels(history, spans);
    let rows = names.iter().zip(&shown).map(|(name, (index, _))| {
        let name = format!("{name:<indent$}");
        format!("{name}{}", bar(&levels[*index], look))
    });
    let mut lines = vec![cut(&format!("{:indent$}{}", "", times(history, spans)), look.columns)];
    lines.extend(rows);
    lines.push(legend(history, spans));
    lines
}

/// The nodes that are asked for, with their branches.
fn shown(history: &History) -> Vec<(usize, String)> {
    let Some(top) = &history.top else { return shape(&history.nodes) };
    let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
    let mut part: Vec<(usize, Node)> = Vec::new();
    for (index, node) in history.nodes.iter().enumerate() {
        if node.id == *top || node.parent.as_deref().is_some_and(|parent| inside.contains_key(parent)) {
            inside.insert(&node.id, index);
            part.push((index, node.clone()));
        }
    }
    let nodes: Vec<_> = part.iter().map(|(_, node)| node.clone()).collect();
    shape(&nodes).into_iter().map(|(place, lead)| (part[place].0, lead)).collect()
}

/// The strictest level of each node in each span.
fn levels(history: &History, spans: usize) -> Vec<Vec<PolicyLevel>> {
    let mut records: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in history.records.iter().rev() {
        records.entry(&record.node).or_default().push(record);
    }
    let clock = Clock::new(history, spans);
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found: Vec<Vec<PolicyLevel>> = Vec::with_capacity(history.nodes.len());
    for (index, node) in history.nodes.iter().enumerate() {
        let mut levels = own(node, records.get(node.id.as_str()).map_or(&[], Vec::as_slice), &clock);
        if let Some(above) = node.parent.as_deref().and_then(|parent| places.get(parent)) {
            for (level, above) in levels.iter_mut().zip(&found[*above]) {
                *level = (*above).max(*level);
            }
        }
        places.insert(&node.id, index);
        found.push(levels);
    }
    found
}

/// What a node's override and engine alone came to; `records` are the newest first.
fn own(node: &Node, records: &[&Record], clock: &Clock) -> Vec<PolicyLevel> {
    let mut levels = vec![PolicyLevel::Normal; clock.spans];
    let (mut told, mut engine, mut until) = (node.told.as_ref().map(|told| told.level), node.engine_level, clock.end);
    for record in records {
        clock.raise(&mut levels, record.time.0.micros(), until, told.unwrap_or_default().max(engine));
        match record.action {
            AuditAction::Set | AuditAction::Replaced | AuditAction::Cleared | AuditAction::AutoReverted => told = record.from,
            AuditAction::BaseChanged | AuditAction::EngineChanged => engine = record.from.unwrap_or_default(),
            AuditAction::Rejected => {}
        }
        until = record.time.0.micros();
    }
    clock.raise(&mut levels, clock.begin, until, told.unwrap_or_default().max(engine));
    levels
}

/// The time that is shown, in equal spans; microseconds.
struct Clock {
    begin: i64,
    /// Behind the last one that is shown, so that the present is.
    end: i64,
    spans: usize,
}

impl Clock {
    fn new(history: &History, spans: usize) -> Self {
        let (begin, end) = (history.from.micros(), history.to.micros() + 1);
        // A span without any time in it would show no level at all.
        Self { begin, end: end.max(begin + spans as i64), spans }
    }

    /// Raises every span that `[since, until)` touches.
    fn raise(&self, levels: &mut [PolicyLevel], since: i64, until: i64, level: PolicyLevel) {
        let (since, until) = (since.max(self.begin), until.min(self.end));
        if since < until {
            levels[self.span(since)..=self.span(until - 1)].iter_mut().for_each(|span| *span = level.max(*span));
        }
    }

    fn span(&self, at: i64) -> usize {
        let (whole, gone) = (i128::from(self.end - self.begin), i128::from(at - self.begin));
        usize::try_from(gone * self.spans as i128 / whole).unwrap_or(0).min(self.spans - 1)
    }

    fn length(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.end - self.begin).unwrap_or(0)) / u32::try_from(self.spans).unwrap_or(u32::MAX)
    }
}

/// One character a span; runs of a level share a colour.
fn bar(levels: &[PolicyLevel], look: Look) -> String {
    let runs = levels.chunk_by(|one, next| one == next);
    let text = |run: &[PolicyLevel]| run.iter().map(|level| mark(*level)).collect::<String>();
    runs.map(|run| if look.colours { style(run[0]).apply_to(text(run)).to_string() } else { text(run) }).collect()
}

/// Readable without colour: the stricter, the higher.
const fn mark(level: PolicyLevel) -> char {
    match level {
        PolicyLevel::Normal => '▁',
        PolicyLevel::Watch => '▃',
        PolicyLevel::Restricted => '▅',
        PolicyLevel::Halted => '█',
    }
}

/// When the picture begins and ends, at its edges if both have room.
fn times(history: &History, spans: usize) -> String {
    let (from, to) = (time::format(history.from), time::format(history.to));
    let room = spans.saturating_sub(width(&from) + width(&to)).max(1);
    format!("{from}{:room$}{to}", "")
}

fn legend(history: &History, spans: usize) -> String {
    let marks = LEVELS.map(|level| format!("{} {}", mark(level), level::name(level))).join("  ");
    let length = Clock::new(history, spans).length();
    let length = if length < Duration::from_secs(1) { format!("{} ms", length.as_millis()) } else { HumanDuration(length).to_string() };
    format!("{marks}; a character is the strictest level in about {length}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::Timestamp;
    use serde_json::{Value, json};

    const MINUTE: i64 = 60_000_000;

    fn node(id: &str, parent: Option<&str>, told: Option<&str>, engine: &str) -> Node {
        let told = told.map(|level| json!({ "level": level, "source": "s", "authorization": "a", "set_at": "2026-01-01T00:00:00Z" }));
        let node = json!({
            "id": id, "kind": "zone", "parent": parent, "effective": "normal", "deciding_node": id, "override": told, "engine_level": engine,
        });
        serde_json::from_value(node).unwrap()
    }

    fn record(minute: i64, node: &str, action: &str, from: Value, to: Value) -> Record {
        let time = time::format(Timestamp::from_micros(minute * MINUTE));
        let record = json!({
            "seq": 1, "node": node, "action": action, "from": from, "to": to, "source": "s", "authorization": "a", "time": time,
        });
        serde_json::from_value(record).unwrap()
    }

    /// An hour; the root was on watch from minute 10 to 20, the zone halted from 15 to 30 and again since 50.
    fn history(top: Option<&str>) -> History {
        let nodes = vec![
            node("city", None, None, "normal"),
            node("B09", Some("city"), None, "normal"),
            node("B09.39", Some("B09"), Some("halted"), "normal"),
            node("B10", Some("city"), None, "restricted"),
        ];
        let records = vec![
            record(10, "city", "base_changed", json!("normal"), json!("watch")),
            record(15, "B09.39", "set", Value::Null, json!("halted")),
            record(17, "B09", "rejected", Value::Null, json!("watch")),
            record(20, "city", "base_changed", json!("watch"), json!("normal")),
            record(30, "B09.39", "auto_reverted", json!("halted"), Value::Null),
            record(35, "gone", "set", Value::Null, json!("halted")),
            record(45, "B10", "engine_changed", json!("watch"), json!("restricted")),
            record(50, "B09.39", "set", Value::Null, json!("restricted")),
            record(50, "B09.39", "replaced", json!("restricted"), json!("halted")),
        ];
        let (from, to) = (Timestamp::from_micros(0), Timestamp::from_micros(60 * MINUTE - 1));
        History { nodes, top: top.map(str::to_owned), records, from, to }
    }

    #[test]
    fn a_row_a_node_as_high_as_its_level() {
        let lines = draw(&history(None), Look { columns: Some(26), colours: false });
        let expected =
            ["city          ▁▁▃▃▁▁▁▁▁▁▁▁", "├─ B09        ▁▁▃▃▁▁▁▁▁▁▁▁", "│  └─ B09.39  ▁▁▃███▁▁▁▁██", "└─ B10        ▃▃▃▃▃▃▃▃▃▅▅▅"];
        assert_eq!(lines[1..5], expected);
        assert_eq!(lines[5], "▁ normal  ▃ watch  ▅ restricted  █ halted; a character is the strictest level in about 5 minutes");
    }

    #[test]
    fn a_part_has_the_levels_of_the_whole() {
        let lines = draw(&history(Some("B09.39")), Look { columns: Some(6 + GAP.len() + 60), colours: false });
        assert_eq!(lines[0], format!("        1970-01-01T00:00:00Z{:13}1970-01-01T00:59:59.999999Z", ""));
        let bar = |spans: [(char, usize); 5]| spans.map(|(mark, times)| mark.to_string().repeat(times)).concat();
        assert_eq!(lines[1], format!("B09.39  {}", bar([('▁', 10), ('▃', 5), ('█', 15), ('▁', 20), ('█', 10)])));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn what_lasted_a_moment_is_seen() {
        let mut moment = history(Some("B09.39"));
        let mut cleared = record(15, "B09.39", "cleared", json!("halted"), Value::Null);
        cleared.time.0 = Timestamp::from_micros(15 * MINUTE + 1);
        moment.records = vec![record(15, "B09.39", "set", Value::Null, json!("halted")), cleared];
        moment.nodes[2] = node("B09.39", Some("B09"), None, "normal");
        assert_eq!(draw(&moment, Look::default())[1], format!("B09.39  {}█{}", "▁".repeat(15), "▁".repeat(44)));
    }

    #[test]
    fn a_history_of_no_time_shows_the_present() {
        let now = Timestamp::from_micros(0);
        let records = vec![record(0, "city", "base_changed", json!("normal"), json!("watch"))];
        let short = History { nodes: vec![node("city", None, None, "watch")], top: None, records, from: now, to: now };
        assert_eq!(draw(&short, Look::default())[1], format!("city  {}", "▃".repeat(SPANS)));
        let none = History { records: Vec::new(), ..short };
        assert_eq!(draw(&none, Look::default()), ["no level was changed"]);
    }

    #[test]
    fn colours_change_nothing_but_the_bars() {
        let plain = draw(&history(None), Look::default());
        let coloured = draw(&history(None), Look { columns: None, colours: true });
        assert!(coloured[3].contains("\u{1b}[31m"));
        assert_eq!(coloured.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect::<Vec<_>>(), plain);
    }
}
