//! The specified figures, and the traps at the edges.

use super::*;

fn judge(depth: i64, limit: i64) -> Health {
    Monitor::default().judge(&Reading { depth, limit: Some(limit), ..Reading::default() }).unwrap()
}

#[test]
fn labels_change_where_the_specification_says() {
    use Status::{Critical, Healthy, Overloaded, Warning};
    for (depth, limit, utilisation, status) in [
        (0, 1_000, 0.0, Healthy),
        (599, 1_000, 0.599, Healthy),
        (600, 1_000, 0.6, Warning),
        (800, 1_000, 0.8, Warning),
        (801, 1_000, 0.801, Critical),
        (999, 1_000, 0.999, Critical),
        (1_000, 1_000, 1.0, Overloaded),
        (2_500, 1_000, 2.5, Overloaded),
        (599_999, 1_000_000, 0.6, Healthy),
        (800_001, 1_000_000, 0.8, Critical),
        (999_999, 1_000_000, 1.0, Critical),
        (0, 0, 1.0, Overloaded),
        (5, -1, 1.0, Overloaded),
        (2, 3, 0.6667, Warning),
    ] {
        let health = judge(depth, limit);
        assert_eq!((health.utilisation, health.status), (utilisation, status), "{depth}/{limit}");
    }
}

#[test]
fn load_is_shed_at_the_limit_and_earlier_in_an_emergency() {
    for (depth, limit, calm, emergency) in [
        (99, 100, false, true),
        (100, 100, true, true),
        (80, 100, false, true),
        (79, 100, false, false),
        (0, 1, false, false),
        (1, 1, true, true),
        (0, 0, true, true),
        (0, -5, true, true),
        (2, 3, false, true),
        (1, 3, false, false),
        (7, 9, false, true),
        (6, 9, false, false),
        (i64::MAX - 1, i64::MAX, false, true),
    ] {
        assert_eq!((is_shed(depth, limit, false), is_shed(depth, limit, true)), (calm, emergency), "{depth}/{limit}");
    }
}

#[test]
fn at_exactly_four_fifths_an_emergency_sheds_what_is_labelled_a_warning() {
    let reading = Reading { depth: 80, limit: Some(100), emergency: true, ..Reading::default() };
    let health = Monitor::default().judge(&reading).unwrap();
    assert_eq!((health.status, health.shed, health.backpressure), (Status::Warning, true, Backpressure::Shed));
}

#[test]
fn waits_are_rounded_or_have_no_end() {
    assert_eq!(wait(10, 3.0), Wait::Seconds(3.33));
    assert_eq!((wait(10, 0.0), wait(0, -1.0)), (Wait::Unbounded, Wait::Unbounded));
    assert_eq!(wait(0, 2.0), Wait::Seconds(0.0));
    assert_eq!(judge(1, 10).wait, None);
}

#[test]
fn a_slow_queue_is_throttled_and_keeps_its_label() {
    let with = |latency| Monitor::default().judge(&Reading { depth: 1, limit: Some(10), latency, ..Reading::default() }).unwrap();
    assert!(!with(Latency::P95(100.0)).slow, "strictly above");
    let slow = with(Latency::P95(100.1));
    assert_eq!((slow.status, slow.backpressure), (Status::Healthy, Backpressure::Throttle));
    assert_eq!(slow.alerts, [Alert { cause: AlertCause::Slow, severity: AlertSeverity::Warning }]);
    let samples: Vec<_> = (1..=100).map(f64::from).collect();
    let many = with(Latency::Samples(&samples));
    assert_eq!((many.p50_ms, many.p95_ms, many.p99_ms, many.slow), (Some(50.0), Some(95.0), Some(99.0), false));
    assert_eq!(with(Latency::Samples(&[])).p95_ms, None);
}

#[test]
fn alerts_and_backpressure_follow_the_label() {
    use AlertSeverity::{Critical, Emergency, Warning};
    let shown = |depth| {
        let health = judge(depth, 100);
        (health.alerts.first().map(|alert| alert.severity), health.backpressure)
    };
    assert_eq!(shown(10), (None, Backpressure::None));
    assert_eq!(shown(70), (Some(Warning), Backpressure::None));
    assert_eq!(shown(90), (Some(Critical), Backpressure::Throttle));
    assert_eq!(shown(100), (Some(Emergency), Backpressure::Shed));
}

#[test]
fn readings_that_cannot_be_are_refused() {
    let refused = |reading: Reading<'_>| Monitor::default().judge(&reading).unwrap_err().code();
    assert_eq!(refused(Reading { depth: -1, ..Reading::default() }), "invalid_depth");
    assert_eq!(refused(Reading { rate_per_s: Some(f64::NAN), ..Reading::default() }), "invalid_number");
    assert_eq!(refused(Reading { latency: Latency::P95(f64::INFINITY), ..Reading::default() }), "invalid_number");
    assert_eq!(refused(Reading { latency: Latency::Samples(&[1.0, f64::NAN]), ..Reading::default() }), "invalid_number");
}

#[test]
fn thresholds_are_checked_when_they_are_made() {
    use ThresholdFault::{Critical, Limit, Overload, Slow, Warn};
    let faults = |change: fn(&mut RawThresholds)| {
        let mut raw = RawThresholds::default();
        change(&mut raw);
        Thresholds::new(raw).err().map(|error| error.0).unwrap_or_default()
    };
    assert_eq!(faults(|_| {}), []);
    assert_eq!(faults(|raw| raw.warn_ratio = 0.0), [Warn]);
    assert_eq!(faults(|raw| raw.critical_ratio = 0.6), [Critical]);
    assert_eq!(faults(|raw| raw.overload_ratio = 0.8), [], "not below is enough");
    assert_eq!(faults(|raw| raw.overload_ratio = 0.79), [Overload]);
    assert_eq!(faults(|raw| raw.critical_ratio = f64::NAN), [Critical, Overload]);
    assert_eq!(
        faults(|raw| *raw = RawThresholds { slow_p95_ms: -1.0, hard_limit: 0, overload_ratio: f64::INFINITY, ..*raw }),
        [Overload, Slow, Limit]
    );
    let error = Thresholds::new(RawThresholds { hard_limit: 0, warn_ratio: -1.0, ..RawThresholds::default() }).unwrap_err();
    assert_eq!(error.to_string(), "warn_ratio: it is above 0; hard_limit: it is above 0");
    assert_eq!(InvalidThresholds::CODE, "invalid_thresholds");
}

#[test]
fn other_thresholds_keep_the_strictness() {
    let raw = RawThresholds { warn_ratio: 0.5, critical_ratio: 0.75, overload_ratio: 0.9, slow_p95_ms: 5.0, hard_limit: 200 };
    let monitor = Monitor::new(Thresholds::new(raw).unwrap());
    let status = |depth| monitor.judge(&Reading { depth, ..Reading::default() }).unwrap().status;
    let expected = [Status::Healthy, Status::Warning, Status::Warning, Status::Critical, Status::Overloaded];
    assert_eq!([99, 100, 150, 151, 180].map(status), expected, "of the hard limit, where a queue names none");
}
