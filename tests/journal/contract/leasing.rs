//! Who owns which partition, and for how long.

use super::given::*;
use ionveil_journal::{Claim, Store};
use ionveil_kernel::NodeId;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Given = Arc<dyn Store>;

/// Short enough to wait for, long enough for two calls.
const SHORT: Duration = Duration::from_millis(400);

fn raised(claims: &[Claim]) -> Vec<Claim> {
    claims.iter().map(|claim| Claim { epoch: claim.epoch + 1, ..*claim }).collect()
}

/// Asks for `node` when all leases are over; each partition was taken at a moment of its own.
async fn wait_for_claims(store: &dyn Store, node: NodeId) -> Vec<Claim> {
    while store.leases().await.unwrap().iter().any(|lease| !lease.remaining.is_zero()) {
        tokio::task::yield_now().await;
    }
    store.claim(node, LONG).await.unwrap()
}

pub(crate) async fn the_first_node_gets_everything(store: Given) {
    let claims = store.claim(node(1), LONG).await.unwrap();
    let expected: Vec<_> = (0..store.partitions()).map(|partition| Claim { partition, epoch: 1 }).collect();
    assert_eq!(claims, expected);
}

pub(crate) async fn the_same_node_takes_again_at_once(store: Given) {
    let first = store.claim(node(1), LONG).await.unwrap();
    assert_eq!(store.claim(node(1), LONG).await.unwrap(), raised(&first));
}

#[expect(clippy::disallowed_methods, reason = "leases end by the store's own clock, which no test can set")]
pub(crate) async fn another_node_waits_for_the_lease(store: Given) {
    let start = Instant::now();
    let first = store.claim(node(1), SHORT).await.unwrap();
    let early = store.claim(node(2), SHORT).await.unwrap();
    if start.elapsed() >= SHORT {
        return println!("skipped: this machine is too slow to tell");
    }
    assert!(early.is_empty(), "{early:?}");
    assert_eq!(wait_for_claims(&*store, node(2)).await, raised(&first));
    assert!(start.elapsed() + Duration::from_millis(5) >= SHORT);
    assert!(store.heartbeat(node(1), &first, LONG).await.unwrap().is_empty());
    assert!(store.claim(node(1), LONG).await.unwrap().is_empty());
    let owner = name("a");
    assert_eq!(words(&put(&*store, &first, &[single(&owner, "c", 1)]).await), ["fenced"]);
}

pub(crate) async fn a_heartbeat_keeps_the_lease(store: Given) {
    let claims = store.claim(node(1), Duration::ZERO).await.unwrap();
    assert_eq!(store.heartbeat(node(1), &claims, LONG).await.unwrap(), claims, "over, but nobody took it");
    assert!(store.claim(node(2), LONG).await.unwrap().is_empty());
    assert!(store.leases().await.unwrap().iter().all(|lease| lease.remaining > LONG / 2));
}

pub(crate) async fn a_heartbeat_tells_what_was_lost(store: Given) {
    let claims = store.claim(node(1), Duration::ZERO).await.unwrap();
    let taken = wait_for_claims(&*store, node(2)).await;
    assert!(store.heartbeat(node(1), &claims, LONG).await.unwrap().is_empty(), "the node is another");
    assert!(store.heartbeat(node(2), &claims, LONG).await.unwrap().is_empty(), "the epoch is another");
    assert_eq!(store.heartbeat(node(2), &taken[..1], LONG).await.unwrap(), taken[..1]);
}

pub(crate) async fn what_is_released_is_free(store: Given) {
    let claims = store.claim(node(1), LONG).await.unwrap();
    store.release(node(2)).await.unwrap();
    assert!(store.claim(node(2), LONG).await.unwrap().is_empty(), "nobody releases what another holds");
    store.release(node(1)).await.unwrap();
    assert!(store.heartbeat(node(1), &claims, LONG).await.unwrap().is_empty());
    assert_eq!(store.claim(node(2), LONG).await.unwrap(), raised(&claims));
}

pub(crate) async fn leases_tell_who_holds_what(store: Given) {
    let before = store.leases().await.unwrap();
    assert_eq!(before.len(), usize::from(store.partitions()));
    assert!(before.iter().all(|lease| lease.node.is_none() && lease.epoch == 0 && lease.remaining.is_zero()));
    store.claim(node(1), LONG).await.unwrap();
    for (partition, lease) in (0..).zip(store.leases().await.unwrap()) {
        assert_eq!((lease.partition, lease.epoch, lease.node), (partition, 1, Some(node(1))));
        assert!(lease.remaining > LONG / 2 && lease.remaining <= LONG, "{lease:?}");
    }
    store.release(node(1)).await.unwrap();
    assert!(store.leases().await.unwrap().iter().all(|lease| lease.node.is_none() && lease.epoch == 1 && lease.remaining.is_zero()));
}

pub(crate) async fn reclaiming_raises_the_epoch(store: Given) {
    let claims = store.claim(node(1), LONG).await.unwrap();
    let some = &claims[1..];
    let again = store.reclaim(node(1), some, LONG).await.unwrap();
    assert_eq!(again, raised(some));
    let owner = name_in(&*store, 1);
    assert_eq!(words(&put(&*store, &claims, &[single(&owner, "c", 1)]).await), ["fenced"]);
    assert_eq!(words(&put(&*store, &again, &[single(&owner, "c", 1)]).await), ["accepted"]);
    let other = name_in(&*store, 0);
    assert_eq!(words(&put(&*store, &claims, &[single(&other, "c", 1)]).await), ["accepted"], "the rest was left alone");
}

pub(crate) async fn reclaiming_what_was_lost_gives_nothing(store: Given) {
    let claims = store.claim(node(1), Duration::ZERO).await.unwrap();
    let taken = wait_for_claims(&*store, node(2)).await;
    assert!(store.reclaim(node(1), &claims, LONG).await.unwrap().is_empty());
    assert!(store.reclaim(node(2), &claims, LONG).await.unwrap().is_empty());
    assert_eq!(store.reclaim(node(2), &taken, LONG).await.unwrap(), raised(&taken));
}

pub(crate) async fn two_nodes_never_get_the_same(store: Given) {
    for round in 0..10 {
        let (first, second) = futures_util::future::join(store.claim(node(1), LONG), store.claim(node(2), LONG)).await;
        let (first, second) = (first.unwrap(), second.unwrap());
        let mut taken: Vec<_> = first.iter().chain(&second).map(|claim| claim.partition).collect();
        taken.sort_unstable();
        assert_eq!(taken, (0..store.partitions()).collect::<Vec<_>>(), "round {round}: {first:?} and {second:?}");
        let epochs: Vec<_> = store.leases().await.unwrap().iter().map(|lease| lease.epoch).collect();
        assert_eq!(epochs, vec![round + 1; taken.len()]);
        store.release(node(1)).await.unwrap();
        store.release(node(2)).await.unwrap();
    }
}

pub(crate) async fn nothing_commits_under_an_epoch_that_was_raised(store: Given) {
    let mut claims = owned(&*store).await;
    let owner = name("a");
    let mut version = 0;
    for _ in 0..10 {
        let old = claims.clone();
        let appending = async {
            loop {
                // The store in memory answers at once: without this the other side would never have its turn.
                tokio::task::yield_now().await;
                let next = [append(&owner, &format!("c{version}"), events(&owner, version + 1, version + 50))];
                match word(&put(&*store, &old, &next).await[0]) {
                    "accepted" => version += 50,
                    word => return assert_eq!(word, "fenced"),
                }
            }
        };
        let raising = async {
            let raised = store.reclaim(node(1), &old, LONG).await.unwrap();
            (raised, store.heads().await.unwrap())
        };
        let ((), (raised, heads)) = futures_util::future::join(appending, raising).await;
        assert_eq!(store.heads().await.unwrap(), heads, "something was committed after the epoch had been raised");
        claims = raised;
    }
    assert_eq!(numbers(&store.read_stream(&owner, 0, usize::MAX).await.unwrap()), (1..=version).collect::<Vec<_>>());
}
