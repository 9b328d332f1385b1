//! What people and programs read: errors on standard error with what to do next, results on standard output.

use crate::config::ConfigFaults;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Prints the error with its causes; a wrong configuration is exit code 2, everything else 1.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    if broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    if error.is::<ConfigFaults>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// The reader of our output has gone away (`ionveil events | head`): that is no error.
fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|io| io.kind() == ErrorKind::BrokenPipe)
}

/// Writes a line to standard output.
///
/// # Errors
/// If it cannot be written, for example because the reader has gone away.
pub fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// A text from elsewhere, fit for a terminal: control characters could move the cursor and forge what is read.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A progress bar in bytes on a terminal, nothing elsewhere.
#[must_use]
pub fn bytes_bar(total: u64, what: &'static str) -> indicatif::ProgressBar {
    bar(total, what, "{msg} [{bar:30}] {percent}% {bytes}/{total_bytes} {eta}")
}

/// A progress bar in pieces on a terminal, nothing elsewhere.
#[must_use]
pub fn count_bar(total: u64, what: &'static str) -> indicatif::ProgressBar {
    bar(total, what, "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}")
}

fn bar(total: u64, what: &'static str, template: &str) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template(template).unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
    indicatif::ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(what)
}
