//! The stored forms. A file under `golden/` is what a released version has written; it is never edited.

use super::*;
use ionveil_kernel::Timestamp;
use ionveil_kernel::testkit::{golden, unreadable};
use std::sync::Arc;

fn expected() -> Vec<(&'static str, Event)> {
    let with = |source: SourceForm| Event::Created(Created { pattern: PatternForm::from(source).check().unwrap(), ..created() });
    let (from, to) = (Timestamp::from_micros(1_000_000), Timestamp::from_micros(2_000_000));
    vec![
        ("created.v1", Event::Created(created())),
        ("created.v1.generated", with(SourceForm::Generated(Generator::Constant { rate: 0.1, duration_s: 60.0, events_per_s: 2.5 }))),
        ("created.v1.history", with(SourceForm::History(History { scope: "B02".into(), from, to }))),
        ("started.v1", Event::Started(Started { restarted: true })),
        ("started.v1.bare", Event::Started(Started { restarted: false })),
        ("completed.v1", Event::Completed(Completed { outcome: Arc::new(outcome()) })),
        ("failed.v1", Event::Failed(Failed { error: "the history is gone".into() })),
        ("cancelled.v1", Event::Cancelled(Cancelled {})),
    ]
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/src/simulation/golden"), Event::TYPES, &expected());
}

#[test]
fn what_cannot_be_read_is_an_error() {
    // Two need nothing, so that hardly anything is of another shape.
    let (open, strict): (Vec<_>, Vec<_>) = Event::TYPES.iter().partition(|(name, _)| ["started", "cancelled"].contains(name));
    let empty: Vec<_> = strict.iter().map(|(name, _)| (*name, "{}")).collect();
    let unknown: Vec<_> = open.iter().map(|(name, _)| (*name, r#"{"colour":"red"}"#)).collect();
    unreadable::<Event>(&strict, &[empty, unknown].concat());
}

/// An outcome that no run has does not load.
#[test]
fn contradictions_are_refused() {
    let sound = serde_json::to_string(&outcome()).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&sound).unwrap(), outcome());
    let table = [
        ("level out of range", r#""steps":[[1000000,1,2]]"#, r#""steps":[[1000000,2,2]]"#),
        ("behind the end", r#""steps":[[1000000,1,2]]"#, r#""steps":[[60000000,1,2]]"#),
        ("a lost step", r#""steps":[[1000000,1,2]]"#, r#""steps":[]"#),
        ("seconds do not sum up", "[1,59]", "[1,58]"),
        ("a level too few", r#"["calm","alert"]"#, r#"["calm"]"#),
        ("a level twice", r#"["calm","alert"]"#, r#"["calm","calm"]"#),
        ("another way", r#""escalations":1,"deescalations":0"#, r#""escalations":0,"deescalations":1"#),
    ];
    for (name, part, other) in table {
        assert!(sound.contains(part), "{name}");
        assert!(serde_json::from_str::<Outcome>(&sound.replace(part, other)).is_err(), "{name}");
    }
}
