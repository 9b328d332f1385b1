//! Logs that come twice and in any order.

use super::*;
use crate::replay::{Logged, ReplayFault, converges, deduplicate, difference, projections_equal, replay, streams_equal};
use proptest::prelude::*;

/// An entry of a foreign log.
#[derive(Clone, Debug, PartialEq)]
struct Entry(Option<&'static str>, Option<u64>, u8);

impl Logged for Entry {
    type Id = &'static str;

    fn id(&self) -> Option<&'static str> {
        self.0.filter(|id| !id.is_empty())
    }

    fn sequence(&self) -> Option<u64> {
        self.1
    }
}

fn entry(id: &'static str, sequence: u64, data: u8) -> Entry {
    Entry(Some(id), Some(sequence), data)
}

/// [T37]: the highest sequence is kept, compared as a number; of equal ones the first logged.
#[test]
fn replay_keeps_the_highest_sequence() {
    let log = [entry("b", 9, 1), entry("b", 10, 2), entry("a", 3, 3), entry("b", 2, 4), entry("b", 10, 5), entry("c", 3, 6)];
    assert_eq!(replay(&log).unwrap(), [&log[2], &log[5], &log[1]]);
}

#[test]
fn replay_refuses_entries_without_id_or_sequence() {
    let log = [Entry(None, None, 0), entry("a", 1, 0), Entry(Some(""), Some(1), 0)];
    let fault = |index, field| ReplayFault { index, field };
    assert_eq!(replay(&log).unwrap_err(), [fault(0, "id"), fault(0, "sequence"), fault(2, "id")]);
    assert_eq!(fault(2, "id").to_string(), "entry 2 has no id");
    assert!(converges(&log, &[]).is_err() && projections_equal(&[], &log).is_err());
}

#[test]
fn convergence_looks_at_ids_and_projections_at_every_field() {
    let (a, b) = ([entry("a", 1, 1)], [entry("a", 1, 2)]);
    assert_eq!((converges(&a, &b), projections_equal(&a, &b), streams_equal(&a, &b)), (Ok(true), Ok(false), false));
    assert!(streams_equal::<Entry>(&[], &[]) && converges::<Entry>(&[], &[]).unwrap());
    let twice = [entry("a", 1, 1), entry("a", 1, 1)];
    assert!(!streams_equal(&a, &twice) && projections_equal(&a, &twice).unwrap());
    let other = [entry("a", 1, 1), entry("a", 1, 2)];
    assert!(!streams_equal(&twice, &other) && !streams_equal(&other, &twice));
}

/// [T38]: two entries differ also if only their sequence does.
#[test]
fn difference_is_by_id_and_sequence() {
    let a = [entry("a", 1, 1), entry("a", 2, 1), Entry(Some("b"), None, 1), Entry(None, None, 1)];
    assert_eq!(difference(&a, &[entry("a", 1, 9), Entry(Some("b"), None, 9)]), [&a[1], &a[3]]);
    assert_eq!(difference(&a, &[Entry(None, None, 7)]), [&a[0], &a[1], &a[2]]);
    assert!(difference(&a, &a).is_empty());
}

/// [D13]: what lacks the key is distinct.
#[test]
fn deduplicate_keeps_the_first_and_all_without_key() {
    let log = [entry("a", 1, 1), Entry(None, Some(1), 2), entry("a", 2, 3), Entry(Some(""), Some(1), 4), entry("b", 1, 5)];
    assert_eq!(deduplicate(&log, Logged::id), [&log[0], &log[1], &log[3], &log[4]]);
}

#[test]
fn records_of_the_journal_can_be_compared() {
    let records = recorded(&[registered("dispatch", "queued"), moved("queued", "allocated")]);
    let mut other = records.clone();
    other.reverse();
    assert!(streams_equal(&records, &other) && projections_equal(&records, &other).unwrap());
    other[0].actor = "user:else".into();
    assert!(!streams_equal(&records, &other) && !projections_equal(&records, &other).unwrap());
    assert!(converges(&records, &other).unwrap());
}

proptest! {
    /// Any permutation and any duplication of the same entries converges.
    #[test]
    fn permutations_and_duplicates_converge(
        log in prop::collection::vec((prop::sample::select(vec!["a", "b", "c", "d"]), 0_u64..12), 0..30)
            .prop_map(|log| log.into_iter().map(|(id, sequence)| entry(id, sequence, 0)).collect::<Vec<_>>()),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut other = log.clone();
        if !log.is_empty() {
            other.extend(picks.iter().map(|pick| log[pick.index(log.len())].clone()));
            other.rotate_left(shuffle.index(log.len()));
            other.reverse();
        }
        prop_assert!(converges(&log, &other).unwrap());
        prop_assert!(projections_equal(&log, &other).unwrap());
        prop_assert!(difference(&log, &other).is_empty() && difference(&other, &log).is_empty());
    }
}
