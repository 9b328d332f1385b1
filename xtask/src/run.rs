//! Starting other programs: the command is printed before it runs, and a failure names it. Nothing is retried.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cargo that runs this task.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs to the end with our own output; fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", describe(command));
    let status = command.status().with_context(|| format!("start {}", describe(command)))?;
    if !status.success() {
        bail!("run {}: {status}", describe(command));
    }
    Ok(())
}

/// Runs to the end and returns what it printed on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("start {}", describe(command)))?;
    if !output.status.success() {
        bail!("run {}: {}\n{}", describe(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("read what {} printed as UTF-8", describe(command)))
}

/// The first of `names` that stands in a folder of the PATH or in one of `folders`.
pub(crate) fn find(names: &[&str], folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let everywhere: Vec<PathBuf> = folders.iter().cloned().chain(std::env::split_paths(&path)).collect();
    names.iter().flat_map(|name| everywhere.iter().map(move |folder| folder.join(name))).find(|candidate| candidate.is_file())
}

/// The binaries that cargo's JSON messages tell of, sorted, each once.
pub(crate) fn executables(cargo_messages: &str) -> Vec<String> {
    let messages = cargo_messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut found: Vec<String> = messages.filter_map(|message| message.get("executable")?.as_str().map(str::to_owned)).collect();
    found.sort();
    found.dedup();
    found
}

/// The command as a person would type it, with its arguments cut where they get long.
fn describe(command: &Command) -> String {
    const LENGTH_MAX: usize = 160;
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<String> = std::iter::once(program).chain(command.get_args().map(|arg| arg.to_string_lossy().into_owned())).collect();
    let line = words.join(" ");
    match line.char_indices().nth(LENGTH_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named() {
        let error = output(Command::new("false").arg("x")).unwrap_err();
        assert!(error.to_string().contains("false x"), "{error}");
    }

    #[test]
    fn long_commands_are_cut() {
        let mut command = Command::new("echo");
        command.arg("é".repeat(400));
        assert_eq!(describe(&command).chars().count(), 161);
    }
}
