//! Schemathesis, pinned, in a virtual environment under `target/`: requests made up from `/openapi.json`, answers
//! checked against it. The integration suite runs the same command against the server that it started.
//!
//! The streams are left out: they never end, so there is no answer to check.

use crate::python;
use crate::repo::Repo;
use crate::run::run as run_command;
use anyhow::Result;
use std::process::Command;

/// Bounds the run: the whole surface in well under a minute on two cores.
pub(crate) const EXAMPLES_MAX: u32 = 25;

const REQUIREMENTS: &str = "xtask/schemathesis.txt";
const FOLDER: &str = "schemathesis";
const CHECKS: &str = "not_a_server_error,status_code_conformance,response_schema_conformance,content_type_conformance";

/// Makes the environment unless it holds exactly the pinned packages already.
pub(crate) fn install(repo: &Repo) -> Result<()> {
    println!("schemathesis: {}", python::install(repo, FOLDER, REQUIREMENTS, "schemathesis")?.display());
    Ok(())
}

/// Runs it; the exit code says whether every answer was as documented.
pub(crate) fn run(repo: &Repo, url: &str, examples_max: u32) -> Result<()> {
    install(repo)?;
    let program = repo.target(FOLDER).join("bin/schemathesis");
    run_command(Command::new(program).args(arguments(url, examples_max)).current_dir(repo.target(FOLDER)))
}

/// One worker, a fixed seed and no example database, so that a second run sends the same requests.
fn arguments(url: &str, examples_max: u32) -> Vec<String> {
    let schema = format!("{}/openapi.json", url.trim_end_matches('/'));
    let examples = examples_max.to_string();
    let fixed = [
        "run",
        &schema,
        "--checks",
        CHECKS,
        "--exclude-path",
        "/api/v1/events/stream",
        "--exclude-path",
        "/api/v1/dashboard/stream",
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        &examples,
        "--seed",
        "1",
        "--workers",
        "1",
        "--request-timeout",
        "10",
        "--wait-for-schema",
        "10",
        "--suppress-health-check",
        "all",
        "--generation-database",
        "none",
        "--continue-on-failure",
        "--no-color",
    ];
    fixed.iter().map(|&argument| argument.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_left_out_and_the_run_is_bounded() {
        let arguments = arguments("http://127.0.0.1:1/", 7);
        assert_eq!(arguments[1], "http://127.0.0.1:1/openapi.json");
        assert!(arguments.windows(2).any(|pair| pair == ["--exclude-path", "/api/v1/events/stream"]));
        assert!(arguments.windows(2).any(|pair| pair == ["--max-examples", "7"]));
    }
}
