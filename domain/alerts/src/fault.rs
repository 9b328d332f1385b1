//! What is wrong with a form that somebody sent: every fault at once, each with its field and what it must be (trap T03).

use crate::reject::Code;
use crate::words::Channel;
use ionveil_kernel::EntityId;
use std::collections::BTreeSet;
use std::fmt;

/// The most characters of a name.
pub const NAME_CHARS_MAX: usize = 128;
/// The most characters of a description, a reason or a note.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// The field, such as `levels[0].timeout_minutes`.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// The faults as one line.
pub(crate) fn line(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Gathers faults while a form is read.
pub(crate) struct Check {
    code: Code,
    faults: Vec<Fault>,
}

impl Check {
    /// A check whose faults have this code.
    pub(crate) const fn new(code: Code) -> Self {
        Self { code, faults: Vec::new() }
    }

    pub(crate) fn fault(&mut self, field: &str, detail: impl Into<String>) {
        self.fault_of(self.code, field, detail);
    }

    /// A fault with a code of its own.
    pub(crate) fn fault_of(&mut self, code: Code, field: &str, detail: impl Into<String>) {
        self.faults.push(Fault { code, field: field.to_owned(), detail: detail.into() });
    }

    pub(crate) fn hold(&mut self, holds: bool, field: &str, detail: impl FnOnce() -> String) {
        if !holds {
            self.fault(field, detail());
        }
    }

    /// A text with something in it, without control characters but line breaks and tabs.
    pub(crate) fn text(&mut self, field: &str, text: &str, chars_max: usize) {
        self.hold(!text.trim().is_empty() && is_lawful(text, chars_max), field, || {
            format!("has 1 to {chars_max} characters, not only blanks, none a control character")
        });
    }

    /// A text that may be empty.
    pub(crate) fn optional_text(&mut self, field: &str, text: &str) {
        self.hold(is_lawful(text, TEXT_CHARS_MAX), field, || format!("has at most {TEXT_CHARS_MAX} characters, none a control character"));
    }

    /// A name by the kernel's pattern.
    pub(crate) fn id(&mut self, field: &str, text: &str) -> Option<EntityId> {
        EntityId::new(text).map_err(|error| self.fault(field, error.to_string())).ok()
    }

    /// Channels, each named once, in the order in which they are tried.
    pub(crate) fn channels(&mut self, field: &str, names: &[String]) -> Vec<Channel> {
        let mut channels = Vec::new();
        for (place, name) in names.iter().enumerate().take(Channel::ALL.len() + 1) {
            match name.parse::<Channel>() {
                Ok(channel) if channels.contains(&channel) => self.fault(&format!("{field}[{place}]"), "a channel is named once"),
                Ok(channel) => channels.push(channel),
                Err(unlisted) => self.fault(&format!("{field}[{place}]"), unlisted.to_string()),
            }
        }
        channels
    }

    /// Ids, each named once.
    pub(crate) fn unique<'a>(&mut self, field: &str, ids: impl IntoIterator<Item = &'a EntityId>) {
        let mut seen = BTreeSet::new();
        let is_new = |id: &'a EntityId| seen.insert(id);
        if !ids.into_iter().all(is_new) {
            self.fault(field, "each is named once");
        }
    }

    /// Whole minutes in a range.
    pub(crate) fn minutes(&mut self, field: &str, minutes: i64, min: u32, max: u32) -> u32 {
        let lawful = u32::try_from(minutes).ok().filter(|minutes| (min..=max).contains(minutes));
        self.hold(lawful.is_some(), field, || format!("is from {min} to {max} minutes"));
        lawful.unwrap_or(min)
    }

    /// `value`, if nothing was wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) | None => Err(self.faults),
        }
    }
}

/// Whether a text may be kept.
pub(crate) fn is_lawful(text: &str, chars_max: usize) -> bool {
    let is_hostile = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    text.chars().count() <= chars_max && !text.chars().any(is_hostile)
}
