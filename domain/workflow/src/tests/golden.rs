//! The stored forms. A file under `golden/` is what a released version has written; it is never edited. `<type>.v<n>.json`
//! shows every field, further cases are `<type>.v<n>.<case>.json`.

use super::*;
use crate::InForce;
use ionveil_kernel::testkit::{golden, unreadable};
use ionveil_kernel::{DecodeError, PolicyLevel, Upcaster, read_event};
use serde_json::json;
use std::collections::BTreeMap;

fn full_attributes() -> Attributes {
    Attributes::check(&values(json!({ "battalion": "B02", "hot": true, "load": 0.1, "units": 3, "note": "a\n\"b\" é" }))).unwrap()
}

fn assigning() -> MachineDefinition {
    table("called", "called > moving, moving! > safe called, safe >")
}

fn in_force() -> InForce {
    InForce { level: PolicyLevel::Watch, node: "B09".into(), version: 17 }
}

/// What each file stands for.
fn expected() -> Vec<(&'static str, Event)> {
    let with_terminal = MachineDefinition { terminal: Some(vec!["safe".into()]), ..rescue() };
    vec![
        ("registered.v1", {
            Event::Registered(Registered {
                machine: "rescue".into(),
                definition: Some(with_terminal),
                to: "called".into(),
                attributes: full_attributes(),
            })
        }),
        ("registered.v1.built_in", registered("dispatch", "queued")),
        ("registered.v2", {
            Event::Registered(Registered {
                machine: "rescue".into(),
                definition: Some(assigning()),
                to: "called".into(),
                attributes: full_attributes(),
            })
        }),
        ("cloned.v1", {
            Event::Cloned(Cloned {
                source: source(),
                source_version: 4,
                machine: "rescue".into(),
                definition: Some(rescue()),
                stack: vec!["called".into(), "moving".into()],
                attributes: full_attributes(),
            })
        }),
        ("cloned.v1.built_in", cloned("dispatch", &["queued", "allocated"])),
        ("cloned.v2", {
            Event::Cloned(Cloned {
                source: source(),
                source_version: 4,
                machine: "rescue".into(),
                definition: Some(assigning()),
                stack: vec!["called".into(), "moving".into()],
                attributes: full_attributes(),
            })
        }),
        ("step_started.v1", started("allocated")),
        ("step_completed.v1", completed("queued", "allocated")),
        ("step_completed.v2", {
            let (step, from, to) = ("allocated".into(), "queued".into(), "allocated".into());
            Event::StepCompleted(StepCompleted { step, from, to, policy: Some(in_force()) })
        }),
        ("step_failed.v1", failed("completed", "executing", Some("no fuel"))),
        ("step_failed.v1.bare", failed("completed", "executing", None)),
        (
            "transitioned.v1",
            Event::Transitioned(Transitioned { from: "queued".into(), to: "allocated".into(), reason: some("engine 7"), policy: None }),
        ),
        ("transitioned.v1.bare", moved("queued", "allocated")),
        ("transitioned.v2", {
            let (from, to, reason) = ("queued".into(), "allocated".into(), some("engine 7"));
            Event::Transitioned(Transitioned { from, to, reason, policy: Some(in_force()) })
        }),
        ("rolled_back.v1", Event::RolledBack(RolledBack { from: "allocated".into(), to: "queued".into(), reason: some("wrong unit") })),
        ("rolled_back.v1.bare", rolled_back("allocated", "queued")),
        ("cancelled.v1", Event::Cancelled(Cancelled { from: "queued".into(), to: "cancelled".into(), reason: some("false alarm") })),
        ("cancelled.v1.bare", cancelled("orbit", "aborted")),
        ("reconciled.v1", Event::Reconciled(Reconciled { from: "queued".into(), to: "arrived".into(), reason: some("radio log") })),
        ("reconciled.v1.bare", reconciled("queued", "arrived")),
    ]
}

#[test]
fn every_stored_form_still_loads_and_every_version_of_every_type_has_one() {
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"), Event::TYPES, &expected());
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_skipped() {
    let transitioned = [
        r#"{"from":"a","to":"b","colour":"red"}"#,
        r#"{"from":"a","from":"a","to":"b"}"#,
        r#"{"from":"a","to":"b"}{}"#,
        r#"{"from":"a","to":null}"#,
    ];
    let registered = [r#"{"a":null}"#, r#"{"a":[]}"#, r#"{"a":{}}"#, r#"{"a":1e999}"#]
        .map(|attributes| format!(r#"{{"machine":"m","to":"a","attributes":{attributes}}}"#));
    let empty = Event::TYPES.iter().map(|(name, _)| (*name, "{}"));
    let further = transitioned.into_iter().map(|data| ("transitioned", data));
    let further = further.chain(registered.iter().map(|data| ("registered", data.as_str())));
    unreadable::<Event>(Event::TYPES, &empty.chain(further).collect::<Vec<_>>());
}

/// The way of an old stored form through the chain, with links that only this test knows.
#[test]
fn old_forms_are_lifted_link_by_link() {
    const CHAIN: [Upcaster; 2] = [
        Upcaster { event_type: "registered", from_version: 1, convert: |v| json!({ "kind": v["kind"], "to": v["state"] }) },
        Upcaster {
            event_type: "registered",
            from_version: 2,
            convert: |v| json!({ "machine": v["kind"], "to": v["to"], "attributes": { "load": 0.1, "note": "old" } }),
        },
    ];
    let lift = |chain: &[Upcaster], version, data: &str| read_event::<Registered>(chain, "registered", version, 3, data);
    let event = lift(&CHAIN, 1, r#"{"kind":"dispatch","state":"queued"}"#).unwrap();
    assert_eq!((event.machine.as_str(), event.to.as_str(), event.attributes.iter().count()), ("dispatch", "queued", 2));
    assert_eq!(lift(&CHAIN, 2, r#"{"kind":"dispatch","to":"queued"}"#).unwrap(), event);
    assert!(matches!(
        lift(&CHAIN[..1], 1, r#"{"kind":"dispatch","state":"queued"}"#),
        Err(DecodeError::MissingUpcaster { version: 2, .. })
    ));
    assert!(matches!(lift(&CHAIN, 4, "{}"), Err(DecodeError::UnsupportedEventVersion { newest: 3, .. })));
    assert!(matches!(lift(&CHAIN, 1, r#"{"kind":1,"state":2}"#), Err(DecodeError::InvalidData { .. })));
}

/// Texts that the parser alone misses by the last bit are among them.
#[test]
fn numbers_come_back_as_they_were_stored() {
    let known = [0.1, -0.0, 1e300, 5e-324, f64::MAX, 122.416_294_033_786_59, 9_007_199_254_740_993.0];
    let spread = (1..2_000_u64).map(|n| f64::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).filter(|number| number.is_finite());
    let whole = [json!(u64::MAX), json!(i64::MIN), json!(0)];
    for number in known.into_iter().chain(spread).map(Value::from).chain(whole) {
        let attributes = Attributes::check(&BTreeMap::from([("n".to_owned(), number.clone())])).unwrap();
        let stored = serde_json::to_string(&attributes).unwrap();
        assert_eq!(serde_json::from_str::<Attributes>(&stored).unwrap(), attributes, "{number}");
    }
}
