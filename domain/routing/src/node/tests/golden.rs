//! The stored forms. A file under `golden/` is what a released version has written; it is never edited.
//! `<type>.v<n>.json` shows every field.

use super::*;
use ionveil_kernel::testkit::{golden, unreadable};

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

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"), Event::TYPES, &expected());
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_skipped() {
    let payloads: Vec<_> = Event::TYPES.iter().flat_map(|(name, _)| [r#"{"at":"now"}"#, "{}"].map(|data| (*name, data))).collect();
    unreadable::<Event>(Event::TYPES, &payloads);
}
