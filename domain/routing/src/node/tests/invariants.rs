//! Histories that no node has had, each with the invariant that it breaks.

use super::*;

#[test]
fn every_invariant_is_loud() {
    let bad_load = |saturation| Load { saturation, ..TYPICAL };
    let bad_sample = Event::HealthSampled(HealthSampled { sample: Sample { at: at(1), value: 1.5 }, heard_at: at(1) });
    let rows: Vec<(u16, Vec<Event>)> = vec![
        (1, vec![sampled(1, 1.0)]),
        (1, vec![degraded(1)]),
        (2, vec![registered(), registered()]),
        (3, vec![registered(), degraded(1), excluded(2, 0.1)]),
        (3, vec![registered(), degraded(1), warmup(2)]),
        (3, vec![registered(), excluded(1, 0.1), excluded(2, 0.1)]),
        (4, vec![registered(), readmitted(1, 0.5)]),
        (5, vec![registered(), completed(1)]),
        (5, vec![registered(), cancelled(1)]),
        (6, vec![registered(), degraded(1), degraded(2)]),
        (6, vec![registered(), warmup(1), in_maintenance(2)]),
        (7, vec![registered(), recovered(1)]),
        (7, vec![registered(), excluded(1, 0.1), recovered(2)]),
        (8, vec![Event::NodeRegistered(NodeRegistered { service: id("s"), load: bad_load(-1.0), at: at(0) })]),
        (8, vec![registered(), Event::LoadReported(LoadReported { load: bad_load(f64::NAN) })]),
        (8, vec![registered(), bad_sample]),
    ];
    let decider = RoutingNode::default();
    for (number, events) in rows {
        let (last, before) = events.split_last().unwrap();
        let state = before.iter().fold(State::Absent, |state, event| decider.evolve(state, &(), event).unwrap());
        assert_eq!(decider.evolve(state, &(), last).unwrap_err().number, number, "{events:?}");
    }
}
