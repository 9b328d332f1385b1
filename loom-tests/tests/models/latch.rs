//! The drain latch: nobody waits for ever, nobody is let through early, and who is let through sees everything.

use crate::{Note, check};
use ionveil_sync::DrainLatch;
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

#[derive(Default)]
struct Node {
    latch: DrainLatch,
    first: Note,
    second: Note,
}

/// A node with `count` inside.
fn node(count: u32) -> Arc<Node> {
    let node = Node::default();
    (0..count).for_each(|_| node.latch.enter(count).unwrap());
    Arc::new(node)
}

#[test]
fn the_last_to_leave_wakes_a_waiter_that_comes_meanwhile() {
    check(3, || {
        let node = node(1);
        node.latch.close();
        let leaver = in_thread(&node, |node| {
            node.first.write();
            node.latch.leave();
        });
        block_on(node.latch.drained());
        assert!(node.first.is_visible());
        leaver.join().unwrap();
    });
}

#[test]
fn closing_races_with_leaving() {
    check(2, || {
        let node = node(1);
        let leaver = in_thread(&node, |node| node.latch.leave());
        let closer = in_thread(&node, |node| node.latch.close());
        block_on(node.latch.drained());
        assert_eq!((node.latch.count(), node.latch.is_closed()), (0, true));
        leaver.join().unwrap();
        closer.join().unwrap();
    });
}

#[test]
fn closing_an_empty_latch_wakes_its_waiter() {
    check(3, || {
        let node = node(0);
        let closer = in_thread(&node, |node| {
            node.first.write();
            node.latch.close();
        });
        block_on(node.latch.drained());
        assert!(node.first.is_visible());
        closer.join().unwrap();
    });
}

#[test]
fn every_waiter_is_woken() {
    check(2, || {
        let node = node(1);
        node.latch.close();
        let leaver = in_thread(&node, |node| node.latch.leave());
        let waiter = in_thread(&node, |node| block_on(node.latch.drained()));
        block_on(node.latch.drained());
        leaver.join().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn a_waiter_sees_what_every_leaver_did() {
    check(2, || {
        let node = node(2);
        node.latch.close();
        let first = in_thread(&node, |node| {
            node.first.write();
            node.latch.leave();
        });
        let second = in_thread(&node, |node| {
            node.second.write();
            node.latch.leave();
        });
        block_on(node.latch.drained());
        assert!(node.first.is_visible() && node.second.is_visible());
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn nobody_is_inside_after_the_drain() {
    check(3, || {
        let node = node(0);
        let visitor = in_thread(&node, |node| {
            let is_inside = node.latch.enter(1).is_ok();
            if is_inside {
                node.first.write();
                node.latch.leave();
            }
            is_inside
        });
        node.latch.close();
        block_on(node.latch.drained());
        let was_seen = node.first.is_visible();
        assert_eq!(visitor.join().unwrap(), was_seen);
    });
}

fn in_thread<T: 'static>(node: &Arc<Node>, action: impl FnOnce(&Node) -> T + 'static) -> thread::JoinHandle<T> {
    let node = node.clone();
    thread::spawn(move || action(&node))
}
