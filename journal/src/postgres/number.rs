//! Stored numbers and hashes as the program's own. What does not fit cannot have been written by us.

use ionveil_kernel::BodyHash;
use sqlx::Error;

/// A stored number that is never negative.
pub(super) fn unsigned(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|error| Error::Decode(error.into()))
}

/// A stored number that is never negative.
pub(super) fn unsigned32(number: i32) -> Result<u32, Error> {
    u32::try_from(number).map_err(|error| Error::Decode(error.into()))
}

/// A stored hash.
pub(super) fn hash(bytes: &[u8]) -> Result<BodyHash, Error> {
    bytes.try_into().map(BodyHash).map_err(|_| Error::Decode("a hash has 32 bytes".into()))
}

/// A stored partition.
pub(super) fn partition(number: i16) -> Result<u16, Error> {
    u16::try_from(number).map_err(|error| Error::Decode(error.into()))
}
