//! A stretch of a real day, many times as fast, against the running binary: every call that misses its target has one breach, every
//! one that gets close one warning before it, as a plain script finds in the file. `IONVEIL_TEST_WHOLE_DAY=1` plays all 24 hours 600
//! times as fast (2.5 minutes on a machine that does nothing else); without it 40 minutes are played, 120 times as fast.
//!
//! A call that is over within five minutes of an edge may fall on either side of it: that is half a second here, or two and a half.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::city::{Row, priority, script, seconds};
use super::given::{Ground, get, mapping, said};
use crate::import::real;
use crate::support::server::Server;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is played.
struct Stretch {
    /// Some seconds before the first call, at this speed.
    begin: &'static str,
    from: &'static str,
    /// The same by the clock of the city.
    from_local: &'static str,
    to: &'static str,
    minutes: i64,
    speed: &'static str,
    /// At least so many calls are judged.
    calls: usize,
}

const DAY: Stretch = Stretch {
    begin: "2017-01-01T07:20:00Z",
    from: "2017-01-01T08:00:00Z",
    from_local: "01/01/2017 12:00:00 AM",
    to: "2017-01-02T08:00:00Z",
    minutes: 24 * 60,
    speed: "600x",
    calls: 300,
};

/// One of its calls misses its target by more than can be doubted.
const MORNING: Stretch = Stretch {
    begin: "2017-01-01T17:32:00Z",
    from: "2017-01-01T17:40:00Z",
    from_local: "01/01/2017 09:40:00 AM",
    to: "2017-01-01T18:20:00Z",
    minutes: 40,
    speed: "120x",
    calls: 6,
};

/// So close to an edge nobody knows.
const BAND: i64 = 300;

/// What the script finds of a call, in seconds.
struct Expected {
    target: i64,
    /// From the dispatch to the first arrival, or to when all were free again; none: still under way at the end.
    elapsed: Option<i64>,
}

impl Expected {
    fn of(rows: &[Row], until: i64) -> Option<Self> {
        let times = |column: &str| rows.iter().filter(|row| !row[column].is_empty()).map(|row| seconds(&row[column])).collect::<Vec<_>>();
        let (sent, target) = (times("Dispatch DtTm").into_iter().min()?, [5, 10, 20, 45, 120][priority(rows) - 1] * 60);
        let there = times("On Scene DtTm").into_iter().min();
        let over = there.or_else(|| times("Available DtTm").into_iter().max()).filter(|over| *over < until);
        // What is not decided by then is not looked at.
        (over.is_some() || sent + target + BAND < until).then_some(Self { target, elapsed: over.map(|over| over - sent) })
    }

    fn passes(&self, edge: i64) -> Option<bool> {
        let elapsed = self.elapsed.unwrap_or(i64::MAX);
        ((elapsed - edge).abs() >= BAND).then_some(elapsed > edge)
    }
}

/// When each incident was warned of and missed, as the server lists it.
fn alerts(server: &Server) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut all: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for status in ["open", "escalated", "acknowledged", "suppressed", "resolved"] {
        let mut cursor = String::new();
        loop {
            let (code, page) = get(server, &format!("/api/v1/alerts?status={status}&page_size=500{cursor}"));
            assert_eq!(code, 200, "{page}");
            for alert in page["items"].as_array().expect("items") {
                let text = |field: &str| alert[field].as_str().expect("a text").to_owned();
                all.entry(text("incident")).or_default().entry(text("rule")).or_default().push(text("created_at"));
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    all
}

fn total(server: &Server) -> u64 {
    ["open", "escalated", "resolved"]
        .iter()
        .filter_map(|status| get(server, &format!("/api/v1/alerts?status={status}&page_size=1")).1["total"].as_u64())
        .sum()
}

/// The lists follow the journal: they are waited for until they stand still.
fn settled(server: &Server) {
    let (mut last, mut since) = (total(server), Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(100));
        let now = total(server);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

#[test]
fn the_played_day_warns_of_and_misses_the_calls_that_a_plain_script_finds() {
    let Some(file) = real::file() else { return };
    let whole = std::env::var_os("IONVEIL_TEST_WHOLE_DAY").is_some();
    let Stretch { begin, from, from_local, to, minutes, speed, calls: least } = if whole { DAY } else { MORNING };
    let ground = Ground::new();
    let server = ground.serve(&["--clock", &format!("{begin}@{speed}")]);
    let (url, name) = (server.url(""), file.to_str().expect("UTF-8"));
    let range = ["--from", from, "--to", to, "--speed", speed];
    let replayed = said(&[&["replay", "calls", "--json", "--mapping", &mapping(), "--server", &url, name][..], &range].concat()).json(0);
    assert_eq!((&replayed["refused"], &replayed["stopped"]), (&json!(0), &json!(false)), "{replayed}");
    settled(&server);
    let found = alerts(&server);
    let (from, until) = (seconds(from_local), seconds(from_local) + minutes * 60);
    let came_in = |rows: &[Row]| rows.iter().map(|row| seconds(&row["Received DtTm"])).min().is_some_and(|at| (from..until).contains(&at));
    let (mut calls, mut counts, mut near) = (0, [0; 2], 0);
    for (id, rows) in script(&file).iter().filter(|(_, rows)| came_in(rows)) {
        let Some(expected) = Expected::of(rows, until) else { continue };
        let none = BTreeMap::new();
        let of = |rule: &str| found.get(id).unwrap_or(&none).get(rule).cloned().unwrap_or_default();
        let (warnings, breaches) = (of("sla-warning"), of("sla-breach"));
        assert!(warnings.len() <= 1 && breaches.len() <= 1, "{id}: {warnings:?} {breaches:?}");
        if let (Some(warning), Some(breach)) = (warnings.first(), breaches.first()) {
            assert!(warning < breach, "{id}: {warning} {breach}");
        }
        let edges = [(expected.target * 3 / 4, &warnings, false), (expected.target, &breaches, true)];
        for (place, (edge, alerts, is_breach)) in edges.into_iter().enumerate() {
            counts[place] += alerts.len();
            match expected.passes(edge) {
                // Who was late at once needs no warning any more: the deadlines of the most urgent lie an eighth of a second apart here.
                Some(true) if !is_breach => assert!(alerts.len() + breaches.len() > 0, "{id}: not warned of"),
                Some(passes) => assert_eq!(alerts.len(), usize::from(passes), "{id}: {} s of {edge}", expected.elapsed.unwrap_or(-1)),
                None => near += 1,
            }
        }
        calls += 1;
    }
    println!("{calls} calls in {minutes} minutes: {} warnings and {} breaches, {near} edges too near to tell", counts[0], counts[1]);
    assert!(calls >= least && counts[1] > 0, "{calls} calls: {found:?}");
    assert!(server.stop().success());
}
