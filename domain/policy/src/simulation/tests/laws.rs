//! Laws of every run, among them: it does what a plain reading of the specification does.

use super::*;
use proptest::prelude::*;

/// §6.1's kernel, word for word, with names and no packing: transitions as (from, to, microsecond), and the time in each level.
fn plain(scenario: &Scenario, events: &[(u64, bool)], duration: u64) -> (Vec<(usize, usize, u64)>, Vec<u64>, usize) {
    let order = scenario.policy_order();
    let (mut level, mut streak, mut burst, mut since) = (0, 0, 0, 0);
    let mut transitions = Vec::new();
    let mut sorted: Vec<_> = events.iter().filter(|(at, _)| *at < duration).collect();
    sorted.sort_by_key(|(at, _)| *at);
    for (at, success) in sorted {
        let mut to = level;
        if *success {
            (burst, streak) = (0, streak + 1);
            let above = scenario.deescalation_thresholds().get(&order[level]);
            if level > 0 && above.is_some_and(|above| streak > *above) && at - since >= scenario.dwell().micros() {
                (to, streak) = (level - 1, 0);
            }
        } else {
            (streak, burst) = (0, burst + 1);
            if burst >= scenario.escalation_threshold() {
                (to, burst) = ((level + 1).min(order.len() - 1), 0);
            }
        }
        if to != level {
            transitions.push((level, to, *at));
            (level, since) = (to, *at);
        }
    }
    let mut time = vec![0; order.len()];
    let ends = transitions.iter().map(|(_, _, at)| *at).chain([duration]);
    let starts = transitions.iter().map(|(_, to, at)| (*to, *at));
    std::iter::once((0, 0)).chain(starts).zip(ends).for_each(|((level, from), to)| time[level] += to - from);
    (transitions, time, level)
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    (2_usize..6, 1_i64..4, prop::collection::vec(prop::option::of(1_i64..4), 6), 0_u32..8).prop_map(|(levels, up, down, dwell)| {
        let named = |level: usize| format!("level {level}");
        let mut builder = Scenario::builder("random").policy_order((0..levels).map(named)).escalate_at(up).never_deescalate();
        for (level, streak) in (0..levels).filter_map(|level| Some((level, down[level]?))) {
            builder = builder.deescalate_above(named(level), streak);
        }
        builder.dwell_s(f64::from(dwell) / 1e6).build().expect("lawful")
    })
}

proptest! {
    #[test]
    fn a_run_does_what_the_plain_reading_does(
        scenario in scenarios(),
        raw in prop::collection::vec((0_u64..60, any::<bool>()), 0..200),
        duration in 1_u64..70,
    ) {
        let pattern = Events::collect(raw.iter().map(|(at, success)| (Span::from_micros(*at), *success))).unwrap();
        let go = || run(&scenario, &pattern, Span::from_micros(duration), |_, _| ControlFlow::Continue(())).unwrap();
        let outcome = go();
        prop_assert_eq!(&outcome, &go());
        let (transitions, time, last) = plain(&scenario, &raw, duration);
        let name = |level: usize| scenario.policy_order()[level].as_str();
        let expected: Vec<_> = transitions.iter().map(|(from, to, at)| (name(*from), name(*to), *at)).collect();
        prop_assert_eq!(outcome.transitions().map(|step| (step.from, step.to, step.at.micros())).collect::<Vec<_>>(), expected);
        prop_assert_eq!(outcome.time_in_levels().map(|(_, span)| span.micros()).collect::<Vec<_>>(), time);
        prop_assert_eq!(outcome.time_in_levels().map(|(_, span)| span.micros()).sum::<u64>(), duration);
        prop_assert_eq!(outcome.final_policy(), name(last));
        // The ladder alone, fed with the same, ends on the same level.
        let (rules, mut ladder) = (scenario.rules(), crate::ladder::Ladder::default());
        pattern.iter().filter(|(at, _)| at.micros() < duration).for_each(|(at, success)| _ = ladder.observe(&rules, at.micros(), success));
        prop_assert_eq!(outcome.final_policy(), name(ladder.level));
        for at in (0..=duration).map(Span::from_micros) {
            prop_assert_eq!(outcome.policy_at(at), policy_at(&scenario, &pattern, Span::from_micros(duration), at).map(Some));
        }
        prop_assert_eq!(serde_json::from_str::<Outcome>(&serde_json::to_string(&outcome).unwrap()).unwrap(), outcome);
    }

    #[test]
    fn sorting_is_stable(raw in prop::collection::vec((0_u64..5, any::<bool>()), 0..50)) {
        let mut sorted = raw.clone();
        sorted.sort_by_key(|(at, _)| *at);
        let pattern = Events::collect(raw.iter().map(|(at, success)| (Span::from_micros(*at), *success))).unwrap();
        prop_assert_eq!(pattern.iter().map(|(at, success)| (at.micros(), success)).collect::<Vec<_>>(), sorted);
    }

    /// Whatever the last bit of a number, a stored pattern and a stored span come back the same.
    #[test]
    fn stored_forms_come_back(micros in 0..=Span::MAX.micros(), rate in 0.0..=1.0_f64, events_per_s in 0.001..100.0_f64) {
        let span = Span::from_micros(micros);
        prop_assert_eq!(serde_json::from_str::<Span>(&serde_json::to_string(&span).unwrap()).unwrap(), span);
        let given = SourceForm::Given(vec![(span.seconds(), true)]);
        let made = SourceForm::Generated(Generator::Constant { rate, duration_s: 60.0, events_per_s });
        for source in [given, made] {
            let pattern = PatternForm::from(source).check().unwrap();
            prop_assert_eq!(serde_json::from_str::<Pattern>(&serde_json::to_string(&pattern).unwrap()).unwrap(), pattern);
        }
    }
}
