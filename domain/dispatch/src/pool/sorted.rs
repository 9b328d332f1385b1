//! An ordered map that is cheap to copy: sorted chunks of entries, shared by all copies until one of them changes. A change
//! copies the list of chunks and one chunk; on a map that nobody else holds it moves at most one chunk's entries.
//!
//! The pool decides on one copy of its state while another is being stored, with up to 100,000 orders in it. The persistent
//! maps of the field are under a licence that the product does not take (`imbl`) or pay an allocation per entry (`rpds`).

use std::fmt;
use std::sync::Arc;

/// The most entries of a chunk.
const CHUNK_MAX: usize = 256;

/// A map from `K` to `V`, in the order of `K`.
#[derive(Clone)]
pub(crate) struct Sorted<K, V> {
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

/// Never empty.
#[derive(Clone)]
struct Chunk<K, V> {
    /// The first key, kept here so that a search reads no other chunk.
    first: K,
    entries: Arc<Vec<(K, V)>>,
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self { chunks: Arc::default(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> Sorted<K, V> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunk that `key` is in or belongs into.
    fn chunk_of(&self, key: &K) -> usize {
        self.chunks.partition_point(|chunk| chunk.first <= *key).saturating_sub(1)
    }

    /// Chunk and place of `key`, if it is there.
    fn find(&self, key: &K) -> Option<(usize, usize)> {
        let chunk = self.chunk_of(key);
        let place = self.chunks.get(chunk)?.entries.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        Some((chunk, place))
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).map(|(chunk, place)| &self.chunks[chunk].entries[place].1)
    }

    /// The key as the map holds it, which shares what equal keys hold apart.
    pub(crate) fn key(&self, key: &K) -> Option<&K> {
        self.find(key).map(|(chunk, place)| &self.chunks[chunk].entries[place].0)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.find(key).is_some()
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (chunk, place) = self.find(key)?;
        Some(&mut Arc::make_mut(&mut Arc::make_mut(&mut self.chunks)[chunk].entries)[place].1)
    }

    /// Puts `value` at `key`; what was there is replaced.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let place = self.chunk_of(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(place) else {
            chunks.push(Chunk { first: key.clone(), entries: Arc::new(vec![(key, value)]) });
            self.len += 1;
            return;
        };
        let entries = Arc::make_mut(&mut chunk.entries);
        match entries.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(found) => entries[found].1 = value,
            Err(gap) => {
                if gap == 0 {
                    chunk.first = key.clone();
                }
                entries.insert(gap, (key, value));
                self.len += 1;
                split(chunks, place, gap);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (place, gap) = self.find(key)?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let chunk = &mut chunks[place];
        let entries = Arc::make_mut(&mut chunk.entries);
        let (_, value) = entries.remove(gap);
        match entries.first() {
            None => drop(chunks.remove(place)),
            Some((first, _)) => {
                if gap == 0 {
                    chunk.first = first.clone();
                }
                join(chunks, place);
            }
        }
        self.len -= 1;
        Some(value)
    }

    /// All entries, smallest key first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.entries.iter().map(|(key, value)| (key, value)))
    }

    /// The entries behind `key`, which need not be there, smallest key first. What comes before is not looked at.
    pub(crate) fn after<'a>(&'a self, key: &K) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let first = self.chunk_of(key);
        let skipped = self.chunks.get(first).map_or(0, |chunk| chunk.entries.partition_point(|(other, _)| other <= key));
        let entries = self.chunks.iter().skip(first).flat_map(|chunk| chunk.entries.iter());
        entries.skip(skipped).map(|(key, value)| (key, value))
    }
}

/// Splits a chunk that has become too long by what was put in at `gap`. Keys that come in order fill their chunks.
fn split<K: Clone, V: Clone>(chunks: &mut Vec<Chunk<K, V>>, place: usize, gap: usize) {
    let entries = &mut chunks[place].entries;
    if entries.len() <= CHUNK_MAX {
        return;
    }
    let at = if gap + 1 == entries.len() { gap } else { entries.len() / 2 };
    let tail = Arc::make_mut(entries).split_off(at);
    if let Some((first, _)) = tail.first() {
        chunks.insert(place + 1, Chunk { first: first.clone(), entries: Arc::new(tail) });
    }
}

/// Joins a chunk that has become short with a neighbour, so that the list of chunks stays short.
fn join<K: Clone, V: Clone>(chunks: &mut Vec<Chunk<K, V>>, place: usize) {
    let len = |place: usize| chunks.get(place).map_or(CHUNK_MAX, |chunk| chunk.entries.len());
    if len(place) > CHUNK_MAX / 4 {
        return;
    }
    let fits = |place: usize| len(place) + len(place + 1) <= CHUNK_MAX / 2;
    let left = [Some(place), place.checked_sub(1)].into_iter().flatten().find(|place| fits(*place));
    if let Some(left) = left {
        let right = chunks.remove(left + 1);
        Arc::make_mut(&mut chunks[left].entries).extend(Arc::unwrap_or_clone(right.entries));
    }
}

impl<K: Ord + Clone + PartialEq, V: Clone + PartialEq> PartialEq for Sorted<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Sorted<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut sorted = Self::default();
        entries.into_iter().for_each(|(key, value)| sorted.insert(key, value));
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_MAX, Sorted};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn check(sorted: &Sorted<u32, u32>, model: &BTreeMap<u32, u32>) {
        assert!(sorted.iter().eq(model.iter()));
        assert_eq!((sorted.len(), sorted.is_empty()), (model.len(), model.is_empty()));
        for chunk in sorted.chunks.iter() {
            assert_eq!(Some(&chunk.first), chunk.entries.first().map(|(key, _)| key));
            assert!(chunk.entries.len() <= CHUNK_MAX);
        }
        assert!(sorted.chunks.len() <= 1 + model.len() / (CHUNK_MAX / 8), "chunks stay full enough");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Many keys of few, so that chunks split, empty and join; a copy taken on the way stays what it was.
        #[test]
        fn it_is_a_map_and_copies_are_apart(asks in prop::collection::vec((0..2_000_u32, 0..3_u8), 0..4_000), copy_at in 0..4_000_usize) {
            let (mut sorted, mut model) = (Sorted::default(), BTreeMap::new());
            let mut copy = None;
            for (turn, (key, ask)) in asks.into_iter().enumerate() {
                if turn == copy_at {
                    copy = Some((sorted.clone(), model.clone()));
                }
                // Two thirds of the first half are put in, two thirds of the second taken out.
                if (ask < 2) == (turn < 2_000) {
                    sorted.insert(key, key ^ 1);
                    model.insert(key, key ^ 1);
                } else {
                    prop_assert_eq!(sorted.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(sorted.get(&key), model.get(&key));
                prop_assert_eq!(sorted.contains(&key), sorted.key(&key).is_some());
                if turn % 64 == 0 {
                    prop_assert!(sorted.after(&key).eq(model.range(key + 1..)));
                }
            }
            check(&sorted, &model);
            if let Some((sorted, model)) = copy {
                check(&sorted, &model);
            }
        }
    }

    #[test]
    fn keys_in_order_fill_their_chunks_and_the_front_can_be_taken_off() {
        let mut sorted: Sorted<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
        assert_eq!(sorted.chunks.len(), 10_000_usize.div_ceil(CHUNK_MAX));
        let mut model: BTreeMap<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
        for key in 0..9_990 {
            *sorted.get_mut(&key).unwrap() += 1;
            assert_eq!(sorted.remove(&key), Some(key + 1));
            model.remove(&key);
        }
        check(&sorted, &model);
        assert_eq!(sorted.get_mut(&3), None);
    }
}
