//! What is remembered of commands, so that none is carried out twice.

use super::given::*;
use ionveil_journal::{Store, Verdict};
use ionveil_kernel::BodyHash;
use std::sync::Arc;

type Given = Arc<dyn Store>;

pub(crate) async fn a_repeat_gets_the_first_receipt(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let first = accepted(&*store, &claims, &[append(&owner, "c", events(&owner, 1, 2))]).await.remove(0);
    accepted(&*store, &claims, &[single(&owner, "other", 3)]).await;
    let mut reused = append(&owner, "c", events(&owner, 4, 4));
    reused.body_hash = BodyHash::of(&[b"another body"]);
    let verdicts = store.append(&claims, &[reused], second(99)).await.unwrap();
    assert_eq!(verdicts, [Verdict::Duplicate(first)], "the receipt of then, with the hash of then");
    assert_eq!(numbers(&store.read_stream(&owner, 0, 10).await.unwrap()), [1, 2, 3]);
}

pub(crate) async fn a_repeat_is_recognised_before_its_version_is_looked_at(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let batch = [append(&owner, "c", events(&owner, 1, 2))];
    accepted(&*store, &claims, &batch).await;
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["duplicate"]);
}

pub(crate) async fn a_command_twice_in_a_batch_is_a_conflict(store: Given) {
    let claims = owned(&*store).await;
    let (a, b) = (name("a"), name("b"));
    let batch = [single(&a, "c", 1), single(&b, "c", 1), single(&a, "c", 2)];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["accepted", "accepted", "conflict"]);
    let batch = [single(&a, "c", 2), single(&a, "c", 2), single(&a, "d", 2)];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["duplicate", "conflict", "conflict"]);
}

pub(crate) async fn a_duplicate_spoils_what_follows_it(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    accepted(&*store, &claims, &[single(&owner, "c", 1)]).await;
    let batch = [single(&owner, "c", 2), single(&owner, "d", 2), single(&owner, "c2", 3)];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["duplicate", "conflict", "conflict"]);
    let batch = [single(&owner, "d", 9), single(&owner, "c", 2)];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["conflict", "duplicate"], "a receipt outweighs a broken chain");
}

pub(crate) async fn commands_belong_to_their_owner(store: Given) {
    let claims = owned(&*store).await;
    let (a, b) = (name("a"), name("b"));
    accepted(&*store, &claims, &[single(&a, "c", 1)]).await;
    assert_eq!(store.receipts(&b, &[command("c")]).await.unwrap(), [None]);
    accepted(&*store, &claims, &[single(&b, "c", 1)]).await;
    assert!(store.receipts(&b, &[command("c")]).await.unwrap()[0].is_some());
}

pub(crate) async fn receipts_come_in_the_order_asked(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let batch: Vec<_> = (1..=300).map(|n| single(&owner, &n.to_string(), n)).collect();
    let stored = accepted(&*store, &claims, &batch).await;
    let asked: Vec<_> = (1..=300).rev().flat_map(|n: u32| [command(&n.to_string()), command(&format!("not {n}"))]).collect();
    let found = store.receipts(&owner, &asked).await.unwrap();
    assert_eq!(found.len(), 600);
    for (pair, expected) in found.chunks(2).zip(stored.iter().rev()) {
        assert_eq!(pair, [Some(expected.clone()), None]);
    }
    assert!(store.receipts(&owner, &[]).await.unwrap().is_empty());
}

pub(crate) async fn refused_commands_leave_no_receipt(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    assert_eq!(words(&put(&*store, &claims, &[single(&owner, "c", 5)]).await), ["conflict"]);
    assert_eq!(store.receipts(&owner, &[command("c")]).await.unwrap(), [None]);
    assert_eq!(words(&put(&*store, &claims, &[single(&owner, "c", 1)]).await), ["accepted"], "decided anew");
}
