//! The shapes of D33, on figures computed by hand.

use super::*;

/// `s` and `f` at each second that has events, such as `0:sf 1:s`.
fn shown(events: &Events) -> String {
    let mut text = String::new();
    let mut last = None;
    for (at, success) in events.iter() {
        if last.replace(at) != Some(at) {
            text += &format!(" {}:", at.seconds());
        }
        text.push(if success { 's' } else { 'f' });
    }
    text.trim_start().to_owned()
}

#[test]
fn shapes() {
    let constant = |rate, duration_s, events_per_s| Generator::Constant { rate, duration_s, events_per_s };
    let burst = |size, interval_s, duration_s| Generator::Burst { size, interval_s, duration_s };
    let table = [
        ("no failures", constant(0.0, 3.0, 1.0), "0:s 1:s 2:s"),
        ("failures only", constant(1.0, 2.0, 1.0), "0:f 1:f"),
        ("every other", constant(0.5, 4.0, 1.0), "0:s 1:f 2:s 3:f"),
        ("three tenths", constant(0.3, 10.0, 1.0), "0:s 1:s 2:s 3:f 4:s 5:s 6:f 7:s 8:s 9:f"),
        ("a tenth, ten times", constant(0.1, 5.0, 2.0), "0:ss 1:ss 2:ss 3:ss 4:sf"),
        ("half an event a second", constant(1.0, 5.0, 0.5), "0:f 2:f"),
        ("a part of a second", constant(0.0, 1.5, 2.0), "0:ss 1:s"),
        ("bursts", burst(2, 3, 7.0), "0:f 1:f 2:s 3:f 4:f 5:s 6:f"),
        ("a burst without end", burst(5, 2, 3.0), "0:f 1:f 2:f"),
        (
            "cascade: halves, then all well",
            Generator::Cascade { initial_rate: 0.5, factor: 1.0, recovery_at_s: 5.0, duration_s: 7.0 },
            "0:s 1:f 2:s 3:f 4:s 5:s 6:s",
        ),
    ];
    for (name, generator, expected) in table {
        assert_eq!(shown(&generator.events().unwrap()), expected, "{name}");
    }
}

/// 0.1 for a minute are 6 failures, at 0.2 another 12, at 0.4 another 24; 60 more at 1 from the rates 0.8 and 1.
#[test]
fn a_cascade_grows_each_minute_up_to_one() {
    let generator = Generator::Cascade { initial_rate: 0.1, factor: 2.0, recovery_at_s: 300.0, duration_s: 360.0 };
    let failures = |minute: u64| {
        let events = generator.events().unwrap();
        events.iter().filter(|(at, success)| !success && (minute * 60..minute * 60 + 60).contains(&(at.micros() / 1_000_000))).count()
    };
    assert_eq!((0..6).map(failures).collect::<Vec<_>>(), [6, 12, 24, 48, 60, 0]);
}

#[test]
fn a_history_counts_from_its_start_and_ends_before_its_end() {
    use ionveil_kernel::Timestamp;
    let at = Timestamp::from_micros;
    let history = [(at(9), true), (at(12), false), (at(10), true), (at(20), true), (at(19), false)];
    let events = Events::of_history(history, at(10), at(20)).unwrap();
    let expected = [(Span::from_micros(0), true), (Span::from_micros(2), false), (Span::from_micros(9), false)];
    assert_eq!(events.iter().collect::<Vec<_>>(), expected);
}
