//! Runs the simulated cluster over many seeds: `sim SEEDS FIRST_SEED MINUTES MUTANT|none [trace]`; `cargo xtask sim` starts it.
//! With `trace` everything that happened is printed, too.

use ionveil_actors::testkit::Mutant;
use ionveil_actors::testkit::cluster::{Plan, Report, run};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

struct Options {
    seeds: u64,
    plan: Plan,
    trace: bool,
}

fn options() -> Option<Options> {
    let mut words = std::env::args().skip(1);
    let mut number = || words.next()?.parse::<u64>().ok();
    let (seeds, seed, minutes) = (number()?, number()?, u32::try_from(number()?).ok()?);
    let mutant = match words.next()?.as_str() {
        "none" => None,
        name => Some(Mutant::from_name(name)?),
    };
    Some(Options { seeds, plan: Plan { seed, minutes, mutant, ..Plan::default() }, trace: words.next().is_some() })
}

#[expect(clippy::disallowed_methods, reason = "how long the simulation took in real time")]
fn main() -> ExitCode {
    let Some(Options { seeds, plan, trace }) = options() else {
        let names: Vec<_> = Mutant::ALL.iter().map(|mutant| mutant.as_str()).collect();
        eprintln!("usage: sim SEEDS FIRST_SEED MINUTES MUTANT|none [trace]; mutants: {}", names.join(", "));
        return ExitCode::from(2);
    };
    let start = std::time::Instant::now();
    println!("{seeds} seeds from {}, {} nodes, {} virtual minutes each", plan.seed, plan.nodes, plan.minutes);
    let mut total = Total::default();
    for seed in plan.seed..plan.seed.saturating_add(seeds) {
        let plan = Plan { seed, ..plan };
        progress(&format!("\rseed {seed}: {} done in {:.0} s ", total.seeds, start.elapsed().as_secs_f64()));
        let told = Told(seed);
        let report = run(&plan);
        std::mem::forget(told);
        if trace {
            print!("{}", report.trace);
        }
        total.add(&report);
        if !report.findings.is_empty() {
            progress("\n");
            total.print(start.elapsed());
            return tell(&plan, &report);
        }
    }
    progress("\n");
    total.print(start.elapsed());
    ExitCode::SUCCESS
}

/// For people only: what is kept in a file is not written over.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("{text}");
        drop(std::io::stderr().flush());
    }
}

/// A panic tells its seed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("seed {}", self.0);
    }
}

/// Says what was found, and how to see it again.
fn tell(plan: &Plan, report: &Report) -> ExitCode {
    for finding in &report.findings {
        println!("seed {}: invariant {} at {:.3} s: {}", plan.seed, finding.invariant, finding.at.as_secs_f64(), finding.what);
    }
    let mutant = plan.mutant.map(|mutant| format!(" --mutant {}", mutant.as_str())).unwrap_or_default();
    println!("replay: cargo xtask sim --seeds 1 --seed {} --minutes {}{mutant} --trace", plan.seed, plan.minutes);
    ExitCode::FAILURE
}

#[derive(Default)]
struct Total {
    seeds: u64,
    /// The fewest of one seed.
    acknowledged_min: Option<u64>,
    faults_min: Option<u64>,
    sum: Report,
}

impl Total {
    fn add(&mut self, report: &Report) {
        let least = |known: Option<u64>, now: u64| Some(known.map_or(now, |known| known.min(now)));
        self.seeds += 1;
        self.acknowledged_min = least(self.acknowledged_min, report.acknowledged);
        self.faults_min = least(self.faults_min, report.faults);
        let sum = &mut self.sum;
        sum.acknowledged += report.acknowledged;
        sum.refused += report.refused;
        sum.faults += report.faults;
        sum.store_faults += report.store_faults;
        sum.appends += report.appends;
        sum.effects += report.effects;
        sum.timers += report.timers;
        sum.steps += report.steps;
        sum.findings.extend(report.findings.iter().cloned());
    }

    fn print(&self, took: Duration) {
        let (sum, least) = (&self.sum, |least: Option<u64>| least.unwrap_or(0));
        println!("seeds         {} in {:.1} s", self.seeds, took.as_secs_f64());
        println!("acknowledged  {} (at least {} a seed), {} refused", sum.acknowledged, least(self.acknowledged_min), sum.refused);
        println!("faults        {} (at least {} a seed), and {} calls of the store", sum.faults, least(self.faults_min), sum.store_faults);
        println!("appends       {}, effects {}, timers {}, steps checked {}", sum.appends, sum.effects, sum.timers, sum.steps);
        println!("findings      {}", sum.findings.len());
    }
}
