//! The real calls as incidents, units and assignments. What the command and the server say of them is held against a plain script
//! over the same file, which is here and shares nothing with what it checks: other reader of CSV, other reader of times.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::given::{Ground, get};
use crate::import::real;
use crate::support::server::Server;
use ionveil::dispatch::sla::Promises;
use ionveil::import::{DispatchReport, Responses};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) type Row = BTreeMap<String, String>;

/// What the script finds in the file.
#[derive(Debug, Default, PartialEq)]
struct Found {
    calls: u64,
    with_arrival: u64,
    late: u64,
    minutes: Vec<f64>,
}

impl Found {
    fn add(&mut self, rows: &[Row]) {
        let first = |column: &str| rows.iter().filter(|row| !row[column].is_empty()).map(|row| seconds(&row[column])).min();
        self.calls += 1;
        let (Some(sent), Some(there)) = (first("Dispatch DtTm"), first("On Scene DtTm")) else { return };
        let (minutes, promised) = ((there - sent) as f64 / 60.0, [5.0, 10.0, 20.0, 45.0, 120.0][priority(rows) - 1]);
        self.with_arrival += 1;
        self.late += u64::from(minutes > promised);
        self.minutes.push(minutes);
    }

    fn median(mut self) -> f64 {
        self.minutes.sort_by(f64::total_cmp);
        let (half, odd) = (self.minutes.len() / 2, self.minutes.len() % 2 == 1);
        let median = if odd { self.minutes[half] } else { f64::midpoint(self.minutes[half - 1], self.minutes[half]) };
        format!("{median:.2}").parse().expect("a number")
    }

    /// As the report has it.
    fn matches(self, told: &Value, of: &str) {
        let count = |field: &str| told[field].as_u64().unwrap_or_else(|| panic!("{of}: no {field} in {told}"));
        assert_eq!((count("calls"), count("with_arrival"), count("late")), (self.calls, self.with_arrival, self.late), "{of}");
        assert_eq!(count("without_arrival"), self.calls - self.with_arrival, "{of}");
        assert_eq!(told["median_minutes"].as_f64(), Some(self.median()), "{of}");
    }
}

/// Seconds of a local time; the zone does not matter, as no clock was changed in that week.
pub(super) fn seconds(text: &str) -> i64 {
    let time = jiff::civil::DateTime::strptime("%m/%d/%Y %I:%M:%S %p", text).expect("a time of the file");
    time.to_zoned(jiff::tz::TimeZone::UTC).expect("a lawful time").timestamp().as_second()
}

pub(super) fn priority(rows: &[Row]) -> usize {
    match rows[0]["Priority"].as_str() {
        "E" => 1,
        "3" => 2,
        "B" | "C" => 3,
        "2" | "A" => 4,
        other => panic!("priority {other}"),
    }
}

pub(super) fn script(file: &Path) -> BTreeMap<String, Vec<Row>> {
    let mut reader = csv::Reader::from_path(file).expect("a readable file");
    let mut calls: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in reader.deserialize::<Row>().map(|row| row.expect("CSV")) {
        calls.entry(row["Call Number"].clone()).or_default().push(row);
    }
    calls
}

fn grouped(calls: &BTreeMap<String, Vec<Row>>, by: impl Fn(&[Row]) -> String) -> BTreeMap<String, Found> {
    let mut groups: BTreeMap<String, Found> = BTreeMap::new();
    for rows in calls.values() {
        groups.entry(by(rows)).or_default().add(rows);
    }
    groups
}

/// Every incident that the server lists.
fn incidents(server: &Server) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = get(server, &format!("/api/v1/incidents?page_size=500{cursor}"));
        assert_eq!(status, 200, "{page}");
        all.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// The lists follow the journal.
fn listed(server: &Server, total: u64) {
    let total_of = || get(server, "/api/v1/incidents?status=closed&page_size=1").1["total"].as_u64().unwrap_or_default();
    let begun = std::time::Instant::now();
    while total_of() < total {
        assert!(begun.elapsed().as_secs() < 120, "the lists do not come on");
        std::thread::yield_now();
    }
}

/// What the report says of response times is what the script finds, over all calls and by groups.
fn the_same_times(told: &Value, calls: &BTreeMap<String, Vec<Row>>) {
    let all = grouped(calls, |_| String::new()).remove("").expect("calls");
    all.matches(&told["response"], "all");
    for (by, field) in [(grouped(calls, |rows| priority(rows).to_string()), "by_priority"), (grouped(calls, battalion), "by_region")] {
        assert_eq!(told["response"][field].as_object().expect("an object").len(), by.len(), "{field}");
        for (key, found) in by {
            found.matches(&told["response"][field][&key], &key);
        }
    }
}

#[test]
fn the_whole_week_tells_what_a_plain_script_finds() {
    let (Some(file), Some(plans)) = (real::file(), real::real()) else { return };
    let calls = script(&file);
    let all = grouped(&calls, |_| String::new()).remove("").expect("calls");
    assert_eq!((all.with_arrival, all.late), (3_429, 58), "as the issue has it");
    let mut responses = Responses::default();
    for plan in &plans {
        responses.add(plan, &"calls.csv".into(), |stage| stage.as_str().to_owned());
    }
    let told = serde_json::to_value(DispatchReport::new(&responses, &Promises::default(), &[])).expect("JSON");
    assert_eq!(["incidents", "units", "assignments"].map(|field| told[field].as_u64().expect("a count")), [3_560, 178, 7_704]);
    the_same_times(&told, &calls);
    let overlaps = told["overlaps"].as_array().expect("a list");
    let units: Vec<_> = overlaps.iter().map(|overlap| overlap["unit"].as_str().expect("a unit")).collect();
    assert_eq!((units, &told["overlaps_total"]), (vec!["53", "65", "79", "88", "AM12", "E03", "E07", "E09", "KM04"], &json!(9)));
}

/// The rows of the night in which the year began: a whole week takes minutes in an unoptimised build.
fn night(file: &Path) -> String {
    let mut reader = csv::Reader::from_path(file).expect("a readable file");
    let header = reader.headers().expect("a header").clone();
    let received = header.iter().position(|column| column == "Received DtTm").expect("the column");
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).expect("memory");
    let hours = seconds("12/31/2016 08:00:00 PM")..seconds("01/01/2017 03:00:00 AM");
    for row in reader.records().map(|row| row.expect("CSV")).filter(|row| hours.contains(&seconds(&row[received]))) {
        writer.write_record(&row).expect("memory");
    }
    String::from_utf8(writer.into_inner().expect("memory")).expect("UTF-8")
}

#[test]
fn the_real_calls_become_incidents_units_and_assignments() {
    let Some(file) = real::file() else { return };
    let ground = Ground::new();
    let name = ground.write("calls.csv", &night(&file));
    let calls = script(Path::new(&name));
    let told = ground.import(&name, &[]).json(0)["dispatch"].clone();
    let counts = ["incidents", "units", "assignments", "already_there", "refused"].map(|field| told[field].as_u64().expect("a count"));
    let rows: Vec<_> = calls.values().flatten().collect();
    let units: BTreeSet<_> = rows.iter().map(|row| &row["Unit ID"]).collect();
    assert_eq!(counts, [calls.len() as u64, units.len() as u64, rows.len() as u64, 0, 0]);
    the_same_times(&told, &calls);
    let again = ground.import(&name, &[]).json(0);
    let added = (&again["appended"], &again["dispatch"]["appended"], &again["dispatch"]["refused"]);
    assert_eq!(added, (&json!(0), &json!(0), &json!(0)), "a repeat changes nothing");
    assert_eq!(again["dispatch"]["response"], told["response"]);
    the_server_says_so(&ground, &calls);
    let verified = ground.run(&["verify", "--json"]).json(0);
    assert_eq!(verified["findings_total"], 0, "{verified}");
}

fn battalion(rows: &[Row]) -> String {
    rows[0]["Battalion"].clone()
}

fn the_server_says_so(ground: &Ground, calls: &BTreeMap<String, Vec<Row>>) {
    let server = ground.serve(&[]);
    let over = calls.values().filter(|rows| rows.iter().all(|row| !row["Available DtTm"].is_empty())).count() as u64;
    listed(&server, over);
    let incidents = incidents(&server);
    let by = |name: &dyn Fn(&Value) -> String| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        incidents.iter().for_each(|incident| *counts.entry(name(incident)).or_default() += 1);
        counts
    };
    let expected = |groups: BTreeMap<String, Found>| groups.into_iter().map(|(key, found)| (key, found.calls)).collect::<BTreeMap<_, _>>();
    assert_eq!(by(&|incident| incident["priority"].to_string()), expected(grouped(calls, |rows| priority(rows).to_string())));
    let region = |incident: &Value| incident["zone"].as_str().expect("a zone").split('.').next().unwrap_or_default().to_owned();
    assert_eq!(by(&region), expected(grouped(calls, battalion)));
    for (number, count) in expected(grouped(calls, |rows| priority(rows).to_string())) {
        assert_eq!(get(&server, &format!("/api/v1/incidents?priority={number}&page_size=1")).1["total"], count);
    }
    the_turn_of_the_year(&server);
    assert!(server.stop().success());
}

/// One call and the unit that was on two at once, with their true times.
fn the_turn_of_the_year(server: &Server) {
    let (_, incident) = get(server, "/api/v1/incidents/163664036");
    assert_eq!((&incident["status"], &incident["priority"], &incident["zone"]), (&json!("closed"), &json!(2), &json!("B04.16")));
    assert_eq!(incident["created_at"], "2017-01-01T07:52:01Z");
    assert_eq!((&incident["latitude"], &incident["longitude"]), (&json!(37.81), &json!(-122.43)), "to about a kilometre");
    let (_, events) = get(server, "/api/v1/events?stream=unit:default:88&page_size=500");
    let twice = events["items"].as_array().expect("events").iter().find(|event| event["data"]["overlaps"].is_string()).expect("an overlap");
    let (of, on) = (&twice["data"]["assignment"], &twice["data"]["overlaps"]);
    assert_eq!((of, on, &twice["occurred_at"]), (&json!("170010462-88"), &json!("170010371-88"), &json!("2017-01-01T09:44:26Z")));
    assert_eq!(get(server, "/api/v1/units/88").1["agency"], "SFFD");
}
