//! What is accepted, and what an accepted append leaves behind.

use super::given::*;
use ionveil_journal::Store;
use ionveil_kernel::Recorded;
use std::sync::Arc;

type Given = Arc<dyn Store>;

pub(crate) async fn accepted_events_read_back_as_they_were_given(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let mut given = event(&owner, 1);
    given.schema_version = 7;
    given.event_type = "transitioned".into();
    given.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    let receipts = accepted(&*store, &claims, &[append(&owner, "c", vec![given.clone()])]).await;
    let expected = Recorded {
        event_id: given.event_id,
        stream: owner.clone(),
        owner: owner.clone(),
        sequence_number: 1,
        partition: owner.partition(store.partitions()),
        position: 1,
        event_type: given.event_type,
        schema_version: 7,
        data: given.data,
        occurred_at: given.occurred_at,
        recorded_at: second(0),
        correlation_id: given.correlation_id,
        causation_id: given.causation_id,
        actor: given.actor,
        traceparent: given.traceparent,
    };
    assert_eq!(receipts[0].recorded_at, second(0));
    assert_eq!(store.read_stream(&owner, 0, 10).await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(store.read_entity(&owner, 0, 0, 10).await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(everything(&*store).await.concat(), [expected]);
}

pub(crate) async fn positions_are_dense_and_follow_the_batch(store: Given) {
    let claims = owned(&*store).await;
    let names: Vec<_> = (0..40).map(|n| name(&format!("e{n}"))).collect();
    let batch: Vec<_> = names.iter().map(|owner| append(owner, "c", events(owner, 1, 3))).collect();
    let receipts = accepted(&*store, &claims, &batch).await;
    let mut ends = vec![0; usize::from(store.partitions())];
    for (receipt, owner) in receipts.iter().zip(&names) {
        let end = &mut ends[usize::from(receipt.partition)];
        *end += 3;
        assert_eq!((receipt.partition, receipt.position, receipt.events), (owner.partition(store.partitions()), *end, 3));
        let read = store.read_stream(owner, 0, 10).await.unwrap();
        assert_eq!(positions(&read), [*end - 2, *end - 1, *end]);
    }
    for (partition, end) in everything(&*store).await.iter().zip(&ends) {
        assert_eq!(positions(partition), (1..=*end).collect::<Vec<_>>());
    }
}

pub(crate) async fn recorded_at_never_goes_back(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    for (n, (now, expected)) in (1..).zip([(10, 10), (5, 10), (12, 12), (11, 12), (12, 12)]) {
        let batch = [append(&owner, &format!("c{n}"), events(&owner, n * 2 - 1, n * 2))];
        let verdicts = store.append(&claims, &batch, second(now)).await.unwrap();
        assert_eq!(receipt(verdicts[0].clone()).recorded_at, second(expected), "append {n}");
        let read = store.read_stream(&owner, n * 2 - 2, 10).await.unwrap();
        assert!(read.iter().all(|event| event.recorded_at == second(expected)), "append {n}");
    }
}

pub(crate) async fn an_append_is_whole_or_absent(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let torn = append(&owner, "torn", vec![event(&owner, 1), event(&owner, 2), event(&owner, 4)]);
    assert_eq!(words(&put(&*store, &claims, &[torn]).await), ["conflict"]);
    assert!(everything(&*store).await.concat().is_empty());
    let whole = append(&owner, "whole", events(&owner, 1, 3));
    assert_eq!(accepted(&*store, &claims, &[whole]).await[0].position, 3, "the refused append took no position");
}

pub(crate) async fn sequence_numbers_have_no_gaps(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    assert_eq!(words(&put(&*store, &claims, &[single(&owner, "early", 2)]).await), ["conflict"]);
    accepted(&*store, &claims, &[append(&owner, "first", events(&owner, 1, 3))]).await;
    for n in [1, 3, 5] {
        assert_eq!(words(&put(&*store, &claims, &[single(&owner, &format!("c{n}"), n)]).await), ["conflict"], "{n} after 3");
    }
    accepted(&*store, &claims, &[single(&owner, "next", 4)]).await;
    assert_eq!(numbers(&store.read_stream(&owner, 0, 10).await.unwrap()), [1, 2, 3, 4]);
}

pub(crate) async fn appends_of_one_owner_build_on_each_other(store: Given) {
    let claims = owned(&*store).await;
    let (a, b) = (name("a"), name("b"));
    let batch = [single(&a, "1", 1), single(&b, "1", 1), append(&a, "2", events(&a, 2, 3)), single(&a, "3", 4), single(&b, "2", 2)];
    accepted(&*store, &claims, &batch).await;
    assert_eq!(numbers(&store.read_stream(&a, 0, 10).await.unwrap()), [1, 2, 3, 4]);
    assert_eq!(numbers(&store.read_stream(&b, 0, 10).await.unwrap()), [1, 2]);
}

pub(crate) async fn a_conflict_spoils_the_later_appends_of_its_owner_only(store: Given) {
    let claims = owned(&*store).await;
    let (a, b) = (name("a"), name("b"));
    let batch = [single(&a, "1", 1), single(&a, "2", 9), single(&b, "1", 1), single(&a, "3", 2), append(&a, "4", vec![])];
    let verdicts = put(&*store, &claims, &batch).await;
    assert_eq!(words(&verdicts), ["accepted", "conflict", "accepted", "conflict", "conflict"]);
    assert_eq!(numbers(&store.read_stream(&a, 0, 10).await.unwrap()), [1]);
    assert_eq!(words(&put(&*store, &claims, &[single(&a, "3", 2)]).await), ["accepted"], "in a batch of its own it is lawful");
}

pub(crate) async fn an_append_over_several_streams_is_one(store: Given) {
    let claims = owned(&*store).await;
    let tree = name("tree");
    let (north, south) = (stream("acme", "policy-node", "north"), stream("acme", "policy-node", "south"));
    let first = append(&tree, "1", vec![event(&tree, 1), event(&north, 1), event(&south, 1)]);
    let receipt = accepted(&*store, &claims, &[first]).await.remove(0);
    assert_eq!((receipt.version, receipt.position, receipt.events), (1, 3, 3));
    let torn = append(&tree, "2", vec![event(&tree, 2), event(&north, 2), event(&south, 3)]);
    assert_eq!(words(&put(&*store, &claims, &[torn]).await), ["conflict"]);
    accepted(&*store, &claims, &[append(&tree, "3", vec![event(&north, 2)])]).await;
    let read = store.read_entity(&tree, 0, 0, 10).await.unwrap();
    let seen: Vec<_> = read.iter().map(|event| (event.stream.clone(), event.sequence_number, event.position)).collect();
    assert_eq!(seen, [(tree.clone(), 1, 1), (north.clone(), 1, 2), (south, 1, 3), (north, 2, 4)]);
    let home = tree.partition(store.partitions());
    assert!(read.iter().all(|event| event.owner == tree && event.partition == home));
}

pub(crate) async fn an_empty_append_stores_its_receipt(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let none = accepted(&*store, &claims, &[append(&owner, "nothing yet", vec![])]).await.remove(0);
    assert_eq!((none.position, none.events, none.version), (0, 0, 0));
    accepted(&*store, &claims, &[append(&owner, "something", events(&owner, 1, 2))]).await;
    let mut later = append(&owner, "nothing new", vec![]);
    later.version = 2;
    let later = accepted(&*store, &claims, &[later]).await.remove(0);
    assert_eq!((later.position, later.events, later.version), (2, 0, 2));
    let found = store.receipts(&owner, &[command("nothing yet"), command("nothing new")]).await.unwrap();
    assert_eq!(found, [Some(none), Some(later)]);
    assert_eq!(everything(&*store).await.concat().len(), 2);
}

pub(crate) async fn an_empty_batch_does_nothing(store: Given) {
    let claims = owned(&*store).await;
    assert!(put(&*store, &claims, &[]).await.is_empty());
    assert!(store.heads().await.unwrap().iter().all(|head| *head == 0));
}

pub(crate) async fn the_same_id_elsewhere_is_another_entity(store: Given) {
    let claims = owned(&*store).await;
    let names = [stream("acme", "workflow", "x"), stream("umbrella", "workflow", "x"), stream("acme", "unit", "x")];
    let batch: Vec<_> = names.iter().map(|owner| append(owner, "c", events(owner, 1, 2))).collect();
    accepted(&*store, &claims, &batch).await;
    for owner in &names {
        let read = store.read_stream(owner, 0, 10).await.unwrap();
        assert!(read.len() == 2 && read.iter().all(|event| event.stream == *owner), "{owner}: {read:?}");
    }
}

pub(crate) async fn streams_of_one_append_may_interleave(store: Given) {
    let claims = owned(&*store).await;
    let (owner, part) = (name("a"), stream("acme", "part", "a"));
    let mixed = vec![event(&part, 1), event(&owner, 1), event(&part, 2), event(&owner, 2)];
    accepted(&*store, &claims, &[append(&owner, "c", mixed)]).await;
    assert_eq!(positions(&store.read_stream(&part, 0, 10).await.unwrap()), [1, 3]);
    assert_eq!(positions(&store.read_stream(&owner, 0, 10).await.unwrap()), [2, 4]);
}
