//! The nodes that share a store, and single partitions that they take and give.

use super::given::*;
use ionveil_journal::{Claim, KnownNode, Member, NODE_TEXT_MAX, Standing, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

type Given = Arc<dyn Store>;

fn member(number: u128, address: &str) -> Member {
    Member { node: node(number), address: address.to_owned(), release: "1.0".to_owned() }
}

async fn known(store: &dyn Store) -> Vec<KnownNode> {
    store.nodes().await.unwrap()
}

pub(crate) async fn nodes_make_themselves_known(store: Given) {
    assert_eq!(known(&*store).await, []);
    store.announce(&member(2, "b:1"), Standing::Starting, true, LONG).await.unwrap();
    store.announce(&member(1, "a:1"), Standing::Serving, true, LONG).await.unwrap();
    let nodes = known(&*store).await;
    assert_eq!(nodes.iter().map(|node| node.member.clone()).collect::<Vec<_>>(), [member(1, "a:1"), member(2, "b:1")], "by id");
    assert_eq!(nodes.iter().map(|node| (node.live(), node.takes())).collect::<Vec<_>>(), [(true, true), (true, false)]);
    assert!(nodes.iter().all(|node| node.remaining > LONG / 2 && node.silent_for.max(node.up_for) < LONG / 2));
}

pub(crate) async fn a_node_says_so_when_it_moves_on(store: Given) {
    store.announce(&member(1, "a:1"), Standing::Starting, true, LONG).await.unwrap();
    store.announce(&member(1, "a:2"), Standing::Leaving, false, LONG).await.unwrap();
    let [only] = <[KnownNode; 1]>::try_from(known(&*store).await).unwrap();
    assert_eq!((only.member, only.standing), (member(1, "a:2"), Standing::Leaving));
}

pub(crate) async fn a_silent_node_is_live_until_its_lease_ends(store: Given) {
    store.announce(&member(1, ""), Standing::Serving, true, Duration::ZERO).await.unwrap();
    let [gone] = <[KnownNode; 1]>::try_from(known(&*store).await).unwrap();
    assert_eq!((gone.live(), gone.takes()), (false, false), "but it is named");
    store.withdraw(node(1)).await.unwrap();
    assert_eq!(known(&*store).await, []);
    store.withdraw(node(1)).await.unwrap();
}

pub(crate) async fn texts_of_a_node_have_their_bounds(store: Given) {
    let long = "a".repeat(NODE_TEXT_MAX);
    store.announce(&member(1, &long), Standing::Serving, true, LONG).await.unwrap();
    for wrong in [format!("{long}a"), "\0".to_owned()] {
        let answer = store.announce(&member(2, &wrong), Standing::Serving, true, LONG).await;
        assert!(matches!(answer, Err(StoreError::Invalid(_))), "{answer:?}");
    }
    assert_eq!(known(&*store).await.len(), 1);
}

pub(crate) async fn single_partitions_are_taken_and_given(store: Given) {
    let first = store.claim_of(node(1), &[2, 0, 2, 63], LONG).await.unwrap();
    assert_eq!(first, [Claim { partition: 0, epoch: 1 }, Claim { partition: 2, epoch: 1 }], "in order, once, no unknown one");
    assert!(store.claim_of(node(2), &[0], LONG).await.unwrap().is_empty(), "it is another's");
    assert!(store.claim_of(node(2), &[], LONG).await.unwrap().is_empty());
    let stale = Claim { partition: 2, epoch: 0 };
    store.release_of(node(1), &[first[0], stale]).await.unwrap();
    store.release_of(node(2), &[first[1]]).await.unwrap();
    let second = store.claim_of(node(2), &[0, 2], LONG).await.unwrap();
    assert_eq!(second, [Claim { partition: 0, epoch: 2 }], "only what was held and named was given");
    let owner = name_in(&*store, 0);
    assert_eq!(words(&put(&*store, &first, &[single(&owner, "late", 1)]).await), ["fenced"]);
    assert_eq!(words(&put(&*store, &second, &[single(&owner, "c", 1)]).await), ["accepted"]);
}

pub(crate) async fn a_secret_stays(store: Given) {
    let secret = store.secret().await.unwrap();
    assert_eq!(store.secret().await.unwrap(), secret);
    assert!(secret.is_none_or(|secret| secret.len() >= 16));
}
