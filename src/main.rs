//! The `ionveil` binary: the command line and nothing else.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    ionveil::cli::Cli::parse().run()
}
