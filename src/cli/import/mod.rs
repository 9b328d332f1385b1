//! `ionveil import`: takes over records of another system. Stopped and run again, an import goes on without a duplicate.

mod calls;
pub(super) mod deeds;
mod intake;
mod zones;

use super::config::ConfigArgs;
use super::{load, runtime};
use crate::import::Mapping;
use anyhow::Context;
use clap::{Args, Subcommand};
use std::path::Path;
use std::process::ExitCode;

/// Import records of another system.
#[derive(Args)]
pub struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Calls: each row of a CSV file becomes a workflow, as the mapping says
    Calls(calls::Calls),
    /// Commands: each row of a JSON file becomes a command of one batch
    Intake(intake::Intake),
    /// Zones: the regions, zones and agencies that the rows of a CSV file name become the policy tree, as the mapping says
    Zones(zones::Zones),
}

impl Import {
    /// Imports; exit code 1 if something was refused or the work ended early.
    ///
    /// # Errors
    /// If file, mapping or target cannot be used.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        match self.what {
            What::Calls(calls) => runtime::run(|threads| calls.run(config, threads)),
            What::Intake(intake) => runtime::run(|threads| intake.run(config, threads)),
            What::Zones(zones) => runtime::run(|threads| zones.run(config, threads)),
        }
    }
}

pub(super) fn read_mapping(path: &Path) -> anyhow::Result<Mapping> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read the mapping {}", path.display()))?;
    Mapping::parse(&text).with_context(|| format!("use the mapping {}", path.display()))
}
