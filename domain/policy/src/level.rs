//! The levels of policy and what each of them means: names, limits, severity, and the steps between them (specification
//! of IonVeil §2.3 and §3.4). What a single outcome does to an engine is in `ladder.rs`.

use ionveil_kernel::PolicyLevel;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// All levels, mildest first.
pub const LEVELS: [PolicyLevel; 4] = [PolicyLevel::Normal, PolicyLevel::Watch, PolicyLevel::Restricted, PolicyLevel::Halted];
/// So many failures in a row lead to the next level in [`next`] and [`process`].
pub const BURST_MIN: u64 = 2;
/// From so many affected people on it is a mass casualty (decision D09).
pub const MASS_CASUALTY_MIN: u64 = 100;

/// How bad an alert is; by level of policy in [`severity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    /// To be known.
    Info,
    /// To be watched.
    Warning,
    /// To be acted on.
    Critical,
    /// To be acted on before anything else.
    Emergency,
}

impl AlertSeverity {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for AlertSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The level of this name, exactly as [`name`] writes it.
#[must_use]
pub fn parse(text: &str) -> Option<PolicyLevel> {
    LEVELS.into_iter().find(|level| name(*level) == text)
}

/// The stable name: `normal`, `watch`, `restricted` or `halted`.
#[must_use]
pub const fn name(level: PolicyLevel) -> &'static str {
    match level {
        PolicyLevel::Normal => "normal",
        PolicyLevel::Watch => "watch",
        PolicyLevel::Restricted => "restricted",
        PolicyLevel::Halted => "halted",
    }
}

/// The place in the order of strictness, 0 to 3.
#[must_use]
pub const fn index(level: PolicyLevel) -> usize {
    match level {
        PolicyLevel::Normal => 0,
        PolicyLevel::Watch => 1,
        PolicyLevel::Restricted => 2,
        PolicyLevel::Halted => 3,
    }
}

/// The level at this place, or the strictest for a place beyond it.
#[must_use]
pub const fn at(index: usize) -> PolicyLevel {
    if index < LEVELS.len() { LEVELS[index] } else { PolicyLevel::Halted }
}

/// How often a failed call to a channel may be tried again.
#[must_use]
pub const fn retries_max(level: PolicyLevel) -> u32 {
    match level {
        PolicyLevel::Normal => 3,
        PolicyLevel::Watch => 2,
        PolicyLevel::Restricted => 1,
        PolicyLevel::Halted => 0,
    }
}

/// How long a call to a channel may take, in seconds.
#[must_use]
pub const fn timeout_s(level: PolicyLevel) -> u64 {
    match level {
        PolicyLevel::Normal => 30,
        PolicyLevel::Watch => 20,
        PolicyLevel::Restricted => 10,
        PolicyLevel::Halted => 5,
    }
}

/// The mildest level whose limits calls went over that were tried again `retries` times and of which the longest took
/// `longest`; every stricter level's they went over too. None: they kept to all.
#[must_use]
pub fn over_from(retries: u32, longest: Duration) -> Option<PolicyLevel> {
    LEVELS.into_iter().find(|level| retries > retries_max(*level) || longest > Duration::from_secs(timeout_s(*level)))
}

/// The level is left when more than so many successes came in a row; none: it cannot be left downwards.
#[must_use]
pub const fn leave_above(level: PolicyLevel) -> Option<u64> {
    match level {
        PolicyLevel::Normal => None,
        PolicyLevel::Watch => Some(5),
        PolicyLevel::Restricted => Some(10),
        PolicyLevel::Halted => Some(20),
    }
}

/// How bad it is to be on this level (decision D04).
#[must_use]
pub const fn severity(level: PolicyLevel) -> AlertSeverity {
    match level {
        PolicyLevel::Normal => AlertSeverity::Info,
        PolicyLevel::Watch => AlertSeverity::Warning,
        PolicyLevel::Restricted => AlertSeverity::Critical,
        PolicyLevel::Halted => AlertSeverity::Emergency,
    }
}

/// The level after `burst` failures in a row: one up from [`BURST_MIN`] on, however many they are.
#[must_use]
pub const fn next(level: PolicyLevel, burst: u64) -> PolicyLevel {
    if burst >= BURST_MIN { at(index(level) + 1) } else { level }
}

/// One level down; normal stays normal.
#[must_use]
pub const fn previous(level: PolicyLevel) -> PolicyLevel {
    at(index(level).saturating_sub(1))
}

/// Whether `streak` successes in a row are enough to leave the level downwards.
#[must_use]
pub fn may_deescalate(level: PolicyLevel, streak: u64) -> bool {
    leave_above(level).is_some_and(|above| streak > above)
}

/// The level that `count` failures lead to, one up from `threshold` on; none if they lead nowhere, as on the last level.
#[must_use]
pub fn auto_escalate(level: PolicyLevel, count: u64, threshold: u64) -> Option<PolicyLevel> {
    (count >= threshold && level < PolicyLevel::Halted).then(|| at(index(level) + 1))
}

/// The level after a batch of outcomes, and how many steps led there: each longest run of at least [`BURST_MIN`] failures
/// is one step (decision D10), and none on the last level.
#[must_use]
pub fn process(level: PolicyLevel, outcomes: impl IntoIterator<Item = bool>) -> (PolicyLevel, u64) {
    let (mut level, mut steps, mut burst) = (level, 0, 0_u64);
    for success in outcomes {
        burst = if success { 0 } else { burst + 1 };
        if burst == BURST_MIN && level < PolicyLevel::Halted {
            (level, steps) = (next(level, burst), steps + 1);
        }
    }
    (level, steps)
}

/// Every level on the way, both ends included, in walking order; empty if a name is unknown.
#[must_use]
pub fn escalation_chain(from: &str, to: &str) -> Vec<PolicyLevel> {
    let (Some(from), Some(to)) = (parse(from).map(index), parse(to).map(index)) else { return Vec::new() };
    if from <= to { (from..=to).map(at).collect() } else { (to..=from).rev().map(at).collect() }
}

/// Who commands an incident, 0 to 3: by severity (5 is worst), and 3 for a mass casualty whatever the severity.
#[must_use]
pub const fn incident_command_level(severity: u8, affected: u64) -> u8 {
    if affected >= MASS_CASUALTY_MIN {
        return 3;
    }
    match severity {
        0..=2 => 0,
        3 => 1,
        4 => 2,
        5..=u8::MAX => 3,
    }
}

/// Whether what took `elapsed` kept its promise; reaching it exactly does.
#[must_use]
pub fn is_within_sla(elapsed: Duration, sla: Duration) -> bool {
    elapsed <= sla
}

/// How many of `total` passed, in percent, rounded to two decimals (of the exact binary value, ties to even); 0 for a
/// total of 0 or less.
#[must_use]
pub fn sla_percentage(passed: i64, total: i64) -> f64 {
    if total <= 0 {
        return 0.0;
    }
    let exact = 100.0 * passed as f64 / total as f64;
    format!("{exact:.2}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::PolicyLevel::{Halted, Normal, Restricted, Watch};
    use super::*;

    #[test]
    fn every_level_has_its_row() {
        let table = [
            (Normal, "normal", 0, 3, 30, None, "info"),
            (Watch, "watch", 1, 2, 20, Some(5), "warning"),
            (Restricted, "restricted", 2, 1, 10, Some(10), "critical"),
            (Halted, "halted", 3, 0, 5, Some(20), "emergency"),
        ];
        assert_eq!(table.map(|row| row.0), LEVELS);
        for (level, text, place, retries, timeout, leave, severe) in table {
            assert_eq!((parse(text), name(level), index(level), at(place)), (Some(level), text, place, level));
            assert_eq!((retries_max(level), timeout_s(level), leave_above(level)), (retries, timeout, leave), "{text}");
            assert_eq!(severity(level).to_string(), severe, "{text}");
            assert_eq!(serde_json::to_string(&severity(level)).unwrap(), format!("{severe:?}"), "{text}");
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("{text:?}"), "{text}");
        }
        for unknown in ["", "Normal", "halted ", "panic"] {
            assert_eq!(parse(unknown).map(index), None, "{unknown:?}");
        }
        assert_eq!(at(4), Halted);
    }

    #[test]
    fn two_failures_lead_one_step_up_and_more_lead_no_further() {
        let table = [
            ("one is no burst", Normal, 1, Normal),
            ("T23: two are", Normal, 2, Watch),
            ("many are one step", Watch, 99, Restricted),
            ("the last level stays", Halted, 5, Halted),
            ("an unknown level counts as normal", parse("odd").unwrap_or_default(), 2, Watch),
        ];
        for (case, level, burst, expected) in table {
            assert_eq!(next(level, burst), expected, "{case}");
        }
        assert_eq!(LEVELS.map(previous), [Normal, Normal, Watch, Restricted]);
    }

    #[test]
    fn a_level_is_left_above_its_threshold_only() {
        // T24: at the threshold it stays.
        let table = [(Watch, 5), (Restricted, 10), (Halted, 20)];
        for (level, threshold) in table {
            assert!(!may_deescalate(level, threshold) && may_deescalate(level, threshold + 1), "{level:?}");
        }
        assert!(!may_deescalate(Normal, u64::MAX));
    }

    #[test]
    fn escalating_at_the_last_level_is_no_step() {
        assert_eq!(auto_escalate(Normal, 2, 3), None);
        assert_eq!(auto_escalate(Normal, 3, 3), Some(Watch));
        assert_eq!(auto_escalate(Restricted, 9, 3), Some(Halted));
        // T27, T29: neither a record nor a yes.
        assert_eq!(auto_escalate(Halted, 9, 3), None);
    }

    #[test]
    fn every_burst_of_a_batch_is_one_step() {
        let table = [
            ("nothing", Normal, "", (Normal, 0)),
            ("single failures", Normal, "f.f.f", (Normal, 0)),
            ("a long run is one step", Normal, "ffffff", (Watch, 1)),
            ("T30: also a burst that is not the last", Normal, "ff.ff..f.", (Restricted, 2)),
            ("none beyond the last level", Restricted, "ff.ff.ff", (Halted, 1)),
        ];
        for (case, level, outcomes, expected) in table {
            assert_eq!(process(level, outcomes.chars().map(|outcome| outcome == '.')), expected, "{case}");
        }
    }

    #[test]
    fn chains_go_the_way_that_is_walked() {
        assert_eq!(escalation_chain("watch", "halted"), [Watch, Restricted, Halted]);
        // T26: downwards, too.
        assert_eq!(escalation_chain("halted", "watch"), [Halted, Restricted, Watch]);
        assert_eq!(escalation_chain("watch", "watch"), [Watch]);
        assert!(escalation_chain("watch", "odd").is_empty() && escalation_chain("odd", "watch").is_empty());
    }

    #[test]
    fn command_goes_by_severity_and_by_how_many_are_affected() {
        let table = [(5, 0, 3), (6, 0, 3), (4, 99, 2), (3, 10, 1), (2, 0, 0), (0, 0, 0), (1, 150, 3), (1, 100, 3), (1, 99, 0)];
        for (severity, affected, expected) in table {
            // T25: many affected outweigh the severity.
            assert_eq!(incident_command_level(severity, affected), expected, "{severity} {affected}");
        }
    }

    #[test]
    fn promises_are_kept_up_to_their_last_moment() {
        let (sla, more) = (Duration::from_mins(15), Duration::from_nanos(1));
        assert!(is_within_sla(sla, sla) && !is_within_sla(sla + more, sla));
    }

    #[test]
    fn percentages_have_two_decimals() {
        let table = [(1, 3, 33.33), (2, 3, 66.67), (0, 5, 0.0), (5, 5, 100.0), (1, 0, 0.0), (1, -1, 0.0), (1, 800, 0.12), (3, 800, 0.38)];
        for (passed, total, expected) in table {
            assert_eq!(sla_percentage(passed, total), expected, "{passed} of {total}");
        }
    }
}
