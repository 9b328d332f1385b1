//! Reading partitions: pages, filters, and how far was looked.

use super::given::*;
use ionveil_journal::{Claim, Filter, Range, Store};
use ionveil_kernel::{Kind, Org, Recorded};
use std::sync::Arc;

type Given = Arc<dyn Store>;

/// Reads a partition to its end in pages of `limit`, and checks what every page promises.
async fn scan(store: &dyn Store, partition: u16, limit: usize, filter: &Filter) -> Vec<Recorded> {
    let head = store.heads().await.unwrap()[usize::from(partition)];
    let mut after = 0;
    let mut seen = Vec::new();
    while after < head {
        let page = store.read_partition(partition, after, limit, filter).await.unwrap();
        assert!(page.scanned_to > after, "stands still at {after}");
        assert!(page.scanned_to <= head, "ran ahead of {head} to {}", page.scanned_to);
        assert!(page.events.len() <= limit);
        assert!(page.events.iter().all(|event| event.position > after && event.position <= page.scanned_to));
        after = page.scanned_to;
        seen.extend(page.events);
    }
    seen
}

/// Events of two organisations and two kinds, recorded over some time, with parts among them.
async fn mixed(store: &dyn Store) -> Vec<Claim> {
    let claims = owned(store).await;
    for n in 1..=20 {
        let mut batch = Vec::new();
        for (org, kind, id) in [("acme", "workflow", "a"), ("acme", "unit", "a"), ("zeta", "workflow", "a"), ("acme", "workflow", "b")] {
            let owner = stream(org, kind, id);
            let part = stream(org, "part", &format!("{kind}-{id}"));
            batch.push(append(&owner, &n.to_string(), vec![event(&owner, n), event(&part, n)]));
        }
        let verdicts = store.append(&claims, &batch, second(n as i64 / 3)).await.unwrap();
        assert!(verdicts.iter().all(|verdict| word(verdict) == "accepted"));
    }
    claims
}

fn filters() -> Vec<Filter> {
    let org = |name: &str| Some(Org::new(name).unwrap());
    let kind = |name: &str| Some(Kind::new(name).unwrap());
    vec![
        Filter::default(),
        Filter { org: org("acme"), ..Filter::default() },
        Filter { org: org("nobody"), ..Filter::default() },
        Filter { kind: kind("unit"), ..Filter::default() },
        Filter { org: org("zeta"), kind: kind("part"), ..Filter::default() },
        Filter { stream: Some(name("a")), ..Filter::default() },
        Filter { stream: Some(stream("acme", "part", "unit-a")), ..Filter::default() },
        Filter { stream: Some(name("nobody")), ..Filter::default() },
        Filter { org: org("zeta"), stream: Some(name("a")), ..Filter::default() },
        Filter { kind: kind("unit"), stream: Some(name("a")), ..Filter::default() },
        Filter { org: org("acme"), kind: kind("workflow"), stream: Some(name("a")), since: Some(second(4)), ..Filter::default() },
        Filter { owners: kind("unit").into_iter().collect(), ..Filter::default() },
        Filter { owners: kind("nothing").into_iter().collect(), ..Filter::default() },
        Filter { owners: [kind("unit"), kind("workflow")].into_iter().flatten().collect(), kind: kind("part"), ..Filter::default() },
        Filter { owners: kind("unit").into_iter().collect(), stream: Some(stream("acme", "part", "unit-a")), ..Filter::default() },
        Filter { owners: kind("unit").into_iter().collect(), stream: Some(name("a")), ..Filter::default() },
        Filter { since: Some(second(3)), ..Filter::default() },
        Filter { since: Some(second(1_000)), ..Filter::default() },
        Filter { org: org("acme"), since: Some(second(-5)), ..Filter::default() },
    ]
}

pub(crate) async fn a_partition_is_read_page_by_page(store: Given) {
    mixed(&*store).await;
    for partition in 0..store.partitions() {
        let head = store.heads().await.unwrap()[usize::from(partition)];
        for limit in [1, 7, 1_000] {
            let seen = scan(&*store, partition, limit, &Filter::default()).await;
            assert_eq!(positions(&seen), (1..=head).collect::<Vec<_>>(), "limit {limit}");
        }
    }
}

pub(crate) async fn filters_pass_over_what_they_do_not_want(store: Given) {
    mixed(&*store).await;
    let all = everything(&*store).await;
    for filter in filters() {
        for (partition, events) in (0..).zip(&all) {
            let wanted: Vec<_> = events.iter().filter(|event| filter.admits(event)).cloned().collect();
            for limit in [1, 3, 1_000] {
                assert_eq!(scan(&*store, partition, limit, &filter).await, wanted, "{filter:?}, limit {limit}");
            }
        }
    }
}

pub(crate) async fn ranges_are_pages_of_their_partitions(store: Given) {
    mixed(&*store).await;
    let heads = store.heads().await.unwrap();
    for filter in filters() {
        for (after, limit) in [(0, 1), (0, 1_000), (5, 3), (9, 1_000)] {
            let range = |(partition, head): (u16, &u64)| Range { partition, after, until: *head };
            let mut ranges: Vec<Range> = (0..).zip(&heads).map(range).filter(|range| after < range.until).collect();
            ranges.reverse();
            let pages = store.read_ranges(&ranges, limit, &filter).await.unwrap();
            assert_eq!(pages.len(), ranges.len());
            for (range, page) in ranges.iter().zip(pages) {
                let alone = store.read_partition(range.partition, after, limit, &filter).await.unwrap();
                assert_eq!(page, alone, "{filter:?}, {range:?}, limit {limit}");
            }
        }
    }
    assert_eq!(store.read_ranges(&[], 10, &Filter::default()).await.unwrap(), []);
}

pub(crate) async fn a_filter_that_wants_nothing_still_gets_to_the_end(store: Given) {
    mixed(&*store).await;
    let heads = store.heads().await.unwrap();
    let nobody = Filter { org: Some(Org::new("nobody").unwrap()), ..Filter::default() };
    for (partition, head) in (0..).zip(heads) {
        let page = store.read_partition(partition, 0, 10, &nobody).await.unwrap();
        assert!(page.events.is_empty());
        assert_eq!(page.scanned_to, head, "so short a partition is scanned at once");
    }
}

pub(crate) async fn a_read_behind_the_end_stays_there(store: Given) {
    mixed(&*store).await;
    let nobody = Filter { org: Some(Org::new("nobody").unwrap()), ..Filter::default() };
    for (partition, head) in (0..).zip(store.heads().await.unwrap()) {
        for filter in [&Filter::default(), &nobody] {
            let page = store.read_partition(partition, head, 10, filter).await.unwrap();
            assert!(page.events.is_empty());
            assert_eq!(page.scanned_to, head);
        }
    }
}

pub(crate) async fn since_cuts_exactly(store: Given) {
    mixed(&*store).await;
    for (partition, events) in (0..).zip(everything(&*store).await) {
        for at in 0..=8 {
            let filter = Filter { since: Some(second(at)), ..Filter::default() };
            let expected = events.iter().filter(|event| event.recorded_at >= second(at)).count();
            assert_eq!(scan(&*store, partition, 5, &filter).await.len(), expected, "since second {at}");
        }
    }
}

pub(crate) async fn a_long_scan_gets_on(store: Given) {
    let claims = owned(&*store).await;
    let (crowd, rare) = (name_in(&*store, 0), stream("zeta", "rare", "r"));
    for n in 0..3 {
        let from = n * 15_000;
        let mut given = events(&crowd, from + 1, from + 15_000);
        given.push(event(&stream("acme", "rare", "r"), n + 1));
        accepted(&*store, &claims, &[append(&crowd, &format!("c{n}"), given)]).await;
    }
    let filter = Filter { kind: Some(rare.kind.clone()), ..Filter::default() };
    assert_eq!(positions(&scan(&*store, 0, 10, &filter).await), [15_001, 30_002, 45_003]);
    let foreign = Filter { org: Some(rare.org.clone()), ..Filter::default() };
    assert!(scan(&*store, 0, 10, &foreign).await.is_empty());
    let one = Filter { stream: Some(stream("acme", "rare", "r")), ..Filter::default() };
    assert_eq!(positions(&scan(&*store, 0, 2, &one).await), [15_001, 30_002, 45_003]);
}
