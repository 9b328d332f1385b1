//! The first pass: defaults, file, environment and flags merged into one table that remembers where each value is from.
//!
//! A later layer replaces single settings and whole lists. Nothing is judged here but whether a text can be read at all.

use crate::config::env::{PREFIX, QUEUE_PREFIX, SECRET_PREFIX};
use crate::config::{ConfigFault, DEFAULTS};
use crate::spelling::nearest;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Which layer a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The embedded defaults.
    Default,
    /// The file.
    File(PathBuf),
    /// The variable of this name.
    Env(String),
    /// The flag of this name.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A setting that was given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// As typed, such as `--listen`.
    pub name: &'static str,
    /// The setting, such as `server.listen`.
    pub path: &'static str,
    /// Its value.
    pub value: String,
}

/// All layers, merged: values with their origins.
#[derive(Clone)]
pub struct Raw {
    pub(super) table: Table,
    /// Variables that hold secrets of channels; no settings.
    pub(super) secrets: BTreeMap<String, String>,
    origins: BTreeMap<String, Origin>,
}

impl fmt::Debug for Raw {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("origins", &self.origins).finish_non_exhaustive()
    }
}

fn secrets(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let named = environment.iter().filter(|(name, _)| name.starts_with(SECRET_PREFIX));
    named.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Raw {
    /// Merges the layers. A layer that cannot be read is a fault and counts as empty.
    pub(super) fn gather(file: Option<&Path>, environment: &BTreeMap<String, String>, flags: &[Flag]) -> (Self, Vec<ConfigFault>) {
        let mut raw = Self { table: Table::new(), secrets: secrets(environment), origins: BTreeMap::new() };
        let mut faults = Vec::new();
        raw.overlay(parsed(DEFAULTS, &Origin::Default, &mut faults), &Origin::Default, &mut faults);
        if let Some(path) = file {
            let origin = Origin::File(path.to_path_buf());
            raw.overlay(read_file(path, &origin, &mut faults), &origin, &mut faults);
        }
        // The shorter names first: of two for one setting the full one counts.
        for (prefix, lead) in [(QUEUE_PREFIX, "queue."), (PREFIX, "")] {
            for (name, value) in environment.iter().filter(|(name, _)| name.starts_with(prefix)) {
                let path = format!("{lead}{}", name[prefix.len()..].to_ascii_lowercase().replace("__", "."));
                raw.variable(name, path, value, &mut faults);
            }
        }
        for flag in flags {
            raw.flag(flag, &mut faults);
        }
        (raw, faults)
    }

    /// Where the setting `path`, or the list that it stands in, is from.
    #[must_use]
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.origins.get(path).or_else(|| {
            let cut = path.rfind(['.', '['])?;
            self.origin(&path[..cut])
        })
    }

    /// Where relative paths of the setting `path` start: at the file's folder if the file says it, else where we run.
    pub(super) fn base_of(&self, path: &str) -> PathBuf {
        match self.origin(path) {
            Some(Origin::File(file)) => file.parent().map(Path::to_path_buf).unwrap_or_default(),
            Some(Origin::Default | Origin::Env(_) | Origin::Flag(_)) | None => PathBuf::new(),
        }
    }

    /// Lays `layer` over what is there. Unknown names are kept: the second pass names them.
    fn overlay(&mut self, layer: Table, origin: &Origin, faults: &mut Vec<ConfigFault>) {
        for (section, value) in layer {
            match value {
                Value::Table(keys) => {
                    let into = self.table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
                    let Value::Table(into) = into else { continue };
                    self.origins.entry(section.clone()).or_insert_with(|| origin.clone());
                    for (key, value) in keys {
                        self.origins.insert(format!("{section}.{key}"), origin.clone());
                        into.insert(key, value);
                    }
                }
                other => faults.push(ConfigFault {
                    path: section,
                    origin: Some(origin.clone()),
                    detail: format!("stands outside of every section as {}; write it under a [section]", other.type_str()),
                }),
            }
        }
    }

    fn variable(&mut self, name: &str, path: String, text: &str, faults: &mut Vec<ConfigFault>) {
        let origin = Origin::Env(name.to_owned());
        let known = self.known_paths();
        let Some(kind) = known.get(&path) else {
            let hint = nearest(&path, known.keys().map(String::as_str))
                .map(|path| format!("; did you mean {PREFIX}{}?", path.to_ascii_uppercase().replace('.', "__")))
                .unwrap_or_default();
            faults.push(ConfigFault { path, origin: Some(origin), detail: format!("is unknown{hint}") });
            return;
        };
        self.read(&path, text, kind, origin, faults);
    }

    /// Unknown names are kept: the second pass names them.
    fn flag(&mut self, flag: &Flag, faults: &mut Vec<ConfigFault>) {
        let kind = self.known_paths().remove(flag.path).unwrap_or_else(|| Value::String(String::new()));
        self.read(flag.path, &flag.value, &kind, Origin::Flag(flag.name), faults);
    }

    fn read(&mut self, path: &str, text: &str, kind: &Value, origin: Origin, faults: &mut Vec<ConfigFault>) {
        match typed(text, kind) {
            Ok(value) => self.set(path, value, origin),
            Err(detail) => faults.push(ConfigFault { path: path.to_owned(), origin: Some(origin), detail }),
        }
    }

    /// The settings that the defaults name, each with an example of its type.
    fn known_paths(&self) -> BTreeMap<String, Value> {
        let mut ignored = Vec::new();
        let defaults = parsed(DEFAULTS, &Origin::Default, &mut ignored);
        let sections = defaults.into_iter().filter_map(|(section, value)| Some((section, value.as_table()?.clone())));
        sections.flat_map(|(section, keys)| keys.into_iter().map(move |(key, value)| (format!("{section}.{key}"), value))).collect()
    }

    fn set(&mut self, path: &str, value: Value, origin: Origin) {
        let Some((section, key)) = path.split_once('.') else { return };
        let into = self.table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(into) = into {
            into.insert(key.to_owned(), value);
            self.origins.insert(path.to_owned(), origin);
        }
    }
}

/// Reads the text of a variable or a flag as the type that its default has. Lists are written as in TOML, or separated by commas.
fn typed(text: &str, like: &Value) -> Result<Value, String> {
    match like {
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| format!("must be a whole number, not {text:?}")),
        Value::Float(_) => text.trim().parse().map(Value::Float).map_err(|_| format!("must be a number, not {text:?}")),
        Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_| format!("must be true or false, not {text:?}")),
        Value::Array(_) => list(text),
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => Ok(Value::String(text.to_owned())),
    }
}

fn list(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('[') {
        let table: Table = format!("list = {text}").parse().map_err(|_| "must be a list as in TOML".to_owned())?;
        return table.get("list").cloned().ok_or_else(|| "must be a list as in TOML".to_owned());
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
}

fn read_file(path: &Path, origin: &Origin, faults: &mut Vec<ConfigFault>) -> Table {
    match std::fs::read_to_string(path) {
        Ok(text) => parsed(&text, origin, faults),
        Err(error) => {
            let detail = format!("cannot be read: {error}");
            faults.push(ConfigFault { path: String::new(), origin: Some(origin.clone()), detail });
            Table::new()
        }
    }
}

fn parsed(text: &str, origin: &Origin, faults: &mut Vec<ConfigFault>) -> Table {
    text.parse().unwrap_or_else(|error: toml::de::Error| {
        let line = error.span().map(|span| format!("line {}: ", 1 + text[..span.start.min(text.len())].matches('\n').count()));
        let detail = format!("is not TOML: {}{}", line.unwrap_or_default(), error.message());
        faults.push(ConfigFault { path: String::new(), origin: Some(origin.clone()), detail });
        Table::new()
    })
}
