//! Secrets that channels name: where they are kept is said by the configuration, and which of them a channel may ask for by
//! their names. They are looked up when something is sent, and never shown.

use ionveil_channels::channel::{SECRET_PREFIX, Text};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The most bytes of a file.
const FILE_BYTES_MAX: u64 = 64 * 1_024;

/// Where secrets are found.
#[derive(Clone, Default)]
pub struct Secrets {
    variables: BTreeMap<String, String>,
    folder: Option<PathBuf>,
}

/// A secret that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret {0} is not there, or cannot be read")]
pub struct Missing(pub String);

impl Secrets {
    /// Those of `variables` that channels may use, and the files of `folder`.
    #[must_use]
    pub fn new(variables: BTreeMap<String, String>, folder: Option<PathBuf>) -> Self {
        let variables = variables.into_iter().filter(|(name, _)| name.starts_with(SECRET_PREFIX)).collect();
        Self { variables, folder }
    }

    /// What stands for `text`.
    ///
    /// # Errors
    /// [`Missing`], with the name.
    pub fn resolve(&self, text: &Text) -> Result<String, Missing> {
        match text {
            Text::Plain(text) => Ok(text.clone()),
            Text::Env { env } => self.variables.get(env).cloned().ok_or_else(|| Missing(env.clone())),
            Text::File { file } => self.file(file).ok_or_else(|| Missing(file.clone())),
        }
    }

    /// One line break at the end is cut off, as editors put it there.
    fn file(&self, name: &str) -> Option<String> {
        let path = self.folder.as_ref()?.join(name);
        let about = std::fs::metadata(&path).ok().filter(|about| about.is_file() && about.len() <= FILE_BYTES_MAX)?;
        let text = if about.len() == 0 { String::new() } else { std::fs::read_to_string(path).ok()? };
        Some(text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).unwrap_or(&text).to_owned())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("variables", &self.variables.len()).field("folder", &self.folder).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_its_name_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("radio"), "hunter2\r\n").unwrap();
        let all = [("IONVEIL_SECRET_A", "hunter3"), ("PATH", "/bin")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = Secrets::new(BTreeMap::from(all), Some(folder.path().to_owned()));
        let (env, file) = (|env: &str| Text::Env { env: env.to_owned() }, |file: &str| Text::File { file: file.to_owned() });
        assert_eq!(secrets.resolve(&file("radio")).as_deref(), Ok("hunter2"));
        assert_eq!(secrets.resolve(&env("IONVEIL_SECRET_A")).as_deref(), Ok("hunter3"));
        assert_eq!(secrets.resolve(&env("PATH")), Err(Missing("PATH".to_owned())));
        assert_eq!(secrets.resolve(&file("other")), Err(Missing("other".to_owned())));
        assert_eq!(Secrets::default().resolve(&file("radio")), Err(Missing("radio".to_owned())));
        assert!(!format!("{secrets:?}").contains("hunter"));
    }
}
