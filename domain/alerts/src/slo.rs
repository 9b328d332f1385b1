//! Alerts on the error budget of a service level objective, in several windows at once (Google, *The Site Reliability Workbook*,
//! chapter 5: "Alerting on SLOs", multiwindow, multi-burn-rate).
//!
//! A burn rate of 1 uses the budget up exactly at the period's end. A pair fires when the rate reaches its factor over the long
//! window **and** over the short one (so that it stops soon after the trouble does), and when what the long window shows is more
//! than chance.
//!
//! # Low traffic
//! Of three calls in an hour one late one is a rate of 33 %. So the long window must also pass an exact binomial test: the chance
//! to see so many failures, or more, of so many calls while the objective is just kept, P(X ≥ k | n, 1 − objective), is at most
//! `α`. With busy windows that is met long before the factor is, so there is no switch for "low" traffic.
//!
//! `α` comes from the configured number of false pages. A rule is evaluated at most once a minute ([`EVALUATION_MINUTES`]), with
//! each of its pairs: at most N = 129,600 × pairs tests in 90 days. Each has a chance of at most α to be false, so by the union
//! bound (no independence is needed, overlapping windows are anything but) at most α × N false pages are expected: α =
//! `false_pages_per_90_days` / N. That is careful: tests of overlapping windows mostly fail together.

use crate::fault::Check;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};
use std::collections::VecDeque;

/// The share of calls that are to be in time.
pub const OBJECTIVE: f64 = 0.9;
/// The period of the objective, in days.
pub const PERIOD_DAYS: u32 = 30;
/// How many false pages a rule may send in 90 days.
pub const FALSE_PAGES_PER_90_DAYS: f64 = 1.0;
/// The least minutes between two evaluations.
pub const EVALUATION_MINUTES: i64 = 1;
/// The pairs of the source: factor, long and short window in minutes.
pub const PAIRS: [(f64, u32, u32); 3] = [(14.4, 60, 5), (6.0, 360, 30), (1.0, 4_320, 360)];
const EVALUATIONS_PER_90_DAYS: f64 = (90 * 24 * 60 / EVALUATION_MINUTES) as f64;
const PAIRS_MAX: usize = 8;
const WINDOW_MINUTES_MAX: u32 = 10_080;

/// An objective, and how fast its budget may burn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The share of calls that are to be in time, above 0 and below 1.
    pub objective: f64,
    /// Over so many days.
    pub period_days: u32,
    /// Each of them fires.
    pub pairs: Vec<Pair>,
    /// How many false pages may be sent in 90 days, expected at most.
    pub false_pages_per_90_days: f64,
}

/// Two windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The burn rate that fires.
    pub factor: f64,
    /// Over so many minutes,
    pub long_minutes: u32,
    /// and over so many.
    pub short_minutes: u32,
}

/// An objective as somebody asks for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectiveForm {
    #[expect(dead_code, reason = "it has been read: it told that this is an objective")]
    metric: String,
    #[serde(default = "objective")]
    objective: f64,
    #[serde(default = "period_days")]
    period_days: u32,
    #[serde(default)]
    pairs: Option<Vec<Pair>>,
    #[serde(default = "false_pages")]
    false_pages_per_90_days: f64,
}

const fn objective() -> f64 {
    OBJECTIVE
}

const fn period_days() -> u32 {
    PERIOD_DAYS
}

const fn false_pages() -> f64 {
    FALSE_PAGES_PER_90_DAYS
}

/// Whether a rate of failures exists, below 1, that burns so fast. Nine places, because 1 − 0.9 is no tenth in binary.
fn can_fire(factor: f64, objective: f64) -> bool {
    (factor * (1.0 - objective) * 1e9).round() < 1e9
}

/// The largest factor that can fire, in hundredths.
#[must_use]
pub fn factor_max(objective: f64) -> f64 {
    let limit = (1.0 / (1.0 - objective) * 1e8).round() / 1e6;
    (limit.ceil() - 1.0) / 100.0
}

impl ObjectiveForm {
    /// The objective. Without pairs it has those of the source that can fire.
    pub(crate) fn read(self, check: &mut Check) -> Option<Objective> {
        let Self { objective, period_days, pairs, false_pages_per_90_days, .. } = self;
        let is_share = objective > 0.0 && objective < 1.0;
        check.hold(is_share, "threshold_config.objective", || "is above 0 and below 1".to_owned());
        check.hold((1..=366).contains(&period_days), "threshold_config.period_days", || "is from 1 to 366".to_owned());
        let is_sound = false_pages_per_90_days > 0.0 && false_pages_per_90_days <= 1_000.0;
        check.hold(is_sound, "threshold_config.false_pages_per_90_days", || "is above 0 and at most 1,000".to_owned());
        let pairs = pairs.unwrap_or_else(|| {
            let standard = PAIRS.map(|(factor, long_minutes, short_minutes)| Pair { factor, long_minutes, short_minutes });
            standard.into_iter().filter(|pair| can_fire(pair.factor, objective)).collect()
        });
        let count = (1..=PAIRS_MAX).contains(&pairs.len());
        check.hold(count, "threshold_config.pairs", || format!("has 1 to {PAIRS_MAX}"));
        for (place, pair) in pairs.iter().enumerate().take(PAIRS_MAX) {
            pair.check(check, place, objective, is_share);
        }
        Some(Objective { objective, period_days, pairs, false_pages_per_90_days })
    }
}

impl Pair {
    fn check(&self, check: &mut Check, place: usize, objective: f64, is_share: bool) {
        let field = |name: &str| format!("threshold_config.pairs[{place}].{name}");
        check.hold(self.factor > 0.0, &field("factor"), || "is above 0".to_owned());
        check.hold(!is_share || can_fire(self.factor, objective), &field("factor"), || {
            let max = factor_max(objective);
            format!("could never fire at an objective of {objective}: the largest factor that can is {max}")
        });
        let windows = self.short_minutes >= 1 && self.short_minutes < self.long_minutes && self.long_minutes <= WINDOW_MINUTES_MAX;
        check.hold(windows, &field("long_minutes"), || {
            format!("is above short_minutes, which is 1 or more, and at most {WINDOW_MINUTES_MAX}")
        });
    }
}

/// How many calls of a stretch of time were late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Of so many,
    pub total: u64,
    /// so many were late.
    pub late: u64,
}

impl Count {
    /// The share that was late; 0 of none (decision D01).
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.late as f64 / self.total as f64 }
    }

    const fn plus(self, other: Self) -> Self {
        Self { total: self.total + other.total, late: self.late + other.late }
    }
}

/// A pair that fires, and what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burn {
    /// The pair.
    pub pair: Pair,
    /// The burn rate over the long window, as a multiple of what the period bears.
    pub long: f64,
    /// And over the short one.
    pub short: f64,
    /// What the long window held.
    pub count: Count,
}

impl Objective {
    /// The chance of a false page that one test of one pair may have.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.false_pages_per_90_days / (EVALUATIONS_PER_90_DAYS * self.pairs.len() as f64)
    }

    /// The first pair that fires on the calls that ended before minute `end`.
    #[must_use]
    pub fn evaluate(&self, history: &Outcomes, end: i64) -> Option<Burn> {
        let alpha = self.alpha();
        self.pairs.iter().find_map(|pair| {
            let count = history.window(end, pair.long_minutes);
            let burn = |count: Count| count.rate() / (1.0 - self.objective);
            let (long, short) = (burn(count), burn(history.window(end, pair.short_minutes)));
            let reached = |rate: f64| (rate * 1e9).round() >= (pair.factor * 1e9).round();
            let fires = reached(long) && reached(short) && chance(count, 1.0 - self.objective) <= alpha;
            fires.then_some(Burn { pair: *pair, long, short, count })
        })
    }
}

/// The chance to see so many late calls or more if each is late with probability `p`: the upper tail of the binomial distribution,
/// P(X ≥ late) = P(X > late − 1).
#[must_use]
pub fn chance(count: Count, p: f64) -> f64 {
    let Some(below) = count.late.checked_sub(1) else { return 1.0 };
    Binomial::new(p, count.total).map_or(1.0, |binomial| binomial.sf(below))
}

/// What became of calls, counted by the minute: those of the last seven days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outcomes(VecDeque<(i64, Count)>);

impl Outcomes {
    /// Counts a call of minute `minute` (since 1970); what is older than the longest window goes. A minute before the last one
    /// counted is counted there.
    pub fn record(&mut self, minute: i64, late: bool) {
        let minute = self.0.back().map_or(minute, |(last, _)| minute.max(*last));
        let one = Count { total: 1, late: u64::from(late) };
        match self.0.back_mut() {
            Some((last, count)) if *last == minute => *count = count.plus(one),
            Some(_) | None => self.0.push_back((minute, one)),
        }
        while self.0.front().is_some_and(|(first, _)| *first < minute - i64::from(WINDOW_MINUTES_MAX)) {
            self.0.pop_front();
        }
    }

    /// The first minute, not before `minute`, that has a late call.
    #[must_use]
    pub fn first_late(&self, minute: i64) -> Option<i64> {
        let from = self.0.partition_point(|(other, _)| *other < minute);
        self.0.range(from..).find(|(_, count)| count.late > 0).map(|(minute, _)| *minute)
    }

    /// The calls of the minutes `[end − minutes, end)`.
    #[must_use]
    pub fn window(&self, end: i64, minutes: u32) -> Count {
        let before = |limit: i64| self.0.partition_point(|(minute, _)| *minute < limit);
        let (from, until) = (before(end - i64::from(minutes)), before(end));
        self.0.range(from..until).fold(Count::default(), |sum, (_, count)| sum.plus(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Condition, read};
    use crate::fault::Fault;
    use crate::reject::Code;
    use serde_json::{Value, json};

    fn objective(config: &Value) -> Result<Objective, Vec<Fault>> {
        let mut config = config.clone();
        config["metric"] = "slo_burn_rate".into();
        let mut check = Check::new(Code::InvalidRule);
        let read = read(&mut check, "threshold", &config);
        check.finish(read).map(|condition| match condition {
            Condition::BurnRate(objective) => objective,
            other => panic!("{other:?}"),
        })
    }

    /// Σ over i ≥ k of C(n, i) pⁱ (1 − p)ⁿ⁻ⁱ, term by term.
    fn plain_tail(n: u64, k: u64, p: f64) -> f64 {
        let term = |i: u64| (1..=i).fold(1.0, |c, j| c * (n - i + j) as f64 / j as f64) * p.powi(i as i32) * (1.0 - p).powi((n - i) as i32);
        (k..=n).map(term).sum()
    }

    #[test]
    fn the_chance_is_the_exact_tail() {
        for n in [1, 2, 5, 10, 30] {
            for k in 0..=n {
                for p in [0.001, 0.1, 0.5] {
                    let (exact, ours) = (plain_tail(n, k, p), chance(Count { total: n, late: k }, p));
                    assert!((exact - ours).abs() <= 1e-9 * exact.max(1e-12), "{n} {k} {p}: {exact} {ours}");
                }
            }
        }
        assert_eq!(chance(Count::default(), 0.1), 1.0);
    }

    #[test]
    fn the_default_objective_has_the_pairs_that_can_fire() {
        let default = objective(&json!({})).unwrap();
        assert_eq!(default.pairs.iter().map(|pair| pair.factor).collect::<Vec<_>>(), [6.0, 1.0]);
        assert_eq!((default.objective, default.period_days), (0.9, 30));
        let strict = objective(&json!({"objective": 0.99})).unwrap();
        assert_eq!(strict.pairs.iter().map(|pair| (pair.factor, pair.long_minutes, pair.short_minutes)).collect::<Vec<_>>(), PAIRS);
    }

    #[test]
    fn a_pair_that_can_never_fire_is_refused_with_the_largest_factor_that_can() {
        let pair = |objective: f64, factor: f64| {
            super::tests::objective(&json!({"objective": objective, "pairs": [{"factor": factor, "long_minutes": 60, "short_minutes": 5}]}))
        };
        for (of, refused, largest) in [(0.9, 14.4, 9.99), (0.9, 10.0, 9.99), (0.95, 20.0, 19.99), (0.99, 100.0, 99.99), (0.5, 2.0, 1.99)] {
            let faults = pair(of, refused).unwrap_err();
            assert_eq!((faults.len(), faults[0].field.as_str()), (1, "threshold_config.pairs[0].factor"));
            assert!(faults[0].detail.ends_with(&format!("the largest factor that can is {largest}")), "{}", faults[0].detail);
            assert!(pair(of, largest).is_ok(), "{of} {largest}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let faults = objective(&json!({"objective": 1.0, "period_days": 0, "false_pages_per_90_days": 0,
            "pairs": [{"factor": 0, "long_minutes": 5, "short_minutes": 5}]}))
        .unwrap_err();
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(objective(&json!({"pairs": []})).is_err() && objective(&json!({"colour": 1})).is_err());
    }

    #[test]
    fn windows_are_half_open_and_old_minutes_go() {
        let mut outcomes = Outcomes::default();
        for (minute, late) in [(0, true), (1, false), (1, true), (4, true)] {
            outcomes.record(minute, late);
        }
        let count = |total, late| Count { total, late };
        assert_eq!([outcomes.window(4, 4), outcomes.window(4, 3), outcomes.window(5, 1)], [count(3, 2), count(2, 1), count(1, 1)]);
        assert_eq!([0, 1, 2, 5].map(|minute| outcomes.first_late(minute)), [Some(0), Some(1), Some(4), None]);
        outcomes.record(2, false);
        assert_eq!(outcomes.window(5, 1), count(2, 1), "a late minute counts where time has got to");
        outcomes.record(20_000, false);
        assert_eq!(outcomes.window(20_001, 30_000), count(1, 0));
    }

    /// The objective's single pair, 6 × over 6 h and 30 min, at 0.9.
    fn fast() -> Objective {
        objective(&json!({"pairs": [{"factor": 6.0, "long_minutes": 360, "short_minutes": 30}]})).unwrap()
    }

    #[test]
    fn a_pair_needs_both_windows_and_more_than_chance() {
        let outcomes = |calls: &[(i64, u64, u64)]| {
            let mut outcomes = Outcomes::default();
            for (minute, total, late) in calls {
                (0..*total).for_each(|call| outcomes.record(*minute, call < *late));
            }
            outcomes
        };
        let fires = |calls: &[(i64, u64, u64)]| fast().evaluate(&outcomes(calls), 360).is_some();
        assert!(fires(&[(0, 50, 30), (359, 50, 30)]), "exactly 6 x in both");
        assert!(!fires(&[(0, 50, 30), (359, 50, 29)]), "the short window is below");
        assert!(!fires(&[(0, 100, 50), (359, 50, 30)]), "the long window is below");
        assert!(!fires(&[(359, 3, 2)]), "two of three are 6.7 x, and chance: P = 0.028");
        assert!(!fires(&[(359, 6, 6)]) || chance(Count { total: 6, late: 6 }, 0.1) <= fast().alpha());
        assert!(fires(&[(359, 6, 6)]), "six of six are not: P = 1e-6");
        assert!(!fires(&[(359, 5, 5)]), "five of five are: P = 1e-5, more than one in 129,600");
        assert!(!fires(&[]));
    }

    #[test]
    fn false_pages_are_as_rare_as_configured_while_the_objective_is_just_kept() {
        // 4 calls an hour, each late with probability 0.1, for 90 days, 40 times over: at most 40 pages are expected, and there
        // are far fewer, for overlapping windows fail together.
        let rule = objective(&json!({})).unwrap();
        let (mut random, mut pages) = (1_u64, 0);
        for _ in 0..40 {
            let mut outcomes = Outcomes::default();
            for call in 0..90 * 24 * 4_i64 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let late = random >> 33 < (1_u64 << 31) / 10;
                outcomes.record(call * 15, late);
                pages += usize::from(late && rule.evaluate(&outcomes, call * 15 + 1).is_some());
            }
        }
        assert!(pages <= 4, "{pages} pages in 40 x 90 days");
    }
}
