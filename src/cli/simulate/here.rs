//! Runs in this process.

use super::{Done, Work, Wrong};
use crate::cli::output;
use crate::http::problem::{Code, Fault};
use ionveil_policy::simulation::{Created, Live, NotCompared, Phase, SimulationResult, compare, recommend};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

pub(super) fn run(work: Work) -> anyhow::Result<Done> {
    let Work { scenarios, pattern, duration } = work;
    // A history is not run here.
    let events = pattern.events()?.unwrap_or_default();
    let bar = output::count_bar(0, "simulating");
    let compared = compare(&scenarios, &events, duration, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let mut outcomes = compared.map_err(refused)?;
    let outcome = |name: &str| outcomes.remove(name).map(Arc::new);
    let ran: Vec<_> = scenarios.iter().map(|scenario| scenario.name()).map(outcome).collect();
    let best = recommend(scenarios.iter().zip(ran.iter().map(Option::as_deref)))?;
    let recommendation = (scenarios.len() > 1).then(|| json!(best));
    let mut results = BTreeMap::new();
    for (scenario, outcome) in scenarios.into_iter().zip(ran) {
        let (name, phase) = (scenario.name().to_owned(), outcome.map_or(Phase::Pending, Phase::Completed));
        let live = Live { setup: Arc::new(Created { scenario, pattern: pattern.clone(), duration_s: duration }), phase };
        results.insert(name.clone(), json!(SimulationResult::new(&name, &live)));
    }
    Ok(Done { results, recommendation })
}

fn refused(error: NotCompared) -> anyhow::Error {
    match error {
        NotCompared::Refused(faults) => {
            let fault = |fault: &ionveil_policy::simulation::Fault| Fault::field(Code::InvalidField, &*fault.field, fault.kind.to_string());
            Wrong::of(faults.iter().map(fault).collect()).into()
        }
        NotCompared::Stopped(stopped) => stopped.into(),
    }
}
