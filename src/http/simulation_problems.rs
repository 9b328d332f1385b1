//! What of a simulation went otherwise, as a problem, and the checks that an edge makes before it takes up work.

use crate::http::answers::{Refusal, problem_of as problem_of_ask, problem_of_load};
use crate::http::problem::{Code, Fault, Problem};
use crate::simulations::{SimulatorError, Unread};
use ionveil_kernel::Rejection as _;
use ionveil_policy::simulation::{FaultKind, Faults, NotCompared, Pattern, PatternForm, Rejection, Scenario, ScenarioBuilder, Span};

/// Before a run has ended there is no place for another one; most last a second or two.
const BUSY_RETRY_S: u32 = 2;

/// The problem behind what was not done. `if_match`: the expected version came from that header.
pub(super) fn problem_of(error: SimulatorError, if_match: bool) -> Problem {
    match error {
        SimulatorError::CapacityExceeded(_) => Problem::new(Code::CapacityExceeded, error.to_string()).retry_after(BUSY_RETRY_S),
        SimulatorError::Ask(error) => problem_of_ask(error, if_match),
        SimulatorError::Load(error) => problem_of_load(&error),
        SimulatorError::Unread(unread) => of_unread(unread),
        SimulatorError::NotCompared(NotCompared::Refused(faults)) => Problem::of_faults(named("", &faults)),
        SimulatorError::ComparedTooLong => Problem::field(Code::PatternTooLong, "pattern", error.to_string()),
        SimulatorError::NotCompared(NotCompared::Stopped(_)) | SimulatorError::Broken(_) => {
            tracing::error!(%error, "a simulation broke off");
            Problem::internal()
        }
    }
}

fn of_unread(unread: Unread) -> Problem {
    match unread {
        Unread::UnknownNode(_) => unknown_scope(),
        Unread::TooLong => Problem::field(Code::PatternTooLong, "pattern.from_history", unread.to_string()),
        Unread::Faults(faults) => Problem::of_faults(named("pattern.", &faults)),
        Unread::Store(error) => problem_of_load(&error.into()),
        Unread::Decode(_) | Unread::Stopped => {
            tracing::error!(error = %unread, "a history could not be read");
            Problem::internal()
        }
    }
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        let faults: Vec<Fault> = self.faults().map(|fault| of_kind(&*fault.field, fault.kind)).collect();
        if !faults.is_empty() {
            return faults;
        }
        let code = Code::from_name(self.code()).unwrap_or(Code::Internal);
        vec![Fault { code, field: self.field().map(Into::into), index: None, detail: self.to_string() }]
    }
}

/// The scope of a history names nothing.
pub(super) fn unknown_scope() -> Problem {
    Problem::field(Code::UnknownNode, "pattern.from_history.scope", "is no node of the policy tree")
}

/// Checks scenarios, pattern and duration at once, each under the path that it stands at.
pub(crate) fn checked(
    scenarios: Vec<(String, ScenarioBuilder)>,
    pattern: &PatternForm,
    duration_s: f64,
) -> Result<(Vec<Scenario>, Pattern, Span), Vec<Fault>> {
    let (mut built, mut faults) = (Vec::with_capacity(scenarios.len()), Vec::new());
    for (path, scenario) in scenarios {
        match scenario.build() {
            Ok(scenario) => built.push(scenario),
            Err(found) => faults.extend(named(&format!("{path}."), &found)),
        }
    }
    let pattern = pattern.check().map_err(|found| faults.extend(named("pattern.", &found))).ok();
    let duration = duration(duration_s).map_err(|fault| faults.push(fault)).ok();
    match (pattern, duration) {
        (Some(pattern), Some(duration)) if faults.is_empty() => Ok((built, pattern, duration)),
        (Some(_) | None, Some(_) | None) => Err(faults),
    }
}

/// Less than half a microsecond is rounded to none.
fn duration(seconds: f64) -> Result<Span, Fault> {
    let span = Span::from_seconds(seconds, FaultKind::InvalidDuration);
    let span = span.and_then(|span| if span == Span::default() { Err(FaultKind::InvalidDuration) } else { Ok(span) });
    span.map_err(|kind| of_kind("duration_s", kind))
}

/// A fault of one field.
pub(super) fn of_kind(field: impl Into<String>, kind: FaultKind) -> Fault {
    Fault::field(Code::from_name(kind.code()).unwrap_or(Code::Internal), field, kind.to_string())
}

fn named(path: &str, faults: &Faults) -> Vec<Fault> {
    faults.iter().map(|fault| of_kind(format!("{path}{}", fault.field), fault.kind)).collect()
}
