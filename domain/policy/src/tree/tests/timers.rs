//! Overrides that end by themselves, and the notice of it.

use super::*;
use crate::tree::OverrideExpiring;
use PolicyLevel::{Halted, Restricted, Watch};
use ionveil_kernel::{Decider, TimerPolicy};

const MINUTE: i64 = 60_000_000;

fn until(node: &str, seq: u64, to: PolicyLevel, expires_at: i64, notice_at: Option<i64>) -> (NodeStream, Event) {
    let (expires_at, notice_at) = (Some(micros(expires_at)), notice_at.map(micros));
    at(node, Event::OverrideSet(OverrideSet { seq, to, by: by_user(), expires_at, notice_at }))
}

fn noticed(node: &str, level: PolicyLevel, expires_at: i64) -> (NodeStream, Event) {
    at(node, Event::OverrideExpiring(OverrideExpiring { level, expires_at: micros(expires_at) }))
}

fn timers(state: &State) -> Vec<(String, i64)> {
    let timers = Tree::default().timers(state);
    assert!(timers.iter().all(|timer| timer.policy == TimerPolicy::FireOnceLate));
    timers.into_iter().map(|timer| (timer.name, timer.due.micros())).collect()
}

fn named(timers: &[(&str, i64)]) -> Vec<(String, i64)> {
    timers.iter().map(|(name, due)| ((*name).to_owned(), *due)).collect()
}

#[test]
fn notice_is_given_a_quarter_of_an_hour_before_if_there_is_time() {
    let state = past([]).when(set_override_until("a", "watch", 20 * MINUTE)).then([until("a", 1, Watch, 20 * MINUTE, Some(5 * MINUTE))]);
    assert_eq!(timers(&state), named(&[("expiry", 20 * MINUTE), ("notice", 5 * MINUTE)]));
    let state = past([]).when(set_override_until("a", "watch", 15 * MINUTE)).then([until("a", 1, Watch, 15 * MINUTE, None)]);
    assert_eq!(timers(&state), named(&[("expiry", 15 * MINUTE)]));
    let set = [until("a", 1, Watch, 20 * MINUTE, Some(5 * MINUTE))];
    let notice = Command::Notice { due: micros(5 * MINUTE) };
    let state = past(set).at(micros(5 * MINUTE)).when(notice.clone()).then([noticed("a", Watch, 20 * MINUTE)]);
    assert_eq!(timers(&state), named(&[("expiry", 20 * MINUTE)]));
    past([until("a", 1, Watch, 20 * MINUTE, Some(5 * MINUTE)), noticed("a", Watch, 20 * MINUTE)]).when(notice).then([]);
}

#[test]
fn the_earliest_end_is_waited_for_and_a_new_override_has_its_own() {
    let two = [until("a", 1, Watch, 9 * MINUTE, None), until("e", 2, Watch, 5 * MINUTE, None)];
    let state = past(two.clone()).when(set_override("e", "halted")).then([replaced("e", 3, Watch, Halted)]);
    assert_eq!(timers(&state), named(&[("expiry", 9 * MINUTE)]));
    let state = past(two.into_iter().chain([replaced("e", 3, Watch, Halted)])).when(set_override_until("a", "halted", 3 * MINUTE));
    let again = OverrideReplaced { seq: 4, from: Watch, to: Halted, by: by_user(), expires_at: Some(micros(3 * MINUTE)), notice_at: None };
    assert_eq!(timers(&state.then([at("a", Event::OverrideReplaced(again))])), named(&[("expiry", 3 * MINUTE)]));
    assert!(timers(&fold(&tree())).is_empty());
}

/// Whatever the node's level is without it: what was due ends in the order of the tree, each with its cascade.
#[test]
fn all_that_are_due_end_in_the_order_of_the_tree() {
    let late = |event: (NodeStream, Event)| match event {
        (part, Event::OverrideAutoReverted(mut event)) => {
            event.by.at = micros(9);
            (part, Event::OverrideAutoReverted(event))
        }
        other => other,
    };
    let set = [until("e", 1, Watch, 7, None), until("d", 2, Halted, 8, None), until("a", 3, Watch, 9, None), set("c", 4, Restricted)];
    let set: Vec<_> = set.into_iter().chain([until("b", 5, Restricted, 10, None)]).collect();
    let expected = [
        reverted("a", 6, Watch, "timer", ""),
        reverted("b", 7, Restricted, "parent:a", "a"),
        reverted("d", 8, Halted, "parent:b", "b"),
        reverted("c", 9, Restricted, "parent:a", "a"),
        reverted("e", 10, Watch, "timer", ""),
    ];
    let state = past(set).at(micros(9)).when(Command::Expire { due: micros(7) }).then(expected.map(late));
    assert!(timers(&state).is_empty());
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_an_override() {
    past([until("a", 1, Watch, 7, None)]).when(Command::Expire { due: micros(7) }).then([reverted("a", 2, Watch, "timer", "")]);
    past([until("a", 1, Watch, 7, None)]).at(micros(6)).when(Command::Expire { due: micros(6) }).then([]);
}

#[test]
fn timers_have_their_commands() {
    let tree = Tree::default();
    assert_eq!(tree.on_timer("expiry", NOW), Some(Command::Expire { due: NOW }));
    assert_eq!(tree.on_timer("notice", NOW), Some(Command::Notice { due: NOW }));
    assert_eq!(tree.on_timer("odd", NOW), None);
}
