//! Reading streams, entities and names.

use super::given::*;
use ionveil_journal::Store;
use ionveil_kernel::{Org, StreamId};
use std::sync::Arc;

type Given = Arc<dyn Store>;

pub(crate) async fn a_stream_is_read_from_anywhere(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    accepted(&*store, &claims, &[append(&owner, "c", events(&owner, 1, 10)), single(&name("ab"), "c", 1)]).await;
    for (after, limit, expected) in [
        (0, 3, vec![1, 2, 3]),
        (3, 2, vec![4, 5]),
        (8, 100, vec![9, 10]),
        (10, 100, vec![]),
        (u64::MAX, 100, vec![]),
        (9, usize::MAX, vec![10]),
        (0, 0, vec![]),
    ] {
        let read = store.read_stream(&owner, after, limit).await.unwrap();
        assert_eq!(numbers(&read), expected, "after {after}, limit {limit}");
    }
}

/// An entity `tree` of a main stream of three events and two parts, with a stranger in between: positions 1 to 7 (the
/// stranger's partition may be another one).
async fn tree(store: &dyn Store) -> (StreamId, StreamId, StreamId) {
    let claims = owned(store).await;
    let (tree, north, south) = (name("tree"), stream("acme", "policy-node", "north"), stream("acme", "workflow", "south"));
    let batch = [
        append(&tree, "1", vec![event(&tree, 1), event(&north, 1)]),
        append(&tree, "2", vec![event(&south, 1), event(&north, 2), event(&tree, 2)]),
        append(&tree, "3", vec![event(&south, 2), event(&tree, 3)]),
        single(&stream("acme", "policy-node", "tree"), "1", 1),
    ];
    accepted(store, &claims, &batch).await;
    (tree, north, south)
}

pub(crate) async fn an_entity_is_read_with_its_parts(store: Given) {
    let (tree, north, south) = tree(&*store).await;
    let read = store.read_entity(&tree, 0, 0, 100).await.unwrap();
    let seen: Vec<_> = read.iter().map(|event| (&event.stream, event.sequence_number)).collect();
    assert_eq!(seen, [(&tree, 1), (&north, 1), (&south, 1), (&north, 2), (&tree, 2), (&south, 2), (&tree, 3)]);
    assert!(read.is_sorted_by_key(|event| event.position));
    let first = store.read_entity(&tree, 0, 0, 4).await.unwrap();
    assert_eq!(first, read[..4], "a limit cuts the end off");
    assert!(store.read_entity(&north, 0, 0, 100).await.unwrap().is_empty(), "a part is no entity");
    assert_eq!(numbers(&store.read_stream(&north, 0, 100).await.unwrap()), [1, 2]);
}

pub(crate) async fn an_entity_is_read_after_a_snapshot(store: Given) {
    let (tree, _, south) = tree(&*store).await;
    let all = store.read_entity(&tree, 0, 0, 100).await.unwrap();
    let snapshot = &all[4];
    assert_eq!((&snapshot.stream, snapshot.sequence_number), (&tree, 2));
    let rest = store.read_entity(&tree, snapshot.sequence_number, snapshot.position, 100).await.unwrap();
    assert_eq!(rest, all[5..]);
    assert_eq!(rest[0].stream, south);
    assert!(store.read_entity(&tree, 3, all[6].position, 100).await.unwrap().is_empty());
    assert!(store.read_entity(&tree, u64::MAX, u64::MAX, 100).await.unwrap().is_empty());
}

pub(crate) async fn what_is_unknown_is_empty(store: Given) {
    owned(&*store).await;
    let nobody = name("nobody");
    assert!(store.read_stream(&nobody, 0, 10).await.unwrap().is_empty());
    assert!(store.read_entity(&nobody, 0, 0, 10).await.unwrap().is_empty());
    assert!(store.entities(None, 10).await.unwrap().is_empty());
    assert_eq!(store.receipts(&nobody, &[command("c")]).await.unwrap(), [None]);
}

pub(crate) async fn entities_are_paged_in_order(store: Given) {
    let claims = owned(&*store).await;
    let mut names: Vec<_> = (0..25).map(|n| name(&format!("e{n}"))).collect();
    names.extend([stream("acme", "a-kind", "Z"), stream("acme", "a-kind", "a"), stream("zeta", "a-kind", "a"), name("e1:b"), name("E")]);
    let part = stream("acme", "part", "p");
    let mut batch: Vec<_> = names.iter().map(|owner| append(owner, "c", events(owner, 1, 2))).collect();
    batch[0].events.push(event(&part, 1));
    accepted(&*store, &claims, &batch).await;
    names.sort();
    for limit in [1, 4, 30, 1_000] {
        let mut seen: Vec<StreamId> = Vec::new();
        loop {
            let page = store.entities(seen.last(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, names, "limit {limit}");
    }
}

pub(crate) async fn organisations_are_paged_in_order(store: Given) {
    let claims = owned(&*store).await;
    assert!(store.organisations(None, 10).await.unwrap().is_empty());
    // One has events in a part only.
    let (names, owner) = (["zeta", "acme", "acme2", "b"], stream("only-parts", "tree", "t"));
    let owners = names.iter().flat_map(|org| ["a", "b"].map(|id| stream(org, "a-kind", id)));
    let mut batch: Vec<_> = owners.map(|owner| append(&owner, "c", events(&owner, 1, 3))).collect();
    batch.push(append(&owner, "c", vec![event(&stream("only-parts", "part", "p"), 1)]));
    accepted(&*store, &claims, &batch).await;
    for limit in [1, 2, 5, 1_000] {
        let mut seen: Vec<Org> = Vec::new();
        loop {
            let page = store.organisations(seen.last(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen.iter().map(Org::as_str).collect::<Vec<_>>(), ["acme", "acme2", "b", "only-parts", "zeta"], "limit {limit}");
    }
}

pub(crate) async fn heads_count_what_is_committed(store: Given) {
    let claims = owned(&*store).await;
    assert_eq!(store.heads().await.unwrap(), vec![0; usize::from(store.partitions())]);
    let owner = name_in(&*store, 1);
    accepted(&*store, &claims, &[append(&owner, "c", events(&owner, 1, 5))]).await;
    put(&*store, &claims, &[single(&owner, "refused", 9)]).await;
    let mut expected = vec![0; usize::from(store.partitions())];
    expected[1] = 5;
    assert_eq!(store.heads().await.unwrap(), expected);
}
