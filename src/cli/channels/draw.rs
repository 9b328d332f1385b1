//! Channels as a table: state, failures, latency, and how long until an open one is tried again.

use crate::cli::output::printable;
use crate::cli::table::{self, Look};
use crate::time::Rfc3339;
use console::Style;
use ionveil_kernel::Timestamp;
use serde::Deserialize;

const HEAD: [&str; COLUMNS] = ["CHANNEL", "STATE", "FAILURES", "P95 MS", "RELIABILITY", "SCORE", "HALF-OPEN IN", "NOTE"];
const COLUMNS: usize = 8;
/// The columns of texts stand to the left, the figures to the right.
const STATE: usize = 1;
const FIGURES: std::ops::Range<usize> = 2..7;

/// A channel as a server answers with it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Channel {
    name: String,
    state: String,
    forced: Option<Forced>,
    blocked: Option<Blocked>,
    reliability: f64,
    score: f64,
    window: Window,
    next_probe_at: Option<Rfc3339>,
    skip_until: Option<Rfc3339>,
}

#[derive(Clone, Debug, Deserialize)]
struct Forced {
    state: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Blocked {
    reason: String,
    by: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Window {
    calls: u64,
    failure_rate: f64,
    p95_ms: Option<f64>,
}

/// The lines, with a head above them; a sentence instead if there is nothing.
pub(super) fn draw(channels: &[Channel], now: Timestamp, look: Look) -> Vec<String> {
    if channels.is_empty() {
        return vec!["there are no channels: set one up with POST /api/v1/channels".to_owned()];
    }
    let head = table::Row { cells: HEAD.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(channels.iter().map(|channel| row(channel, now))).collect();
    table::lines(&rows, FIGURES, look)
}

fn row(channel: &Channel, now: Timestamp) -> table::Row<COLUMNS> {
    let window = &channel.window;
    let failures = if window.calls == 0 { "-".to_owned() } else { format!("{:.0} %", window.failure_rate * 100.0) };
    let p95 = window.p95_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    let next = channel.next_probe_at.map_or_else(|| "-".to_owned(), |at| format!("{} s", at.0.since(now).as_secs()));
    let cells = [
        printable(&channel.name),
        channel.state.clone(),
        failures,
        p95,
        format!("{:.4}", channel.reliability),
        format!("{:.4}", channel.score),
        next,
        note(channel, now),
    ];
    table::Row { cells, colour: Some((STATE, style(&channel.state))) }
}

fn note(channel: &Channel, now: Timestamp) -> String {
    let forced = channel.forced.as_ref().map(|forced| format!("forced {}", forced.state));
    let blocked = channel.blocked.as_ref().map(|blocked| format!("blocked by {}: {}", printable(&blocked.by), printable(&blocked.reason)));
    let skipped = channel.skip_until.map(|until| format!("left alone for {} s", until.0.since(now).as_secs()));
    forced.into_iter().chain(blocked).chain(skipped).collect::<Vec<_>>().join("; ")
}

fn style(state: &str) -> Style {
    match state {
        "open" => Style::new().red(),
        "half_open" => Style::new().yellow(),
        _closed => Style::new().green(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_channel_has_a_line_with_what_matters() {
        let well = json!({"name": "radio", "state": "closed", "reliability": 1.0, "score": 0.95, "window": {"calls": 20, "failure_rate": 0.05, "p95_ms": 12.34}});
        let open = json!({"name": "sms", "state": "open", "reliability": 0.1681, "score": 0.5, "window": {"calls": 0, "failure_rate": 0.0},
            "next_probe_at": "2026-01-01T00:00:12Z", "blocked": {"reason": "drill", "by": "user:jane", "since": "2026-01-01T00:00:00Z"}});
        let channels: Vec<Channel> = serde_json::from_value(json!([well, open])).unwrap();
        let now = crate::time::parse("2026-01-01T00:00:00Z").unwrap();
        let expected = [
            "CHANNEL  STATE   FAILURES  P95 MS  RELIABILITY   SCORE  HALF-OPEN IN  NOTE",
            "radio    closed       5 %    12.3       1.0000  0.9500             -",
            "sms      open           -       -       0.1681  0.5000          12 s  blocked by user:jane: drill",
        ];
        assert_eq!(draw(&channels, now, Look::default()), expected);
        assert_eq!(draw(&[], now, Look::default()).len(), 1);
    }
}
