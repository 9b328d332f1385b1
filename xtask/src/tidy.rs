//! The rules of the house that no compiler knows. Each rule is a pure function over source text or dependency edges, with
//! a test that shows it fails on a violating sample.
//!
//! Some rules read text with simple means: they know strings, comments and test code apart, but no types.

mod ambient;
mod attributes;
mod breaker;
mod environment;
mod error_pages;
mod layers;
mod shape;
mod source;
mod sql;
mod utilisation;

pub(crate) use source::Source;

use crate::repo::Repo;
use anyhow::{Result, ensure};
use std::fmt;

/// One place that breaks a rule, or comes near to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the root.
    pub(crate) path: String,
    /// From 1; 0 where the whole file is meant.
    pub(crate) line: u32,
    /// What is wrong and what to do.
    pub(crate) message: String,
    /// Whether it only warns.
    pub(crate) warning: bool,
}

impl Finding {
    /// A broken rule.
    pub(crate) fn error(path: &str, line: u32, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into(), warning: false }
    }

    /// A hint that does not fail the check.
    pub(crate) fn warning(path: &str, line: u32, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::error(path, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = if self.warning { "warning: " } else { "" };
        write!(out, "{}:{}: {label}{}", self.path, self.line, self.message)
    }
}

/// Checks everything and prints what it finds.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let files = repo.files()?;
    let mut findings = layers::check(&layers::read(repo)?);
    let mut codes = Vec::new();
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let text = repo.read(path)?;
        let source = Source::new(path, &text);
        findings.extend(shape::check(path, &text));
        for rule in [attributes::check, environment::check, sql::check, ambient::check, breaker::check, utilisation::check] {
            findings.extend(rule(&source));
        }
        codes.extend(error_pages::codes(&source));
    }
    findings.extend(error_pages::check(&codes, &files, &repo.read(error_pages::INDEX)?));
    conclude(findings, files.len())
}

fn conclude(mut findings: Vec<Finding>, files: usize) -> Result<()> {
    findings.sort();
    findings.iter().for_each(|finding| println!("{finding}"));
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    ensure!(errors == 0, "keep the rules of the house in {errors} places");
    println!("{files} files: tidy");
    Ok(())
}
