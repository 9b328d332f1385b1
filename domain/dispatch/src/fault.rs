//! What is wrong with a command that somebody sent, shared by incidents and units: the field, and what it must be.

use crate::geo::{self, Position};
use ionveil_kernel::EntityId;
use std::fmt;

/// One thing that is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: &'static str,
    /// The stable code.
    pub code: &'static str,
    /// What the field must be.
    pub must: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.must)
    }
}

/// At least one [`Fault`], in the order of the command's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    rest: Vec<Fault>,
}

impl Faults {
    /// The faults, if there are any.
    pub(crate) fn of(faults: Vec<Fault>) -> Result<(), Self> {
        let mut faults = faults.into_iter();
        faults.next().map_or(Ok(()), |first| Err(Self { first, rest: faults.collect() }))
    }

    /// The code of the first.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.first.code
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().try_for_each(|fault| write!(f, "; {fault}"))
    }
}

/// Gathers faults while the fields of a command are checked.
#[derive(Default)]
pub(crate) struct Check(Vec<Fault>);

impl Check {
    pub(crate) fn fault(&mut self, field: &'static str, code: &'static str, must: &'static str) {
        self.0.push(Fault { field, code, must });
    }

    /// A text with something in it, of at most `chars_max` characters and no control characters but line breaks and tabs.
    pub(crate) fn text(&mut self, field: &'static str, text: &str, chars_max: usize, must: &'static str) -> String {
        let is_hostile = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.trim().is_empty() || text.chars().count() > chars_max || text.chars().any(is_hostile) {
            self.fault(field, "invalid_text", must);
        }
        text.to_owned()
    }

    /// A name by the kernel's pattern.
    pub(crate) fn id(&mut self, field: &'static str, text: &str) -> Option<EntityId> {
        EntityId::new(text).map_err(|_| self.fault(field, "invalid_id", "it must match [A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}")).ok()
    }

    /// Both coordinates, each with its own fault.
    pub(crate) fn position(&mut self, latitude: f64, longitude: f64) -> Option<Position> {
        if !geo::is_latitude(latitude) {
            self.fault("latitude", "invalid_position", "it must be from -90 to 90");
        }
        if !geo::is_longitude(longitude) {
            self.fault("longitude", "invalid_position", "it must be from -180 to 180");
        }
        Position::new(latitude, longitude).ok()
    }

    /// The refusal, if anything was wrong.
    pub(crate) fn finish(self) -> Result<(), Faults> {
        Faults::of(self.0)
    }
}
