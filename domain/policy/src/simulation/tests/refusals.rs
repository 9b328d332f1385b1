//! What is refused: every fault with its code and its field, and every form that is none.

use super::*;

fn codes(faults: &Faults) -> Vec<String> {
    faults.iter().map(|fault| format!("{} {}", fault.kind.code(), fault.field)).collect()
}

#[test]
fn scenarios() {
    let x = || Scenario::builder("x");
    let table = [
        ("no name", Scenario::builder(" "), vec!["missing_name name"]),
        ("a long name", Scenario::builder("é".repeat(NAME_CHARS_MAX + 1)), vec!["invalid_text name"]),
        ("one level", x().policy_order(["a"]), vec!["policy_order_too_short policy_order"]),
        ("65 levels", x().policy_order((0..65).map(|level| level.to_string())), vec!["policy_order_too_long policy_order"]),
        ("a level twice", x().policy_order(["a", "b", "a"]), vec!["duplicate_policy policy_order[2]"]),
        ("an empty level", x().policy_order(["a", ""]), vec!["invalid_text policy_order[1]"]),
        ("threshold 0", x().escalate_at(0), vec!["invalid_escalation_threshold escalation_threshold"]),
        ("unknown level", x().deescalate_above("calm", 1), vec!["unknown_policy deescalation_thresholds.calm"]),
        ("streak 0", x().deescalate_above("watch", 0), vec!["invalid_deescalation_threshold deescalation_thresholds.watch"]),
        ("dwell below 0", x().dwell_s(-1.0), vec!["invalid_dwell dwell_s"]),
        ("dwell no number", x().dwell_s(f64::NAN), vec!["invalid_number dwell_s"]),
        ("a long key", x().metadata("k".repeat(65), "v"), vec!["invalid_metadata metadata"]),
        ("a long value", x().metadata("k", "v".repeat(257)), vec!["invalid_metadata metadata"]),
        ("65 entries", (0..65).fold(x(), |builder, key| builder.metadata(key.to_string(), "v")), vec!["invalid_metadata metadata"]),
        (
            "all at once, in order",
            Scenario::builder("").policy_order(["a"]).escalate_at(-1).deescalate_above("b", 0).dwell_s(-1.0),
            vec![
                "missing_name name",
                "policy_order_too_short policy_order",
                "invalid_escalation_threshold escalation_threshold",
                "unknown_policy deescalation_thresholds.b",
                "invalid_deescalation_threshold deescalation_thresholds.b",
                "invalid_dwell dwell_s",
            ],
        ),
    ];
    for (name, builder, expected) in table {
        assert_eq!(codes(&builder.build().unwrap_err()), expected, "{name}");
    }
}

#[test]
fn defaults() {
    let scenario = default_scenario();
    assert_eq!(scenario.policy_order(), ["normal", "watch", "restricted", "halted"]);
    assert_eq!(scenario.rules().deescalate_above.as_ref(), [None, Some(5), Some(10), Some(20)]);
    assert_eq!((scenario.escalation_threshold(), scenario.dwell(), scenario.metadata().len()), (3, Span::default(), 0));
    let own = Scenario::builder("own").policy_order(["green", "watch"]).build().unwrap();
    assert_eq!(own.rules().deescalate_above.as_ref(), [None, Some(5)]);
    assert_eq!(ScenarioBuilder::from(own.clone()).build().unwrap(), own);
}

#[test]
fn patterns() {
    use ionveil_kernel::Timestamp;
    let constant = |rate, duration_s, events_per_s| SourceForm::Generated(Generator::Constant { rate, duration_s, events_per_s });
    let burst = |size, interval_s| SourceForm::Generated(Generator::Burst { size, interval_s, duration_s: 9.0 });
    let cascade = |initial_rate, factor, recovery_at_s| {
        SourceForm::Generated(Generator::Cascade { initial_rate, factor, recovery_at_s, duration_s: 9.0 })
    };
    let history = |scope: &str, to| {
        SourceForm::History(History { scope: scope.into(), from: Timestamp::from_micros(5), to: Timestamp::from_micros(to) })
    };
    let table = [
        ("offset below 0", SourceForm::Given(vec![(1.0, true), (-1.0, true)]), vec!["invalid_offset events[1][0]"]),
        (
            "offset no number",
            SourceForm::Given(vec![(f64::NAN, true), (f64::INFINITY, false)]),
            vec!["invalid_number events[0][0]", "invalid_number events[1][0]"],
        ),
        ("too many given", SourceForm::Given(vec![(0.0, true); GIVEN_EVENTS_MAX + 1]), vec!["pattern_too_long events"]),
        ("rate", constant(1.1, 9.0, 1.0), vec!["invalid_rate rate"]),
        ("no rate", constant(f64::NAN, 9.0, 1.0), vec!["invalid_number rate"]),
        ("duration", constant(0.5, 0.9, 1.0), vec!["invalid_duration duration_s"]),
        ("event rate", constant(0.5, 9.0, 0.0), vec!["invalid_event_rate events_per_s"]),
        (
            "all of a constant",
            constant(-0.1, 0.0, -1.0),
            vec!["invalid_rate rate", "invalid_event_rate events_per_s", "invalid_duration duration_s"],
        ),
        ("too many made", constant(0.5, 10_000_001.0, 1.0), vec!["pattern_too_long duration_s"]),
        ("burst", burst(0, 0), vec!["invalid_burst_size size", "invalid_interval interval_s"]),
        ("cascade", cascade(2.0, 0.5, -1.0), vec!["invalid_rate initial_rate", "invalid_factor factor", "invalid_recovery recovery_at_s"]),
        ("range", history("B02", 5), vec!["invalid_range from_history.to"]),
        ("scope", history("", 6), vec!["invalid_text from_history.scope"]),
    ];
    for (name, source, expected) in table {
        assert_eq!(codes(&PatternForm::from(source).check().unwrap_err()), expected, "{name}");
    }
}

#[test]
fn a_creation_says_all_that_is_wrong_with_it() {
    let command = |duration_s| Command::Create {
        scenario: Box::new(Scenario::builder("")),
        pattern: SourceForm::Given(vec![(-1.0, true)]).into(),
        duration_s,
    };
    for (duration_s, code) in
        [(0.0, "invalid_duration"), (1e-7, "invalid_duration"), (-1.0, "invalid_duration"), (f64::NAN, "invalid_number")]
    {
        let Err(Rejection::Invalid(faults)) = super::super::decide::decide(&State::Absent, &command(duration_s)) else {
            panic!("{duration_s}")
        };
        let expected =
            ["missing_name scenario.name".to_owned(), "invalid_offset pattern.events[0][0]".to_owned(), format!("{code} duration_s")];
        assert_eq!(codes(&faults), expected);
    }
}

#[test]
fn forms_that_are_none() {
    let table = [
        ("nothing", "{}", "missing field"),
        ("two kinds", r#"{"events":[],"generator":"burst"}"#, "unknown field `generator`"),
        ("two others", r#"{"generator":"burst","from_history":{"scope":"a","from":1,"to":2}}"#, "unknown field `from_history`"),
        ("no rate", r#"{"generator":"constant","duration_s":1,"events_per_s":1}"#, "missing field `rate`"),
        ("another's field", r#"{"generator":"constant","rate":1,"duration_s":1,"events_per_s":1,"size":1}"#, "unknown field `size`"),
        ("a foreign field", r#"{"events":[],"colour":1}"#, "unknown field `colour`"),
        ("an unknown kind", r#"{"generator":"storm"}"#, "unknown variant `storm`"),
    ];
    for (name, text, expected) in table {
        let error = serde_json::from_str::<PatternForm>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    assert!(serde_json::from_str::<ScenarioBuilder>(r#"{"name":"x","colour":1}"#).is_err());
}
