//! The models of `loom-tests/`: once over the structures as they are, which must pass, and once over each mutant that
//! `sync/src/order.rs` names, which must fail. A mutant that does not compile is not caught: it ends the run.
//!
//! It keeps its own target folder, and gives no compiler flags: the build script of `loom-tests/` does.

use crate::repo::Repo;
use crate::run::{cargo, executables, output};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::process::Command;

/// A workspace of its own.
pub(crate) const WORKSPACE: &str = "loom-tests";
const ORDERS: &str = "sync/src/order.rs";
const FLAG: &str = "ionveil_mutant = \"";
const MUTANT: &str = "IONVEIL_MUTANT";

/// Runs everything and prints which models caught which mutant.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let mutants = mutants(&repo.read(ORDERS)?);
    ensure!(!mutants.is_empty(), "find a mutant in {ORDERS}");
    let models = pass_as_they_are(repo)?;
    println!("{} models pass; {} mutants:", models.len(), mutants.len());
    let mut survivors = Vec::new();
    for mutant in &mutants {
        let caught = failing(&build(repo, Some(mutant))?, &models)?.failed;
        println!("{mutant:<32} {}", describe(&caught));
        survivors.extend(caught.is_empty().then_some(mutant.as_str()));
    }
    ensure!(survivors.is_empty(), "catch the mutants {}", survivors.join(", "));
    Ok(())
}

/// A cargo for that workspace, with a target folder of its own.
pub(crate) fn cargo_of_models(repo: &Repo, subcommand: &str) -> Command {
    let mut command = cargo(&repo.path(WORKSPACE));
    command.args([subcommand, "--locked", "--target-dir"]).arg(repo.target("loom")).env_remove(MUTANT);
    command
}

/// The names that the source text gives to mutants, in its order.
fn mutants(source: &str) -> Vec<String> {
    let rests = source.split(FLAG).skip(1);
    rests.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()).collect()
}

/// The names of the models, all of which pass.
fn pass_as_they_are(repo: &Repo) -> Result<BTreeSet<String>> {
    let binary = build(repo, None)?;
    let listed = output(Command::new(&binary).arg("--list"))?;
    let models: BTreeSet<String> = listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect();
    ensure!(!models.is_empty(), "find a model in {binary}");
    let ran = failing(&binary, &models)?;
    ensure!(ran.all_passed && ran.failed.is_empty(), "pass every model: {}\n{}", describe(&ran.failed), ran.said);
    Ok(models)
}

/// The test binary; a fault of the compiler's is an error.
fn build(repo: &Repo, mutant: Option<&str>) -> Result<String> {
    let mut command = cargo_of_models(repo, "test");
    command.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    if let Some(mutant) = mutant {
        command.env(MUTANT, mutant);
    }
    let built = output(&mut command).with_context(|| format!("build {}", mutant.unwrap_or("the models")))?;
    executables(&built).pop().context("find the binary of the models in what cargo printed")
}

/// What came of a run of all models.
struct Ran {
    all_passed: bool,
    failed: BTreeSet<String>,
    said: String,
}

/// Runs the binary. More than one thread, so that each model has a thread with its name.
fn failing(binary: &str, models: &BTreeSet<String>) -> Result<Ran> {
    let output = Command::new(binary).args(["--nocapture", "--test-threads=2"]).output().with_context(|| format!("start {binary}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let failed = panicked(&said, models);
    ensure!(output.status.success() || !failed.is_empty(), "tell which model failed: {}\n{said}", output.status);
    Ok(Ran { all_passed: output.status.success(), failed, said })
}

/// The models that panicked. The names come from the panics, not from the results: loom's report of a deadlock unwinds
/// through destructors that it then refuses, which ends the process before it prints results.
fn panicked(said: &str, models: &BTreeSet<String>) -> BTreeSet<String> {
    let threads = said.lines().filter(|line| line.contains("panicked at")).filter_map(|line| line.strip_prefix("thread '"));
    let names = threads.filter_map(|line| line.split_once('\'')).map(|(name, _)| name.to_owned());
    names.filter(|name| models.contains(name)).collect()
}

fn describe(failed: &BTreeSet<String>) -> String {
    match failed.first() {
        None => "SURVIVED".to_owned(),
        Some(first) if failed.len() == 1 => format!("caught by {first}"),
        Some(first) => format!("caught by {first} and {} more", failed.len() - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_is_named_once_and_in_one_file() {
        let repo = Repo::find();
        let named = mutants(&repo.read(ORDERS).unwrap());
        let once: BTreeSet<&String> = named.iter().collect();
        assert!(!named.is_empty() && once.len() == named.len(), "{named:?}");
        for file in repo.files().unwrap().iter().filter(|file| file.starts_with("sync/src/") && *file != ORDERS) {
            assert!(!repo.read(file).unwrap().contains("ionveil_mutant"), "{file}");
        }
        for structure in ["gate_", "permit_", "latch_", "epoch_", "circuit_"] {
            assert!(named.iter().any(|name| name.starts_with(structure)), "{structure}");
        }
    }

    #[test]
    fn the_flags_are_declared_where_they_are_read() {
        let repo = Repo::find();
        for file in ["Cargo.toml", "loom-tests/build.rs"] {
            let text = repo.read(file).unwrap();
            assert!(text.contains("cfg(ionveil_loom)") && text.contains("cfg(ionveil_mutant, values(any()))"), "{file}");
        }
        assert!(repo.read("loom-tests/build.rs").unwrap().contains(MUTANT));
    }

    #[test]
    fn names_come_from_flags() {
        let source = "const A: bool = cfg!(ionveil_mutant = \"gate_a\");\nif cfg!(ionveil_mutant = \"latch_b\") {} // ionveil_mutant";
        assert_eq!(mutants(source), ["gate_a", "latch_b"]);
    }

    #[test]
    fn a_model_that_panics_is_told_from_other_threads() {
        let models = BTreeSet::from(["gate::a".to_owned(), "gate::b".to_owned()]);
        let said =
            "thread 'gate::a' (12) panicked at x.rs:1:1:\ndeadlock\nthread 'main' (1) panicked at y.rs:1:1:\nthread 'gate::b' is idle";
        assert_eq!(panicked(said, &models), BTreeSet::from(["gate::a".to_owned()]));
    }

    #[test]
    fn the_table_says_who_caught_it() {
        let failed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        assert_eq!(describe(&failed(&[])), "SURVIVED");
        assert_eq!(describe(&failed(&["gate::a"])), "caught by gate::a");
        assert_eq!(describe(&failed(&["gate::a", "gate::b", "gate::c"])), "caught by gate::a and 2 more");
    }
}
