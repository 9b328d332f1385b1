//! The stored forms. A file under `golden/` is what a released version has written; it is never edited.

use super::*;
use ionveil_kernel::{DecodeError, EventCodec, Timestamp};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/simulation/golden")
}

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
fn every_stored_form_still_loads() {
    for (stem, event) in expected() {
        let text = fs::read_to_string(folder().join(format!("{stem}.json"))).unwrap_or_else(|error| panic!("{stem}: {error}"));
        let text = text.trim_end_matches('\n');
        assert_eq!(stem.split('.').next(), Some(event.event_type()));
        assert_eq!(Event::decode(event.event_type(), 1, text).unwrap(), event, "{stem}");
        assert_eq!(event.encode().unwrap(), text, "{stem}");
    }
}

#[test]
fn every_type_has_a_golden_file_and_every_file_is_tested() {
    let stems: BTreeSet<_> = expected().into_iter().map(|(stem, _)| stem.to_owned()).collect();
    for (event_type, newest) in Event::TYPES {
        for version in 1..=*newest {
            assert!(stems.contains(&format!("{event_type}.v{version}")), "{event_type} version {version} has no golden file");
        }
    }
    let file = |entry: fs::DirEntry| entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
    assert_eq!(fs::read_dir(folder()).unwrap().map(|entry| file(entry.unwrap())).collect::<BTreeSet<_>>(), stems);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    assert!(matches!(Event::decode("resumed", 1, "{}"), Err(DecodeError::UnknownEventType(_))));
    for (event_type, newest) in Event::TYPES {
        assert!(matches!(Event::decode(event_type, newest + 1, "{}"), Err(DecodeError::UnsupportedEventVersion { .. })));
        assert!(matches!(Event::decode(event_type, 1, r#"{"colour":"red"}"#), Err(DecodeError::InvalidData { .. })), "{event_type}");
    }
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
