//! How stored forms are tested: a folder holds what released versions have written, `<type>.v<n>[.case].json`. A file there is
//! never edited.

use crate::{DecodeError, EventCodec};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

/// Checks that each file of `folder` reads as the event that it stands for and, of the present version, is what is written
/// today; that every version of every type has a file, and every file a case in `expected`.
///
/// # Panics
/// With what is wrong.
pub fn golden<E: EventCodec + Debug + PartialEq>(folder: impl AsRef<Path>, types: &[(&str, u32)], expected: &[(&str, E)]) {
    let folder = folder.as_ref();
    for (stem, event) in expected {
        check_file(folder, stem, event);
    }
    let stems: BTreeSet<_> = expected.iter().map(|(stem, _)| (*stem).to_owned()).collect();
    for (event_type, newest) in types {
        for version in 1..=*newest {
            assert!(stems.contains(&format!("{event_type}.v{version}")), "{event_type} version {version} has no golden file");
        }
    }
    assert_eq!(files(folder), stems);
}

fn check_file<E: EventCodec + Debug + PartialEq>(folder: &Path, stem: &str, event: &E) {
    let written = || event.encode().unwrap_or_else(|error| error.to_string());
    let text = fs::read_to_string(folder.join(format!("{stem}.json"))).unwrap_or_else(|error| panic!("{stem}: {error}: {}", written()));
    let text = text.trim_end_matches('\n');
    let (event_type, version) = named(stem);
    let read = E::decode(event_type, version, text).unwrap_or_else(|error| panic!("{stem}: {error}"));
    assert_eq!(&read, event, "{stem}");
    assert_eq!(event_type, event.event_type(), "{stem}");
    if version == event.schema_version() {
        assert_eq!(written(), text, "{stem}");
    }
}

fn named(stem: &str) -> (&str, u32) {
    let mut parts = stem.split('.');
    let name = parts.next().unwrap_or_default();
    let version = parts.next().and_then(|version| version.trim_start_matches('v').parse().ok());
    (name, version.unwrap_or_else(|| panic!("{stem} is not named <type>.v<n>")))
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("a folder that can be read").file_name();
    entries.map(|entry| name(entry).to_string_lossy().trim_end_matches(".json").to_owned()).collect()
}

/// Checks that unknown types, other versions and payloads of another shape are errors, each of its kind; `payloads` are
/// further ones of version 1.
///
/// # Panics
/// With what was read.
pub fn unreadable<E: EventCodec + Debug>(types: &[(&str, u32)], payloads: &[(&str, &str)]) {
    assert_eq!(kind::<E>("teleported", 1, "{}"), "type");
    for (event_type, newest) in types {
        assert_eq!(kind::<E>(event_type, newest + 1, "{}"), "version", "{event_type}");
        assert_eq!(kind::<E>(event_type, 0, "{}"), "version", "{event_type}");
        for data in ["", "[]", "null", "{", r#"{"colour":1}"#, r#"{"from":1,"to":2}"#] {
            assert_eq!(kind::<E>(event_type, *newest, data), "data", "{event_type} {data}");
        }
    }
    for (event_type, data) in payloads {
        assert_eq!(kind::<E>(event_type, 1, data), "data", "{event_type} {data}");
    }
}

fn kind<E: EventCodec + Debug>(event_type: &str, version: u32, data: &str) -> String {
    match E::decode(event_type, version, data) {
        Ok(event) => format!("{event:?}"),
        Err(DecodeError::UnknownEventType(_)) => "type".to_owned(),
        Err(DecodeError::UnsupportedEventVersion { .. }) => "version".to_owned(),
        Err(DecodeError::MissingUpcaster { .. }) => "link".to_owned(),
        Err(DecodeError::InvalidData { .. }) => "data".to_owned(),
    }
}
