//! Finds the columns of a mapping in the header of a file. What the mapping does not name does not matter.

use super::issue::Reason;
use super::rows::{Found, ROW_BYTES_MAX, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most characters of a name that are compared for likeness.
const ALIKE_CHARS_MAX: usize = 128;

/// A column that the mapping needs and the header lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingColumn {
    /// The column's name in the mapping.
    pub column: String,
    /// The name in the header that is most like it.
    pub nearest: Option<String>,
}

impl fmt::Display for MissingColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.column)?;
        self.nearest.as_ref().map_or(Ok(()), |nearest| write!(f, " (nearest: {nearest:?})"))
    }
}

/// Why a header does not serve a mapping. Nothing was imported then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no line at all.
    #[error("the file is empty: it has no header")]
    Empty,
    /// The first line is no row of CSV.
    #[error("the header is no line of CSV in UTF-8")]
    Unreadable,
    /// Columns that the mapping needs are not there.
    #[error("the header lacks {}", list(.0))]
    Missing(Vec<MissingColumn>),
    /// A column that the mapping names stands there twice.
    #[error("the header has {0:?} twice: which one is meant cannot be known")]
    Twice(String),
}

fn list(missing: &[MissingColumn]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Where the columns of a mapping stand in the rows of a file.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    places: BTreeMap<String, usize>,
    width: usize,
}

impl Columns {
    /// Looks up every column that is wanted in `header`: names must be equal but for outer spaces and a byte order mark.
    pub(crate) fn find(wanted: &BTreeSet<&str>, optional: &BTreeSet<String>, header: &Record) -> Result<Self, HeaderError> {
        let names = names(header)?;
        let mut places = BTreeMap::new();
        let mut missing = Vec::new();
        for &column in wanted {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => return Err(HeaderError::Twice(column.to_owned())),
                (Some((place, _)), None) => drop(places.insert(column.to_owned(), place)),
                (None, _) if optional.contains(column) => {}
                (None, _) => missing.push(MissingColumn { column: column.to_owned(), nearest: nearest(column, &names) }),
            }
        }
        if missing.is_empty() { Ok(Self { places, width: names.len() }) } else { Err(HeaderError::Missing(missing)) }
    }

    /// Those of `wanted` that the file lacks.
    pub(crate) fn missing<'c>(&self, wanted: impl Iterator<Item = &'c str>) -> Vec<String> {
        wanted.filter(|column| !self.places.contains_key(*column)).map(str::to_owned).collect()
    }

    /// The field of `column` without outer spaces; empty if the file lacks an optional column. `None` if it is not UTF-8.
    pub(crate) fn get<'r>(&self, record: &'r Record, column: &str) -> Option<&'r str> {
        let bytes = self.places.get(column).and_then(|place| record.get(*place)).unwrap_or_default();
        std::str::from_utf8(bytes).ok().map(str::trim)
    }
}

/// The fields of a row by the names of their columns.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'r> {
    pub(crate) columns: &'r Columns,
    pub(crate) record: &'r Record,
}

impl<'r> Fields<'r> {
    /// See [`Columns::get`].
    pub(crate) fn get(&self, column: &str) -> Option<&'r str> {
        self.columns.get(self.record, column)
    }

    /// Whether something stands there, be it text or not.
    pub(crate) fn filled(&self, column: &str) -> bool {
        self.get(column).is_none_or(|text| !text.is_empty())
    }

    /// Why the row cannot be read by its columns, if it cannot.
    pub(crate) fn fault(&self, found: Found) -> Option<Reason> {
        let (fields, expected) = (self.record.len(), self.columns.width);
        match found {
            Found::BadQuoting => Some(Reason::BadQuoting),
            Found::TooLong => Some(Reason::RowTooLong(ROW_BYTES_MAX)),
            Found::Row if fields < expected => Some(Reason::ShortRow { found: fields, expected }),
            Found::Row if fields > expected => Some(Reason::LongRow { found: fields, expected }),
            Found::Row => None,
        }
    }
}

fn names(header: &Record) -> Result<Vec<&str>, HeaderError> {
    let name = |place| std::str::from_utf8(header.get(place).unwrap_or_default());
    let names = (0..header.len()).map(|place| name(place).map(str::trim));
    let mut names = names.collect::<Result<Vec<_>, _>>().map_err(|_| HeaderError::Unreadable)?;
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches('\u{feff}').trim();
    }
    Ok(names)
}

fn nearest(column: &str, names: &[&str]) -> Option<String> {
    let wanted = letters(column);
    let nearest = names.iter().filter(|name| !name.is_empty()).min_by_key(|name| distance(&wanted, &letters(name)))?;
    Some(nearest.chars().take(ALIKE_CHARS_MAX).collect())
}

fn letters(name: &str) -> Vec<char> {
    name.chars().take(ALIKE_CHARS_MAX).flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// The least number of insertions, deletions and replacements that make `a` of `b` (Levenshtein 1966), row by row.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_a_person_would_point_at() {
        let names = ["Call Number", "On_Scene_Dttm", "Response DtTm", ""];
        for (column, expected) in [("On Scene DtTm", "On_Scene_Dttm"), ("Respons DtTm", "Response DtTm"), ("call number", "Call Number")] {
            assert_eq!(nearest(column, &names).as_deref(), Some(expected), "{column}");
        }
        assert_eq!(nearest("x", &[""]), None);
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
    }
}
