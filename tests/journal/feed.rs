//! Readers beside writers: whatever the writers do, a reader sees each position of a partition once, in order.
//!
//! `feed_suite!(factory)` makes the tests of one store, with the factory of `contract_suite!`.

use super::contract::given::*;
use ionveil_journal::{Append, Claim, Filter, Store};
use ionveil_kernel::{Recorded, StreamId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

type Given = Arc<dyn Store>;

const ROUNDS: u64 = 60;
const ENTITIES: u64 = 6;
const WRITERS: usize = 2;

/// One test per rule, over the stores that `$factory` makes.
macro_rules! feed_suite {
    ($factory:path) => {
        $crate::journal::feed::feed_suite! { $factory:
            readers_see_every_position_once, readers_stop_and_resume_anywhere, filtered_readers_miss_nothing,
            refused_appends_leave_no_gap, streams_grow_in_order_under_a_reader
        }
    };
    ($factory:path: $($rule:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::journal::contract::hold($factory(), $crate::journal::feed::$rule).await;
            }
        )+
    };
}
pub(crate) use feed_suite;

/// Draws numbers from a seed (SplitMix64, Steele et al. 2014), so that a failure can be run again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// The entities of a writer: their partitions are its own.
fn names(store: &dyn Store, writer: usize) -> Vec<StreamId> {
    let candidates = (0..).map(|n| name(&format!("e{n}")));
    candidates.filter(|name| usize::from(name.partition(store.partitions())) % WRITERS == writer).take(ENTITIES as usize).collect()
}

/// Appends batches of unequal size until every entity has had its rounds; some appends of each batch are refused.
async fn write(store: Given, writer: usize, claims: Vec<Claim>) {
    let names = names(&*store, writer);
    let mut draw = Draw(writer as u64);
    let mut ends = vec![0; names.len()];
    for round in 0..ROUNDS {
        let mut batch: Vec<Append> = Vec::new();
        for (owner, end) in names.iter().zip(&mut ends) {
            let count = draw.below(4) * (1 + draw.below(30) / 29 * 200);
            batch.push(append(owner, &round.to_string(), events(owner, *end + 1, *end + count)));
            *end += count;
            batch.push(single(owner, &format!("refused {round}"), *end + 7));
        }
        let verdicts = store.append(&claims, &batch, second(round as i64)).await.expect("append");
        assert!(verdicts.chunks(2).all(|pair| words(pair) == ["accepted", "conflict"]), "{:?}", words(&verdicts));
        tokio::task::yield_now().await;
    }
}

/// Says that the writers are done, also when one of them fails: readers must not wait for it.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs the writers; the flag says when all are done.
async fn writers(store: &Given) -> (JoinSet<()>, Arc<AtomicBool>) {
    let claims = owned(&**store).await;
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        writing.spawn(write(store.clone(), writer, claims.clone()));
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    let ended = Ended(done.clone());
    writers.spawn(async move {
        let _ended = ended;
        while let Some(writer) = writing.join_next().await {
            writer.expect("writer");
        }
    });
    (writers, done)
}

/// Follows all partitions from 0 until the writers are done and the end is reached. `limit` draws the size of a page;
/// `check` sees each page with its partition and the cursor that it was asked with.
async fn follow(store: &dyn Store, done: &AtomicBool, filter: &Filter, mut limit: impl FnMut() -> usize) -> Vec<Vec<Recorded>> {
    let mut seen: Vec<Vec<Recorded>> = vec![Vec::new(); usize::from(store.partitions())];
    let mut cursor = vec![0; seen.len()];
    loop {
        let last_round = done.load(Ordering::SeqCst);
        for (partition, (seen, after)) in (0..).zip(seen.iter_mut().zip(&mut cursor)) {
            let page = store.read_partition(partition, *after, limit(), filter).await.expect("read");
            assert!(page.scanned_to >= *after);
            assert!(page.events.iter().all(|event| event.position > *after && event.position <= page.scanned_to));
            *after = page.scanned_to;
            seen.extend(page.events);
        }
        if last_round && cursor == store.heads().await.expect("heads") {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

async fn finish(mut writers: JoinSet<()>) {
    while let Some(writer) = writers.join_next().await {
        writer.expect("writer");
    }
}

fn dense(seen: &[Vec<Recorded>]) {
    for (partition, events) in seen.iter().enumerate() {
        let expected: Vec<_> = (1..=events.len() as u64).collect();
        assert_eq!(positions(events), expected, "partition {partition}");
        assert!(events.is_sorted_by_key(|event| event.recorded_at), "partition {partition}");
    }
    assert!(seen.concat().len() as u64 > ROUNDS * ENTITIES, "the writers wrote");
}

pub(crate) async fn readers_see_every_position_once(store: Given) {
    let (writers, done) = writers(&store).await;
    let mut readers = JoinSet::new();
    for limit in [1_000, 3, 50] {
        let (store, done) = (store.clone(), done.clone());
        readers.spawn(async move { follow(&*store, &done, &Filter::default(), || limit).await });
    }
    while let Some(seen) = readers.join_next().await {
        let seen = seen.expect("reader");
        dense(&seen);
        assert_eq!(seen, everything(&*store).await);
    }
    finish(writers).await;
}

/// A reader of few events at a time, whose reads are dropped in the middle and begun again from the cursor.
pub(crate) async fn readers_stop_and_resume_anywhere(store: Given) {
    let (writers, done) = writers(&store).await;
    let mut draw = Draw(42);
    let mut seen: Vec<Vec<Recorded>> = vec![Vec::new(); usize::from(store.partitions())];
    loop {
        let last_round = done.load(Ordering::SeqCst);
        for (partition, seen) in (0..).zip(&mut seen) {
            let filter = Filter::default();
            let read = store.read_partition(partition, seen.len() as u64, 1 + draw.below(20) as usize, &filter);
            if draw.below(4) == 0 {
                // Polled once, then forgotten, as by a client that goes away.
                let mut read = read;
                let _ = futures_util::FutureExt::now_or_never(&mut read);
                continue;
            }
            seen.extend(read.await.expect("read").events);
        }
        let read: Vec<_> = seen.iter().map(|events| events.len() as u64).collect();
        if last_round && read == store.heads().await.expect("heads") {
            break;
        }
        tokio::task::yield_now().await;
    }
    dense(&seen);
    finish(writers).await;
}

pub(crate) async fn filtered_readers_miss_nothing(store: Given) {
    let (writers, done) = writers(&store).await;
    let wanted = names(&*store, 0).remove(0);
    let mut draw = Draw(7);
    for filter in [
        Filter { stream: Some(wanted.clone()), ..Filter::default() },
        Filter { kind: Some(wanted.kind.clone()), org: Some(wanted.org.clone()), ..Filter::default() },
        Filter { since: Some(second(ROUNDS as i64 / 2)), ..Filter::default() },
    ] {
        let seen = follow(&*store, &done, &filter, || 1 + draw.below(90) as usize).await;
        let all = everything(&*store).await;
        let expected: Vec<Vec<_>> =
            all.into_iter().map(|events| events.into_iter().filter(|event| filter.admits(event)).collect()).collect();
        assert_eq!(seen, expected, "{filter:?}");
    }
    finish(writers).await;
}

pub(crate) async fn refused_appends_leave_no_gap(store: Given) {
    let (writers, _) = writers(&store).await;
    finish(writers).await;
    let all = everything(&*store).await;
    dense(&all);
    let stored: Vec<u64> = all.iter().map(|events| events.len() as u64).collect();
    assert_eq!(store.heads().await.unwrap(), stored);
}

pub(crate) async fn streams_grow_in_order_under_a_reader(store: Given) {
    let (writers, done) = writers(&store).await;
    let owner = names(&*store, 0).remove(0);
    let mut seen: Vec<Recorded> = Vec::new();
    loop {
        let last_round = done.load(Ordering::SeqCst);
        let more = store.read_entity(&owner, seen.len() as u64, 0, 17).await.expect("read");
        let end = more.is_empty();
        seen.extend(more);
        if last_round && end {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(numbers(&seen), (1..=seen.len() as u64).collect::<Vec<_>>());
    assert_eq!(seen, store.read_stream(&owner, 0, usize::MAX).await.unwrap());
    finish(writers).await;
}
