//! Results as lines of text: a row for each level, time from left to right. It knows nothing of terminals but their width.

use super::shown::{Advice, Shown, ShownTransition};
use crate::cli::output::printable;
use console::Term;

/// So many transitions are listed.
const STEPS_MAX: usize = 12;
/// How wide a picture is where there is no terminal.
const COLUMNS: usize = 80;
const CELLS: std::ops::RangeInclusive<usize> = 20..=120;
/// All of a cell's time, some of it, none of it.
const WHOLE: char = '█';
const PART: char = '▒';
const NONE: char = ' ';

/// How wide the picture may be.
pub(super) fn columns() -> usize {
    let term = Term::stdout();
    let size = term.size_checked().filter(|_| term.is_term());
    size.map_or(COLUMNS, |(_, columns)| usize::from(columns))
}

/// A result: what was run, the timeline, the first transitions.
pub(super) fn result(shown: &Shown, columns: usize) -> Vec<String> {
    let (totals, name) = (&shown.totals, printable(&shown.scenario.name));
    let mut lines = vec![
        format!("{name}: {} of {}", clock(shown.duration_s), printable(&shown.pattern.id)),
        format!(
            "{} outcomes, {} failures, {:.2} % successes{}",
            totals.considered,
            totals.failures,
            shown.sla_compliance_rate * 100.0,
            match totals.ignored {
                0 => String::new(),
                ignored => format!("; {ignored} more came after the end"),
            }
        ),
        String::new(),
    ];
    lines.extend(timeline(shown, columns));
    lines.push(String::new());
    lines.push(steps_in_words(shown));
    lines.extend(steps(shown));
    lines
}

fn timeline(shown: &Shown, columns: usize) -> Vec<String> {
    let levels = &shown.scenario.policy_order;
    let width = levels.iter().map(|level| printable(level).chars().count()).max().unwrap_or(0);
    let lead = |level: &str| {
        let time = shown.seconds_in_level.get(level).copied().unwrap_or_default();
        format!("  {:<width$}  {:>11}  {:>5.1} % ", printable(level), clock(time), time * 100.0 / shown.duration_s)
    };
    let indent = levels.first().map_or(0, |level| lead(level).chars().count());
    let cells = columns.saturating_sub(indent + 1).clamp(*CELLS.start(), *CELLS.end());
    let mut lines: Vec<_> =
        levels.iter().zip(rows(shown, cells)).rev().map(|(level, row)| format!("{}│{row}", lead(level)).trim_end().to_owned()).collect();
    lines.push(format!("{:indent$}└{}", "", "─".repeat(cells)));
    let (start, end) = (clock(0.0), clock(shown.duration_s));
    lines.push(format!("{:indent$} {start}{end:>rest$}", "", rest = cells.saturating_sub(start.len())));
    lines
}

/// For each level which cells of time it fills.
fn rows(shown: &Shown, cells: usize) -> Vec<String> {
    let levels = &shown.scenario.policy_order;
    let mut times = vec![vec![None::<f64>; cells]; levels.len()];
    let per_cell = shown.duration_s / cells as f64;
    for (level, from, to) in stretches(shown) {
        let Some(times) = levels.iter().position(|name| name == level).and_then(|index| times.get_mut(index)) else { continue };
        let (first, last) = ((from / per_cell) as usize, (to / per_cell) as usize);
        for (cell, time) in times.iter_mut().enumerate().take(last + 1).skip(first.min(cells - 1)) {
            let begin = cell as f64 * per_cell;
            let spent = (to.min(begin + per_cell) - from.max(begin)).max(0.0);
            // At the very end of a stretch nothing of the next cell is filled.
            if spent > 0.0 || from == to {
                *time = Some(time.unwrap_or_default() + spent);
            }
        }
    }
    let cell = |time: &Option<f64>| match time {
        Some(time) if *time > per_cell * 0.999_999 => WHOLE,
        Some(_) => PART,
        None => NONE,
    };
    times.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// In which level a run was from when to when, as far as its transitions are known.
fn stretches(shown: &Shown) -> Vec<(&str, f64, f64)> {
    let mut level = shown.scenario.policy_order.first().map_or("", String::as_str);
    let (mut all, mut since) = (Vec::with_capacity(shown.transitions.len() + 1), 0.0);
    for ShownTransition { to, timestamp, .. } in &shown.transitions {
        all.push((level, since, *timestamp));
        (level, since) = (to, *timestamp);
    }
    if is_whole(shown) {
        all.push((level, since, shown.duration_s));
    }
    all
}

fn is_whole(shown: &Shown) -> bool {
    shown.transitions.len() as u64 == shown.totals.transitions
}

fn steps_in_words(shown: &Shown) -> String {
    let totals = &shown.totals;
    let end = shown.final_policy.as_deref().map(printable).unwrap_or_default();
    let known = if is_whole(shown) { "" } else { "; only the first are drawn" };
    match totals.transitions {
        0 => format!("no transitions: all of it in {end}"),
        1 => format!("1 transition; it ends in {end}"),
        count => format!("{count} transitions, {} up and {} down{known}; it ends in {end}", totals.escalations, totals.deescalations),
    }
}

fn steps(shown: &Shown) -> Vec<String> {
    let first = &shown.transitions[..shown.transitions.len().min(STEPS_MAX)];
    let way = |step: &ShownTransition| format!("{} → {}", printable(&step.from), printable(&step.to));
    let width = first.iter().map(|step| way(step).chars().count()).max().unwrap_or(0);
    let line = |step: &ShownTransition| format!("  {:>11}  {:<width$}  {}", clock(step.timestamp), way(step), printable(&step.reason));
    let more = shown.totals.transitions.saturating_sub(first.len() as u64);
    let rest = (more > 0).then(|| format!("  … and {more} more; --json lists the first 10,000"));
    first.iter().map(line).chain(rest).collect()
}

/// Several results side by side, and the best of them.
pub(super) fn comparison(all: &[Shown], advice: &Advice) -> Vec<String> {
    let head = ["SCENARIO", "STRICTEST LEVEL", "TRANSITIONS", "ENDS IN"].map(str::to_owned);
    let row = |shown: &Shown| {
        let last = shown.scenario.policy_order.last().map_or("", String::as_str);
        let time = shown.seconds_in_level.get(last).copied().unwrap_or_default();
        [
            printable(&shown.scenario.name),
            format!("{:.2} % in {}", time * 100.0 / shown.duration_s, printable(last)),
            shown.totals.transitions.to_string(),
            shown.final_policy.as_deref().map(printable).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(all.iter().map(row)).collect();
    let widths: [usize; 4] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    lines.extend([String::new(), format!("recommended: {}", printable(&advice.scenario))]);
    lines.extend(advice.reasons.iter().map(|reason| format!("  {}", printable(reason))));
    lines
}

/// Seconds as `h:mm:ss`, with days before them if there are any and a fraction behind them if there is one.
fn clock(seconds: f64) -> String {
    let millis = (seconds.max(0.0) * 1_000.0).round() as u64;
    let (whole, fraction) = (millis / 1_000, millis % 1_000);
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    let days = if days > 0 { format!("{days}d ") } else { String::new() };
    let fraction = if fraction > 0 { format!(".{fraction:03}") } else { String::new() };
    format!("{days}{hours}:{minutes:02}:{:02}{fraction}", whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(transitions: u64) -> Shown {
        let steps = [
            ("normal", "watch", 15.0, "3 failures in a row"),
            ("watch", "halted", 20.0, "3 failures in a row"),
            ("halted", "watch", 35.0, "9 successes in a row"),
        ];
        let steps = steps.map(|(from, to, timestamp, reason)| json!({"from": from, "to": to, "timestamp": timestamp, "reason": reason}));
        super::super::shown::read(json!({
            "scenario": {"name": "a\u{1b}b", "policy_order": ["normal", "watch", "halted"]}, "pattern": {"id": "burst"}, "duration_s": 40,
            "transitions": steps, "final_policy": "watch", "seconds_in_level": {"normal": 15, "watch": 10, "halted": 15},
            "totals": {"considered": 40, "failures": 6, "ignored": 2, "transitions": transitions, "escalations": 2, "deescalations": 1},
            "sla_compliance_rate": 0.85,
        }))
        .unwrap()
    }

    #[test]
    fn levels_stand_above_one_another_and_time_goes_to_the_right() {
        let expected = "\
a\u{fffd}b: 0:00:40 of burst
40 outcomes, 6 failures, 85.00 % successes; 2 more came after the end

  halted      0:00:15   37.5 % │          ███████▒
  watch       0:00:10   25.0 % │       ▒██       ▒██
  normal      0:00:15   37.5 % │███████▒
                               └────────────────────
                                0:00:00      0:00:40

3 transitions, 2 up and 1 down; it ends in watch
      0:00:15  normal → watch  3 failures in a row
      0:00:20  watch → halted  3 failures in a row
      0:00:35  halted → watch  9 successes in a row";
        assert_eq!(result(&shown(3), 40).join("\n"), expected);
    }

    #[test]
    fn what_is_not_known_is_not_drawn() {
        let lines = result(&shown(12_000), 40);
        assert!(lines[4].ends_with("▒██") && lines.iter().any(|line| line.contains("only the first are drawn")), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("  … and 11997 more; --json lists the first 10,000"));
    }

    #[test]
    fn the_best_stands_below_the_table() {
        let advice = Advice { scenario: "calm".to_owned(), reasons: vec!["Because.".to_owned()] };
        let lines = comparison(&[shown(3), shown(3)], &advice);
        assert_eq!(
            lines[..2],
            ["SCENARIO  STRICTEST LEVEL    TRANSITIONS  ENDS IN", "a\u{fffd}b       37.50 % in halted  3            watch"]
        );
        assert_eq!(lines[3..], ["", "recommended: calm", "  Because."]);
    }

    #[test]
    fn times_are_read_as_a_clock() {
        for (seconds, text) in [(0.0, "0:00:00"), (59.9996, "0:01:00"), (3_661.5, "1:01:01.500"), (90_000.0, "1d 1:00:00")] {
            assert_eq!(clock(seconds), text);
        }
    }
}
