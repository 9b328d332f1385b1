//! How the stored forms of this crate's events are tested: `golden/<entity>/` holds what released versions have written.

use ionveil_kernel::{DecodeError, EventCodec};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

/// Checks that each file reads as the event that it stands for and, of the present version, is what is written today; that
/// every version of every type has a file, and every file a case.
pub(crate) fn check<E: EventCodec + Debug + PartialEq>(folder: &str, types: &[(&str, u32)], expected: Vec<(&str, E)>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(folder);
    for (stem, event) in &expected {
        let text = fs::read_to_string(folder.join(format!("{stem}.json"))).unwrap_or_else(|error| panic!("{stem}: {error}"));
        let text = text.trim_end_matches('\n');
        let (event_type, version) = named(stem);
        assert_eq!(&E::decode(event_type, version, text).unwrap(), event, "{stem}");
        assert_eq!(event_type, event.event_type(), "{stem}");
        if version == event.schema_version() {
            assert_eq!(event.encode().unwrap(), text, "{stem}");
        }
    }
    let stems: BTreeSet<_> = expected.iter().map(|(stem, _)| (*stem).to_owned()).collect();
    for (event_type, newest) in types {
        for version in 1..=*newest {
            assert!(stems.contains(&format!("{event_type}.v{version}")), "{event_type} version {version} has no golden file");
        }
    }
    let file = |entry: fs::DirEntry| entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
    let files: BTreeSet<_> = fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect();
    assert_eq!(files, stems);
}

fn named(stem: &str) -> (&str, u32) {
    let mut parts = stem.split('.');
    let (Some(event_type), Some(version)) = (parts.next(), parts.next()) else { panic!("{stem}") };
    (event_type, version.trim_start_matches('v').parse().unwrap())
}

/// Checks that unknown types, other versions and payloads of another shape are errors, each of its kind.
pub(crate) fn check_unreadable<E: EventCodec + Debug>(types: &[(&str, u32)], payloads: &[(&str, &str)]) {
    let kind = |event_type: &str, version, data: &str| match E::decode(event_type, version, data) {
        Ok(event) => format!("{event:?}"),
        Err(DecodeError::UnknownEventType(_)) => "type".to_owned(),
        Err(DecodeError::UnsupportedEventVersion { .. }) => "version".to_owned(),
        Err(DecodeError::MissingUpcaster { .. }) => "link".to_owned(),
        Err(DecodeError::InvalidData { .. }) => "data".to_owned(),
    };
    assert_eq!(kind("teleported", 1, "{}"), "type");
    for (event_type, newest) in types {
        assert_eq!(kind(event_type, newest + 1, "{}"), "version", "{event_type}");
        assert_eq!(kind(event_type, 0, "{}"), "version", "{event_type}");
        for data in ["", "{}", "[]", "null", "{", r#"{"from":1,"to":2}"#] {
            assert_eq!(kind(event_type, *newest, data), "data", "{event_type} {data}");
        }
    }
    for (event_type, data) in payloads {
        assert_eq!(kind(event_type, 1, data), "data", "{event_type} {data}");
    }
}
