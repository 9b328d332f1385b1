//! The stored forms of this crate's events: `golden/<entity>/<type>.v<n>[.case].json` is what a released version has written;
//! it is never edited.

use crate::{channel, failover};
use ionveil_kernel::{DecodeError, EventCodec};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

/// Checks that each file loads and, of the present version, is what is written today, and that every type has one.
fn check<E: EventCodec + Debug + PartialEq>(folder: &str, types: &[(&str, u32)]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(folder);
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("golden files") {
        let path = entry.expect("a file").path();
        let (name, text) = (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read_to_string(&path).expect("text"));
        let mut parts = name.split('.');
        let (event_type, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let version: u32 = version.trim_start_matches('v').parse().expect("a version");
        let text = text.trim_end_matches('\n');
        let event = E::decode(event_type, version, text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(event.event_type(), event_type, "{name}");
        if version == event.schema_version() {
            assert_eq!(event.encode().expect("a stored form"), text, "{name}");
        }
        seen.insert((event_type.to_owned(), version));
    }
    for (event_type, newest) in types {
        (1..=*newest)
            .for_each(|version| assert!(seen.contains(&((*event_type).to_owned(), version)), "{event_type} v{version} has no file"));
    }
    let unknown = E::decode("teleported", 1, "{}").expect_err("no such type");
    assert!(matches!(unknown, DecodeError::UnknownEventType(_)));
    for (event_type, newest) in types {
        assert!(matches!(E::decode(event_type, newest + 1, "{}"), Err(DecodeError::UnsupportedEventVersion { .. })), "{event_type}");
        assert!(matches!(E::decode(event_type, *newest, r#"{"colour":1}"#), Err(DecodeError::InvalidData { .. })), "{event_type}");
    }
}

#[test]
fn every_stored_form_of_a_channel_still_loads() {
    check::<channel::Event>("channel", channel::Event::TYPES);
}

#[test]
fn every_stored_form_of_a_failover_still_loads() {
    check::<failover::Event>("failover", failover::Event::TYPES);
}
