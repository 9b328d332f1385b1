//! A place in the feed: one position per partition, as an opaque text that a client keeps and hands back.

use crate::Filter;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const FORMAT: u8 = 1;
const CHECK: usize = 8;

/// Everything at or below these positions has been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Vec<u64>);

/// A text that is no cursor of this database and this filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor is damaged, or belongs to another organisation, filter or database")]
pub struct InvalidCursor;

impl Cursor {
    /// The start of a feed over `partitions` partitions.
    #[must_use]
    pub fn start(partitions: u16) -> Self {
        Self(vec![0; usize::from(partitions)])
    }

    /// The opaque text: format, number of partitions, positions (LEB128) and a checksum that covers the filter too, so
    /// that a cursor only fits the question it was given for. It is no secret: what a reader may see is decided by the
    /// filter, which comes from the credential.
    #[must_use]
    pub fn encode(&self, filter: &Filter) -> String {
        let mut bytes = vec![FORMAT, u8::try_from(self.0.len()).unwrap_or(u8::MAX)];
        for position in &self.0 {
            push_leb128(&mut bytes, *position);
        }
        let check = checksum(&bytes, filter);
        bytes.extend(check);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::encode`] wrote for the same filter and number of partitions.
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything else.
    pub fn decode(text: &str, filter: &Filter, partitions: u16) -> Result<Self, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (body, check) = bytes.split_at_checked(bytes.len().saturating_sub(CHECK)).ok_or(InvalidCursor)?;
        if check != checksum(body, filter) {
            return Err(InvalidCursor);
        }
        match body {
            [FORMAT, count, rest @ ..] if u16::from(*count) == partitions => positions(rest, usize::from(*count)).map(Self),
            _other => Err(InvalidCursor),
        }
    }
}

fn positions(mut bytes: &[u8], count: usize) -> Result<Vec<u64>, InvalidCursor> {
    let mut positions = Vec::with_capacity(count);
    for _ in 0..count {
        let end = bytes.iter().position(|byte| byte & 0x80 == 0).ok_or(InvalidCursor)?;
        let (number, rest) = bytes.split_at(end + 1);
        if number.len() > 9 {
            return Err(InvalidCursor);
        }
        positions.push(number.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f)));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(positions) } else { Err(InvalidCursor) }
}

/// Little-endian base 128; positions stay below 2^63, hence at most nine bytes.
fn push_leb128(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn checksum(body: &[u8], filter: &Filter) -> [u8; CHECK] {
    let mut hash = Sha256::new();
    hash.update(body);
    let text = |part: Option<String>| part.unwrap_or_default();
    for part in [
        text(filter.org.as_ref().map(ToString::to_string)),
        text(filter.kind.as_ref().map(ToString::to_string)),
        text(filter.stream.as_ref().map(ToString::to_string)),
        text(filter.since.map(|since| since.micros().to_string())),
    ] {
        hash.update([0]);
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest[..CHECK]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_only_for_its_own_question() {
        let filter = Filter { org: Some("a".parse().unwrap()), ..Filter::default() };
        let cursor = Cursor(vec![0, 1, 127, 128, u64::from(u32::MAX), (1 << 62) + 5]);
        let text = cursor.encode(&filter);
        assert_eq!(Cursor::decode(&text, &filter, 6), Ok(cursor));
        assert_eq!(Cursor::decode(&text, &filter, 7), Err(InvalidCursor));
        let other = Filter { org: Some("b".parse().unwrap()), ..Filter::default() };
        assert_eq!(Cursor::decode(&text, &other, 6), Err(InvalidCursor));
    }

    #[test]
    fn damaged_and_foreign_texts_are_refused() {
        let filter = Filter::default();
        let text = Cursor(vec![5; 16]).encode(&filter);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Cursor::decode(&changed, &filter, 16), Err(InvalidCursor), "changed at {at}");
        }
        for text in ["", "!", "AAAA", &"A".repeat(10_000)] {
            assert_eq!(Cursor::decode(text, &filter, 16), Err(InvalidCursor));
        }
    }
}
