//! What a pool refuses: every fault of a request, with its place, and nothing changes.

use super::*;
use crate::pool::{AGENCIES_MAX, InvalidSetting, ORDERS_PER_INSERT_MAX, REQUESTS_PER_WINDOW_MAX};

/// `place field code`, one a line.
fn told(world: &mut World, command: &Command) -> Vec<String> {
    let before = world.state.clone();
    let refusal = world.tell(command).expect_err("refused");
    assert_eq!(world.state, before);
    let place = |index: Option<usize>| index.map_or("-".into(), |index| index.to_string());
    refusal.faults().map(|fault| format!("{} {} {}", place(fault.index), fault.field, fault.kind.code())).collect()
}

#[test]
fn one_bad_order_refuses_all_with_every_fault_and_its_place() {
    let mut world = World::new(0, &["a 1"]);
    let bad = RawOrder { agency: Some("no one".into()), zone: Some(String::new()), distance_km: Some(-1.0), ..raw("b 0 9:5") };
    let orders = vec![
        raw("ok 1"),
        RawOrder::default(),
        bad,
        raw("a 1"),
        raw("ok 2"),
        RawOrder { id: "x y".into(), urgency: 1, ..RawOrder::default() },
    ];
    let faults = told(&mut world, &Command::Insert { orders });
    let expected = [
        "1 id missing_id",
        "1 urgency non_positive_urgency",
        "2 urgency non_positive_urgency",
        "2 eta invalid_eta",
        "2 agency invalid_id",
        "2 distance_km invalid_distance",
        "2 zone invalid_id",
        "3 id duplicate_id",
        "4 id duplicate_id",
        "5 id invalid_id",
    ];
    assert_eq!(faults, expected);
    assert_eq!(world.code(&Command::Insert { orders: vec![RawOrder::default()] }), "missing_id", "the first fault gives the code");
}

#[test]
fn lists_are_bounded_and_not_empty() {
    let mut world = World::new(0, &[]);
    let many = |count: usize| Command::Insert { orders: (0..count).map(|place| raw(&format!("o{place} 1"))).collect() };
    assert_eq!(told(&mut world, &many(0)), ["- orders missing_field"]);
    assert_eq!(told(&mut world, &many(ORDERS_PER_INSERT_MAX + 1)), ["- orders too_many_orders"]);
    assert_eq!(told(&mut world, &take_batch("r", &[], false)), ["- requests missing_field"]);
    let agencies: Vec<_> = (0..=AGENCIES_MAX).map(|place| (format!("a{place}"), 1)).collect();
    let agencies: Vec<_> = agencies.iter().map(|(agency, capacity)| (agency.as_str(), *capacity)).collect();
    assert_eq!(told(&mut world, &take_batch("r", &agencies, false)), ["- requests too_many_agencies"]);
}

#[test]
fn requests_name_themselves_and_each_agency_once() {
    let mut world = World::new(0, &[]);
    assert_eq!(told(&mut world, &take("", 1)), ["- request_id missing_id"]);
    assert_eq!(told(&mut world, &take("a b", 1)), ["- request_id invalid_id"]);
    let batch = take_batch(" ", &[("n", 1), ("", 1), ("n", 2), ("!", 1)], false);
    assert_eq!(
        told(&mut world, &batch),
        ["- request_id missing_id", "1 agency invalid_id", "2 agency duplicate_agency", "3 agency invalid_id"]
    );
}

#[test]
fn a_change_says_something_lawful_about_an_order_that_waits() {
    let mut world = World::new(0, &["a 1"]);
    let change = |id: &str, urgency, eta: Option<&str>| Command::Reprioritise { id: id.into(), urgency, eta: eta.map(str::to_owned) };
    assert_eq!(told(&mut world, &change("a", None, None)), ["- urgency missing_field"]);
    assert_eq!(told(&mut world, &change("a", Some(0), Some("25:00"))), ["- urgency non_positive_urgency", "- eta invalid_eta"]);
    assert_eq!(world.code(&change("b", Some(1), None)), "not_pending");
    assert_eq!(world.code(&change("not an id", Some(1), None)), "not_pending");
}

#[test]
fn a_full_pool_takes_in_nothing_and_says_how_much_fits() {
    let mut world = World::new(0, &["a 1", "b 1"]);
    world.pool = Pool::new(0, 3).unwrap();
    let refusal = world.tell(&insert(&["c 1", "d 1"])).unwrap_err();
    assert_eq!((refusal.code(), refusal.to_string()), ("pool_full", "the pool has room for 1 more orders of at most 3".into()));
    assert_eq!(world.tell(&insert(&["c 1"])), Ok(1));
    assert_eq!(world.code(&insert(&["d 1"])), "pool_full");
}

#[test]
fn a_window_gathers_so_many_requests_and_no_more() {
    let mut world = World::new(100, &[]);
    for request in 0..REQUESTS_PER_WINDOW_MAX {
        world.tell(&take(&format!("r{request}"), 1)).unwrap();
    }
    assert_eq!(world.code(&take("one-more", 1)), "window_full");
    assert_eq!(world.tell(&take("r5", 1)), Ok(0), "a repeat still has its place");
    world.now = 100;
    assert_eq!(world.tell(&take("one-more", 1)), Ok(REQUESTS_PER_WINDOW_MAX + 1));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    assert_eq!(Pool::new(-1, 10).unwrap_err(), InvalidSetting::Window);
    assert_eq!(Pool::new(60_001, 10).unwrap_err(), InvalidSetting::Window);
    assert_eq!(Pool::new(60_000, 0).unwrap_err(), InvalidSetting::Limit);
    assert_eq!(Pool::new(0, 1_000_001).unwrap_err(), InvalidSetting::Limit);
    assert_eq!(Pool::default().limit(), 100_000);
    assert_eq!(Pool::default().window, std::time::Duration::from_millis(100));
}

#[test]
fn faults_are_told_in_words_and_not_by_the_thousand() {
    let mut world = World::new(0, &[]);
    let refusal = world.tell(&Command::Insert { orders: vec![RawOrder::default(); 10] }).unwrap_err().to_string();
    assert!(refusal.starts_with("[0] id: it is missing; [0] urgency: it must be above 0; [1] id: it is missing"), "{refusal}");
    assert!(refusal.ends_with("and 10 more"), "{refusal}");
}
