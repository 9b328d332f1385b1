//! The state table of U1, row by row; and each profile against a plain model of it, over random sequences.

use super::*;
use proptest::prelude::*;

const START_MS: i64 = 1_700_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_micros((START_MS + ms) * 1_000)
}

fn form(set: impl FnOnce(&mut PolicyForm)) -> BreakerPolicy {
    let mut form = PolicyForm::default();
    set(&mut form);
    form.check().expect("a lawful policy")
}

fn core() -> Breaker {
    Breaker::new(BreakerPolicy::default())
}

/// Opened at 4 ms, by failures at 0 to 4 ms.
fn opened(mut breaker: Breaker) -> Breaker {
    (0..5).for_each(|ms| breaker.record_failure(at(ms)));
    assert_eq!(breaker.state(at(4)), StateName::Open);
    breaker
}

fn report(breaker: &mut Breaker, ms: i64, permit: Option<&Permit>, verdict: Verdict) {
    breaker.record(at(ms), &Report { permit, verdict, slow: false, detector: Some("test") });
}

/// The transitions since they were last asked for, as `from>to reason`.
fn transitions(breaker: &mut Breaker) -> Vec<String> {
    let told = |change| match change {
        Change::Transitioned(Transition { from, to, reason, .. }) => Some(format!("{from}>{to} {reason:?}")),
        _ => None,
    };
    breaker.take_changes().into_iter().filter_map(told).collect()
}

#[test]
fn five_failures_in_a_row_open_it_and_a_success_between_them_does_not_let_them() {
    let mut breaker = core();
    (0..4).for_each(|ms| breaker.record_failure(at(ms)));
    assert_eq!((breaker.state(at(4)), breaker.failure_count(at(4))), (StateName::Closed, 4));
    breaker.record_success(at(5));
    assert_eq!(breaker.failure_count(at(5)), 0, "a success clears the count");
    (6..10).for_each(|ms| breaker.record_failure(at(ms)));
    assert_eq!(breaker.state(at(10)), StateName::Closed);
    breaker.record_failure(at(10));
    assert_eq!((breaker.state(at(10)), breaker.failure_count(at(10))), (StateName::Open, 0));
    assert_eq!(transitions(&mut breaker), ["closed>open FailureThreshold"]);
}

#[test]
fn open_refuses_until_the_timer_inclusive_which_runs_from_the_opening() {
    let mut breaker = opened(core());
    assert_eq!(breaker.allow_request(at(5), "a").unwrap_err().retry_after_ms, Some(29_999));
    breaker.record_failure(at(20_000));
    assert_eq!(breaker.standing().late, 1, "a late failure is counted, and moves no timer");
    assert_eq!(breaker.state(at(30_003)), StateName::Open);
    assert_eq!(breaker.state(at(30_004)), StateName::HalfOpen);
    assert_eq!(transitions(&mut breaker), ["closed>open FailureThreshold", "open>half_open ResetTimeout"]);
}

#[test]
fn a_success_while_open_closes_it_without_a_permit_only() {
    let mut breaker = core();
    let old = breaker.allow_request(at(0), "old").unwrap();
    let mut breaker = opened(breaker);
    report(&mut breaker, 10, Some(&old), Verdict::Success);
    assert_eq!(breaker.state(at(10)), StateName::Open);
    breaker.record_success(at(11));
    assert_eq!(breaker.state(at(11)), StateName::Closed);
    let mut strict = opened(Breaker::new(form(|form| form.permitless_success_closes_open = Some(false))));
    strict.record_success(at(11));
    assert_eq!(strict.state(at(11)), StateName::Open);
}

#[test]
fn half_open_admits_as_many_probes_as_it_may_and_its_outcomes_decide() {
    let policy = form(|form| (form.probe_count, form.success_threshold) = (Some(2), Some(2)));
    let mut breaker = opened(Breaker::new(policy));
    let first = breaker.allow_request(at(40_000), "first").unwrap();
    let second = breaker.allow_request(at(40_000), "second").unwrap();
    assert_eq!(breaker.allow_request(at(40_000), "third").unwrap_err().retry_after_ms, Some(30_000));
    report(&mut breaker, 40_001, Some(&first), Verdict::Success);
    assert_eq!(breaker.state(at(40_001)), StateName::HalfOpen);
    assert!(breaker.allow_request(at(40_001), "third").is_err(), "a probe that succeeded keeps its place");
    report(&mut breaker, 40_002, Some(&second), Verdict::Ignored);
    let third = breaker.allow_request(at(40_003), "third").expect("an ignored outcome frees its place");
    report(&mut breaker, 40_004, Some(&third), Verdict::Success);
    assert_eq!(breaker.state(at(40_004)), StateName::Closed);
    let told = ["closed>open FailureThreshold", "open>half_open ResetTimeout", "half_open>closed ProbesSucceeded"];
    assert_eq!(transitions(&mut breaker), told);
}

#[test]
fn any_failure_of_half_open_opens_it_anew_and_the_timer_restarts() {
    let mut breaker = opened(core());
    let probe = breaker.allow_request(at(40_000), "probe").unwrap();
    report(&mut breaker, 41_000, Some(&probe), Verdict::Failure);
    assert_eq!(breaker.allow_request(at(41_000), "x").unwrap_err().retry_after_ms, Some(30_000));
    report(&mut breaker, 42_000, Some(&probe), Verdict::Success);
    assert_eq!(breaker.state(at(42_000)), StateName::Open, "an old permit closes nothing");
}

#[test]
fn a_probe_without_an_answer_fails_so_that_half_open_ends() {
    let mut breaker = opened(Breaker::new(form(|form| form.probe_timeout_ms = Some(500))));
    let probe = breaker.allow_request(at(40_000), "probe").unwrap();
    assert_eq!(breaker.state(at(40_499)), StateName::HalfOpen);
    assert_eq!(breaker.state(at(40_500)), StateName::Open);
    report(&mut breaker, 40_501, Some(&probe), Verdict::Success);
    assert_eq!(breaker.state(at(40_501)), StateName::Open);
    assert_eq!(transitions(&mut breaker).last().map(String::as_str), Some("half_open>open ProbeTimeout"));
    let mut instant = Breaker::new(form(|form| form.reset_timeout_ms = Some(0)));
    (0..5).for_each(|ms| instant.record_failure(at(ms)));
    assert!(instant.state(at(4)) == StateName::HalfOpen && instant.allow_request(at(4), "p").is_ok());
    instant.record_success(at(4));
    assert_eq!(instant.state(at(4)), StateName::Closed, "no timeout does not mean no time for probes");
}

#[test]
fn a_window_keeps_failures_that_are_younger_whatever_succeeds() {
    let mut breaker = Breaker::new(BreakerPolicy::of(Profile::Lattice));
    for ms in [0, 20_000, 40_000, 59_999] {
        breaker.record_failure(at(ms));
        breaker.record_success(at(ms));
    }
    assert_eq!(breaker.failure_count(at(59_999)), 4);
    assert_eq!(breaker.failure_count(at(60_000)), 3, "one that is as old as the window is outside");
    breaker.record_failure(at(60_000));
    assert_eq!(breaker.state(at(60_000)), StateName::Closed);
    breaker.record_failure(at(60_001));
    assert_eq!(breaker.state(at(60_001)), StateName::Open);
}

#[test]
fn a_share_of_failed_or_slow_calls_opens_it_once_there_are_enough() {
    let rate = |form: &mut PolicyForm| {
        (form.failure_threshold, form.failure_rate, form.min_calls, form.window_calls) = (Some(100), Some(0.5), Some(4), Some(4));
    };
    let mut breaker = Breaker::new(form(rate));
    breaker.record_failure(at(0));
    breaker.record_failure(at(1));
    breaker.record_success(at(2));
    assert_eq!(breaker.state(at(2)), StateName::Closed, "too few calls");
    breaker.record_success(at(3));
    assert_eq!(breaker.state(at(3)), StateName::Open, "half of four");
    let Some(Change::Transitioned(to)) = breaker.take_changes().pop() else { panic!("it opened") };
    assert_eq!((to.reason, to.evidence.calls, to.evidence.failure_rate), (Reason::FailureRate, Some(4), Some(0.5)));
    let slow = |form: &mut PolicyForm| {
        (form.slow_call_rate, form.slow_call_ms, form.min_calls) = (Some(1.0), Some(100), Some(2));
    };
    let policy = form(slow);
    assert!(!policy.is_slow(Some(100.0)) && policy.is_slow(Some(100.5)) && !policy.is_slow(None));
    let mut breaker = Breaker::new(policy);
    for ms in 0..2 {
        breaker.record(at(ms), &Report { permit: None, verdict: Verdict::Success, slow: true, detector: None });
    }
    assert_eq!(transitions(&mut breaker), ["closed>open SlowCallRate"]);
}

#[test]
fn each_further_opening_lasts_longer_up_to_the_most_and_jitter_moves_it() {
    let growing = form(|form| {
        (form.failure_threshold, form.backoff_factor) = (Some(1), Some(2.0));
        (form.reset_timeout_ms, form.reset_timeout_max_ms) = (Some(1_000), Some(3_000));
    });
    let mut breaker = Breaker::new(growing);
    let mut now = 0;
    for expected in [1_000, 2_000, 3_000, 3_000] {
        breaker.record_failure(at(now));
        assert_eq!(breaker.allow_request(at(now), "x").unwrap_err().retry_after_ms, Some(expected));
        now += i64::try_from(expected).unwrap();
        breaker.allow_request(at(now), "probe").unwrap();
    }
    breaker.record_success(at(now));
    breaker.record_failure(at(now));
    assert_eq!(breaker.allow_request(at(now), "x").unwrap_err().retry_after_ms, Some(1_000), "closed once, it begins anew");
    let policy = form(|form| (form.failure_threshold, form.jitter) = (Some(1), Some(0.2)));
    for (draw, expected) in [(0.0, 24_000), (0.5, 30_000), (0.75, 33_000)] {
        let mut breaker = Breaker::at(policy.clone(), State::default(), draw);
        breaker.record_failure(at(0));
        assert_eq!(breaker.allow_request(at(0), "x").unwrap_err().retry_after_ms, Some(expected));
    }
}

#[test]
fn what_is_forced_lies_over_the_state_and_ends() {
    let mut breaker = opened(core());
    let until = Some(at(10_000));
    breaker.force(at(5), Some(Forced { mode: Mode::Closed, until }));
    let permit = breaker.allow_request(at(6), "x").expect("forced closed");
    (7..20).for_each(|ms| report(&mut breaker, ms, Some(&permit), Verdict::Failure));
    assert_eq!(breaker.standing().late, 0, "nothing counts meanwhile");
    assert!(breaker.allow_request(at(9_999), "x").is_ok());
    assert!(breaker.allow_request(at(10_000), "x").is_err(), "it is open still");
    breaker.force(at(10_001), Some(Forced { mode: Mode::Open, until: None }));
    assert_eq!(breaker.allow_request(at(90_000), "x").unwrap_err().retry_after_ms, None);
    breaker.force(at(90_001), None);
    assert!(breaker.allow_request(at(90_001), "x").is_ok(), "beneath, time went on");
    let mut metrics = core();
    metrics.force(at(0), Some(Forced { mode: Mode::MetricsOnly, until: None }));
    (1..9).for_each(|ms| metrics.record_failure(at(ms)));
    assert!(metrics.allow_request(at(9), "x").is_ok());
}

#[test]
fn half_open_by_hand_comes_from_open_only_and_a_reset_closes() {
    let mut breaker = core();
    breaker.force_half_open(at(0));
    assert_eq!(breaker.state(at(0)), StateName::Closed);
    let mut breaker = opened(breaker);
    breaker.force_half_open(at(5));
    breaker.force_half_open(at(6));
    breaker.reset(at(7));
    let told = ["closed>open FailureThreshold", "open>half_open Manual", "half_open>closed ForcedClose"];
    assert_eq!(transitions(&mut breaker), told);
}

#[test]
fn execute_does_not_call_while_open_and_reports_what_it_called() {
    let mut breaker = core();
    for ms in 0..5 {
        assert_eq!(breaker.execute(at(ms), || Err::<(), _>("down")), Err(ExecuteError::Failed("down")));
    }
    let mut called = false;
    let refused = breaker.execute(at(5), || {
        called = true;
        Ok::<_, &str>(())
    });
    assert!(matches!(refused, Err(ExecuteError::Refused(_))) && !called);
    assert_eq!(breaker.execute(at(40_000), || Ok::<_, &str>(7)), Ok(7));
    assert_eq!(breaker.state(at(40_000)), StateName::Closed);
}

#[test]
fn every_transition_says_what_it_rests_on() {
    let mut breaker = core();
    (0..5).for_each(|ms| report(&mut breaker, ms, None, Verdict::Failure));
    let Some(Change::Transitioned(to)) = breaker.take_changes().pop() else { panic!("it opened") };
    let evidence = Evidence { failures: 5, threshold: 5, detector: Some("test".into()), ..Evidence::default() };
    assert_eq!((to.until, &to.evidence), (Some(at(30_004)), &evidence));
    assert_eq!(to.telemetry("radio"), ("breaker.radio.state".to_owned(), 2));
    assert_eq!(StateName::HalfOpen.hyphenated(), "half-open");
}

#[test]
fn all_that_is_wrong_with_a_policy_is_told_at_once() {
    let form = PolicyForm {
        failure_threshold: Some(0),
        probe_count: Some(2),
        success_threshold: Some(3),
        reset_timeout_ms: Some(-1),
        window_ms: Some(0),
        probe_timeout_ms: Some(0),
        failure_rate: Some(f64::NAN),
        slow_call_rate: Some(1.5),
        min_calls: Some(0),
        backoff_factor: Some(0.5),
        jitter: Some(2.0),
        ..PolicyForm::default()
    };
    let faults: Vec<_> = form.check().unwrap_err().faults.into_iter().map(|fault| fault.field).collect();
    let expected = [
        "failure_threshold",
        "success_threshold",
        "reset_timeout_ms",
        "window_ms",
        "probe_timeout_ms",
        "failure_rate",
        "slow_call_rate",
        "min_calls",
        "slow_call_ms",
        "backoff_factor",
        "jitter",
    ];
    assert_eq!(faults, expected);
    let lone = PolicyForm { min_calls: Some(3), ..PolicyForm::default() };
    assert_eq!(lone.check().unwrap_err().faults[0].field, "min_calls");
    let http = BreakerPolicy::of(Profile::Http);
    assert_eq!((http.probe_count(), http.success_threshold, http.failure_threshold()), (3, 3, 5));
}

/// The state table as plainly as it can be written, for policies without rates, growth and modes.
struct Model {
    policy: BreakerPolicy,
    state: StateName,
    since: i64,
    generation: u64,
    failures: Vec<i64>,
    /// Probes by name, with the time since when they wait for an answer.
    waiting: Vec<(String, i64)>,
    admitted: u32,
    successes: u32,
}

impl Model {
    fn go(&mut self, state: StateName, now: i64) {
        (self.state, self.since, self.admitted, self.successes) = (state, now, 0, 0);
        self.generation += 1;
        self.failures.clear();
        self.waiting.clear();
    }

    fn tick(&mut self, now: i64) {
        let (reset, probe) = (self.policy.reset_timeout_ms as i64, self.policy.probe_timeout_ms as i64);
        if self.state == StateName::Open && now - self.since >= reset {
            self.go(StateName::HalfOpen, now);
        }
        if self.state == StateName::HalfOpen && self.waiting.iter().any(|(_, at)| now - at >= probe) {
            self.go(StateName::Open, now);
            self.tick(now);
        }
    }

    fn allow(&mut self, now: i64, by: &str) -> bool {
        self.tick(now);
        match self.state {
            StateName::Closed => true,
            StateName::Open => false,
            StateName::HalfOpen if self.admitted == self.policy.probe_count => false,
            StateName::HalfOpen => {
                self.admitted += 1;
                self.waiting.push((by.to_owned(), now));
                true
            }
        }
    }

    fn report(&mut self, now: i64, permit: Option<&Permit>, verdict: Verdict) {
        self.tick(now);
        let probe = permit.and_then(|permit| permit.probe.clone());
        let waits = self.waiting.iter().any(|(by, _)| Some(by) == probe.as_ref());
        let current = permit.is_none_or(|permit| permit.generation == self.generation);
        match (self.state, verdict) {
            (StateName::HalfOpen, Verdict::Ignored) if waits => {
                self.waiting.retain(|(by, _)| Some(by) != probe.as_ref());
                self.admitted -= 1;
            }
            (StateName::Closed, Verdict::Failure) if current => {
                self.failures.push(now);
                if self.count(now) >= self.policy.failure_threshold as usize {
                    self.go(StateName::Open, now);
                }
            }
            (StateName::Closed, Verdict::Success) if current && self.policy.reset_on_success => self.failures.clear(),
            (StateName::Open, Verdict::Success) if permit.is_none() => self.go(StateName::Closed, now),
            (StateName::HalfOpen, Verdict::Failure) if current => self.go(StateName::Open, now),
            (StateName::HalfOpen, Verdict::Success) if current => {
                self.successes += 1;
                self.waiting.retain(|(by, _)| Some(by) != probe.as_ref());
                if self.successes >= self.policy.success_threshold {
                    self.go(StateName::Closed, now);
                }
            }
            _ => {}
        }
    }

    fn count(&self, now: i64) -> usize {
        let window = self.policy.window_ms.map_or(i64::MAX, |window| window as i64);
        self.failures.iter().filter(|at| now - **at < window).count()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Call,
    Answer(prop::sample::Index, Verdict),
    Stray(Verdict),
    HalfOpen,
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = || prop_oneof![4 => Just(Verdict::Failure), 3 => Just(Verdict::Success), 1 => Just(Verdict::Ignored)];
    prop_oneof![
        3 => prop_oneof![Just(0), Just(1), 1..5_000_i64, Just(29_999), Just(30_000), Just(60_000)].prop_map(Step::Wait),
        5 => Just(Step::Call),
        5 => (any::<prop::sample::Index>(), verdict()).prop_map(|(which, verdict)| Step::Answer(which, verdict)),
        3 => verdict().prop_map(Step::Stray),
        1 => Just(Step::HalfOpen),
    ]
}

fn run(policy: &BreakerPolicy, steps: Vec<Step>) {
    let mut breaker = Breaker::new(policy.clone());
    let mut model = Model {
        policy: policy.clone(),
        state: StateName::Closed,
        since: 0,
        generation: 0,
        failures: Vec::new(),
        waiting: Vec::new(),
        admitted: 0,
        successes: 0,
    };
    let (mut now, mut out, mut replayed) = (0, Vec::<Permit>::new(), State::default());
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Wait(ms) => now += ms,
            Step::Call => {
                let by = format!("call {number}");
                let permit = breaker.allow_request(at(now), &by);
                assert_eq!(permit.is_ok(), model.allow(now, &by), "call {number} at {now}");
                out.extend(permit);
            }
            Step::Answer(which, verdict) if !out.is_empty() => {
                let permit = out.swap_remove(which.index(out.len()));
                report(&mut breaker, now, Some(&permit), verdict);
                model.report(now, Some(&permit), verdict);
            }
            Step::Answer(_, verdict) | Step::Stray(verdict) => {
                report(&mut breaker, now, None, verdict);
                model.report(now, None, verdict);
            }
            Step::HalfOpen => {
                breaker.force_half_open(at(now));
                model.tick(now);
                if model.state == StateName::Open {
                    model.go(StateName::HalfOpen, now);
                }
            }
        }
        model.tick(now);
        assert_eq!(breaker.state(at(now)), model.state, "after step {number} at {now}");
        assert_eq!(breaker.failure_count(at(now)) as usize, model.count(now), "after step {number} at {now}");
        assert_eq!(breaker.standing().generation, model.generation);
        for change in breaker.take_changes() {
            assert!(replayed.apply(policy, &change), "{change:?} follows");
        }
        assert_eq!(&replayed, breaker.standing(), "replaying the changes reproduces the state");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_profile_core_does_what_the_table_says(steps in prop::collection::vec(step(), 1..120)) {
        run(&BreakerPolicy::of(Profile::Core), steps);
    }

    #[test]
    fn the_profile_lattice_does_what_the_table_says(steps in prop::collection::vec(step(), 1..120)) {
        run(&BreakerPolicy::of(Profile::Lattice), steps);
    }

    #[test]
    fn the_profile_http_does_what_the_table_says(steps in prop::collection::vec(step(), 1..120)) {
        run(&BreakerPolicy::of(Profile::Http), steps);
    }

    #[test]
    fn small_thresholds_do_what_the_table_says(steps in prop::collection::vec(step(), 1..120), failures in 1..3_i64, probes in 1..4_i64, reset in prop_oneof![Just(0_i64), Just(1_000)]) {
        let policy = form(|form| {
            (form.failure_threshold, form.probe_count, form.success_threshold) = (Some(failures), Some(probes), Some(probes));
            form.reset_timeout_ms = Some(reset);
        });
        run(&policy, steps);
    }
}
