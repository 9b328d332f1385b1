//! Decisions as lines of text.

use super::shown::{Candidate, Candidates, Selection, Way};
use crate::cli::output::printable;
use crate::cli::table::{self, Look, Row};
use console::Style;

const HEAD: [&str; 9] = ["", "NODE", "STATE", "SHARE", "SCORE", "OF LOAD", "HEALTH", "SAMPLES", "WHY"];
const STATE: usize = 2;
const WAY_HEAD: [&str; 5] = ["SERVICE", "NODE", "LATENCY MS", "SCORE", "HEALTH"];

/// Each node of a service with its share or with why it is out; the chosen one is marked.
pub(super) fn draw_service(found: &Candidates, selection: Option<&Selection>, look: Look) -> Vec<String> {
    let mut lines = vec![summary(found, selection)];
    if found.candidates.is_empty() {
        return lines;
    }
    let chosen = selection.map(|selection| selection.endpoint.as_str());
    let head = Row { cells: HEAD.map(str::to_owned), colour: None };
    let rows = found.candidates.iter().map(|one| row(one, chosen == Some(&*one.endpoint), found.primary.as_deref()));
    lines.extend(table::lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), 3..8, look));
    lines
}

fn summary(found: &Candidates, selection: Option<&Selection>) -> String {
    let (service, nodes) = (printable(&found.service), found.candidates.len());
    let inside = found.candidates.iter().filter(|one| one.why.is_none()).count();
    match (selection, &*found.available) {
        (None, "none") => format!("the service {service} has no nodes"),
        (None, _) => format!("{service}: all {nodes} nodes are out, so nothing is sent"),
        (Some(selection), available) => {
            let new = if available == "all_new" { "; all of them are new: nothing is known yet, or they warm up" } else { "" };
            let (draw, chosen) = (selection.draw, printable(&selection.endpoint));
            format!("{service}: {inside} of {nodes} nodes are in{new}; the draw {draw:.4} falls on {chosen}")
        }
    }
}

fn row(one: &Candidate, chosen: bool, primary: Option<&str>) -> Row<9> {
    let mut why: Vec<String> = one.why.iter().map(|why| printable(why)).collect();
    if one.state == "degraded" {
        why.push("degraded: 500 dearer".to_owned());
    }
    if one.state == "warming" && one.why.is_none() {
        why.push(format!("warming up: {:.0} % of its share", one.fraction * 100.0));
    }
    if one.trend < 0.0 {
        why.push(format!("getting worse by {:.2}", -one.trend));
    }
    if primary == Some(&*one.endpoint) {
        why.push("costs least".to_owned());
    }
    let cells = [
        if chosen { "▶".to_owned() } else { String::new() },
        printable(&one.endpoint),
        printable(&one.state),
        format!("{:.1} %", one.share * 100.0),
        format!("{:.1}", one.score),
        format!("{:.1}", one.base_score),
        format!("{:.4}", one.health),
        one.sample_count.to_string(),
        why.join(", "),
    ];
    Row { cells, colour: Some((STATE, style(one))) }
}

fn style(one: &Candidate) -> Style {
    let style = Style::new().force_styling(true);
    match &*one.state {
        _ if one.why.is_some() => style.red(),
        "active" => style.green(),
        _ => style.yellow(),
    }
}

/// The chain of an intent, and what was blocked.
pub(super) fn draw_way(way: &Way, look: Look) -> Vec<String> {
    let unknown = if way.known_intent { "" } else { " (unknown: the chain of all that are)" };
    let gate = if way.gated { "more than half busy nodes are blocked" } else { "busy nodes are not blocked" };
    let mut lines = vec![format!(
        "{}{unknown}: {} services, {} ms together; {gate} (from a risk of {} on)",
        printable(&way.intent),
        way.chain.len(),
        way.total_latency_ms,
        way.risk_gate
    )];
    let head = Row { cells: WAY_HEAD.map(str::to_owned), colour: None };
    let rows = way.chain.iter().map(|stop| Row {
        cells: [
            printable(&stop.service),
            printable(&stop.endpoint),
            stop.latency_ms.to_string(),
            format!("{:.1}", stop.score),
            format!("{:.4}", stop.health),
        ],
        colour: None,
    });
    lines.extend(table::lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), 2..4, look));
    lines.extend(way.blocked.iter().map(|one| {
        let (endpoint, service, reason) = (printable(&one.endpoint), printable(&one.service), printable(&one.reason));
        format!("blocked: {endpoint} of {service} ({reason})")
    }));
    let more = way.blocked_count.saturating_sub(way.blocked.len() as u64);
    lines.extend((more > 0).then(|| format!("blocked: {more} more")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn candidates() -> Candidates {
        let one = |endpoint: &str, state: &str, share: f64, why: Option<&str>| {
            json!({"endpoint": endpoint, "state": state, "share": share, "fraction": 0.1, "score": 145.0, "base_score": 45.0,
                "health": 0.5, "trend": -0.25, "sample_count": 2, "latency_ms": 20, "why": why})
        };
        let body = json!({"service": "intake", "available": "some", "primary": "b", "candidates": [
            one("a", "warming", 0.0909, None), one("b", "active", 0.9091, None), one("c", "excluded", 0.0, Some("its health is below the limit"))]});
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn each_node_stands_with_its_share_or_with_why_it_is_out() {
        let selection = Selection { endpoint: "b".to_owned(), draw: 0.25 };
        let expected = "\
intake: 2 of 3 nodes are in; the draw 0.2500 falls on b
   NODE  STATE      SHARE  SCORE  OF LOAD  HEALTH  SAMPLES  WHY
   a     warming    9.1 %  145.0     45.0  0.5000        2  warming up: 10 % of its share, getting worse by 0.25
▶  b     active    90.9 %  145.0     45.0  0.5000        2  getting worse by 0.25, costs least
   c     excluded   0.0 %  145.0     45.0  0.5000        2  its health is below the limit, getting worse by 0.25";
        assert_eq!(draw_service(&candidates(), Some(&selection), Look::default()).join("\n"), expected);
    }

    #[test]
    fn that_nobody_is_left_is_said() {
        let none = Candidates { available: "none".to_owned(), primary: None, candidates: Vec::new(), ..candidates() };
        assert_eq!(draw_service(&none, None, Look::default()), ["the service intake has no nodes"]);
        let out = Candidates { available: "all_out".to_owned(), primary: None, ..candidates() };
        assert_eq!(draw_service(&out, None, Look::default())[0], "intake: all 3 nodes are out, so nothing is sent");
    }

    #[test]
    fn a_way_is_drawn_service_by_service() {
        let way = json!({"intent": "tea", "known_intent": false, "total_latency_ms": 40, "risk_gate": 70.0, "gated": true, "blocked_count": 2,
            "blocked": [{"endpoint": "i-2", "service": "intake", "reason": "saturated"}],
            "chain": [{"service": "intake", "endpoint": "i-1", "score": 45.0, "health": 1.0, "latency_ms": 20},
                {"service": "policy", "endpoint": "p-1", "score": 500.5, "health": 0.75, "latency_ms": 20}]});
        let way: Way = serde_json::from_value(way).unwrap();
        let expected = "\
tea (unknown: the chain of all that are): 2 services, 40 ms together; more than half busy nodes are blocked (from a risk of 70 on)
SERVICE  NODE  LATENCY MS  SCORE  HEALTH
intake   i-1           20   45.0  1.0000
policy   p-1           20  500.5  0.7500
blocked: i-2 of intake (saturated)
blocked: 1 more";
        assert_eq!(draw_way(&way, Look::default()).join("\n"), expected);
    }
}
