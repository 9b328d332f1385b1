//! Virtual time: lengths of it, counted in whole microseconds so that sums are exact, and shown in seconds.

use super::reject::FaultKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest span, in seconds: some 31 years. Below 2^50 µs a number of seconds as JSON shows it comes back to the same
/// microsecond, whatever the last bit of the parser.
pub const SECONDS_MAX: u64 = 1_000_000_000;

/// A length of virtual time, 0 to [`SECONDS_MAX`] seconds in whole microseconds. Its serde form is a number of seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// The longest.
    pub const MAX: Self = Self(SECONDS_MAX * 1_000_000);

    /// From microseconds, clamped to [`Self::MAX`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        if micros > Self::MAX.0 { Self::MAX } else { Self(micros) }
    }

    /// From whole seconds, clamped to [`Self::MAX`].
    #[must_use]
    pub const fn from_whole_seconds(seconds: u64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// From seconds, to the nearest microsecond.
    ///
    /// # Errors
    /// [`FaultKind::InvalidNumber`] for NaN and infinity; `otherwise` for a negative number or one above [`SECONDS_MAX`].
    pub fn from_seconds(seconds: f64, otherwise: FaultKind) -> Result<Self, FaultKind> {
        if !seconds.is_finite() {
            return Err(FaultKind::InvalidNumber);
        }
        if !(0.0..=SECONDS_MAX as f64).contains(&seconds) {
            return Err(otherwise);
        }
        Ok(Self::from_micros((seconds * 1e6).round() as u64))
    }

    /// Microseconds.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Seconds, the nearest number.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1_000_000) {
            serializer.serialize_u64(self.0 / 1_000_000)
        } else {
            serializer.serialize_f64(self.seconds())
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Self::from_seconds(seconds, FaultKind::InvalidDuration).map_err(serde::de::Error::custom)
    }
}
