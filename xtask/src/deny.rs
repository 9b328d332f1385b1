//! Licences, banned crates and sources of the dependencies, against `deny.toml`: with cargo-deny where it is installed
//! (it also knows the advisories), and always with our own reading of the same file, which needs no network.

use crate::loom;
use crate::repo::Repo;
use crate::run::{cargo, find, output, run as run_command};
use crate::spdx;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

/// What cargo writes before the address of a package registry, as opposed to `git+` or a folder.
const REGISTRY: &str = "registry+";

/// Checks the dependencies as locked, for every feature that the workspace turns on; those of the models too.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let policy: Policy = toml::from_str(&repo.read("deny.toml")?).context("read deny.toml")?;
    let host = host(repo)?;
    for folder in ["", loom::WORKSPACE] {
        let root = repo.path(folder);
        let printed = output(cargo(&root).args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host]))?;
        let metadata: Metadata = serde_json::from_str(&printed).context("read cargo metadata")?;
        let faults = faults(&policy, &metadata.packages);
        faults.iter().for_each(|fault| println!("{fault}"));
        ensure!(faults.is_empty(), "accept {} of the dependencies", faults.len());
        println!("{} packages: licences and sources allowed, none banned", metadata.packages.len());
    }
    match find(&["cargo-deny"], &[]) {
        Some(_) => run_command(cargo(repo.root()).args(["deny", "check"])),
        None => {
            println!("cargo-deny is not installed: advisories are not checked");
            Ok(())
        }
    }
}

fn host(repo: &Repo) -> Result<String> {
    let printed = output(cargo(repo.root()).args(["version", "--verbose"]))?;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("find the host in cargo's version")
}

fn faults(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let is_allowed = |licence: &str| policy.licenses.allow.iter().any(|allowed| allowed == licence);
    let mut faults = Vec::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        if !spdx::is_satisfied(package.license.as_deref().unwrap_or_default(), &is_allowed) {
            faults.push(format!("{name}: licence {:?} is not in the allow-list", package.license));
        }
        if let Some(ban) = policy.bans.deny.iter().find(|ban| ban.name == package.name) {
            faults.push(format!("{name}: banned, {}", ban.reason));
        }
        if package.source.as_deref().is_some_and(|source| !source.starts_with(REGISTRY)) {
            faults.push(format!("{name}: comes from {:?}, only a registry is allowed", package.source));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(package: (&str, Option<&str>, Option<&str>)) -> Vec<String> {
        let policy = "[licenses]\nallow = [\"MIT\"]\n[[bans.deny]]\ncrate = \"openssl\"\nreason = \"one TLS\"\n";
        let (name, license, source) = package;
        let package =
            Package { name: name.into(), version: "1.0.0".into(), license: license.map(Into::into), source: source.map(Into::into) };
        faults(&toml::from_str(policy).unwrap(), &[package])
    }

    #[test]
    fn an_allowed_package_passes() {
        assert_eq!(check(("itoa", Some("MIT OR Apache-2.0"), Some(REGISTRY))), [""; 0]);
    }

    #[test]
    fn each_rule_refuses() {
        assert!(check(("openssl", Some("MIT"), Some(REGISTRY)))[0].contains("banned, one TLS"));
        assert!(check(("x", Some("GPL-3.0"), Some(REGISTRY)))[0].contains("not in the allow-list"));
        assert!(check(("x", None, Some(REGISTRY)))[0].contains("not in the allow-list"));
        assert!(check(("x", Some("MIT"), Some("git+https://example.org/x")))[0].contains("only a registry"));
    }
}
