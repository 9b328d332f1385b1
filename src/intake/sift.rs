//! What comes of the rows of a batch, kept beside the memory: what was accepted and what is wrong lie in files that have no name,
//! once they are more than a few megabytes; the memory holds what they are sorted and told apart by. The outcome is that of
//! `ionveil_dispatch::intake::run`.

use crate::http::json;
use crate::intake::split::ROW_BYTES_MAX;
use ionveil_dispatch::intake::{IntakeCommand, Item, RowError, Stats, validate};
use ionveil_kernel::{BodyHash, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use tempfile::SpooledTempFile;

/// So many bytes of each kind are kept in memory.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// A row that was looked at.
pub(super) struct Checked {
    digest: [u8; 32],
    found: Found,
}

enum Found {
    /// Nobody asked.
    Nothing,
    Good(Good),
    Bad(Vec<RowError>),
}

struct Good {
    /// Of what it has in common with a row that means the same: 128 bits, which nobody can make collide.
    identity: u128,
    deadline: Timestamp,
    command_id: Arc<str>,
    command: Vec<u8>,
}

/// Looks at a row by itself. With `now` it is validated; without, only its digest is taken.
pub(super) fn check(row: usize, text: Option<&[u8]>, now: Option<Timestamp>, depth_max: usize) -> Checked {
    let digest = Sha256::digest(text.unwrap_or_default()).into();
    let found = now.map_or(Found::Nothing, |now| match judge(row, text, now, depth_max) {
        Ok(command) => good(&command),
        Err(errors) => Found::Bad(errors),
    });
    Checked { digest, found }
}

fn judge(row: usize, text: Option<&[u8]>, now: Timestamp, depth_max: usize) -> Result<IntakeCommand, Vec<RowError>> {
    let told = |message| vec![RowError { row, message }];
    let text = text.ok_or_else(|| told(format!("it has more than {ROW_BYTES_MAX} bytes")))?;
    let value = json::parse(text, depth_max).map_err(|problem| told(problem.to_string()))?;
    validate(row, value, now)
}

fn good(command: &IntakeCommand) -> Found {
    let (id, satellite, intent) = command.identity();
    let hash = BodyHash::of(&[id.as_bytes(), satellite.as_bytes(), intent.as_bytes()]);
    let identity = hash.0.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    // A struct of texts and JSON has a JSON form.
    let text = serde_json::to_vec(command).unwrap_or_default();
    Found::Good(Good { identity, deadline: command.deadline, command_id: command.command_id.clone(), command: text })
}

/// Records of bytes, one after another.
struct Spool {
    file: SpooledTempFile,
    end: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { file: SpooledTempFile::new(MEMORY_BYTES), end: 0 }
    }
}

impl Spool {
    /// Adds a record; says where it begins.
    fn add(&mut self, record: &[u8]) -> io::Result<(u64, u32)> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(record)?;
        let (begin, length) = (self.end, u32::try_from(record.len()).map_err(io::Error::other)?);
        self.end += u64::from(length);
        Ok((begin, length))
    }

    fn get(&mut self, (begin, length): (u64, u32)) -> io::Result<Vec<u8>> {
        let mut record = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(begin))?;
        self.file.read_exact(&mut record)?;
        Ok(record)
    }
}

struct Entry {
    deadline: Timestamp,
    command_id: Arc<str>,
    place: (u64, u32),
}

/// What came of the rows so far. They are taken in their order.
#[derive(Default)]
pub(super) struct Sift {
    digest: Sha256,
    seen: HashSet<u128>,
    accepted: Vec<Entry>,
    rejected: Vec<(u64, u32)>,
    duplicates: Vec<u64>,
    spool: Spool,
    stats: Stats,
}

/// How much came of all rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) digest: BodyHash,
    pub(super) stats: Stats,
    pub(super) errors: u64,
}

/// What came of all rows, in the order in which it is recorded. The default is nothing.
#[derive(Default)]
pub(super) struct Sifted {
    accepted: Vec<Entry>,
    rejected: Vec<(u64, u32)>,
    duplicates: Vec<u64>,
    spool: Spool,
}

impl Sift {
    /// Takes in the next row.
    pub(super) fn take(&mut self, Checked { digest, found }: Checked) -> io::Result<()> {
        self.digest.update(digest);
        let row = self.stats.rows as u64;
        self.stats.rows += 1;
        match found {
            Found::Nothing => {}
            Found::Bad(errors) => {
                self.stats.rejected += 1;
                for error in errors {
                    let place = self.spool.add(&serde_json::to_vec(&error)?)?;
                    self.rejected.push(place);
                }
            }
            Found::Good(good) if self.seen.insert(good.identity) => {
                self.stats.accepted += 1;
                let place = self.spool.add(&good.command)?;
                self.accepted.push(Entry { deadline: good.deadline, command_id: good.command_id, place });
            }
            Found::Good(_) => {
                self.stats.duplicates += 1;
                self.duplicates.push(row);
            }
        }
        Ok(())
    }

    /// The outcome. Full ties keep the order of the rows.
    pub(super) fn finish(mut self, elapsed_us: u64) -> (Summary, Sifted) {
        self.accepted.sort_by(|a, b| (a.deadline, &a.command_id).cmp(&(b.deadline, &b.command_id)));
        let summary = Summary {
            digest: BodyHash(self.digest.finalize().into()),
            stats: Stats { elapsed_us, ..self.stats },
            errors: self.rejected.len() as u64,
        };
        let Self { accepted, rejected, duplicates, spool, .. } = self;
        (summary, Sifted { accepted, rejected, duplicates, spool })
    }
}

impl Sifted {
    /// How many items there are.
    pub(super) const fn len(&self) -> usize {
        self.rejected.len() + self.duplicates.len() + self.accepted.len()
    }

    /// The items from a place on: at most so many, and so many bytes unless a single one has more.
    pub(super) fn items(&mut self, from: usize, items_max: usize, bytes_max: usize) -> io::Result<Vec<Item>> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        for place in (from..self.len()).take(items_max) {
            let (item, length) = self.item(place)?;
            bytes += length;
            if bytes > bytes_max && !items.is_empty() {
                break;
            }
            items.push(item);
        }
        Ok(items)
    }

    fn item(&mut self, place: usize) -> io::Result<(Item, usize)> {
        if let Some(record) = self.rejected.get(place) {
            let record = self.spool.get(*record)?;
            return Ok((Item::Rejected(serde_json::from_slice(&record)?), record.len()));
        }
        let place = place - self.rejected.len();
        if let Some(row) = self.duplicates.get(place) {
            return Ok((Item::Duplicate(*row), 8));
        }
        let entry = self.accepted.get(place - self.duplicates.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let record = self.spool.get(entry.place)?;
        Ok((Item::Accepted(Box::new(serde_json::from_slice(&record)?)), record.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_dispatch::intake;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::{Value, json};
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn any_row() -> impl Strategy<Value = Value> {
        let deadline = prop_oneof![(998..1_003_i64).prop_map(|s| json!(s)), select(vec![json!("never"), json!("10000-01-01T00:00:00Z")])];
        let good = (select(vec!["a", "b", "c"]), select(vec!["r", "s"]), deadline).prop_map(|(id, satellite, deadline)| {
            json!({"command_id": id, "satellite_id": satellite, "intent": "move", "issued_by": "ops", "signature": "x", "deadline": deadline})
        });
        prop_oneof![6 => good, 1 => select(vec![json!(null), json!({}), json!([1]), json!({"intent": 1})])]
    }

    proptest! {
        /// Through the bytes, looked at in any order, against the plain pipeline.
        #[test]
        fn it_is_the_plain_pipeline(rows in prop::collection::vec(any_row(), 0..40), piece in 1..9_usize) {
            let texts: Vec<_> = rows.iter().map(|row| serde_json::to_vec(row).unwrap()).collect();
            let mut checked: Vec<_> = texts.iter().enumerate().rev().map(|(row, text)| check(row, Some(text), Some(NOW), 8)).collect();
            checked.reverse();
            let mut sift = Sift::default();
            checked.into_iter().for_each(|row| sift.take(row).unwrap());
            let (summary, mut sifted) = sift.finish(7);
            let mut items = Vec::new();
            while items.len() < sifted.len() {
                items.extend(sifted.items(items.len(), piece, 300).unwrap());
            }
            let plain = intake::run(rows, NOW, Duration::from_micros(7));
            prop_assert_eq!(summary.stats, plain.stats);
            prop_assert_eq!(summary.errors, plain.errors.len() as u64);
            let errors: Vec<_> = items.iter().filter_map(|item| if let Item::Rejected(error) = item { Some(error.clone()) } else { None }).collect();
            let accepted: Vec<_> = items.iter().filter_map(|item| if let Item::Accepted(command) = item { Some((**command).clone()) } else { None }).collect();
            prop_assert_eq!(errors, plain.errors);
            prop_assert_eq!(accepted, plain.accepted);
        }
    }

    #[test]
    fn what_is_no_row_is_an_error_of_it() {
        let told = |text: Option<&[u8]>| judge(3, text, NOW, 2).unwrap_err()[0].to_string();
        assert_eq!(told(None), "row 3: it has more than 262144 bytes");
        assert!(told(Some(b"{\"a\":")).starts_with("row 3: malformed_json: "));
        assert!(told(Some(b"{\"a\":1,\"a\":2}")).starts_with("row 3: duplicate_key: a: "));
        assert!(told(Some(b"{\"a\":{\"b\":{}}}")).starts_with("row 3: body_too_deep: "));
        assert_eq!(told(Some(b"7")), "row 3: command must be object");
    }

    #[test]
    fn the_digest_is_that_of_the_rows() {
        let digest = |rows: &[&str], now| {
            let mut sift = Sift::default();
            rows.iter().enumerate().for_each(|(row, text)| sift.take(check(row, Some(text.as_bytes()), now, 8)).unwrap());
            sift.finish(0).0.digest
        };
        let one = digest(&["1", "2"], Some(NOW));
        assert_eq!(one, digest(&["1", "2"], None), "whether they are validated or not");
        for other in [&["1"][..], &["12"], &["2", "1"], &["1", "2", ""]] {
            assert_ne!(one, digest(other, None), "{other:?}");
        }
    }
}
