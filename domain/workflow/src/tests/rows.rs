//! The list view agrees with the fold.

use super::*;
use crate::view::{Row, ViewError, project};
use serde_json::json;

fn rows(events: &[Event]) -> Row {
    let project = |row, record: &Recorded| project(row, record).expect("it follows");
    recorded(events).iter().fold(None, project).expect("a row")
}

#[test]
fn every_event_makes_its_row() {
    let table: Vec<(&str, Vec<Event>, &str, bool)> = vec![
        ("registered", vec![registered("dispatch", "queued")], "queued", false),
        ("a terminal start", vec![registered("dispatch", "arrived")], "arrived", true),
        ("cloned", vec![cloned("dispatch", &["queued", "cancelled"])], "cancelled", true),
        ("moved", vec![registered("dispatch", "queued"), moved("queued", "allocated")], "allocated", false),
        ("started", vec![registered("dispatch", "queued"), started("allocated")], "queued", false),
        ("completed", vec![registered("dispatch", "departed"), completed("departed", "arrived")], "arrived", true),
        ("failed", vec![registered("workflow", "executing"), failed("completed", "executing", None)], "failed", true),
        ("back", vec![registered("rescue", "called"), moved("called", "moving"), rolled_back("moving", "called")], "called", false),
        ("cancelled", vec![registered("mission_phase", "orbit"), cancelled("orbit", "aborted")], "aborted", true),
        ("repaired", vec![registered("dispatch", "arrived"), reconciled("arrived", "queued")], "queued", false),
        ("a user's machine ends", vec![registered("rescue", "moving"), moved("moving", "safe")], "safe", true),
    ];
    for (name, events, state, terminal) in table {
        let row = rows(&events);
        let count = i64::try_from(events.len()).unwrap();
        assert_eq!((row.state.as_str(), row.terminal, row.version), (state, terminal, events.len() as u64), "{name}");
        assert_eq!((row.occurred_at.micros(), row.recorded_at.micros()), (count * 10, count * 100), "{name}");
        assert_eq!((row.org.as_str(), row.id.as_str()), ("test", "x"), "{name}");
        let moment = crate::fold(&workflow(), &recorded(&events)).unwrap().unwrap();
        let summary = moment.state.summary().unwrap();
        assert_eq!((summary.state, summary.terminal, summary.machine), (row.state, row.terminal, row.machine), "{name}");
    }
}

#[test]
fn a_row_keeps_the_attributes() {
    let attributes = Attributes::check(&values(json!({ "zone": "n", "n": 1 }))).unwrap();
    let event = Event::Registered(Registered { machine: "dispatch".into(), definition: None, to: "queued".into(), attributes });
    let row = rows(&[event, moved("queued", "allocated")]);
    assert_eq!((row.attributes.as_str(), row.terminal_states), (r#"{"n":1,"zone":"n"}"#, None));
    let row = rows(&[registered("rescue", "called")]);
    assert_eq!((row.attributes.as_str(), row.terminal_states.as_deref()), ("{}", Some(r#"["safe"]"#)));
}

#[test]
fn a_repeat_changes_nothing_and_other_kinds_make_no_row() {
    let records = recorded(&[registered("dispatch", "queued"), moved("queued", "allocated")]);
    let row = records.iter().fold(None, |row, record| project(row, record).unwrap());
    assert_eq!(project(row.clone(), &records[0]).unwrap(), row);
    assert_eq!(project(row.clone(), &records[1]).unwrap(), row);
    let other = Recorded { stream: "unit:test:x".parse().unwrap(), ..records[0].clone() };
    assert_eq!(project(None, &other).unwrap(), None);
}

#[test]
fn the_view_stands_still_before_what_it_cannot_show() {
    let records = recorded(&[registered("dispatch", "queued"), moved("queued", "allocated"), moved("allocated", "departed")]);
    let row = project(None, &records[0]).unwrap();
    let code = |row: Option<Row>, record: &Recorded| match project(row, record).expect_err("an error") {
        ViewError::Unreadable(_) => "unreadable",
        ViewError::OutOfOrder { .. } => "order",
        ViewError::UnknownMachine(_) => "machine",
    };
    assert_eq!(code(row.clone(), &records[2]), "order");
    assert_eq!(code(None, &records[1]), "order");
    let first = Recorded { sequence_number: 1, ..records[1].clone() };
    assert_eq!(code(None, &first), "order");
    assert_eq!(code(row.clone(), &Recorded { event_type: "jumped".into(), ..records[1].clone() }), "unreadable");
    assert_eq!(code(row, &Recorded { schema_version: 3, ..records[1].clone() }), "unreadable");
    let tango = Recorded { data: r#"{"machine":"tango","to":"a"}"#.into(), ..records[0].clone() };
    assert_eq!(code(None, &tango), "machine");
}
