//! `ionveil completions`: scripts for shells, made from the command line itself.

use super::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;
use std::process::ExitCode;

/// Print a completion script for a shell.
#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        // Through memory, because the generator panics when the reader has gone away.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ionveil", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
