//! What rows say of dispatch together: order, response times, overlaps; and what a row must say for it.

use super::{issues, open};
use ionveil::dispatch::report::Stage;
use ionveil::dispatch::scale::Severity;
use ionveil::dispatch::sla::{Promise, Promises};
use ionveil::import::{Deed, Responses, RowPlan};
use ionveil::reports::Report;

const HEADER: &str = "Call Number,Unit ID,Received DtTm,Dispatch DtTm,Response DtTm,On Scene DtTm,Call Final Disposition,Available DtTm,RowID,\
                      Call Type,Call Type Group,Priority,Location,Unit Type,Battalion,Station Area";

/// A row: call, unit, its four stages as minutes after one, and its priority.
fn row(call: u32, unit: &str, stages: [&str; 4], priority: &str) -> String {
    let stamp = |minute: &str| if minute.is_empty() { String::new() } else { format!("01/02/2017 01:{minute}:00 AM") };
    let [sent, left, there, free] = stages.map(stamp);
    let tail = format!("{call}-{unit},Explosion,Alarm,{priority},\"(37.7749, -122.4194)\",ENGINE,B09,39");
    format!("{call},{unit},{},{sent},{left},{there},Fire,{free},{tail}\n", stamp("00"))
}

fn read(rows: &[String]) -> (Responses, Vec<String>) {
    let file = format!("{HEADER}\n{}", rows.concat());
    let plans: Vec<RowPlan> = open(file.as_bytes()).expect("a good header").map(|plan| plan.expect("readable")).collect();
    let (mut responses, mut found) = (Responses::default(), Vec::new());
    for plan in &plans {
        found.extend(issues(plan));
        let more = responses.add(plan, &"calls.csv".into(), |stage: Stage| stage.as_str().to_owned());
        found.extend(more.iter().map(|issue| format!("{} {} {}", issue.line, issue.field.as_deref().unwrap_or("-"), issue.reason.code())));
    }
    (responses, found)
}

/// `minute what` of each deed.
fn told(deeds: &[Deed]) -> Vec<String> {
    let what = |deed: &Deed| match &deed.report {
        Report::Incident { id, priority, latitude, zone, .. } => {
            format!("call {id} P{priority} {latitude} {}", zone.as_deref().unwrap_or("-"))
        }
        Report::Unit { id, agency, .. } => format!("unit {id} of {}", agency.as_deref().unwrap_or("-")),
        Report::Stage { id, stage, source, .. } => format!("{id} {} ({source})", stage.as_str()),
        Report::Closed { incident } => format!("over {incident}"),
    };
    deeds.iter().map(|deed| format!("{:02} {}", deed.at.micros() / 60_000_000 % 60, what(deed))).collect()
}

#[test]
fn everything_comes_in_the_order_in_which_it_was_whatever_that_of_the_rows_is() {
    let rows = [row(2, "E1", ["09", "", "20", "30"], "3"), row(1, "E1", ["01", "02", "05", "10"], "E")];
    let (responses, found) = read(&rows);
    assert!(found.iter().all(|issue| issue.ends_with("missing_stamp")), "{found:?}");
    let deeds = responses.deeds(&"default".parse().expect("lawful"), "a/folder/calls.csv");
    let expected = [
        "00 call 2 P2 37.77 B09.39",
        "00 call 1 P1 37.77 B09.39",
        "01 unit E1 of SFFD",
        "01 1-E1 dispatched (calls.csv:3)",
        "02 1-E1 en_route (calls.csv:3)",
        "05 1-E1 on_scene (calls.csv:3)",
        "09 2-E1 dispatched (calls.csv:2)",
        "10 1-E1 available (calls.csv:3)",
        "10 over 1",
        "20 2-E1 on_scene (calls.csv:2)",
        "30 2-E1 available (calls.csv:2)",
        "30 over 2",
    ];
    assert_eq!(told(&deeds), expected, "a stage that nobody stamped stops none behind it, and texts raise no priority");
    let overlaps: Vec<_> = responses.overlaps().into_iter().map(|overlap| (overlap.first, overlap.second, overlap.seconds)).collect();
    assert_eq!(overlaps, [("1-E1".to_owned(), "2-E1".to_owned(), 60)]);
}

#[test]
fn a_response_of_one_instant_ends_behind_its_stages() {
    let rows = [row(1, "E1", ["01", "01", "01", "01"], "3"), row(2, "E1", ["01", "02", "05", "05"], "3")];
    let deeds = told(&read(&rows).0.deeds(&"default".parse().expect("lawful"), "calls.csv"));
    let of =
        |id: &str| deeds.iter().filter(|deed| deed.contains(id)).map(|deed| deed.split(' ').nth(2).unwrap_or_default()).collect::<Vec<_>>();
    let stages = ["dispatched", "en_route", "on_scene", "available"];
    assert_eq!((of("1-E1"), of("2-E1")), (stages.to_vec(), stages.to_vec()), "{deeds:?}");
}

#[test]
fn response_times_are_of_calls_and_equality_is_in_time() {
    let rows = [
        row(1, "E1", ["01", "02", "20", "30"], "3"),
        row(1, "E2", ["02", "03", "11", "30"], "3"),
        row(2, "E3", ["01", "02", "12", "30"], "3"),
        row(3, "E4", ["01", "02", "", "30"], "2"),
    ];
    let (responses, _) = read(&rows);
    let figures = responses.figures(&Promises::default());
    let all = &figures.all;
    assert_eq!((all.calls, all.with_arrival, all.without_arrival, all.late), (3, 2, 1, 1), "ten minutes are promised, and ten are in time");
    assert_eq!((all.median_minutes, figures.by_priority[&4].with_arrival, figures.by_region["B09"].calls), (10.5, 0, 3));
    let row = Promise { response_minutes: 11, resolution_minutes: 60 };
    let own = Promises::new([(Severity::new(4).expect("lawful"), row)].into()).expect("kept");
    assert_eq!(responses.figures(&own).all.late, 0, "the organisation's own times count");
}

#[test]
fn what_goes_backwards_or_says_too_little_is_left_out_and_told() {
    let rows = [
        row(1, "E1", ["05", "06", "07", "02"], "3"),
        row(2, "E2", ["01", "02", "03", "04"], "9"),
        row(3, "E3", ["01", "02", "03", "04"], "3").replace("(37.7749, ", "(97.0, "),
        row(4, "", ["01", "02", "03", "04"], "3"),
    ];
    let (responses, found) = read(&rows);
    let expected =
        ["2 available invalid_stage", "3 Priority invalid_response", "4 Location invalid_response", "5 Unit ID invalid_response"];
    assert_eq!(found, expected);
    assert_eq!(responses.counts(), (1, 1, 1));
    let deeds = told(&responses.deeds(&"default".parse().expect("lawful"), "calls.csv"));
    assert!(!deeds.iter().any(|deed| deed.contains("available") || deed.contains("over")), "{deeds:?}");
}
