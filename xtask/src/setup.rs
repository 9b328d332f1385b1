//! What the tests need beside Rust: a Postgres, a NATS and a mail server to start, `ip` for network namespaces, LLVM's coverage readers,
//! schemathesis. Installed where we may (as root, with apt-get), else named. It starts no server: the tests do that themselves.

use crate::repo::Repo;
use crate::run::{find, run as run_command};
use crate::{coverage, python, schemathesis};
use anyhow::{Result, bail, ensure};
use std::path::PathBuf;
use std::process::Command;

/// Finds or installs everything; quick when it is there.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    postgres()?;
    coverage_tools()?;
    nats(repo)?;
    namespaces();
    mail(repo)?;
    schemathesis::install(repo)
}

/// A current server: Debian's is too old for some calls of today's client. With it the Python client, which one test asks with.
fn nats(repo: &Repo) -> Result<()> {
    println!("nats: {}", python::install(repo, "nats", "xtask/nats.txt", "nats-server")?.display());
    Ok(())
}

/// `ip`, with which tests cut a server off. Without it, or where it may not make a namespace, they skip: that is no failure.
fn namespaces() {
    let found = || find(&["ip"], &["/usr/sbin".into(), "/sbin".into()]);
    if found().is_none()
        && is_root()
        && let Err(error) = apt_install(&["iproute2"], "network namespaces")
    {
        println!("network namespaces: {error:#}");
    }
    println!("network namespaces: {}", found().map_or_else(|| "not here".to_owned(), |ip| ip.display().to_string()));
}

/// A mail server that is not ours, with TLS.
fn mail(repo: &Repo) -> Result<()> {
    println!("mail: {}", python::install(repo, "mail", "xtask/mail.txt", "aiosmtpd")?.display());
    Ok(())
}

/// Installs Debian packages, or fails with the words that tell a person what to do.
pub(crate) fn apt_install(packages: &[&str], needed_for: &str) -> Result<()> {
    let list = packages.join(" ");
    if find(&["apt-get"], &[]).is_none() || !is_root() {
        bail!("find what {needed_for} needs: install {list} (Debian's names) and run this again");
    }
    let apt = |args: &[&str]| run_command(Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive"));
    apt(&["update", "-qq"])?;
    let install: Vec<&str> = ["install", "-y", "-qq", "--no-install-recommends"].iter().chain(packages).copied().collect();
    apt(&install)
}

fn postgres() -> Result<()> {
    if find_postgres().is_none() {
        apt_install(&["postgresql"], "the Postgres suite")?;
    }
    match find_postgres() {
        Some(initdb) => println!("postgres: {}", initdb.display()),
        None => bail!("find postgres and initdb, on the PATH or in /usr/lib/postgresql/*/bin"),
    }
    Ok(())
}

/// An `initdb` that has its `postgres` beside it or on the PATH.
fn find_postgres() -> Option<PathBuf> {
    let folders = debian_postgres_folders();
    find(&["postgres"], &folders).and_then(|_| find(&["initdb"], &folders))
}

/// Debian keeps the servers off the PATH, one folder per version; the newest comes first.
fn debian_postgres_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

fn coverage_tools() -> Result<()> {
    if coverage::Tools::find().is_none() {
        apt_install(&[coverage::DEBIAN_PACKAGE], "the coverage report")?;
    }
    let tools = coverage::Tools::find();
    ensure!(tools.is_some(), "find llvm-profdata and llvm-cov of LLVM {} or newer", coverage::LLVM_OLDEST);
    tools.iter().for_each(|tools| println!("coverage: {}", tools.cov.display()));
    Ok(())
}

fn is_root() -> bool {
    crate::run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
