//! Who may append: only the owner of the partition, under its present epoch.

use super::given::*;
use ionveil_journal::{Claim, Store};
use std::sync::Arc;

type Given = Arc<dyn Store>;

pub(crate) async fn a_fenced_partition_refuses_its_own_only(store: Given) {
    let mut claims = owned(&*store).await;
    let (mine, lost) = (name_in(&*store, 0), name_in(&*store, 1));
    claims.retain(|claim| claim.partition != 1);
    let batch = [single(&mine, "1", 1), single(&lost, "1", 1), single(&mine, "2", 2)];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["accepted", "fenced", "accepted"]);
    assert!(store.read_stream(&lost, 0, 10).await.unwrap().is_empty());
    assert_eq!(store.receipts(&lost, &[command("1")]).await.unwrap(), [None]);
}

pub(crate) async fn without_claims_all_is_fenced(store: Given) {
    owned(&*store).await;
    let batch = [single(&name("a"), "1", 1), append(&name("b"), "1", vec![])];
    assert_eq!(words(&put(&*store, &[], &batch).await), ["fenced", "fenced"]);
}

pub(crate) async fn an_old_epoch_is_fenced(store: Given) {
    let old = owned(&*store).await;
    let new = owned(&*store).await;
    let owner = name("a");
    assert_eq!(words(&put(&*store, &old, &[single(&owner, "1", 1)]).await), ["fenced"]);
    let later: Vec<_> = new.iter().map(|claim| Claim { epoch: claim.epoch + 1, ..*claim }).collect();
    assert_eq!(words(&put(&*store, &later, &[single(&owner, "1", 1)]).await), ["fenced"], "an epoch to come is none");
    assert_eq!(words(&put(&*store, &new, &[single(&owner, "1", 1)]).await), ["accepted"]);
}

pub(crate) async fn fenced_is_told_before_duplicate(store: Given) {
    let old = owned(&*store).await;
    let owner = name("a");
    accepted(&*store, &old, &[single(&owner, "1", 1)]).await;
    owned(&*store).await;
    assert_eq!(words(&put(&*store, &old, &[single(&owner, "1", 1), single(&owner, "1", 1)]).await), ["fenced", "conflict"]);
}

pub(crate) async fn a_fenced_append_spoils_nothing_of_others(store: Given) {
    let mut claims = owned(&*store).await;
    claims.retain(|claim| claim.partition == 0);
    let (lost, mine) = (name_in(&*store, 1), name_in(&*store, 0));
    let mut batch = vec![single(&lost, "1", 1), single(&lost, "2", 2)];
    batch.extend((1..=5).map(|n| single(&mine, &n.to_string(), n)));
    let verdicts = put(&*store, &claims, &batch).await;
    assert_eq!(words(&verdicts[..2]), ["fenced", "fenced"]);
    assert!(verdicts[2..].iter().all(|verdict| word(verdict) == "accepted"));
}
