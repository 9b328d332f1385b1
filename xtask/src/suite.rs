//! The whole test suite, built once with coverage counters. Its output is cargo's own; we only count along.

use crate::coverage;
use crate::repo::Repo;
use crate::run::{cargo, output};
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const COUNT_FILE: &str = "coverage/tests.txt";

/// What the `test result:` lines add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Builds and runs every test; leaves the profiles for [`coverage::report`].
pub(crate) fn run(repo: &Repo) -> Result<()> {
    coverage::reset(repo)?;
    let built = output(instrumented(repo, &["--no-run", "--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit()))?;
    coverage::keep_objects(repo, &built)?;
    let count = run_counting(&mut instrumented(repo, &["--no-fail-fast"]))?;
    ensure!(count.passed > 0, "find a single test that ran");
    std::fs::write(repo.target(COUNT_FILE), count.closing_line()).context("note how many tests ran")
}

/// Prints the sum of all test binaries, alone on its line, if the tests were among the steps.
pub(crate) fn print_closing_line(repo: &Repo, steps: &[String]) {
    if (steps.is_empty() || steps.iter().any(|step| step == "test"))
        && let Ok(line) = std::fs::read_to_string(repo.target(COUNT_FILE))
    {
        println!("{line}");
    }
}

fn instrumented(repo: &Repo, arguments: &[&str]) -> Command {
    let mut command = cargo(repo.root());
    command.args(["test", "--workspace"]).args(arguments);
    coverage::instrument(repo, &mut command);
    command
}

fn run_counting(command: &mut Command) -> Result<Count> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("start cargo test")?;
    let mut count = Count::default();
    let printed = child.stdout.take().context("read what cargo test prints")?;
    for line in BufReader::new(printed).split(b'\n') {
        // A test may print what is not UTF-8.
        let line = String::from_utf8_lossy(&line.context("read what cargo test prints")?).into_owned();
        println!("{line}");
        count.add(&line);
    }
    let status = child.wait().context("wait for cargo test")?;
    if !status.success() {
        bail!("pass every test: {} ({status})", count.closing_line());
    }
    Ok(count)
}

impl Count {
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let number = |label: &str| {
            let part = result.split([';', '.']).map(str::trim).find_map(|part| part.strip_suffix(label));
            part.and_then(|part| part.trim().parse().ok()).unwrap_or(0)
        };
        self.passed += number("passed");
        self.failed += number("failed");
        self.ignored += number("ignored");
    }

    fn closing_line(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_add_up() {
        let mut count = Count::default();
        count.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s");
        count.add("test a ... ok");
        assert_eq!(count, Count { passed: 15, failed: 2, ignored: 1 });
        assert_eq!(count.closing_line(), "15 passed, 2 failed, 1 skipped");
    }
}
