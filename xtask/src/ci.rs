//! The steps of `cargo xtask ci`, in order, each timed. A step that fails ends the run: what follows would repeat its
//! fault at greater length.

use crate::repo::Repo;
use crate::run::{cargo, run as run_command};
use crate::{coverage, deny, loom, setup, suite, tidy};
use anyhow::{Context, Result, bail};
use std::time::Duration;

/// What of `ci` to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only this step; may be given several times.
    #[arg(long, value_name = "NAME")]
    step: Vec<String>,
    /// Name the steps and stop.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Repo) -> Result<()>,
}

/// Cheap steps first. `clippy` and `doc` stand side by side because both read the dependencies' metadata, which neither
/// the build nor the tests produce; `test` builds once, instrumented, so that `coverage` has only to read.
const STEPS: [Step; 9] = [
    Step { name: "setup", what: "Postgres, coverage tools and schemathesis are there", run: setup::run },
    Step { name: "fmt", what: "cargo fmt --all --check", run: fmt },
    Step { name: "tidy", what: "the rules of the house", run: tidy::run },
    Step { name: "deny", what: "licences and banned dependencies", run: deny::run },
    Step { name: "clippy", what: "cargo clippy, warnings are errors", run: clippy },
    Step { name: "doc", what: "cargo doc, warnings are errors", run: doc },
    Step { name: "loom", what: "the models of sync/ pass, and catch every mutant", run: loom::run },
    Step { name: "test", what: "cargo test --workspace, instrumented for coverage", run: suite::run },
    Step { name: "coverage", what: "at least 85 % of lines where decisions are made", run: coverage::report },
];

/// Runs the chosen steps and prints how long each took.
pub(crate) fn run(repo: &Repo, options: &Options) -> Result<()> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:<10} {}", step.name, step.what));
        return Ok(());
    }
    let mut took = Vec::new();
    for step in chosen(&options.step)? {
        println!("\n==> {}: {}", step.name, step.what);
        let (result, time) = timed(|| (step.run)(repo));
        println!("<== {}: {} in {:.1} s", step.name, if result.is_ok() { "ok" } else { "FAILED" }, time.as_secs_f64());
        result.with_context(|| format!("pass step {:?}", step.name))?;
        took.push(format!("{} {:.1} s", step.name, time.as_secs_f64()));
    }
    println!("\nall green: {}", took.join(", "));
    suite::print_closing_line(repo, &options.step);
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names.iter().find(|name| !STEPS.iter().any(|step| step.name == name.as_str())) {
        bail!("find a step named {unknown:?}: see `cargo xtask ci --list`");
    }
    Ok(STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

#[expect(clippy::disallowed_methods, reason = "the only clock of this tool: how long a step took")]
fn timed<T>(action: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    (action(), start.elapsed())
}

fn fmt(repo: &Repo) -> Result<()> {
    run_command(cargo(repo.root()).args(["fmt", "--all", "--check"]))?;
    run_command(cargo(&repo.path(loom::WORKSPACE)).args(["fmt", "--all", "--check"]))
}

fn clippy(repo: &Repo) -> Result<()> {
    run_command(cargo(repo.root()).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // The unit tests of `sync/` are over `std`, so its sources are looked at here without them.
    run_command(loom::cargo_of_models(repo, "clippy").args(["--lib", "--tests", "--", "-D", "warnings"]))
}

fn doc(repo: &Repo) -> Result<()> {
    run_command(cargo(repo.root()).args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_run_unless_some_are_named() {
        assert_eq!(chosen(&[]).unwrap().len(), STEPS.len());
        let names: Vec<_> = chosen(&["tidy".into(), "fmt".into()]).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(names, ["fmt", "tidy"], "in the order of the list");
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(chosen(&["tests".into()]).is_err());
    }
}
