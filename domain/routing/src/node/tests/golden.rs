//! The stored forms. A file under `golden/` is what a released version has written; it is never edited.
//! `<type>.v<n>.json` shows every field.

use super::*;
use ionveil_kernel::{DecodeError, EventCodec};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// What each file stands for.
fn expected() -> Vec<(&'static str, Event)> {
    vec![
        ("node_registered.v1", registered()),
        ("load_reported.v1", Event::LoadReported(LoadReported { load: Load { latency_ms: 5, queue_depth: 0, saturation: 1.25 } })),
        ("health_sampled.v1", Event::HealthSampled(HealthSampled { sample: Sample { at: at(1), value: 0.5 }, heard_at: at(2) })),
        ("node_excluded.v1", excluded(3, 0.2999)),
        ("node_readmitted.v1", readmitted(4, 0.35)),
        ("warmup_started.v1", warmup(4)),
        ("warmup_completed.v1", completed(304)),
        ("warmup_cancelled.v1", cancelled(5)),
        ("node_degraded.v1", degraded(6)),
        ("maintenance_entered.v1", in_maintenance(7)),
        ("node_recovered.v1", recovered(8)),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    for (stem, event) in expected() {
        let text = fs::read_to_string(folder().join(format!("{stem}.json")))
            .unwrap_or_else(|error| panic!("{stem}: {error}: {}", event.encode().unwrap()));
        let text = text.trim_end_matches('\n');
        assert_eq!(format!("{}.v{}", event.event_type(), event.schema_version()), stem);
        assert_eq!(Event::decode(event.event_type(), 1, text).unwrap(), event, "{stem}");
        assert_eq!(event.encode().unwrap(), text, "{stem}");
    }
    let stems: BTreeSet<_> = expected().into_iter().map(|(stem, _)| stem.to_owned()).collect();
    let types: BTreeSet<_> = Event::TYPES.iter().map(|(name, version)| format!("{name}.v{version}")).collect();
    let file = |entry: fs::DirEntry| entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
    let files: BTreeSet<_> = fs::read_dir(folder()).unwrap().map(|entry| file(entry.unwrap())).collect();
    assert_eq!((&stems, &stems), (&types, &files));
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_skipped() {
    assert!(matches!(Event::decode("teleported", 1, "{}"), Err(DecodeError::UnknownEventType(_))));
    for (event_type, newest) in Event::TYPES {
        assert!(matches!(Event::decode(event_type, newest + 1, "{}"), Err(DecodeError::UnsupportedEventVersion { .. })));
        for data in ["", "{}", "[]", "null", "{", r#"{"at":"now"}"#, r#"{"at":1,"colour":"red"}"#] {
            assert!(matches!(Event::decode(event_type, *newest, data), Err(DecodeError::InvalidData { .. })), "{event_type} {data}");
        }
    }
}
