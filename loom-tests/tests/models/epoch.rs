//! The epoch cell: a reader sees pairs that were published, the newest that it has heard of or a later one.
//!
//! Each model publishes twice while a reader reads, because the slot that counts is written again by the second one. The
//! times are chosen so that a mix would show: an old epoch that lives on, or a new one that lives past its deadline.

use crate::check;
use ionveil_sync::EpochCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// Publishes `first`, then `later` beside a reader, which reads at `now`.
fn read_beside(first: (u64, u64), later: [(u64, u64); 2], now: u64, lawful: &[Option<u64>]) {
    let cell = Arc::new(EpochCell::new());
    cell.publish(first.0, first.1);
    let shared = cell.clone();
    let reader = thread::spawn(move || shared.read(now));
    later.iter().for_each(|(epoch, until)| cell.publish(*epoch, *until));
    let seen = reader.join().unwrap();
    assert!(lawful.contains(&seen), "{seen:?} at {now}");
    let last = later[1];
    assert_eq!(cell.read(now), (now < last.1).then_some(last.0), "the last one counts");
}

#[test]
fn an_old_epoch_does_not_get_a_new_deadline() {
    check(3, || read_beside((1, 10), [(2, 20), (3, 30)], 15, &[None, Some(2), Some(3)]));
}

#[test]
fn a_new_epoch_does_not_get_an_old_deadline() {
    check(3, || read_beside((1, 30), [(2, 20), (3, 10)], 15, &[Some(1), Some(2), None]));
}

#[test]
fn a_revocation_leaves_no_epoch_of_its_own() {
    check(3, || {
        let cell = Arc::new(EpochCell::new());
        cell.publish(1, 10);
        let shared = cell.clone();
        let reader = thread::spawn(move || shared.read(5));
        cell.publish(2, 10);
        cell.revoke();
        let seen = reader.join().unwrap();
        assert!([Some(1), Some(2), None].contains(&seen), "{seen:?}");
        assert_eq!(cell.read(0), None);
    });
}

#[test]
fn who_has_heard_of_a_revocation_sees_it() {
    check(3, || {
        let cell = Arc::new(EpochCell::new());
        let told = Arc::new(AtomicU32::new(0));
        cell.publish(1, 10);
        let (shared, teller) = (cell.clone(), told.clone());
        let writer = thread::spawn(move || {
            shared.revoke();
            teller.store(1, Ordering::Release);
        });
        if told.load(Ordering::Acquire) == 1 {
            assert_eq!(cell.read(5), None);
        }
        writer.join().unwrap();
    });
}
