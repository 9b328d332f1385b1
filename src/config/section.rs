//! Reads typed settings out of the merged table and notes every fault with its path and origin.
//!
//! It knows nothing of what a setting means; `settings` does.

use crate::config::{ConfigFault, Raw};
use crate::spelling::nearest;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use toml::{Table, Value};

/// One table of the configuration, not yet read. Every reader returns `None` after a fault was noted, or where an
/// optional key is missing.
pub(super) struct Section<'a> {
    raw: &'a Raw,
    path: String,
    left: Table,
    asked: Vec<&'static str>,
    faults: &'a mut Vec<ConfigFault>,
}

impl<'a> Section<'a> {
    /// The section `name` of `raw`; missing ones are empty.
    pub(super) fn open(raw: &'a Raw, name: &str, faults: &'a mut Vec<ConfigFault>) -> Self {
        let left = raw.table.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
        Section { raw, path: name.to_owned(), left, asked: Vec::new(), faults }
    }

    /// A whole number in `range`.
    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.required(key)?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|number| range.contains(number));
        if number.is_none() {
            let shown = if value.is_integer() { value.to_string() } else { value.type_str().to_owned() };
            self.fault(key, format!("must be a whole number from {} to {}, not {shown}", range.start(), range.end()));
        }
        number
    }

    /// A number in `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.required(key)?;
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64)).filter(|number| range.contains(number));
        if number.is_none() {
            let shown = if value.is_float() || value.is_integer() { value.to_string() } else { value.type_str().to_owned() };
            self.fault(key, format!("must be a number from {} to {}, not {shown}", range.start(), range.end()));
        }
        number
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.required(key)?;
        self.as_text(key, value)
    }

    /// A text, if the key is there.
    pub(super) fn optional_text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        self.as_text(key, value)
    }

    /// A path, made absolute or relative to where we run.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.text(key)?;
        Some(self.based(key, &text))
    }

    /// A path, if the key is there.
    pub(super) fn optional_path(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.optional_text(key)?;
        Some(self.based(key, &text))
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key)?;
        parse(&text).map_err(|detail| self.fault(key, detail)).ok()
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.required(key)?;
        self.as_texts(key, value)
    }

    /// A list of texts, if the key is there.
    pub(super) fn optional_texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.take(key)?;
        self.as_texts(key, value)
    }

    /// True or false; false if the key is not there. None only after a fault was noted.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let Some(value) = self.take(key) else { return Some(false) };
        let flag = value.as_bool();
        if flag.is_none() {
            self.fault(key, format!("must be true or false, not {}", value.type_str()));
        }
        flag
    }

    /// Reads each table of a list with `read`; those with faults are left out.
    pub(super) fn tables<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(items) = self.required(key)? else {
            self.fault(key, "must be a list of tables");
            return None;
        };
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{}[{index}]", self.full(key));
            all.extend(self.inner(path, item, &mut read));
        }
        Some(all)
    }

    /// Reads every key that is left as a table of its own, by name.
    pub(super) fn each_table<T>(&mut self, mut read: impl FnMut(&mut Section<'_>) -> Option<T>) -> Vec<(String, T)> {
        let mut all = Vec::new();
        for (name, value) in std::mem::take(&mut self.left) {
            let path = self.full(&name);
            all.extend(self.inner(path, value, &mut read).map(|read| (name, read)));
        }
        all
    }

    /// A table of texts, each of which `parse` is given with its name.
    pub(super) fn map<T>(&mut self, key: &'static str, parse: impl Fn(&str, &str) -> Result<T, String>) -> Option<BTreeMap<String, T>> {
        let value = self.required(key)?;
        let Value::Table(table) = value else {
            self.fault(key, format!("must be a table, not {}", value.type_str()));
            return None;
        };
        let mut all = BTreeMap::new();
        let before = self.faults.len();
        for (name, value) in table {
            let parsed = value.as_str().ok_or_else(|| format!("must be a text, not {}", value.type_str()));
            match parsed.and_then(|text| parse(&name, text)) {
                Ok(value) => drop(all.insert(name, value)),
                Err(detail) => self.fault(&format!("{key}.{name:?}"), detail),
            }
        }
        (self.faults.len() == before).then_some(all)
    }

    /// Notes a fault of `key`.
    pub(super) fn fault(&mut self, key: &str, detail: impl Into<String>) {
        let path = self.full(key);
        self.fault_at(path, detail.into());
    }

    /// Ends the reading: every key that was not asked for is unknown.
    pub(super) fn finish(mut self) {
        self.note_unknown();
    }

    fn inner<T>(&mut self, path: String, value: Value, read: &mut impl FnMut(&mut Section<'_>) -> Option<T>) -> Option<T> {
        let Value::Table(left) = value else {
            self.fault_at(path, format!("must be a table, not {}", value.type_str()));
            return None;
        };
        let mut section = Section { raw: self.raw, path, left, asked: Vec::new(), faults: self.faults };
        let value = read(&mut section);
        section.finish();
        value
    }

    fn note_unknown(&mut self) {
        for key in std::mem::take(&mut self.left).keys() {
            let detail = match nearest(key, self.asked.iter().copied()) {
                Some(known) => format!("is unknown; did you mean `{known}`?"),
                None => "is unknown".to_owned(),
            };
            self.fault(key, detail);
        }
    }

    fn required(&mut self, key: &'static str) -> Option<Value> {
        let value = self.take(key);
        if value.is_none() {
            self.fault(key, "is required");
        }
        value
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.asked.push(key);
        self.left.remove(key)
    }

    fn as_text(&mut self, key: &str, value: Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            other => {
                self.fault(key, format!("must be a text, not {}", other.type_str()));
                None
            }
        }
    }

    fn as_texts(&mut self, key: &str, value: Value) -> Option<Vec<String>> {
        let texts: Option<Vec<String>> = match value {
            Value::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if texts.is_none() {
            self.fault(key, "must be a list of texts");
        }
        texts
    }

    /// A path as `key` says it: relative ones start where the setting is from.
    pub(super) fn based(&self, key: &str, text: &str) -> PathBuf {
        self.raw.base_of(&self.full(key)).join(text)
    }

    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn fault_at(&mut self, path: String, detail: String) {
        let origin = self.raw.origin(&path).cloned();
        self.faults.push(ConfigFault { path, origin, detail });
    }
}
