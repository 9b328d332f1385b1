//! The picture: a line for each metric with its last sixty minutes, percentiles and what is under way, and a table by region.

use super::super::site::read;
use super::super::table::{self, Look, Row};
use crate::cli::output::printable;
use crate::time;
use ionveil_kernel::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const MINUTES: i64 = 60;
const MINUTE_MICROS: i64 = 60_000_000;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[derive(Deserialize)]
struct Snapshot {
    at: String,
    dispatch_count: u64,
    response_time: Figures,
    distance_avg: f64,
    compliance_rate: f64,
    active_dispatches: u64,
    pending_dispatches: u64,
    open_alerts: u64,
    approximate: bool,
}

#[derive(Deserialize)]
struct Figures {
    avg: f64,
    p50: f64,
    p90: f64,
    p95: f64,
    p99: f64,
}

#[derive(Deserialize)]
struct Regions {
    regions: BTreeMap<String, Region>,
}

#[derive(Deserialize)]
struct Region {
    dispatch_count: u64,
    avg_response: f64,
    avg_distance: f64,
    sla_compliance_rate: f64,
}

#[derive(Deserialize)]
struct Windows {
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    start: String,
    value: f64,
}

/// What the server answered, as lines.
pub(super) fn board(answers: Vec<Value>, _now: Timestamp, look: Look) -> anyhow::Result<Vec<String>> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let (snapshot, regions): (Snapshot, Regions) = (read(next())?, read(next())?);
    let windows = answers.map(read::<Windows>).collect::<anyhow::Result<Vec<_>>>()?;
    let at = time::parse(&snapshot.at)?;
    let lines: Vec<_> = windows.iter().map(|windows| sparkline(&windows.points, at)).collect();
    let line = |place: usize| lines.get(place).cloned().unwrap_or_default();
    let none = snapshot.dispatch_count == 0;
    let figure = |text: String| if none { "-".to_owned() } else { text };
    let head = Row { cells: ["METRIC", "LAST HOUR", "ITS MINUTES"].map(str::to_owned), colour: None };
    let row = |name: &str, figure: String, line: String| Row { cells: [name.to_owned(), figure, line], colour: None };
    let metrics = [
        head,
        row("dispatches", snapshot.dispatch_count.to_string(), line(0)),
        row("response, min", figure(format!("{:.1}", snapshot.response_time.avg)), line(1)),
        row("distance, km", figure(format!("{:.1}", snapshot.distance_avg)), line(2)),
        row("in time", figure(percent(snapshot.compliance_rate)), line(3)),
    ];
    let mut all = table::lines(&metrics, 1..2, look);
    let Figures { p50, p90, p95, p99, .. } = snapshot.response_time;
    let exact = if snapshot.approximate { "  (approximate)" } else { "" };
    let under_way =
        format!("active {}, pending {}, open alerts {}", snapshot.active_dispatches, snapshot.pending_dispatches, snapshot.open_alerts);
    for text in [String::new(), format!("response p50 {p50:.1}, p90 {p90:.1}, p95 {p95:.1}, p99 {p99:.1} min{exact}"), under_way] {
        all.push(table::cut(&text, look.columns));
    }
    all.extend(by_region(&regions.regions, look));
    Ok(all)
}

fn by_region(regions: &BTreeMap<String, Region>, look: Look) -> Vec<String> {
    if regions.is_empty() {
        return Vec::new();
    }
    let head = Row { cells: ["REGION", "DISPATCHES", "RESPONSE", "DISTANCE", "IN TIME"].map(str::to_owned), colour: None };
    let row = |(name, region): (&String, &Region)| {
        let (response, distance) = (format!("{:.1}", region.avg_response), format!("{:.1}", region.avg_distance));
        let cells = [printable(name), region.dispatch_count.to_string(), response, distance, percent(region.sla_compliance_rate)];
        Row { cells, colour: None }
    };
    let rows: Vec<_> = std::iter::once(head).chain(regions.iter().map(row)).collect();
    std::iter::once(String::new()).chain(table::lines(&rows, 1..4, look)).collect()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A character for each of the sixty minutes before `at`, as high as its value is among those of the hour; a minute without
/// dispatches is a space.
fn sparkline(points: &[Point], at: Timestamp) -> String {
    let last = at.micros().div_euclid(MINUTE_MICROS);
    let minute = |point: &Point| Some((time::parse(&point.start).ok()?.micros().div_euclid(MINUTE_MICROS), point.value));
    let values: BTreeMap<i64, f64> = points.iter().filter_map(minute).collect();
    let (low, high) = values.values().fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
    let level = |value: f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        // From 0 to 7, so the cast keeps the value.
        LEVELS[((share * 7.0).round() as usize).min(7)]
    };
    (last - MINUTES + 1..=last).map(|minute| values.get(&minute).map_or(' ', |value| level(*value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_hour_is_drawn() {
        let point = |minute: u32, value: f64| json!({"start": format!("2026-11-26T10:{minute:02}:00Z"), "value": value});
        let windows = |points: Vec<Value>| json!({"points": points});
        let answers = vec![
            json!({"at": "2026-11-26T10:59:30Z", "dispatch_count": 3, "response_time": {"avg": 5.25, "p50": 5.0, "p90": 7.0, "p95": 7.0, "p99": 7.0},
                "distance_avg": 2.0, "compliance_rate": 0.6667, "active_dispatches": 4, "pending_dispatches": 1, "open_alerts": 0, "approximate": false}),
            json!({"regions": {"north\u{7}": {"dispatch_count": 3, "avg_response": 5.25, "avg_distance": 2.0, "sla_compliance_rate": 0.6667}}}),
            windows(vec![point(0, 1.0), point(58, 4.0), point(59, 8.0)]),
            windows(vec![point(59, 5.0)]),
            windows(vec![]),
            windows(vec![point(57, 0.0), point(59, 1.0)]),
        ];
        let lines = board(answers, Timestamp::from_micros(0), Look::default()).unwrap();
        let gap = " ".repeat(57);
        let expected = [
            "METRIC         LAST HOUR  ITS MINUTES".to_owned(),
            format!("dispatches             3  ▁{gap}▄█"),
            format!("response, min        5.2  {}▅", " ".repeat(59)),
            "distance, km         2.0".to_owned(),
            format!("in time           66.7 %  {gap}▁ █"),
            String::new(),
            "response p50 5.0, p90 7.0, p95 7.0, p99 7.0 min".to_owned(),
            "active 4, pending 1, open alerts 0".to_owned(),
            String::new(),
            "REGION  DISPATCHES  RESPONSE  DISTANCE  IN TIME".to_owned(),
            "north\u{fffd}           3       5.2       2.0  66.7 %".to_owned(),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn an_idle_hour_says_so() {
        let figures = json!({"avg": 0.0, "p50": 0.0, "p90": 0.0, "p95": 0.0, "p99": 0.0});
        let snapshot = json!({"at": "2026-11-26T10:59:30Z", "dispatch_count": 0, "response_time": figures, "distance_avg": 0.0,
            "compliance_rate": 0.0, "active_dispatches": 0, "pending_dispatches": 0, "open_alerts": 0, "approximate": true});
        let lines = board(vec![snapshot, json!({"regions": {}})], Timestamp::from_micros(0), Look::default()).unwrap();
        assert_eq!((lines.len(), lines[2].as_str()), (8, "response, min          -"));
        assert!(lines[6].ends_with("(approximate)"));
    }
}
