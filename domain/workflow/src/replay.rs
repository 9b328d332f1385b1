//! Comparing and cleaning logs whose entries may come twice and in any order (specification of IonVeil §3.6 "Replay",
//! of AetherOps U3 "Replay validation").
//!
//! It looks at ids and sequence numbers only; what the entries mean is folded in `fold.rs`.

use ionveil_kernel::{EventId, Recorded};
use std::collections::{BTreeMap, BTreeSet};

/// An entry of a log.
pub trait Logged {
    /// What names an entry.
    type Id: Ord + Clone;

    /// The id; none if it is missing or empty.
    fn id(&self) -> Option<Self::Id>;

    /// The place in the order, if it has one.
    fn sequence(&self) -> Option<u64>;
}

impl Logged for Recorded {
    type Id = EventId;

    fn id(&self) -> Option<EventId> {
        Some(self.event_id)
    }

    fn sequence(&self) -> Option<u64> {
        Some(self.sequence_number)
    }
}

/// An entry that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} has no {field}")]
pub struct ReplayFault {
    /// Its place in the log, from 0.
    pub index: usize,
    /// What it lacks: `id` or `sequence`.
    pub field: &'static str,
}

/// What remains of a log: of each id the entry with the highest sequence (of equal ones the first in the log), ordered by
/// (sequence, id).
///
/// # Errors
/// Every entry that lacks id or sequence.
pub fn replay<T: Logged>(log: &[T]) -> Result<Vec<&T>, Vec<ReplayFault>> {
    let mut kept: BTreeMap<T::Id, (u64, &T)> = BTreeMap::new();
    let mut faults = Vec::new();
    for (index, entry) in log.iter().enumerate() {
        let (id, sequence) = (entry.id(), entry.sequence());
        let missing = [("id", id.is_none()), ("sequence", sequence.is_none())];
        faults.extend(missing.into_iter().filter(|(_, missing)| *missing).map(|(field, _)| ReplayFault { index, field }));
        let (Some(id), Some(sequence)) = (id, sequence) else { continue };
        let best = kept.entry(id).or_insert((sequence, entry));
        if sequence > best.0 {
            *best = (sequence, entry);
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut kept: Vec<_> = kept.into_values().collect();
    kept.sort_by_key(|(sequence, _)| *sequence);
    Ok(kept.into_iter().map(|(_, entry)| entry).collect())
}

/// Whether two logs replay to the same (id, sequence) list. True for every permutation and duplication of one log.
///
/// # Errors
/// Every entry, of `a` else of `b`, that lacks id or sequence.
pub fn converges<T: Logged>(a: &[T], b: &[T]) -> Result<bool, Vec<ReplayFault>> {
    let keys = |log| replay(log).map(|kept| kept.into_iter().map(|entry: &T| (entry.id(), entry.sequence())).collect::<Vec<_>>());
    Ok(keys(a)? == keys(b)?)
}

/// Whether two logs replay to the same entries, every field equal.
///
/// # Errors
/// Every entry, of `a` else of `b`, that lacks id or sequence.
pub fn projections_equal<T: Logged + PartialEq>(a: &[T], b: &[T]) -> Result<bool, Vec<ReplayFault>> {
    Ok(replay(a)? == replay(b)?)
}

/// Whether two logs hold the same entries, every field equal, equally often; order is irrelevant and two empty logs are
/// equal.
#[must_use]
pub fn streams_equal<T: Logged + PartialEq>(a: &[T], b: &[T]) -> bool {
    let (a, b) = (by_key(a), by_key(b));
    a.len() == b.len() && a.iter().zip(&b).all(|((key_a, group_a), (key_b, group_b))| key_a == key_b && same_bag(group_a, group_b))
}

/// What names an entry in a log where ids may come twice.
type Key<T> = (Option<<T as Logged>::Id>, Option<u64>);

fn by_key<T: Logged>(log: &[T]) -> BTreeMap<Key<T>, Vec<&T>> {
    let mut groups: BTreeMap<_, Vec<&T>> = BTreeMap::new();
    for entry in log {
        groups.entry((entry.id(), entry.sequence())).or_default().push(entry);
    }
    groups
}

fn same_bag<T: PartialEq>(a: &[&T], b: &[&T]) -> bool {
    let mut rest = b.to_vec();
    a.len() == b.len() && a.iter().all(|entry| rest.iter().position(|other| other == entry).map(|place| rest.swap_remove(place)).is_some())
}

/// The entries of `a` that `b` lacks, in the order of `a`. Two entries are the same if id and sequence are; a missing
/// one equals a missing one.
#[must_use]
pub fn difference<'a, T: Logged>(a: &'a [T], b: &[T]) -> Vec<&'a T> {
    let there = by_key(b);
    a.iter().filter(|entry| !there.contains_key(&(entry.id(), entry.sequence()))).collect()
}

/// The first entry of each key, in order. Entries without a key are all kept: nothing says that they are the same.
pub fn deduplicate<T, K: Ord>(log: &[T], key: impl Fn(&T) -> Option<K>) -> Vec<&T> {
    let mut seen = BTreeSet::new();
    log.iter().filter(|entry| key(entry).is_none_or(|key| seen.insert(key))).collect()
}
