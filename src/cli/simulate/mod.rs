//! `ionveil simulate`: scenarios tried on a pattern of outcomes, drawn as timelines, compared and recommended.
//!
//! Made-up patterns run in this process; a history is read by a server, which also runs it.

mod draw;
mod file;
mod flags;
mod here;
mod shown;
mod there;

use super::config::ConfigArgs;
use super::output;
use super::target::ServerArgs;
use crate::http::problem::Fault;
use crate::http::simulation_problems::checked;
use clap::Args;
use file::Asked;
use flags::{PatternFlags, ScenarioFlags};
use ionveil_policy::simulation::{Pattern, PatternForm, Scenario, ScenarioBuilder, Span};
use serde::Serialize;
use serde_json::{Value, json};
use shown::Shown;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Try settings of the policy engine on made-up or recorded outcomes, without touching anything that is live.
#[derive(Args)]
pub struct Simulate {
    #[command(flatten)]
    scenario: ScenarioFlags,
    #[command(flatten)]
    pattern: PatternFlags,
    /// Seconds that the run lasts [default: as long as the pattern; 3600 where its events are given one by one]
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// The results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
    /// Scenarios and a pattern: TOML, or JSON if the name ends in .json; see docs/simulate.md
    file: Option<PathBuf>,
}

/// What is wrong with scenarios, pattern or duration.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\nerror: "))]
struct Wrong(Vec<String>);

/// What is to be run, checked.
struct Work {
    scenarios: Vec<Scenario>,
    pattern: Pattern,
    duration: Span,
}

/// What came of it.
#[derive(Serialize)]
struct Done {
    results: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendation: Option<Value>,
}

impl Simulate {
    /// Runs; exit code 2 if what is asked for makes no sense, 1 if it could not be run.
    ///
    /// # Errors
    /// If the file cannot be read, or a server is needed that is not there, refuses or fails.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        match self.carry_out(args) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => match error.downcast::<Wrong>() {
                Ok(wrong) => {
                    eprintln!("error: {wrong}");
                    Ok(ExitCode::from(2))
                }
                Err(error) => Err(error),
            },
        }
    }

    fn carry_out(self, args: &ConfigArgs) -> anyhow::Result<()> {
        let work = self.work()?;
        let done = match work.is_history() {
            true => there::run(&work, &self.server, args)?,
            false => here::run(work)?,
        };
        if self.json { output::line(json!(done)) } else { done.print() }
    }

    /// What the file says, and the flags beside it.
    fn work(&self) -> Result<Work, anyhow::Error> {
        let Asked { scenarios, pattern, duration_s } = match &self.file {
            Some(path) => file::read(path)?,
            None => Asked::default(),
        };
        let mut placed: Vec<_> = (0..).zip(scenarios).map(|(place, one): (usize, _)| (format!("scenarios[{place}]"), one)).collect();
        if self.scenario.is_given() || placed.is_empty() {
            placed.push(("the scenario of the flags".to_owned(), self.scenario.build()));
        }
        let Some(pattern) = self.pattern.build().or(pattern) else {
            let kinds = "name one with --constant, --burst, --cascade or --history, or in a file";
            return Err(Wrong(vec![format!("there is no pattern of outcomes to run on; {kinds}")]).into());
        };
        let duration_s = self.duration.or(duration_s).unwrap_or_else(|| flags::length_s(&pattern));
        Ok(check(placed, &pattern, duration_s)?)
    }
}

fn check(placed: Vec<(String, ScenarioBuilder)>, pattern: &PatternForm, duration_s: f64) -> Result<Work, Wrong> {
    let (scenarios, pattern, duration) = checked(placed, pattern, duration_s).map_err(Wrong::of)?;
    Ok(Work { scenarios, pattern, duration })
}

impl Wrong {
    fn of(faults: Vec<Fault>) -> Self {
        let text = |fault: Fault| fault.field.map_or_else(|| fault.detail.clone(), |field| format!("{field}: {}", fault.detail));
        Self(faults.into_iter().map(|fault| output::printable(&text(fault))).collect())
    }
}

impl Work {
    fn is_history(&self) -> bool {
        self.pattern.source().count().is_none()
    }
}

impl Done {
    fn print(&self) -> anyhow::Result<()> {
        let all: Vec<Shown> = self.results.values().map(|result| shown::read(result.clone())).collect::<Result<_, _>>()?;
        let columns = draw::columns();
        for (place, one) in all.iter().enumerate() {
            if place > 0 {
                output::line("")?;
            }
            draw::result(one, columns).iter().try_for_each(output::line)?;
        }
        if let Some(recommendation) = &self.recommendation {
            output::line("")?;
            draw::comparison(&all, &shown::read(recommendation.clone())?).iter().try_for_each(output::line)?;
        }
        Ok(())
    }
}
