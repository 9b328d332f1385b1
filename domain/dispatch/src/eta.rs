//! When somebody is expected: text of a fixed width, so that the order of the texts is the order of the times (decision D06),
//! kept in eight bytes that sort as the text does.

use crate::calendar::Reader;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `HH:MM`, or `YYYY-MM-DDTHH:MM:SS` with or without `Z` (UTC either way). Sorts as its text does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Eta(u64);

/// A text that is no [`Eta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an eta is HH:MM or YYYY-MM-DDTHH:MM:SS, with or without Z")]
pub struct InvalidEta;

/// Stands where a full date has its third digit: `:` sorts behind every digit.
const COLON: u64 = 10;

/// From the first difference that a text can have to the last: first two digits, third digit or colon, then fourth digit,
/// month, day, hour, minute, second, `Z`.
const WIDTHS: [u32; 9] = [7, 4, 4, 4, 5, 5, 6, 6, 1];

fn pack(fields: [u64; 9]) -> Eta {
    Eta(fields.into_iter().zip(WIDTHS).fold(0, |packed, (field, width)| packed << width | field))
}

impl Eta {
    fn unpack(self) -> [u64; 9] {
        let mut fields = [0; 9];
        let mut packed = self.0;
        for (field, width) in fields.iter_mut().zip(WIDTHS).rev() {
            *field = packed & ((1 << width) - 1);
            packed >>= width;
        }
        fields
    }
}

impl FromStr for Eta {
    type Err = InvalidEta;

    fn from_str(text: &str) -> Result<Self, InvalidEta> {
        // No two of the forms have the same length.
        let packed = match text.len() {
            5 => time_of_day(text),
            19 | 20 => full(text),
            _ => None,
        };
        packed.ok_or(InvalidEta)
    }
}

fn time_of_day(text: &str) -> Option<Eta> {
    let (hour, minute) = Reader::new(text).minute_of_day()?;
    Some(pack([hour.into(), COLON, 0, 0, 0, 0, minute.into(), 0, 0]))
}

fn full(text: &str) -> Option<Eta> {
    let mut reader = Reader::new(text);
    let (year, month, day) = reader.date()?;
    reader.any_of(b"T")?;
    let (hour, minute) = reader.minute_of_day()?;
    reader.any_of(b":")?;
    let second = reader.digits(2).filter(|second| *second < 60)?;
    let zulu = reader.any_of(b"Z").is_some();
    let fields = [year / 100, year / 10 % 10, year % 10, month, day, hour, minute, second, zulu.into()];
    reader.is_at_end().then(|| pack(fields.map(u64::from)))
}

impl fmt::Display for Eta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, third, fourth, month, day, hour, minute, second, zulu] = self.unpack();
        if third == COLON {
            return write!(f, "{first:02}:{minute:02}");
        }
        let zulu = if zulu == 1 { "Z" } else { "" };
        write!(f, "{first:02}{third}{fourth}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zulu}")
    }
}

impl fmt::Debug for Eta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Eta {
    type Error = InvalidEta;
    fn try_from(text: String) -> Result<Self, InvalidEta> {
        text.parse()
    }
}

impl From<Eta> for String {
    fn from(eta: Eta) -> String {
        eta.to_string()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Eta, InvalidEta};
    use proptest::prelude::*;

    /// Any lawful text.
    pub(crate) fn eta_text() -> impl Strategy<Value = String> {
        let time = || (0..24_u32, 0..60_u32);
        prop_oneof![
            time().prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}")),
            (1..9_999_u32, 1..=12_u32, 1..=28_u32, time(), 0..60_u32, prop::sample::select(vec!["", "Z"])).prop_map(
                |(year, month, day, (hour, minute), second, zulu)| {
                    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zulu}")
                }
            ),
        ]
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in [
            "",
            "9:05",
            "09:5",
            "09:05:00",
            "24:00",
            "12:60",
            "ab:cd",
            "0930",
            " 9:05",
            "09-05",
            "2026-11-26",
            "2026-11-26T05:06Z",
            "2026-11-26 05:06:31",
            "2026-11-26T05:06:31.5Z",
            "2026-11-26T05:06:31+00:00",
            "2026-11-26T05:06:31z",
            "2026-02-30T05:06:31Z",
            "2026-11-26T05:06:60Z",
            "0000-01-01T00:00:00",
            "٠٩:٠٥",
        ] {
            assert_eq!(text.parse::<Eta>(), Err(InvalidEta), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_sorts_as_its_text_and_comes_back(a in eta_text(), b in eta_text()) {
            let (one, other): (Eta, Eta) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!(one.cmp(&other), a.cmp(&b), "{} {}", a, b);
            prop_assert_eq!(one.to_string(), a);
        }
    }
}
