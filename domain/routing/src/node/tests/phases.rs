//! The state machine of `latticeforge.md` L1, row by row.

use super::*;

#[test]
fn a_node_is_registered_active_and_reports_its_load() {
    let report = |latency_ms| Command::Report { service: id("s"), latency_ms, queue_depth: 5, saturation: TYPICAL.saturation };
    given(RoutingNode::default(), []).at(at(0)).when(report(16)).then([((), registered())]);
    follows(&[], 5, report(16), &[]);
    follows(&[], 5, report(17), &[Event::LoadReported(LoadReported { load: Load { latency_ms: 17, ..TYPICAL } })]);
}

#[test]
fn numbers_are_kept_as_their_text_can_hold_them() {
    follows(&[], 10, sample(0.914_891_904_935_041_6), &[sampled(10, 0.914_891_905)]);
    let report = Command::Report { service: id("s"), latency_ms: 16, queue_depth: 5, saturation: 999_999.123_456_789_1 };
    let load = Load { saturation: 999_999.123_456_789, ..TYPICAL };
    follows(&[], 5, report, &[Event::LoadReported(LoadReported { load })]);
}

#[test]
fn a_failure_excludes_and_health_readmits_with_a_warm_up() {
    follows(&[], 10, sample(0.0), &[sampled(10, 0.0), excluded(10, 0.0)]);
    let out = [sampled(10, 0.0), excluded(10, 0.0)];
    follows(&out, 11, sample(0.8), &[sampled(11, 0.8)]);
    follows(&out, 11, sample(1.0), &[sampled(11, 1.0), readmitted(11, 0.35), warmup(11)]);
}

#[test]
fn the_limit_itself_stays_in() {
    follows(&[], 10, sample(0.3), &[sampled(10, 0.3)]);
    follows(&[], 10, sample(0.2999), &[sampled(10, 0.2999), excluded(10, 0.2999)]);
}

#[test]
fn a_warm_up_ends_when_it_is_over_and_the_node_is_stable() {
    let back = [sampled(10, 0.0), excluded(10, 0.0), sampled(11, 1.0), readmitted(11, 0.35), warmup(11)];
    follows(&back, 310, sample(1.0), &[sampled(310, 1.0)]);
    let shaky = [&back[..], &[sampled(100, 0.6)]].concat();
    follows(&shaky, 312, sample(0.6), &[sampled(312, 0.6)]);
    follows(&shaky, 312, sample(1.0), &[sampled(312, 1.0), completed(312)]);
}

#[test]
fn what_comes_between_cancels_a_warm_up_and_the_next_begins_anew() {
    let back = [degraded(5), recovered(10), warmup(10)];
    follows(&back, 100, sample(0.0), &[sampled(100, 0.0), cancelled(100), excluded(100, 0.0)]);
    follows(&back, 100, Command::MarkDegraded, &[cancelled(100), degraded(100)]);
    follows(&back, 100, Command::EnterMaintenance, &[cancelled(100), in_maintenance(100)]);
    let again = [&back[..], &[cancelled(100), in_maintenance(100)]].concat();
    follows(&again, 200, Command::Recover, &[recovered(200), warmup(200)]);
}

#[test]
fn degradation_and_maintenance_end_with_a_warm_up_or_with_exclusion() {
    for left in [degraded(5), in_maintenance(5)] {
        follows(std::slice::from_ref(&left), 10, Command::Recover, &[recovered(10), warmup(10)]);
        let sick = [left.clone(), sampled(8, 0.1)];
        follows(&sick, 10, Command::Recover, &[recovered(10), excluded(10, 0.1)]);
        follows(std::slice::from_ref(&left), 10, sample(0.0), &[sampled(10, 0.0)]);
        let other =
            if left == degraded(5) { (Command::EnterMaintenance, in_maintenance(10)) } else { (Command::MarkDegraded, degraded(10)) };
        follows(&[left], 10, other.0, &[other.1]);
    }
    let out = [sampled(1, 0.0), excluded(1, 0.0)];
    follows(&out, 10, Command::MarkDegraded, &[degraded(10)]);
}

#[test]
fn without_a_period_there_is_no_warm_up() {
    let settings = Settings { warmup: std::time::Duration::ZERO, ..Settings::default() };
    let history = [registered(), sampled(1, 0.0), excluded(1, 0.0)].map(|event| ((), event));
    given(RoutingNode { settings }, history).at(at(2)).when(sample(1.0)).then([((), sampled(2, 1.0)), ((), readmitted(2, 0.35))]);
}

#[test]
fn a_sample_may_come_late_or_from_a_clock_that_runs_ahead() {
    let at_second = |second| Command::ReportHealthSample { value: 1.0, at: Some(at(second)) };
    let late = Event::HealthSampled(HealthSampled { sample: Sample { at: at(100), value: 1.0 }, heard_at: at(200) });
    follows(&[sampled(150, 0.5)], 200, at_second(100), &[late]);
    follows(&[], 200, at_second(500), &[sampled(200, 1.0)]);
    follows(&[], 400, at_second(100), &[]);
}

#[test]
fn time_alone_readmits_excludes_and_completes_at_the_very_instant() {
    let out = [sampled(10, 0.0), excluded(10, 0.0)];
    assert_eq!(due(&out), Some(at(310)), "then nothing is known of it any more");
    follows(&out, 310, review(310), &[readmitted(310, 1.0), warmup(310)]);
    let fading = [sampled(10, 1.0), sampled(20, 0.1)];
    assert_eq!(due(&fading), Some(at(310)), "the good one goes first");
    follows(&fading, 310, review(310), &[excluded(310, 0.1)]);
    let back = [degraded(5), recovered(10), warmup(10)];
    assert_eq!(due(&back), Some(at(310)));
    follows(&back, 310, review(310), &[completed(310)]);
    assert_eq!(due(&[sampled(10, 1.0), sampled(20, 0.3)]), None, "nothing below the limit, nothing to wait for");
    assert_eq!(due(&[sampled(10, 0.0), excluded(10, 0.0), degraded(11)]), None, "a person ends that");
}

#[test]
fn an_unstable_node_waits_for_what_makes_it_stable() {
    let back = [degraded(5), recovered(10), warmup(10), sampled(100, 0.5)];
    assert_eq!(due(&back), Some(at(400)), "not at 310: its health is 0.5 then");
    follows(&back, 400, review(400), &[completed(400)]);
}

#[test]
fn a_timer_that_comes_late_makes_up_for_all_it_missed() {
    let history = [sampled(10, 0.0), excluded(10, 0.0), sampled(20, 0.6), sampled(30, 0.0)];
    // 0.6 and then 0 is 0.39 from 310 on, 0 alone from 320 on, nothing from 330 on.
    let missed =
        [readmitted(310, 0.39), warmup(310), cancelled(320), excluded(320, 0.0), readmitted(330, 1.0), warmup(330), completed(630)];
    assert_eq!(due(&history), Some(at(310)));
    follows(&history, 9_000, review(310), &missed);
    follows(&history, 325, review(310), &missed[..4]);
    follows(&history, 305, review(310), &missed[..2]);
}
