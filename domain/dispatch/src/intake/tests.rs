//! The row algorithm, step by step, and the laws of a batch.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

fn row(id: &str, deadline: impl Into<Value>) -> Value {
    let deadline: Value = deadline.into();
    json!({"command_id": id, "satellite_id": "s", "intent": "move", "issued_by": "ops", "signature": "x", "deadline": deadline})
}

fn with(mut row: Value, name: &str, value: Value) -> Value {
    row[name] = value;
    row
}

fn batch(rows: Vec<Value>) -> Batch {
    run(rows, NOW, Duration::from_micros(7))
}

fn errors(rows: Vec<Value>) -> Vec<String> {
    batch(rows).errors.iter().map(ToString::to_string).collect()
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.accepted.iter().map(|command| &*command.command_id).collect()
}

#[test]
fn every_fault_of_the_shape_is_told() {
    let told = errors(vec![
        json!({"deadline": 2000, "issued_by": "ops", "intent": 1, "command_id": null}),
        json!([1]),
        json!({}),
        with(
            with(with(with(row("a", 2000), "satellite_id", json!(1)), "command_id", json!({})), "signature", json!([])),
            "intent",
            json!(true),
        ),
    ]);
    assert_eq!(
        told,
        [
            "row 0: missing required fields: satellite_id, signature",
            "row 0: intent must be a string",
            "row 0: command_id must be a string",
            "row 1: command must be object",
            "row 2: missing required fields: command_id, deadline, intent, issued_by, satellite_id, signature",
            "row 3: intent must be a string",
            "row 3: signature must be a string",
            "row 3: command_id must be a string",
            "row 3: satellite_id must be a string",
        ]
    );
}

#[test]
fn later_faults_are_told_one_at_a_time_in_their_order() {
    let all = with(with(row("a", true), "annotations", json!([])), "payload", json!(1));
    let told = errors(vec![
        all.clone(),
        with(all.clone(), "deadline", json!(1)),
        with(with(all.clone(), "deadline", json!(1)), "annotations", Value::Null),
        with(with(with(all, "deadline", json!(1)), "annotations", json!({})), "payload", Value::Null),
    ]);
    let expected = [
        "row 0: invalid deadline (it is neither a text nor a number)",
        "row 1: annotations must be object",
        "row 2: payload must be object",
        "row 3: deadline already expired",
    ];
    assert_eq!(told, expected);
}

#[test]
fn deadlines_are_texts_or_seconds_and_equal_to_now_is_in_time() {
    for (deadline, micros) in [
        (json!(1000), Some(1_000_000_000)),
        (json!(1000.25), Some(1_000_250_000)),
        (json!(999.999_999), None),
        (json!(999), None),
        (json!("1970-01-01T00:16:40Z"), Some(1_000_000_000)),
        (json!("1970-01-01T00:16:40"), Some(1_000_000_000)),
        (json!("1970-01-01T01:16:40+01:00"), Some(1_000_000_000)),
        (json!("1970-01-01T00:16:39.999Z"), None),
        (json!(253_402_300_799_i64), Some(253_402_300_799_000_000)),
        (json!(253_402_300_800_i64), None),
        (json!(1e300), None),
        (json!(u64::MAX), None),
        (json!("10000-01-01T00:00:00Z"), None),
        (json!("soon"), None),
        (json!(""), None),
        (Value::Null, None),
        (json!(false), None),
        (json!({}), None),
    ] {
        let found = batch(vec![row("a", deadline.clone())]);
        assert_eq!(found.accepted.first().map(|command| command.deadline.micros()), micros, "{deadline}");
        assert_eq!(found.errors.len(), usize::from(micros.is_none()), "{deadline}");
    }
}

#[test]
fn the_first_good_row_wins_and_a_bad_one_shadows_nobody() {
    let found = batch(vec![
        row("a", 1),
        with(row("a", 3000), "issued_by", json!("first")),
        with(row("a", 2000), "issued_by", json!("second")),
        with(row("a", 2500), "intent", json!("stop")),
    ]);
    let seen: Vec<_> = found.accepted.iter().map(|command| (&*command.intent, command.issued_by.as_str())).collect();
    assert_eq!(seen, [("stop", "ops"), ("move", "first")]);
    assert_eq!(found.stats, Stats { rows: 4, accepted: 2, rejected: 1, duplicates: 1, elapsed_us: 7 });
    assert_eq!(found.errors.len(), 1, "a duplicate is no error");
}

#[test]
fn the_order_is_by_deadline_then_by_id() {
    let found =
        batch(vec![row("c", 2000), row("a10", 3000), row("a9", 3000), row("b", 2000), with(row("b", 2000), "satellite_id", json!("r"))]);
    assert_eq!(ids(&found), ["b", "b", "c", "a10", "a9"]);
    assert_eq!(&*found.accepted[0].satellite_id, "s", "full ties keep the order of the rows");
    assert_eq!(unique_satellites(&found.accepted), ["r", "s"]);
}

#[test]
fn what_is_optional_is_filled_in_and_what_is_no_text_becomes_one() {
    let full = json!({"issued_by": 7, "trace_id": "t", "payload": {"k": [1]}, "annotations": {"a": 1.5, "b": "x", "c": null, "d": {"e": true}}, "more": 1});
    let mut given = row("a", 2000);
    given.as_object_mut().unwrap().extend(full.as_object().unwrap().clone());
    let found = batch(vec![row("b", 1999), with(row("c", 1999), "trace_id", Value::Null), given]);
    let [b, c, a] = &found.accepted[..] else { panic!("{found:?}") };
    assert_eq!((b.trace_id.as_str(), c.trace_id.as_str(), a.trace_id.as_str()), ("trace-0", "trace-1", "t"));
    assert_eq!((a.issued_by.as_str(), a.payload["k"].clone()), ("7", json!([1])));
    let notes: Vec<_> = a.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(notes, ["a=1.5", "b=x", "c=", r#"d={"e":true}"#]);
    assert!(b.payload.is_empty() && b.annotations.is_empty());
}

#[test]
fn urgency_counts_whole_seconds_and_includes_the_last() {
    let at = |seconds: i64, micros: i64| Timestamp::from_micros(seconds * 1_000_000 + micros);
    assert!(is_urgent(at(2_200, 999_999), at(1_000, 0), URGENT_MINUTES_DEFAULT));
    assert!(!is_urgent(at(2_201, 0), at(1_000, 999_999), URGENT_MINUTES_DEFAULT));
    assert!(is_urgent(at(1_060, 0), at(1_000, 0), -5) && !is_urgent(at(1_061, 0), at(1_000, 0), 0), "at least a minute");
    assert!(is_due_within(at(4_600, 0), at(1_000, 0), 3_600) && !is_due_within(at(4_601, 0), at(1_000, 0), 3_600));
}

/// Rows of every kind, with few ids so that they repeat.
fn any_row() -> impl Strategy<Value = Value> {
    let deadline =
        prop_oneof![(998..1_004_i64).prop_map(|s| json!(s)), select(vec![json!("1970-01-01T00:16:41Z"), json!("never"), Value::Null])];
    let good = (select(vec!["a", "b", "c"]), select(vec!["r", "s"]), deadline);
    let change =
        select(vec![("trace_id", json!("t")), ("payload", json!(3)), ("annotations", json!(3)), ("intent", json!(3)), ("other", json!(1))]);
    prop_oneof![
        6 => (good, change).prop_map(|((id, satellite, deadline), (name, value))| {
            with(with(row(id, deadline), "satellite_id", json!(satellite)), name, value)
        }),
        1 => select(vec![json!(null), json!({}), json!("text"), json!({"intent": "move"})]),
    ]
}

proptest! {
    /// Against a list that is searched from its beginning for each row, and sorted by insertion.
    #[test]
    fn a_batch_is_what_the_plain_algorithm_says(rows in prop::collection::vec(any_row(), 0..40)) {
        let mut kept: Vec<IntakeCommand> = Vec::new();
        let (mut told, mut duplicates) = (Vec::new(), 0);
        for (place, row) in rows.iter().enumerate() {
            match validate(place, row.clone(), NOW) {
                Err(errors) => told.extend(errors),
                Ok(command) if kept.iter().any(|other| other.identity() == command.identity()) => duplicates += 1,
                Ok(command) => {
                    let place = kept.iter().position(|other| (other.deadline, &other.command_id) > (command.deadline, &command.command_id));
                    kept.insert(place.unwrap_or(kept.len()), command);
                }
            }
        }
        let found = run(rows.clone(), NOW, Duration::ZERO);
        prop_assert_eq!(&found.accepted, &kept);
        prop_assert_eq!(&found.errors, &told);
        prop_assert_eq!(found.stats.duplicates, duplicates);
        prop_assert_eq!(found.stats.accepted + found.stats.rejected + found.stats.duplicates, rows.len());
        // Validated in any order, taken in the order of the rows: the same.
        let mut validated: Vec<_> = rows.into_iter().enumerate().rev().map(|(place, row)| validate(place, row, NOW)).collect();
        validated.reverse();
        let mut pipeline = Pipeline::new(NOW);
        validated.into_iter().for_each(|row| pipeline.take(row));
        prop_assert_eq!(pipeline.finish(Duration::ZERO), found);
    }
}
