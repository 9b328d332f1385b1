//! Which of several completed simulations has the best settings, and why, in words for a supervisor [D32].

use super::outcome::Outcome;
use super::reject::Rejection;
use super::scenario::Scenario;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Settings that are recommended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// The scenario's name.
    pub scenario: String,
    /// So many failures in a row lead one level up.
    pub escalation_threshold: u64,
    /// By level: more than so many successes in a row lead one level down.
    pub deescalation_thresholds: BTreeMap<String, u64>,
    /// Why, a sentence each: how it stands against the next best.
    pub reasons: Vec<String>,
    /// How many completed simulations were considered.
    pub considered: usize,
}

/// A completed simulation.
type Candidate<'a> = (&'a Scenario, &'a Outcome);
/// Says how the best stands against the next, and whether they are equal.
type Sentence = fn(&Candidate<'_>, &Candidate<'_>, bool) -> String;

/// Picks the completed simulation with the highest compliance, then the smallest share of time in the last level, then the
/// fewest transitions, then the first name; those without an outcome do not count.
///
/// # Errors
/// [`Rejection::NoCompletedResults`] if there is none.
pub fn recommend<'a>(simulations: impl IntoIterator<Item = (&'a Scenario, Option<&'a Outcome>)>) -> Result<Recommendation, Rejection> {
    let completed = simulations.into_iter().filter_map(|(scenario, outcome)| Some((scenario, outcome?)));
    let mut candidates: Vec<Candidate<'a>> = completed.collect();
    candidates.sort_by(rank);
    let [best, others @ ..] = candidates.as_slice() else { return Err(Rejection::NoCompletedResults) };
    Ok(Recommendation {
        scenario: best.0.name().to_owned(),
        escalation_threshold: best.0.escalation_threshold(),
        deescalation_thresholds: best.0.deescalation_thresholds().clone(),
        reasons: others.first().map_or_else(alone, |next| reasons(best, next)),
        considered: candidates.len(),
    })
}

/// The better one first.
fn rank(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    by_compliance(a, b).then(by_strictness(a, b)).then(by_unrest(a, b)).then_with(|| a.0.name().cmp(b.0.name()))
}

fn by_compliance((_, a): &Candidate<'_>, (_, b): &Candidate<'_>) -> Ordering {
    b.sla_compliance_rate().total_cmp(&a.sla_compliance_rate())
}

/// Compares shares as fractions, so that nothing is rounded.
fn by_strictness((_, a): &Candidate<'_>, (_, b): &Candidate<'_>) -> Ordering {
    let part = |of: &Outcome, other: &Outcome| u128::from(in_last_level(of).1) * u128::from(other.duration().micros());
    part(a, b).cmp(&part(b, a))
}

fn by_unrest((_, a): &Candidate<'_>, (_, b): &Candidate<'_>) -> Ordering {
    a.transition_count().cmp(&b.transition_count())
}

/// The last level, and the microseconds in it.
fn in_last_level(outcome: &Outcome) -> (&str, u64) {
    outcome.time_in_levels().last().map_or(("", 0), |(level, time)| (level, time.micros()))
}

fn alone() -> Vec<String> {
    vec!["It is the only simulation that has completed, so there was nothing to compare it with.".to_owned()]
}

/// One sentence for each rule, up to the one that decided.
fn reasons(best: &Candidate<'_>, next: &Candidate<'_>) -> Vec<String> {
    let rules: [(Ordering, Sentence); 3] =
        [(by_compliance(best, next), compliance), (by_strictness(best, next), strictness), (by_unrest(best, next), unrest)];
    let mut sentences = Vec::new();
    for (order, sentence) in rules {
        sentences.push(sentence(best, next, order.is_eq()));
        if order.is_lt() {
            return sentences;
        }
    }
    sentences.push(format!("Nothing else sets it apart from {}, so its name, which comes first, decided.", name(next)));
    sentences
}

fn compliance(best: &Candidate<'_>, next: &Candidate<'_>, equal: bool) -> String {
    let percent = |outcome: &Outcome| format!("{:.2} %", outcome.sla_compliance_rate() * 100.0);
    match equal {
        true => format!("{} of its outcomes were successes, as many as in {}.", percent(best.1), name(next)),
        false => format!("{} of its outcomes were successes, in {} only {}.", percent(best.1), name(next), percent(next.1)),
    }
}

fn strictness(best: &Candidate<'_>, next: &Candidate<'_>, equal: bool) -> String {
    let share = |outcome: &Outcome| {
        let (level, time) = in_last_level(outcome);
        format!("{:.2} % of the time in {level:?}", time as f64 * 100.0 / outcome.duration().micros().max(1) as f64)
    };
    match equal {
        true => format!("It spent {}, its strictest level, no less than {}.", share(best.1), name(next)),
        false => format!("It spent {}, its strictest level, {} spent {}.", share(best.1), name(next), share(next.1)),
    }
}

fn unrest(best: &Candidate<'_>, next: &Candidate<'_>, equal: bool) -> String {
    let count = |outcome: &Outcome| match outcome.transition_count() {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    match equal {
        true => format!("It changed its level {}, as often as {}.", count(best.1), name(next)),
        false => format!("It changed its level {}, {} did so {}.", count(best.1), name(next), count(next.1)),
    }
}

fn name(candidate: &Candidate<'_>) -> String {
    format!("{:?}", candidate.0.name())
}
