//! A take-over, stage by stage.

use crate::resilience::{FailoverCoordinator, Stage};

#[test]
fn a_take_over_goes_step_by_step() {
    let mut coordinator = FailoverCoordinator::default();
    assert!(coordinator.begin());
    assert!(!coordinator.commit(), "no probe was answered");
    assert!(coordinator.probe(false) && !coordinator.commit(), "one was not");
    assert!(coordinator.probe(true) && coordinator.commit());
    assert_eq!((coordinator.stage(), coordinator.probes()), (Stage::Switching, (1, 1)));
    assert!(coordinator.activate() && coordinator.deactivate());
    assert_eq!(coordinator.stage(), Stage::Idle);
    assert!(coordinator.begin() && !coordinator.commit(), "probes of the last take-over do not count");
}

#[test]
fn a_call_at_the_wrong_stage_changes_nothing() {
    type Call = fn(&mut FailoverCoordinator) -> bool;
    let steps: [(Stage, Call); 4] = [
        (Stage::Idle, FailoverCoordinator::begin),
        (Stage::Probing, FailoverCoordinator::commit),
        (Stage::Switching, FailoverCoordinator::activate),
        (Stage::Active, FailoverCoordinator::deactivate),
    ];
    let mut coordinator = FailoverCoordinator::default();
    for (stage, step) in steps {
        assert_eq!(coordinator.stage(), stage);
        coordinator.probe(true);
        for (other, call) in steps.iter().filter(|(other, _)| *other != stage) {
            let mut untouched = coordinator.clone();
            assert!(!call(&mut untouched), "{other:?} at {stage:?}");
            assert_eq!(untouched, coordinator);
        }
        assert_eq!(coordinator.clone().probe(true), stage == Stage::Probing);
        assert!(step(&mut coordinator));
    }
}

#[test]
fn three_errors_are_too_many_until_it_is_over() {
    let mut coordinator = FailoverCoordinator::default();
    coordinator.begin();
    coordinator.probe(true);
    coordinator.commit();
    coordinator.activate();
    (0..2).for_each(|_| coordinator.record_error());
    assert!(coordinator.is_healthy());
    coordinator.record_error();
    assert!(!coordinator.is_healthy());
    assert!(coordinator.deactivate() && coordinator.is_healthy());
}
