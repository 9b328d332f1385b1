//! A scenario and a pattern from the command line.

use crate::time;
use clap::Args;
use ionveil_policy::simulation::{DURATION_S_DEFAULT, Generator, History, PatternForm, Scenario, ScenarioBuilder, SourceForm};

/// The scenario of the flags stands beside those of the file.
#[derive(Args)]
pub(super) struct ScenarioFlags {
    /// Name of the scenario that these flags make
    #[arg(long, value_name = "NAME", default_value = "flags")]
    name: String,
    /// Levels, the mildest first [default: normal,watch,restricted,halted]
    #[arg(long, value_name = "LEVEL,LEVEL,…", value_delimiter = ',')]
    levels: Option<Vec<String>>,
    /// So many failures in a row lead one level up [default: 3]
    #[arg(long, value_name = "N")]
    escalate_at: Option<i64>,
    /// More than so many successes in a row lead down from LEVEL; once for each level that is ever left [default: watch=5,
    /// restricted=10, halted=20]
    #[arg(long, value_name = "LEVEL=N", value_parser = threshold)]
    deescalate: Vec<(String, i64)>,
    /// Keep a level for so many seconds before it is left downwards [default: 0]
    #[arg(long, value_name = "SECONDS")]
    dwell: Option<f64>,
}

/// The pattern of the flags takes the place of the file's.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct PatternFlags {
    /// Failures evenly spread: the share of failures, how long, how many outcomes a second
    #[arg(long, value_name = "RATE,SECONDS,PER_SECOND", value_parser = constant)]
    constant: Option<Generator>,
    /// Failures in bursts of so many seconds, from start to start, how long
    #[arg(long, value_name = "SIZE,INTERVAL,SECONDS", value_parser = burst)]
    burst: Option<Generator>,
    /// Ever more failures: the share at first, by how much it grows each minute, the second from which on all is well, how long
    #[arg(long, value_name = "RATE,FACTOR,RECOVERY,SECONDS", value_parser = cascade)]
    cascade: Option<Generator>,
    /// The outcomes that a server recorded of a policy node and all below it, from an instant to another (RFC 3339)
    #[arg(long, value_name = "NODE,FROM,TO", value_parser = history)]
    history: Option<History>,
}

impl ScenarioFlags {
    /// Whether one of them is there.
    pub(super) fn is_given(&self) -> bool {
        self.levels.is_some() || self.escalate_at.is_some() || !self.deescalate.is_empty() || self.dwell.is_some()
    }

    pub(super) fn build(&self) -> ScenarioBuilder {
        let mut scenario = Scenario::builder(&*self.name);
        scenario = self.levels.iter().cloned().fold(scenario, ScenarioBuilder::policy_order);
        scenario = self.escalate_at.into_iter().fold(scenario, ScenarioBuilder::escalate_at);
        scenario = self.deescalate.iter().cloned().fold(scenario, |scenario, (level, n)| scenario.deescalate_above(level, n));
        self.dwell.into_iter().fold(scenario, ScenarioBuilder::dwell_s)
    }
}

impl PatternFlags {
    pub(super) fn build(&self) -> Option<PatternForm> {
        let generator = self.constant.as_ref().or(self.burst.as_ref()).or(self.cascade.as_ref());
        let made = generator.map(|generator| SourceForm::Generated(generator.clone()));
        Some(PatternForm::from(made.or_else(|| self.history.clone().map(SourceForm::History))?))
    }
}

/// How long a run on a pattern is unless told otherwise: as long as the pattern.
pub(super) fn length_s(pattern: &PatternForm) -> f64 {
    match &pattern.source {
        SourceForm::Given(_) => DURATION_S_DEFAULT,
        SourceForm::Generated(
            Generator::Constant { duration_s, .. } | Generator::Burst { duration_s, .. } | Generator::Cascade { duration_s, .. },
        ) => *duration_s,
        // An empty range is refused by itself.
        SourceForm::History(range) => range.to.since(range.from).as_secs_f64().max(1e-6),
    }
}

fn threshold(text: &str) -> Result<(String, i64), String> {
    let (level, number) = text.split_once('=').ok_or("must be LEVEL=N, such as watch=5")?;
    Ok((level.to_owned(), number.parse().map_err(|_| format!("must end in a whole number, not {number:?}"))?))
}

/// So many numbers with commas between them.
fn numbers<const N: usize>(text: &str) -> Result<[f64; N], String> {
    let read = |part: &str| part.trim().parse::<f64>().map_err(|_| format!("{part:?} is no number"));
    let all = text.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
    let count = all.len();
    all.try_into().map_err(|_| format!("must be {N} numbers with commas between them, not {count}"))
}

fn whole(number: f64) -> Result<i64, String> {
    let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
    if is_whole { Ok(number as i64) } else { Err(format!("{number} must be a whole number")) }
}

fn constant(text: &str) -> Result<Generator, String> {
    let [rate, duration_s, events_per_s] = numbers(text)?;
    Ok(Generator::Constant { rate, duration_s, events_per_s })
}

fn burst(text: &str) -> Result<Generator, String> {
    let [size, interval_s, duration_s] = numbers(text)?;
    Ok(Generator::Burst { size: whole(size)?, interval_s: whole(interval_s)?, duration_s })
}

fn cascade(text: &str) -> Result<Generator, String> {
    let [initial_rate, factor, recovery_at_s, duration_s] = numbers(text)?;
    Ok(Generator::Cascade { initial_rate, factor, recovery_at_s, duration_s })
}

fn history(text: &str) -> Result<History, String> {
    let [scope, from, to] = text.split(',').collect::<Vec<_>>().try_into().map_err(|_| "must be NODE,FROM,TO with commas between them")?;
    let read = |text: &str| time::parse(text.trim()).map_err(|error| format!("{text:?} {error}"));
    Ok(History { scope: scope.to_owned(), from: read(from)?, to: read(to)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_from_short_texts() {
        assert_eq!(constant("0.5, 60,2"), Ok(Generator::Constant { rate: 0.5, duration_s: 60.0, events_per_s: 2.0 }));
        assert_eq!(burst("3,30,600"), Ok(Generator::Burst { size: 3, interval_s: 30, duration_s: 600.0 }));
        let made = Generator::Cascade { initial_rate: 0.1, factor: 2.0, recovery_at_s: 300.0, duration_s: 600.0 };
        assert_eq!(cascade("0.1,2,300,600"), Ok(made));
        let range = history("north,2026-01-01T00:00:00Z,2026-02-01T00:00:00+01:00").unwrap();
        assert_eq!((range.scope.as_str(), range.to.since(range.from).as_secs()), ("north", 31 * 86_400 - 3_600));
        assert_eq!(threshold("watch=5"), Ok(("watch".to_owned(), 5)));
        for (wrong, word) in
            [(constant("1,2").map(drop), "3 numbers"), (constant("1,2,x").map(drop), "\"x\""), (burst("1.5,2,3").map(drop), "whole")]
        {
            assert!(wrong.clone().unwrap_err().contains(word), "{wrong:?}");
        }
        assert!(
            history("north").is_err() && history("n,now,later").is_err() && threshold("watch").is_err() && threshold("watch=x").is_err()
        );
    }
}
