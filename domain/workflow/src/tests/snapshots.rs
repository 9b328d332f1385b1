//! The stored form of a state: small, complete, and distrusted.

use super::*;
use crate::State;

fn state(events: impl IntoIterator<Item = Event>) -> State {
    ionveil_kernel::testkit::fold(&workflow(), &"workflow:test:x".parse().unwrap(), &then(events))
}

#[test]
fn snapshots_are_small() {
    let text = |state: &State| serde_json::to_string(state).unwrap();
    assert_eq!(text(&State::Absent), r#""absent""#);
    let events = [registered("dispatch", "queued"), moved("queued", "allocated"), started("departed")];
    let expected = r#"{"live":{"machine":"dispatch","stack":[0,1],"step_count":1,"in_flight":2}}"#;
    assert_eq!(text(&state(events)), expected);
    assert!(text(&state([registered("rescue", "called")])).contains(r#""definition":{"initial":"called""#));
}

#[test]
fn damaged_snapshots_are_refused() {
    let load = serde_json::from_str::<State>;
    assert!(load(r#"{"live":{"machine":"dispatch","stack":[0],"step_count":0}}"#).is_ok());
    for damaged in [
        "{}",
        r#"{"live":{"machine":"tango","stack":[0],"step_count":0}}"#,
        r#"{"live":{"machine":"dispatch","stack":[],"step_count":0}}"#,
        r#"{"live":{"machine":"dispatch","stack":[5],"step_count":0}}"#,
        r#"{"live":{"machine":"dispatch","stack":[-1],"step_count":0}}"#,
        r#"{"live":{"machine":"dispatch","stack":[0],"step_count":0,"in_flight":5}}"#,
        r#"{"live":{"machine":"dispatch","stack":[0],"step_count":0,"colour":1}}"#,
        r#"{"live":{"machine":"m","definition":{"initial":"a","states":[]},"stack":[0],"step_count":0}}"#,
    ] {
        assert!(load(damaged).is_err(), "{damaged}");
    }
}
