//! Snapshots: one per entity, the newest of its reducer.

use super::given::*;
use ionveil_journal::{Snapshot, Store};
use std::sync::Arc;

type Given = Arc<dyn Store>;

fn snapshot(reducer: u32, version: u64) -> Snapshot {
    Snapshot {
        state_schema: 3,
        reducer,
        version,
        position: version + 100,
        occurred_at: second(-7),
        recorded_at: second(8),
        state: format!(r#"{{"version":{version},"text":"é'\"\\"}}"#),
    }
}

pub(crate) async fn there_is_none_at_first(store: Given) {
    assert_eq!(store.snapshot(&name("a")).await.unwrap(), None);
}

pub(crate) async fn a_newer_one_replaces_an_older(store: Given) {
    let owner = name("a");
    for version in [1, 5, 5, 6] {
        let mut given = snapshot(1, version);
        given.state.push(' ');
        store.put_snapshot(&owner, &given).await.unwrap();
        assert_eq!(store.snapshot(&owner).await.unwrap(), Some(given));
    }
}

pub(crate) async fn an_older_one_is_ignored(store: Given) {
    let owner = name("a");
    store.put_snapshot(&owner, &snapshot(1, 5)).await.unwrap();
    store.put_snapshot(&owner, &snapshot(1, 4)).await.unwrap();
    assert_eq!(store.snapshot(&owner).await.unwrap(), Some(snapshot(1, 5)));
}

pub(crate) async fn another_reducer_replaces_even_a_newer(store: Given) {
    let owner = name("a");
    store.put_snapshot(&owner, &snapshot(1, 5)).await.unwrap();
    store.put_snapshot(&owner, &snapshot(2, 4)).await.unwrap();
    assert_eq!(store.snapshot(&owner).await.unwrap(), Some(snapshot(2, 4)));
}

pub(crate) async fn snapshots_belong_to_their_entity(store: Given) {
    let names = [name("a"), stream("zeta", "workflow", "a"), stream("acme", "unit", "a")];
    for (owner, version) in names.iter().zip(1..) {
        store.put_snapshot(owner, &snapshot(1, version)).await.unwrap();
    }
    for (owner, version) in names.iter().zip(1..) {
        assert_eq!(store.snapshot(owner).await.unwrap(), Some(snapshot(1, version)));
    }
}
