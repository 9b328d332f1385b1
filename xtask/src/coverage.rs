//! How much of the code the test suite runs, by lines, and the floor under it. Where decisions are made (kernel, journal,
//! views, every context) at least 85 % must run; the rest is printed only.
//!
//! Only the workspace's own crates are instrumented, through cargo's workspace wrapper: compiler flags would rebuild every
//! dependency. The wrapper is this very binary. Test code does not count, neither as covered nor as missed. No toolchain
//! component is needed: any LLVM that knows the raw profile format of the compiler's can read it.

mod lcov;

use crate::repo::Repo;
use crate::run::{executables, find, output};
use crate::tidy::Source;
use anyhow::{Context, Result, ensure};
use lcov::Lines;
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The package that brings the readers on Debian.
pub(crate) const DEBIAN_PACKAGE: &str = "llvm-19";
/// The first LLVM that reads raw profiles of version 10, which rustc's LLVM 19 to 22 write.
pub(crate) const LLVM_OLDEST: u32 = 19;

const LLVM_NEWEST: u32 = 22;
const FLOOR_PERCENT: f64 = 85.0;
const PROFILES: &str = "coverage/profiles";
const OBJECTS: &str = "coverage/objects.txt";
const MERGED: &str = "coverage/all.profdata";
const WRAPPER_MARK: &str = "XTASK_INSTRUMENT";

/// LLVM's readers, both of one version.
pub(crate) struct Tools {
    profdata: PathBuf,
    /// The one that knows source lines.
    pub(crate) cov: PathBuf,
}

impl Tools {
    /// The toolchain's own, else the newest on the PATH that fits.
    pub(crate) fn find() -> Option<Self> {
        let sysroot = output(Command::new("rustc").args(["--print", "target-libdir"])).unwrap_or_default();
        let own = PathBuf::from(sysroot.trim()).with_file_name("bin");
        let named = |suffix: &str, folders: &[PathBuf]| {
            let tool = |name: &str| find(&[&format!("{name}{suffix}")], folders);
            Some(Self { profdata: tool("llvm-profdata")?, cov: tool("llvm-cov")? })
        };
        let of_toolchain = own.join("llvm-cov").is_file().then(|| named("", &[own])).flatten();
        of_toolchain.or_else(|| (LLVM_OLDEST..=LLVM_NEWEST).rev().find_map(|version| named(&format!("-{version}"), &[])))
    }
}

/// When cargo calls this binary in the compiler's place: the compiler, with counters. Else `None`.
pub(crate) fn act_as_compiler() -> Option<ExitCode> {
    std::env::var_os(WRAPPER_MARK)?;
    let mut arguments = std::env::args_os().skip(1);
    let error = Command::new(arguments.next()?).args(arguments).arg("-Cinstrument-coverage").exec();
    eprintln!("xtask: failed to start the compiler: {error}");
    Some(ExitCode::FAILURE)
}

/// Makes a cargo command build instrumented crates, and its children write profiles.
pub(crate) fn instrument(repo: &Repo, command: &mut Command) {
    command.env(WRAPPER_MARK, "1").env("LLVM_PROFILE_FILE", repo.target(PROFILES).join("%p-%m.profraw"));
    command.env("RUSTC_WORKSPACE_WRAPPER", std::env::current_exe().unwrap_or_else(|_| repo.target("debug/xtask")));
}

/// Forgets the profiles of earlier runs.
pub(crate) fn reset(repo: &Repo) -> Result<()> {
    let profiles = repo.target(PROFILES);
    if profiles.exists() {
        std::fs::remove_dir_all(&profiles).context("remove old profiles")?;
    }
    std::fs::create_dir_all(&profiles).context("make the folder of profiles")
}

/// Keeps the names of the binaries that cargo's JSON messages tell of: the counters' source lines are in them.
pub(crate) fn keep_objects(repo: &Repo, cargo_messages: &str) -> Result<()> {
    let objects = executables(cargo_messages);
    ensure!(!objects.is_empty(), "find a test binary in what cargo printed");
    std::fs::write(repo.target(OBJECTS), objects.join("\n")).context("note the test binaries")
}

/// Reads the profiles of the last run of the suite, prints a table and fails below the floor.
pub(crate) fn report(repo: &Repo) -> Result<()> {
    let exported = export(repo)?;
    let mut groups: BTreeMap<String, Vec<(String, Lines)>> = BTreeMap::new();
    for (file, lines) in lcov::parse(&exported, repo.root()) {
        let Some(group) = group(&file) else { continue };
        let source = Source::new(&file, &repo.read(&file)?);
        groups.entry(group).or_default().push((file, lines.without(|line| source.is_test(line))));
    }
    let failed: Vec<String> = groups.iter().filter_map(|(group, files)| print_group(group, files)).collect();
    ensure!(failed.is_empty(), "cover {FLOOR_PERCENT} % of the lines of {}", failed.join(", "));
    Ok(())
}

/// Prints one line, and the least covered files where it fails; returns the group's name in that case.
fn print_group(group: &str, files: &[(String, Lines)]) -> Option<String> {
    let total = files.iter().fold(Lines::default(), |sum, (_, lines)| sum.plus(lines));
    let fails = is_gated(group) && total.percent() < FLOOR_PERCENT;
    let verdict = if fails { "  BELOW THE FLOOR" } else { "" };
    println!("{group:<22} {:>6} of {:>6} lines  {:>5.1} %{verdict}", total.hit(), total.all(), total.percent());
    if fails {
        let mut worst: Vec<_> = files.iter().filter(|(_, lines)| lines.hit() < lines.all()).collect();
        worst.sort_by_key(|(_, lines)| lines.hit() as i64 - lines.all() as i64);
        for (file, lines) in worst.iter().take(8) {
            println!("    {file}: {:.1} %, lines {}", lines.percent(), lines.missed_ranges());
        }
    }
    fails.then(|| group.to_owned())
}

fn export(repo: &Repo) -> Result<String> {
    let tools = Tools::find().context("find llvm-profdata and llvm-cov: run `cargo xtask setup`")?;
    let objects = std::fs::read_to_string(repo.target(OBJECTS)).context("read the last run of the tests: run `cargo xtask coverage`")?;
    let profiles = repo.target(PROFILES);
    let merged = repo.target(MERGED);
    // A process that was killed leaves no profile or half of one: that is no fault here, the crash tests do it on purpose.
    output(Command::new(&tools.profdata).args(["merge", "-sparse", "--failure-mode=all", "-o"]).arg(&merged).arg(&profiles))?;
    let mut command = Command::new(&tools.cov);
    command.args(["export", "--format=lcov", "--skip-functions", "--instr-profile"]).arg(&merged);
    for (index, object) in objects.lines().enumerate() {
        if index > 0 {
            command.arg("--object");
        }
        command.arg(object);
    }
    output(&mut command)
}

/// The crate that a file belongs to, as the table names it; `None` for what is no product code.
fn group(file: &str) -> Option<String> {
    let mut parts = file.split('/');
    match (parts.next()?, parts.next()?) {
        ("domain", context) => Some(format!("domain/{context}")),
        (layer @ ("kernel" | "journal" | "views" | "actors" | "sync"), "src") => Some(layer.to_owned()),
        ("src", _) => Some("src".to_owned()),
        _ => None,
    }
}

/// Where the floor holds.
fn is_gated(group: &str) -> bool {
    matches!(group, "kernel" | "journal" | "views") || group.starts_with("domain/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_fall_into_their_crates() {
        assert_eq!(group("domain/workflow/src/decide.rs").as_deref(), Some("domain/workflow"));
        assert_eq!(group("kernel/src/id.rs").as_deref(), Some("kernel"));
        assert_eq!(group("tests/integration.rs"), None);
        assert_eq!(group("xtask/src/main.rs"), None);
    }

    #[test]
    fn the_floor_holds_where_decisions_are_made() {
        assert!(["kernel", "journal", "views", "domain/workflow"].into_iter().all(is_gated));
        assert!(!["actors", "src"].into_iter().any(is_gated));
        let lines = |hit: u32| Lines::new((1..=100).map(|line| (line, u64::from(line <= hit))));
        assert_eq!(print_group("kernel", &[("kernel/src/a.rs".into(), lines(84))]).as_deref(), Some("kernel"));
        assert_eq!(print_group("kernel", &[("kernel/src/a.rs".into(), lines(85))]), None);
        assert_eq!(print_group("actors", &[("actors/src/a.rs".into(), lines(1))]), None);
    }

    #[test]
    fn binaries_are_read_from_cargos_messages() {
        let messages =
            "{\"reason\":\"compiler-artifact\",\"executable\":\"/t/a\"}\n{\"reason\":\"compiler-artifact\",\"executable\":null}\nno json";
        assert_eq!(executables(messages), ["/t/a"]);
    }
}
