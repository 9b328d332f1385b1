//! The stored forms. A file under `golden/tree/` is what a released version has written; it is never edited. `<type>.v<n>.json`
//! shows every field, further cases are `<type>.v<n>.<case>.json`.

use super::*;
use crate::tree::{EngineChanged, EngineConfirmed, NodeMoved, NodeRemoved, OverrideCleared, OverrideExpiring};
use PolicyLevel::{Halted, Normal, Restricted, Watch};
use ionveil_kernel::testkit::{golden, unreadable};

/// What each file stands for.
fn expected() -> Vec<(&'static str, Event)> {
    let full = || Setting { reason: Some("a\n\"b\" é".into()), at: micros(1_700_000_000_000_001), ..by_user() };
    let by_engine = || Setting { reason: Some("3 failures in a row".into()), ..by("engine:root", "system") };
    let (expires_at, notice_at) = (Some(micros(1_700_000_900_000_000)), Some(micros(1_700_000_000_000_002)));
    let event = |(_, event): (NodeStream, Event)| event;
    vec![
        ("node_added.v1", Event::NodeAdded(NodeAdded { kind: NodeKind::Agency, parent: Some(id("root")), term: 7 })),
        ("node_added.v1.root", event(added("root", ""))),
        ("node_added.v1.region", Event::NodeAdded(NodeAdded { kind: NodeKind::Region, parent: Some(id("root")), term: 0 })),
        ("node_moved.v1", Event::NodeMoved(NodeMoved { from: id("a"), to: id("B09.39") })),
        ("node_removed.v1", Event::NodeRemoved(NodeRemoved { parent: Some(id("a")), term: 9 })),
        ("node_removed.v1.root", Event::NodeRemoved(NodeRemoved { parent: None, term: 9 })),
        (
            "base_changed.v1",
            Event::BaseChanged(BaseChanged { seq: 1, from: Normal, to: Watch, by: by_engine(), term: 0, engine_version: Some(4) }),
        ),
        ("base_changed.v1.by_a_person", event(base(2, Watch, Halted, 12))),
        ("override_set.v1", Event::OverrideSet(OverrideSet { seq: 3, to: Restricted, by: full(), expires_at, notice_at })),
        ("override_set.v1.bare", event(set("a", 4, Watch))),
        (
            "override_replaced.v1",
            Event::OverrideReplaced(OverrideReplaced { seq: 5, from: Watch, to: Halted, by: full(), expires_at, notice_at }),
        ),
        ("override_replaced.v1.bare", event(replaced("a", 6, Watch, Watch))),
        ("override_cleared.v1", Event::OverrideCleared(OverrideCleared { seq: 7, from: Watch, by: full() })),
        ("override_auto_reverted.v1", event(reverted("b", 8, Halted, "parent:a", "a"))),
        ("override_auto_reverted.v1.timer", event(reverted("b", 9, Halted, "timer", ""))),
        ("override_rejected.v1", event(rejected("a", 10, RefusedCode::DeescalationForbidden, (Some(Halted), Watch), Restricted))),
        ("override_rejected.v1.bare", event(rejected("a", 11, RefusedCode::NoEffect, (None, Watch), Watch))),
        ("override_expiring.v1", Event::OverrideExpiring(OverrideExpiring { level: Watch, expires_at: micros(1_700_000_900_000_000) })),
        (
            "engine_changed.v1",
            Event::EngineChanged(EngineChanged { seq: 12, from: Watch, to: Normal, by: by_engine(), term: 12, engine_version: 40 }),
        ),
        ("engine_confirmed.v1", Event::EngineConfirmed(EngineConfirmed { level: Normal, term: 12, engine_version: 41 })),
    ]
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/tree"), Event::TYPES, &expected());
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_skipped() {
    unreadable::<Event>(
        Event::TYPES,
        &[("node_moved", r#"{"from":"a","to":"b","colour":"red"}"#), ("node_moved", r#"{"from":"a","to":"-"}"#)],
    );
}
