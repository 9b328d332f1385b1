//! Programs that come as Python packages, pinned, each set in a virtual environment of its own under `target/`.

use crate::repo::Repo;
use crate::run::{find, run as run_command};
use crate::setup::apt_install;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the environment `folder` unless it holds exactly the packages of `requirements` already; says where `program` is.
pub(crate) fn install(repo: &Repo, folder: &str, requirements: &str, program: &str) -> Result<PathBuf> {
    let folder = repo.target(folder);
    let wanted = repo.read(requirements)?;
    let (stamp, program) = (folder.join("installed.txt"), folder.join("bin").join(program));
    let ready = program.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|present| present == wanted);
    if !ready {
        make_environment(&folder, requirements)?;
        let arguments = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement", requirements];
        run_command(Command::new(folder.join("bin/pip")).args(arguments).current_dir(repo.root()))?;
        std::fs::write(&stamp, wanted).context("note what is installed")?;
    }
    Ok(program)
}

/// `python3 -m venv`; Debian keeps the module in a package of its own.
fn make_environment(folder: &Path, needed_for: &str) -> Result<()> {
    if find(&["python3"], &[]).is_none() {
        apt_install(&["python3", "python3-venv"], needed_for)?;
    }
    let venv = || run_command(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if venv().is_ok() {
        return Ok(());
    }
    apt_install(&["python3-venv"], needed_for)?;
    match venv() {
        Ok(()) => Ok(()),
        Err(error) => bail!("make a Python environment: {error:#}"),
    }
}
