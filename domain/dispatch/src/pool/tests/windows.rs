//! What requests are answered, at once or at the end of a window.

use super::*;
use crate::pool::{InvalidPlace, Place};
use ionveil_kernel::{PolicyLevel, TimerPolicy};

const ORDERS: [&str; 6] = ["a 1 10:00 north", "b 5 10:00", "c 5 09:00 south", "d 5 - north", "e 5 09:00", "f 9 12:00 south"];

#[test]
fn the_first_orders_go_first_and_say_why() {
    let mut world = World::new(0, &ORDERS);
    assert_eq!(world.waiting(), "f d c e b a");
    world.tell(&take("r1", 5)).unwrap();
    let why = "f>d MoreUrgent, d>c NoEta, c>e ArrivedFirst, e>b EarlierEta, b>a MoreUrgent";
    assert_eq!(world.shown("r1"), why);
    world.tell(&take("r2", 9)).unwrap();
    assert_eq!(world.shown("r2"), "a> Last");
    for (request, capacity) in [("r3", 0), ("r4", -7), ("r5", i64::MAX)] {
        world.tell(&take(request, capacity)).unwrap();
        assert_eq!(world.shown(request), "");
    }
    world.tell(&insert(&["a 3"])).expect("an id that was taken is free");
    world.check();
}

#[test]
fn each_agency_gets_its_own_and_nobody_the_same_twice() {
    let mut world = World::new(0, &ORDERS);
    world.tell(&take_batch("r1", &[("north", 1), ("south", 9), ("west", 9)], false)).unwrap();
    assert_eq!(world.shown("r1"), "north: d>a MoreUrgent; south: f>c MoreUrgent, c> Last; west: ");
    assert_eq!(world.waiting(), "e b a");
    world.check();
}

#[test]
fn what_nobody_owns_goes_to_the_first_with_room() {
    let mut world = World::new(0, &ORDERS);
    world.tell(&take_batch("r1", &[("south", 2), ("north", 3), ("west", 9)], true)).unwrap();
    assert_eq!(
        world.shown("r1"),
        "south: f>c MoreUrgent, c> Last; north: d>a MoreUrgent, a>e OwnBeforeUnowned, e>b EarlierEta; west: b> Last"
    );
    assert!(world.state.is_empty());
    world.check();
}

#[test]
fn a_reprioritised_order_keeps_its_place_among_equals() {
    let mut world = World::new(0, &["a 1", "b 5", "c 5"]);
    let change = |id: &str, urgency, eta: Option<&str>| Command::Reprioritise { id: id.into(), urgency, eta: eta.map(str::to_owned) };
    world.tell(&change("a", Some(5), None)).unwrap();
    assert_eq!(world.waiting(), "a b c");
    world.tell(&change("a", None, Some("08:00"))).unwrap();
    assert_eq!(world.waiting(), "b c a");
    world.tell(&change("a", None, Some(""))).unwrap();
    assert_eq!(world.waiting(), "a b c");
    assert_eq!(world.code(&change("a", Some(5), Some(""))), "no_change");
    world.tell(&Command::Cancel { id: "b".into() }).unwrap();
    assert_eq!(world.waiting(), "a c");
    assert_eq!(world.code(&Command::Cancel { id: "b".into() }), "not_pending");
    world.check();
}

#[test]
fn a_window_answers_at_its_end_in_order_of_arrival() {
    let mut world = World::new(100, &ORDERS);
    world.now = 1_000;
    assert_eq!(world.tell(&take("r1", 2)), Ok(1));
    let timer = world.pool.timers(&world.state).remove(0);
    assert_eq!((timer.due, timer.policy), (ms(1_100), TimerPolicy::FireOnceLate));
    world.now = 1_099;
    world.tell(&insert(&["g 99"])).unwrap();
    world.tell(&take("r2", 1)).unwrap();
    assert_eq!(world.state.window_due(), Some(ms(1_100)), "the second shares the window of the first");
    assert_eq!(world.state.answer(&id("r1")), None);
    let end = world.pool.on_timer(&timer.name, timer.due).expect("the timer stands for a command");
    assert_eq!(world.tell(&end), Ok(0), "not before its end");
    world.now = 1_100;
    assert_eq!(world.tell(&end), Ok(2));
    assert_eq!((world.shown("r1"), world.shown("r2")), ("g>f MoreUrgent, f>d MoreUrgent".into(), "d>c NoEta".into()));
    assert_eq!((world.state.window_due(), world.tell(&end)), (None, Ok(0)));
    world.check();
}

#[test]
fn whatever_comes_after_the_end_finds_the_window_closed() {
    let mut world = World::new(100, &["a 1"]);
    world.tell(&take("r1", 1)).unwrap();
    world.now = 100;
    assert_eq!(world.tell(&insert(&["b 9"])), Ok(2), "the timer is late, and the order too late for the request");
    assert_eq!(world.shown("r1"), "a> Last");
    world.now = 150;
    assert_eq!(world.tell(&take("r2", 1)), Ok(1));
    world.now = 250;
    assert_eq!(world.tell(&take("r3", 1)), Ok(2), "one answer, and a window of its own");
    assert_eq!((world.shown("r2"), world.state.window_due()), ("b> Last".into(), Some(ms(350))));
    world.check();
}

#[test]
fn a_repeat_is_answered_as_the_first_was() {
    let mut world = World::new(100, &["a 1", "b 1", "c 1"]);
    let batch = take_batch("r2", &[("north", 1)], true);
    world.tell(&take("r1", 1)).unwrap();
    world.tell(&batch).unwrap();
    assert_eq!((world.tell(&take("r1", 1)), world.tell(&batch)), (Ok(0), Ok(0)), "inside the window");
    assert_eq!(world.code(&take("r1", 2)), "idempotency_key_reused");
    world.now = 500;
    assert_eq!(world.tell(&take("r1", 1)), Ok(2), "after it: only what was due follows");
    assert_eq!(world.tell(&batch), Ok(0));
    assert_eq!((world.shown("r1"), world.shown("r2")), ("a>b ArrivedFirst".into(), "north: b>c ArrivedFirst".into()));
    assert_eq!(world.code(&take_batch("r2", &[("north", 1)], false)), "idempotency_key_reused");
    assert_eq!(world.waiting(), "c");
    world.check();
}

#[test]
fn a_halted_policy_stops_planning_but_not_its_answers() {
    let halted = Policy { level: PolicyLevel::Halted, node: Some("root".into()), by: Some("user:a".into()), ..Policy::default() };
    let mut world = World::new(0, &["a 1"]);
    let refusal = world.tell_under(&take("r1", 1), &halted).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.to_string()),
        ("policy_halted", "nothing is assigned while the policy of \"root\" is halted, as set by user:a".into())
    );
    world.tell(&take("r1", 1)).unwrap();
    assert_eq!(world.tell_under(&take("r1", 1), &halted), Ok(0), "a repeat is answered");
    assert_eq!(world.tell_under(&insert(&["b 1"]), &halted), Ok(1), "orders come in");
    let owner = "pool:test:x".parse().unwrap();
    assert_eq!(world.pool.scope(&owner, &world.state, &take("r", 1)), Some(Vec::new()), "the whole organisation's");
    assert_eq!(world.pool.scope(&owner, &world.state, &insert(&["b 1"])), None);
}

#[test]
fn only_the_latest_answers_are_remembered() {
    let mut world = World::new(0, &[]);
    for request in 0..=crate::pool::ANSWERS_MAX {
        world.tell(&take(&format!("r{request}"), 1)).unwrap();
    }
    assert_eq!((world.state.answer(&id("r0")), world.state.answer(&id("r1")).map(<[Share]>::len)), (None, Some(1)));
    world.check();
}

#[test]
fn pages_are_the_whole_list_in_its_order() {
    let world = World::new(0, &ORDERS);
    for agency in [None, Some(id("north")), Some(id("west"))] {
        let wanted = |order: &&Order| agency.as_ref().is_none_or(|agency| order.agency.as_ref() == Some(agency));
        let whole: Vec<_> = world.state.iter().filter(wanted).cloned().collect();
        assert_eq!(agency.as_ref().map_or(world.state.len(), |agency| world.state.len_of(agency)), whole.len());
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.state.page(agency.as_ref(), after, 2);
            found.extend(page.iter().map(|(_, order)| (*order).clone()));
            let Some((last, _)) = page.last() else { break };
            // A cursor goes out as text and comes back.
            after = Some(last.to_string().parse().expect("a place"));
        }
        assert_eq!(found, whole);
    }
    for text in ["", "1", "1_2", "x_2_", "1_-2_", "1_2_9:5"] {
        assert_eq!(text.parse::<Place>(), Err(InvalidPlace), "{text}");
    }
}

#[test]
fn who_waits_is_known_until_he_is_answered() {
    let mut world = World::new(100, &["a 1"]);
    world.tell(&take("r1", 1)).unwrap();
    assert!(world.state.waits(&id("r1")) && !world.state.waits(&id("r2")));
    world.now = 100;
    world.tell(&Command::CloseWindow { due: ms(100) }).unwrap();
    assert!(!world.state.waits(&id("r1")));
}
