//! Workflows of other systems.

use super::*;
use crate::migrate::{DumpFault, Plan, plan};
use crate::{Command, State};
use ionveil_kernel::testkit::CountingIds;
use ionveil_kernel::{CommandId, DecideEnv, Decider, Org, Policy, derive_uuid};
use serde_json::json;

/// Times are written as `T5` for five microseconds.
fn parse_time(text: &str) -> Option<Timestamp> {
    text.strip_prefix('T').unwrap_or(text).parse().ok().map(Timestamp::from_micros)
}

fn try_plan(machine: &str, dump: &Value) -> Result<Plan, Vec<DumpFault>> {
    plan(&workflow(), &Org::new("acme").unwrap(), machine, dump, &parse_time)
}

fn planned(dump: Value) -> Plan {
    try_plan("dispatch", &dump).expect("a plan")
}

/// Carries a plan out for one workflow: its events in few words, and its state.
fn carried_out(plan: &Plan, id: &str) -> (Vec<String>, State) {
    let migration = plan.migrations.iter().find(|migration| migration.id.as_str() == id).expect("planned");
    let decider = workflow();
    let mut state = State::Absent;
    let mut events = Vec::new();
    for (version, step) in (0..).zip(&migration.steps) {
        assert_eq!(step.expected_version, version);
        let (cause, policy) = (ionveil_kernel::testkit::meta(1), Policy::default());
        let now = Timestamp::default();
        let env = DecideEnv { now, occurred_at: now, ids: &CountingIds::default(), cause: &cause, policy: &policy };
        let decision = decider.decide(&state, &step.command, &env).expect("accepted");
        assert_eq!(decision.len(), 1);
        state = decider.evolve(state, &(), &decision[0].1).expect("lawful");
        let time = step.occurred_at.map_or("-".to_owned(), |time| time.micros().to_string());
        events.push(format!("{time} {} {}", decision[0].1.event_type(), decision[0].1.encode().unwrap()));
    }
    (events, state)
}

fn record(id: &str, from: &str, to: &str, time: i64) -> Value {
    json!({ "entity_id": id, "from": from, "to": to, "timestamp": format!("T{time}") })
}

fn with(mut record: Value, field: &str, value: Value) -> Value {
    record[field] = value;
    record
}

#[test]
fn a_history_becomes_events() {
    let back = with(with(record("a", "departed", "allocated", 3), "rollback", json!(true)), "reason", json!("wrong unit"));
    let plan = planned(json!({
        "entities": { "a": "allocated", "b": "departed" },
        "history": [
            with(record("a", "queued", "allocated", 1), "reason", json!("engine 7")),
            record("a", "allocated", "departed", 2),
            back,
        ],
    }));
    let (events, state) = carried_out(&plan, "a");
    assert_eq!(
        events,
        [
            r#"1 registered {"machine":"dispatch","to":"queued"}"#,
            r#"1 transitioned {"from":"queued","to":"allocated","reason":"engine 7"}"#,
            r#"2 transitioned {"from":"allocated","to":"departed"}"#,
            r#"3 rolled_back {"from":"departed","to":"allocated","reason":"wrong unit"}"#,
        ]
    );
    assert_eq!(state.live().unwrap().stack().collect::<Vec<_>>(), ["queued", "allocated"]);
    assert_eq!(carried_out(&plan, "b").0, [r#"- registered {"machine":"dispatch","to":"departed"}"#]);
    let report = serde_json::to_value(&plan.report).unwrap();
    assert_eq!(report, json!({ "entities": 2, "events": 5, "reconciled": 0, "clamped": 0, "orphans": [] }));
}

#[test]
fn what_no_table_allows_is_reconciled() {
    let rollback = |record| with(record, "rollback", json!(true));
    let table: Vec<(&str, Vec<Value>, &str, &str)> = vec![
        ("a jump", vec![record("a", "queued", "arrived", 1)], "arrived", "reconciled"),
        (
            "from elsewhere",
            vec![record("a", "queued", "allocated", 1), record("a", "queued", "cancelled", 2)],
            "cancelled",
            "transitioned reconciled",
        ),
        ("to itself", vec![record("a", "queued", "queued", 1)], "queued", "reconciled"),
        ("a rollback of nothing", vec![rollback(record("a", "allocated", "queued", 1))], "queued", "reconciled"),
        ("a rollback that is a move", vec![rollback(record("a", "queued", "allocated", 1))], "allocated", "transitioned"),
        (
            "a rollback out of the end [T51]",
            vec![record("a", "queued", "cancelled", 1), rollback(record("a", "cancelled", "queued", 2))],
            "queued",
            "transitioned reconciled",
        ),
        ("another stored state", vec![record("a", "queued", "allocated", 1)], "departed", "transitioned reconciled"),
        (
            "the second rollback redoes in the source [T96]",
            vec![
                record("a", "queued", "allocated", 1),
                record("a", "allocated", "departed", 2),
                rollback(record("a", "departed", "allocated", 3)),
                rollback(record("a", "allocated", "departed", 4)),
            ],
            "departed",
            "transitioned transitioned rolled_back transitioned",
        ),
    ];
    for (name, history, stored, types) in table {
        let plan = planned(json!({ "entities": { "a": stored }, "history": history }));
        let (events, state) = carried_out(&plan, "a");
        let found: Vec<_> = events.iter().map(|event| event.split(' ').nth(1).unwrap()).collect();
        assert_eq!(found.join(" "), format!("registered {types}"), "{name}");
        assert_eq!(state.summary().unwrap().state, stored, "{name}");
        assert_eq!(plan.report.reconciled, types.matches("reconciled").count(), "{name}");
        assert_eq!(plan.report.events, found.len(), "{name}");
    }
}

#[test]
fn orphans_are_kept_and_listed() {
    let plan = planned(json!({ "entities": { "a": "queued" }, "history": [record("ghost", "queued", "allocated", 5)] }));
    assert_eq!((plan.report.entities, plan.report.events), (1, 3));
    assert_eq!(plan.report.orphans.iter().map(EntityId::as_str).collect::<Vec<_>>(), ["ghost"]);
    assert_eq!(carried_out(&plan, "ghost").1.summary().unwrap().state, "allocated");
}

#[test]
fn times_that_run_backwards_are_clamped_and_counted() {
    let plan = planned(json!({
        "entities": { "a": "arrived" },
        "history": [record("a", "queued", "allocated", 9), record("a", "allocated", "departed", 4), record("a", "departed", "arrived", 9)],
    }));
    let times: Vec<_> = plan.migrations[0].steps.iter().map(|step| step.occurred_at.unwrap().micros()).collect();
    assert_eq!((times, plan.report.clamped), (vec![9, 9, 9, 9], 1));
}

#[test]
fn a_history_may_be_keyed_by_id_and_numbers_may_be_times() {
    let list = json!({ "entities": { "a": "allocated" }, "history": [record("a", "queued", "allocated", 7)] });
    let bare = json!({ "from": "queued", "to": "allocated", "timestamp": 7, "reason": null, "rollback": null, "clerk": "x" });
    let keyed = json!({ "entities": { "a": "allocated" }, "history": { "a": [bare] } });
    let short =
        json!({ "entities": { "a": "allocated" }, "history": [{ "id": "a", "from": "queued", "to": "allocated", "timestamp": "T7" }] });
    assert_eq!(planned(list.clone()), planned(keyed));
    assert_eq!(planned(list), planned(short));
    assert!(planned(json!({ "entities": {} })).migrations.is_empty());
}

#[test]
fn a_second_run_asks_under_the_same_ids() {
    let dump = json!({ "entities": { "b": "queued", "a": "allocated" }, "history": [record("a", "queued", "allocated", 7)] });
    let plan = planned(dump.clone());
    assert_eq!(plan, planned(dump.clone()));
    let id = |entity: &str, index: &str| CommandId(derive_uuid(&["migrate-workflows", "acme", entity, index]));
    let ids: Vec<_> = plan.migrations.iter().flat_map(|migration| &migration.steps).map(|step| step.command_id).collect();
    assert_eq!(ids, [id("a", "0"), id("a", "1"), id("b", "0")]);
    let elsewhere = super::migration::plan(&workflow(), &Org::new("other").unwrap(), "dispatch", &dump, &parse_time).unwrap();
    assert_ne!(elsewhere.migrations[0].steps[0].command_id, ids[0]);
}

#[test]
fn other_machines_can_be_the_target() {
    let dump = json!({ "entities": { "a": "safe" }, "history": [{ "id": "a", "from": "moving", "to": "safe", "timestamp": "T1" }] });
    let plan = try_plan("rescue", &dump).unwrap();
    assert_eq!(carried_out(&plan, "a").1.summary().unwrap().machine, "rescue");
    assert!(matches!(&plan.migrations[0].steps[0].command, Command::Register { machine, .. } if machine == "rescue"));
    assert_eq!(try_plan("tango", &dump).unwrap_err()[0].code, "unknown_machine");
}

#[test]
fn every_fault_of_a_dump_is_named() {
    let long = "x".repeat(2_000);
    let dump = json!({
        "histroy": [],
        "entities": { "a b": "queued", "c": "flying", "d": null },
        "history": [
            { "entity_id": "c", "from": "x", "to": "queued", "timestamp": "noon" },
            { "entity_id": 7, "from": 1, "timestamp": true, "reason": long, "rollback": "yes" },
            { "from": "queued", "to": "allocated", "reason": 5 },
            "c",
            { "id": "-", "from": "queued", "to": "allocated", "timestamp": "T1", "reason": "\u{7}" },
        ],
    });
    let faults = try_plan("dispatch", &dump).unwrap_err();
    assert!(faults.iter().all(|fault| fault.to_string().starts_with(&fault.path)));
    let found: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.path, fault.code)).collect();
    assert_eq!(
        found,
        [
            "histroy unknown_field",
            "entities.a b invalid_id",
            "entities.c unknown_state",
            "entities.d invalid_type",
            "history[0].from unknown_state",
            "history[0].timestamp invalid_time",
            "history[1].entity_id invalid_type",
            "history[1].from invalid_type",
            "history[1].to missing_field",
            "history[1].timestamp invalid_time",
            "history[1].reason invalid_reason",
            "history[1].rollback invalid_type",
            "history[2].entity_id missing_field",
            "history[2].timestamp missing_field",
            "history[2].reason invalid_type",
            "history[3] invalid_type",
            "history[4].entity_id invalid_id",
            "history[4].reason invalid_reason",
        ]
    );
    let only =
        |dump: Value| try_plan("dispatch", &dump).unwrap_err().iter().map(|fault| (fault.path.clone(), fault.code)).collect::<Vec<_>>();
    assert_eq!(only(json!([])), [("dump".to_owned(), "invalid_type")]);
    assert_eq!(only(json!({})), [("entities".to_owned(), "missing_field")]);
    assert_eq!(only(json!({ "entities": [] })), [("entities".to_owned(), "invalid_type")]);
    assert_eq!(only(json!({ "entities": {}, "history": 1 })), [("history".to_owned(), "invalid_type")]);
    let keyed = json!({ "entities": {}, "history": { "a": 1, "b c": [record("x", "queued", "allocated", 1)] } });
    assert_eq!(only(keyed), [("history.a".to_owned(), "invalid_type"), ("history.b c[0]".to_owned(), "invalid_id")]);
}
