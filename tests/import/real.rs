//! The real file, when it is there: what comes out is held against what another reader of CSV and of times finds in it.

use super::{issues, open, steps};
use ionveil::import::{Report, RowPlan};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

pub(crate) fn file() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("IONVEIL_TEST_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let file = data.join("sf-fire-calls-2017w1.csv");
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is not there", file.display());
    None
}

pub(crate) fn real() -> Option<Vec<RowPlan>> {
    let file = File::open(file()?).expect("a readable file");
    Some(open(file).expect("the mapping fits").map(|plan| plan.expect("readable")).collect())
}

/// What each row stands for by the words of the issue alone, with naive local times.
pub(crate) fn expected() -> Option<BTreeMap<String, (Vec<String>, bool)>> {
    let mut reader = csv::Reader::from_path(file()?).expect("a readable file");
    let rows = reader.deserialize::<BTreeMap<String, String>>().map(|row| row.expect("CSV"));
    Some(rows.map(|row| (row["RowID"].clone(), expected_of(&row))).collect())
}

fn expected_of(row: &BTreeMap<String, String>) -> (Vec<String>, bool) {
    let time = |column: &str| (!row[column].is_empty()).then(|| sortable(&row[column]));
    let chain = [("queued", "Received DtTm"), ("allocated", "Dispatch DtTm"), ("departed", "Response DtTm"), ("arrived", "On Scene DtTm")];
    let mut states: Vec<String> = Vec::new();
    let (mut last, mut lawful, mut listed) = (String::new(), true, false);
    for (state, column) in chain {
        match time(column) {
            Some(time) if lawful && time >= last => {
                states.push(state.to_owned());
                last = time;
            }
            Some(_) => (lawful, listed) = (false, true),
            None => lawful = false,
        }
    }
    let transported = !row["Transport DtTm"].is_empty() || !row["Hospital DtTm"].is_empty();
    let arrived = !row["On Scene DtTm"].is_empty();
    listed |= transported && !arrived;
    if !arrived && row["Call Final Disposition"] == "Cancelled" {
        states.push("cancelled".to_owned());
    }
    (states, listed)
}

/// `MM/DD/YYYY hh:mm:ss AM` as `YYYYMMDDhhmmss`.
fn sortable(text: &str) -> String {
    let hour: u32 = text[11..13].parse().expect("an hour");
    let hour = hour % 12 + if text.ends_with("PM") { 12 } else { 0 };
    format!("{}{}{}{hour:02}{}{}", &text[6..10], &text[..2], &text[3..5], &text[14..16], &text[17..19])
}

#[test]
fn every_row_is_planned_as_another_reader_sees_it() {
    let (Some(plans), Some(expected)) = (real(), expected()) else { return };
    assert_eq!(plans.len(), 7_704);
    assert_eq!(expected.len(), 7_704);
    for plan in &plans {
        let id = plan.id.as_ref().expect("every id is lawful").to_string();
        let states: Vec<_> = steps(plan).iter().map(|step| step.split(' ').next().unwrap_or_default().to_owned()).collect();
        let (expected, listed) = &expected[&id];
        assert_eq!(states, *expected, "{id}");
        assert_eq!(!plan.issues.is_empty(), *listed, "{id}: {:?}", issues(plan));
    }
}

#[test]
fn lines_are_those_of_the_file() {
    let (Some(plans), Some(path)) = (real(), file()) else { return };
    let text = std::fs::read_to_string(path).expect("UTF-8");
    let lines: Vec<_> = text.lines().collect();
    for plan in &plans {
        let line = lines[usize::try_from(plan.line - 1).expect("small")];
        assert!(line.ends_with(plan.id.as_ref().expect("an id").as_str()), "{}", plan.line);
    }
}

#[test]
fn the_response_of_the_turn_of_the_year_has_its_true_times() {
    let Some(plans) = real() else { return };
    let plan = plans.iter().find(|plan| plan.id.as_ref().is_some_and(|id| id.as_str() == "163664036-AM30")).expect("it is there");
    assert_eq!(
        steps(plan),
        ["queued 2017-01-01T07:52:01Z", "allocated 2017-01-01T07:55:20Z", "departed 2017-01-01T07:56:13Z", "arrived 2017-01-01T08:00:47Z"]
    );
    assert!(plan.issues.is_empty());
}

#[test]
fn the_report_counts_what_was_planned() {
    let Some(plans) = real() else { return };
    let mut report = Report::new("calls.csv");
    plans.iter().for_each(|plan| report.row(plan));
    assert_eq!((report.rows, report.workflows, report.rows_left_out), (7_704, 7_704, 0));
    assert_eq!(report.found.issues_total, plans.iter().map(|plan| plan.issues.len() as u64).sum::<u64>());
    assert_eq!(report.found.issues_by_code.into_iter().collect::<Vec<_>>(), [("backwards".to_owned(), 1), ("missing_stamp".to_owned(), 6)]);
}
