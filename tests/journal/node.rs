//! The journal of a node on a real store: group commit, ownership and the feed put together.
//!
//! `node_suite!(factory)` makes the tests of one store, with the factory of `contract_suite!`.

use super::contract::given::*;
use super::contract::timers::{arm, with};
use ionveil_actors::TokioEnv;
use ionveil_journal::{Append, AppendFailure, Cursor, Feed, Filter, Journal, JournalConfig, Outcome, Store, TimerChange, TimerChangeKind};
use ionveil_kernel::Env;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const WRITERS: u64 = 8;
const APPENDS: u64 = 60;

/// One test per rule, over the stores that `$factory` makes.
macro_rules! node_suite {
    ($factory:path) => {
        $crate::journal::node::node_suite! { $factory:
            everything_acknowledged_is_read_once_by_readers_that_come_and_go, a_failed_generation_is_discarded,
                a_full_queue_turns_appends_away, a_partition_belongs_to_one_node_at_a_time, a_node_comes_back_at_once,
                arming_wakes_whoever_waits_for_timers, commits_to_a_kind_wake_only_whoever_follows_it, a_name_that_no_store_takes_spoils_only_its_own_append,
                what_a_node_has_written_is_the_end_of_what_it_owns
        }
    };
    ($factory:path: $($rule:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::journal::contract::hold($factory(), $crate::journal::node::$rule).await;
            }
        )+
    };
}
pub(crate) use node_suite;

fn env() -> Env {
    Env::new(TokioEnv::new(tokio::runtime::Handle::current()))
}

/// No lease ends before its test.
fn patient() -> JournalConfig {
    JournalConfig { lease: LONG, ..JournalConfig::default() }
}

async fn open(store: &Arc<dyn Store>, number: u128, config: JournalConfig) -> Journal {
    Journal::open(store.clone(), env(), node(number), config).await.expect("open")
}

fn submit(journal: &Journal, append: Append) -> oneshot::Receiver<Outcome> {
    let (done, outcome) = oneshot::channel();
    journal.submit(append, Box::new(move |outcome| drop(done.send(outcome))));
    outcome
}

async fn commit(journal: &Journal, append: Append) -> Outcome {
    submit(journal, append).await.expect("an outcome")
}

/// Writes to one entity, one append after the other was acknowledged.
async fn writer(journal: Journal, number: u64) {
    let owner = name(&format!("writer-{number}"));
    let mut last = 0;
    for round in 0..APPENDS {
        let count = 1 + (round + number) % 3;
        let outcome = commit(&journal, append(&owner, &round.to_string(), events(&owner, last + 1, last + count))).await;
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
        last += count;
    }
}

/// Reads until `done` events were seen, giving up its place every few pages and coming back with the cursor's text.
async fn reader(store: Arc<dyn Store>, journal: Journal, filter: Filter, done: u64) -> BTreeMap<u16, Vec<u64>> {
    let (mut seen, mut read): (BTreeMap<u16, Vec<u64>>, u64) = (BTreeMap::new(), 0);
    let mut text = Cursor::start(store.partitions()).encode(&filter);
    let mut commits = journal.commits();
    while read < done {
        let cursor = Cursor::decode(&text, &filter, store.partitions()).expect("its own cursor");
        let mut feed = Feed::new(store.clone(), filter.clone(), &cursor, 7);
        for _ in 0..3 {
            for event in feed.next(11).await.expect("read") {
                assert!(filter.admits(&event));
                seen.entry(event.partition).or_default().push(event.position);
                read += 1;
            }
        }
        text = feed.cursor().encode(&filter);
        if feed.at_end() && read < done {
            commits.changed().await.expect("the journal lives");
        }
    }
    seen
}

#[expect(clippy::disallowed_methods, reason = "readers of the test's own, beside what it tests")]
pub(crate) async fn everything_acknowledged_is_read_once_by_readers_that_come_and_go(store: Arc<dyn Store>) {
    let journal = open(&store, 1, patient()).await;
    let all: u64 = (0..WRITERS).map(|number| (0..APPENDS).map(|round| 1 + (round + number) % 3).sum::<u64>()).sum();
    let one: u64 = (0..APPENDS).map(|round| 1 + round % 3).sum();
    let stream = Filter { stream: Some(name("writer-0")), ..Filter::default() };
    let readers: Vec<_> = [(Filter::default(), all), (stream, one)]
        .map(|(filter, done)| tokio::spawn(reader(store.clone(), journal.clone(), filter, done)))
        .into();
    let mut writers = JoinSet::new();
    (0..WRITERS).for_each(|number| drop(writers.spawn(writer(journal.clone(), number))));
    writers.join_all().await;
    for (number, reader) in readers.into_iter().enumerate() {
        let seen = tokio::time::timeout(Duration::from_secs(60), reader).await.expect("nothing was skipped").expect("reader");
        for positions in seen.values() {
            assert!(positions.is_sorted_by(|a, b| a < b), "in order, none twice");
            assert!(number > 0 || positions.iter().copied().eq(1..=positions.len() as u64), "dense without a filter");
        }
    }
    assert_eq!(store.heads().await.expect("heads").iter().sum::<u64>(), all);
}

pub(crate) async fn a_failed_generation_is_discarded(store: Arc<dyn Store>) {
    let journal = open(&store, 1, patient()).await;
    let owner = name("a");
    // The first claims a place that is not next; what was decided on it must not be stored, though it would fit if the
    // first were taken for absent.
    let outcomes = [single(&owner, "wrong", 5), single(&owner, "behind", 1)].map(|append| submit(&journal, append));
    let [first, second] = outcomes;
    assert_eq!(first.await.expect("outcome"), Outcome::Failed(AppendFailure::Conflict));
    let behind = second.await.expect("outcome");
    assert!(matches!(behind, Outcome::Failed(AppendFailure::Conflict | AppendFailure::Discarded)), "{behind:?}");
    let again = Append { generation: 2, ..single(&owner, "again", 1) };
    assert!(matches!(commit(&journal, again).await, Outcome::Committed(_)), "the next generation goes on");
}

pub(crate) async fn a_full_queue_turns_appends_away(store: Arc<dyn Store>) {
    let journal = open(&store, 1, JournalConfig { queue_max: 4, ..patient() }).await;
    let outcomes: Vec<_> = (0..400).map(|n| submit(&journal, single(&name(&format!("e{n}")), "c", 1))).collect();
    let (mut stored, mut away) = (0, 0);
    for outcome in outcomes {
        match outcome.await.expect("every append is answered") {
            Outcome::Committed(_) => stored += 1,
            Outcome::Failed(AppendFailure::QueueFull) => away += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(stored > 0 && away > 0, "{stored} stored, {away} turned away");
    assert_eq!(store.heads().await.expect("heads").iter().sum::<u64>(), stored, "what was turned away is not there");
}

pub(crate) async fn a_partition_belongs_to_one_node_at_a_time(store: Arc<dyn Store>) {
    let short = JournalConfig { lease: Duration::from_millis(300), ..JournalConfig::default() };
    let first = open(&store, 1, short.clone()).await;
    let refused = Journal::open(store.clone(), env(), node(2), short.clone()).await;
    assert!(refused.is_err(), "the lease is kept alive, so nobody else gets in");
    let claimed: Vec<u16> = first.claims().iter().map(|claim| claim.partition).collect();
    assert_eq!(claimed, (0..store.partitions()).collect::<Vec<_>>(), "it holds every partition, in order");
    assert!(matches!(commit(&first, single(&name("a"), "c", 1)).await, Outcome::Committed(_)));
    // Somebody takes everything over behind the first one's back, as after a long freeze.
    let leases = store.leases().await.expect("leases");
    assert!(leases.iter().all(|lease| lease.node == Some(node(1))));
    store.release(node(1)).await.expect("release");
    let current = store.claim(node(2), Duration::from_secs(60)).await.expect("claim");
    let late = commit(&first, single(&name("a"), "late", 2)).await;
    assert_eq!(late, Outcome::Failed(AppendFailure::NotOwned));
    assert!(first.claims().iter().all(|claim| !current.contains(claim)), "none of its claims is one of the new owner's");
    assert_eq!(store.heads().await.expect("heads").iter().sum::<u64>(), 1, "the stale owner stored nothing");
}

pub(crate) async fn a_node_comes_back_at_once(store: Arc<dyn Store>) {
    let long = patient();
    let first = open(&store, 1, long.clone()).await;
    assert!(matches!(commit(&first, single(&name("a"), "c", 1)).await, Outcome::Committed(_)));
    // The process died without a word; the same node does not wait for its own lease, and its old self is fenced.
    let again = tokio::time::timeout(Duration::from_secs(10), open(&store, 1, long)).await.expect("at once");
    assert!(matches!(commit(&again, single(&name("a"), "d", 2)).await, Outcome::Committed(_)));
    assert_eq!(commit(&first, single(&name("a"), "e", 3)).await, Outcome::Failed(AppendFailure::NotOwned));
}

pub(crate) async fn arming_wakes_whoever_waits_for_timers(store: Arc<dyn Store>) {
    let journal = open(&store, 1, patient()).await;
    let owner = name("a");
    let mut armed = journal.armed();
    let disarm = TimerChange { name: "x".to_owned(), change: TimerChangeKind::Disarm };
    assert!(matches!(commit(&journal, with(&owner, 1, vec![disarm])).await, Outcome::Committed(_)));
    // The next commit of the same entity comes after all that the first one set off.
    assert!(matches!(commit(&journal, single(&owner, "c", 2)).await, Outcome::Committed(_)));
    assert!(!armed.has_changed().expect("the journal lives"), "nothing was armed");
    assert_eq!(commit(&journal, with(&owner, 9, vec![arm("x", 5)])).await, Outcome::Failed(AppendFailure::Conflict));
    let again = Append { generation: 2, ..with(&owner, 3, vec![arm("x", 5)]) };
    assert!(matches!(commit(&journal, again).await, Outcome::Committed(_)));
    tokio::time::timeout(Duration::from_secs(10), armed.changed()).await.expect("a wake-up").expect("the journal lives");
    let partition = owner.partition(store.partitions());
    assert_eq!(store.next_due(&[partition]).await.expect("next"), Some(second(5)));
    assert!(!armed.has_changed().expect("the journal lives"), "once for one");
    // He knows of that one: only an earlier one is worth a look, until he looks for all again.
    journal.know_timer(second(5));
    assert!(matches!(commit(&journal, Append { generation: 2, ..with(&owner, 4, vec![arm("y", 6)]) }).await, Outcome::Committed(_)));
    assert!(matches!(commit(&journal, single(&owner, "later", 5)).await, Outcome::Committed(_)));
    assert!(!armed.has_changed().expect("the journal lives"), "it is due later");
    assert!(matches!(commit(&journal, Append { generation: 2, ..with(&owner, 6, vec![arm("z", 4)]) }).await, Outcome::Committed(_)));
    tokio::time::timeout(Duration::from_secs(10), armed.changed()).await.expect("a wake-up").expect("the journal lives");
    journal.look_for_timers();
    assert!(matches!(commit(&journal, Append { generation: 2, ..with(&owner, 7, vec![arm("w", 9)]) }).await, Outcome::Committed(_)));
    tokio::time::timeout(Duration::from_secs(10), armed.changed()).await.expect("a wake-up").expect("the journal lives");
}

pub(crate) async fn commits_to_a_kind_wake_only_whoever_follows_it(store: Arc<dyn Store>) {
    let journal = open(&store, 1, patient()).await;
    let owner = name("a");
    let (mut its_own, other) = (journal.commits_of(&owner.kind), journal.commits_of(&"another".parse().expect("lawful")));
    assert!(matches!(commit(&journal, single(&owner, "c", 1)).await, Outcome::Committed(_)));
    tokio::time::timeout(Duration::from_secs(10), its_own.changed()).await.expect("a wake-up").expect("the journal lives");
    // The next commit of the same entity comes after all that the first one set off.
    assert!(matches!(commit(&journal, single(&owner, "d", 2)).await, Outcome::Committed(_)));
    assert!(!other.has_changed().expect("the journal lives"), "nothing of it was committed");
}

pub(crate) async fn a_name_that_no_store_takes_spoils_only_its_own_append(store: Arc<dyn Store>) {
    let journal = open(&store, 1, patient()).await;
    let (bad, good) = (name_in(&*store, 0), name_in(&*store, 2));
    let batch = [with(&bad, 1, vec![arm("", 1)]), single(&bad, "on it", 2), with(&good, 1, vec![arm("x", 1)])];
    let [refused, behind, stored] = batch.map(|append| submit(&journal, append));
    assert_eq!(refused.await.expect("outcome"), Outcome::Failed(AppendFailure::Refused));
    let behind = behind.await.expect("outcome");
    assert!(matches!(behind, Outcome::Failed(AppendFailure::Conflict | AppendFailure::Discarded)), "{behind:?}");
    assert!(matches!(stored.await.expect("outcome"), Outcome::Committed(_)));
}

/// Known before whoever waits for commits is woken.
pub(crate) async fn what_a_node_has_written_is_the_end_of_what_it_owns(store: Arc<dyn Store>) {
    let journal = open(&store, 1, patient()).await;
    assert_eq!(journal.written(), BTreeMap::new());
    let mut commits = journal.commits();
    for number in 0..20 {
        let owner = name(&format!("owner-{number}"));
        let done = submit(&journal, append(&owner, "c", events(&owner, 1, 1 + number % 3)));
        commits.changed().await.expect("it lives");
        let Outcome::Committed(receipt) = done.await.expect("an outcome") else { panic!("committed") };
        assert_eq!(journal.written().get(&receipt.partition), Some(&receipt.position), "{number}");
    }
    let refused = append(&name("owner-0"), "again", events(&name("owner-0"), 1, 1));
    assert!(!matches!(commit(&journal, refused).await, Outcome::Committed(_)));
    let heads = store.heads().await.expect("heads");
    let written = journal.written();
    assert!((0..).zip(heads).all(|(partition, head)| written.get(&partition).copied().unwrap_or_default() == head));
}
