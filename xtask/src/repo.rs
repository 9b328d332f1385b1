//! Where the project lies and which files it has. It reads; it never writes to a tracked file.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout that this binary was built from.
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The folder above this crate.
    pub(crate) fn find() -> Self {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: crate_dir.parent().unwrap_or(crate_dir).to_path_buf() }
    }

    /// The root folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path below cargo's target folder.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.root.join("target").join(relative)
    }

    /// The text of a file, named relative to the root.
    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        std::fs::read_to_string(self.path(relative)).with_context(|| format!("read {relative}"))
    }

    /// Every file that is tracked or could be (not ignored), relative to the root, sorted.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .context("start git")?;
        ensure!(output.status.success(), "list files: {}", String::from_utf8_lossy(&output.stderr));
        let mut files: Vec<String> = String::from_utf8(output.stdout)
            .context("read file names as UTF-8")?
            .split_terminator('\0')
            .filter(|file| self.root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}
