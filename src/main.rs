//! The `ionveil` binary: the command line and nothing else.

use clap::Parser;
use std::process::ExitCode;

/// What one thread lays out another lets go, which glibc's allocator pays for dearly (`docs/adr/0012-allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ionveil::cli::Cli::parse().run()
}
