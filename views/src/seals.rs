//! The seals of the audit trail: the checksum of every event of an organisation in a partition, chained in the order of its
//! positions, as the transaction that took the event in wrote it. The trail itself is the journal; what was taken out of it or
//! altered since then does not fit its seals any more.

use crate::ViewsError;
use ionveil_analytics::audit::{Change, Checksum, Entry, Head};
use ionveil_kernel::{Org, Recorded};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Hexadecimal digits of a position, and of both.
const POSITION: usize = 16;
const SEAL: usize = POSITION + 64;

/// Seals that were written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealRun {
    /// The number of the first in its chain, from 1.
    pub first_sequence: u64,
    /// The checksum before the first.
    pub previous: Checksum,
    /// The position of each event in its partition, ascending, and its checksum; at least one.
    pub seals: Vec<(u64, Checksum)>,
}

impl SealRun {
    /// Where the chain ends with it.
    #[must_use]
    pub fn head(&self) -> Head {
        let last = self.seals.last().map_or(self.previous, |(_, checksum)| *checksum);
        Head { sequence: self.first_sequence + self.seals.len() as u64 - 1, checksum: last }
    }

    /// The position of its last event.
    #[must_use]
    pub fn last_position(&self) -> u64 {
        self.seals.last().map_or(0, |(position, _)| *position)
    }

    /// As a row has it.
    pub(crate) fn to_text(&self) -> String {
        self.seals.iter().fold(String::with_capacity(self.seals.len() * SEAL), |mut text, (position, checksum)| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{position:016x}{checksum}");
            text
        })
    }

    /// Out of a row.
    pub(crate) fn from_row(first_sequence: u64, previous: &str, seals: &str) -> Result<Self, ViewsError> {
        let corrupt = || ViewsError::Corrupt(format!("seals from number {first_sequence} on"));
        let seal = |text: &[u8]| {
            let text = std::str::from_utf8(text).ok()?;
            let (position, checksum) = text.split_at_checked(POSITION)?;
            Some((u64::from_str_radix(position, 16).ok()?, Checksum::parse(checksum)?))
        };
        let seals: Option<Vec<_>> = seals.as_bytes().chunks(SEAL).map(seal).collect();
        let run = Self {
            first_sequence,
            previous: Checksum::parse(previous).ok_or_else(corrupt)?,
            seals: seals.filter(|seals| !seals.is_empty()).ok_or_else(corrupt)?,
        };
        Ok(run)
    }
}

/// The organisations that `events` belong to.
pub(crate) fn orgs(events: &[Recorded]) -> Vec<&Org> {
    let mut orgs: Vec<_> = events.iter().map(|event| &event.stream.org).collect();
    orgs.sort_unstable();
    orgs.dedup();
    orgs
}

/// The next run of each organisation, its chain ending where `last` says. What is sealed already is passed over: when lists are
/// made anew, seals are not.
pub(crate) fn seal(events: &[Recorded], last: &BTreeMap<Org, SealRun>) -> Vec<(Org, SealRun)> {
    let mut runs: BTreeMap<&Org, (Head, SealRun)> = BTreeMap::new();
    for event in events {
        let org = &event.stream.org;
        let known = last.get(org);
        if known.is_some_and(|known| event.position <= known.last_position()) {
            continue;
        }
        let begin = || {
            let head = known.map_or(Head::EMPTY, SealRun::head);
            (head, SealRun { first_sequence: head.sequence + 1, previous: head.checksum, seals: Vec::new() })
        };
        let (head, run) = runs.entry(org).or_insert_with(begin);
        let entry = Entry::seal(head, Change::of(event));
        *head = entry.head();
        run.seals.push((event.position, entry.checksum));
    }
    runs.into_iter().map(|(org, (_, run))| (org.clone(), run)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_back_from_its_row_and_others_do_not() {
        let checksum = Checksum::parse(&"0af9".repeat(16)).unwrap();
        let run = SealRun { first_sequence: 7, previous: Checksum::NONE, seals: vec![(1, checksum), (u64::MAX, Checksum::NONE)] };
        let (text, previous) = (run.to_text(), run.previous.to_string());
        assert_eq!(SealRun::from_row(7, &previous, &text).unwrap(), run);
        assert_eq!((run.head(), run.last_position()), (Head { sequence: 8, checksum: Checksum::NONE }, u64::MAX));
        for bad in ["", &text[1..], &text.replace('0', "é"), &text.to_uppercase()] {
            assert!(matches!(SealRun::from_row(7, &previous, bad), Err(ViewsError::Corrupt(_))), "{bad}");
        }
        assert!(SealRun::from_row(7, "00", &text).is_err());
    }
}
