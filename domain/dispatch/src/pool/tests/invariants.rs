//! Histories that no pool can have: each breaks the invariant that it is named by.

use super::*;
use crate::pool::evolve::apply;

fn number(events: &[Event]) -> u16 {
    let mut state = State::default();
    let (last, past) = events.split_last().expect("an event");
    past.iter().for_each(|event| apply(&mut state, event).expect("a lawful past"));
    apply(&mut state, last).expect_err("an unlawful event").number
}

fn request(name: &str, capacity: u64) -> Request {
    Request { id: id(name), wish: Wish::Any(capacity) }
}

fn requested(name: &str, due: i64) -> Event {
    Event::PlanRequested(PlanRequested { request: request(name, 1), due: ms(due) })
}

fn dispatched(name: &str, orders: &[&str]) -> Event {
    let planned = |text: &&str| Planned { order: order(text), why: Why { before: None, reason: Reason::Last } };
    let shares = vec![Share { agency: None, orders: orders.iter().map(planned).collect() }];
    Event::OrdersDispatched(OrdersDispatched { request: request(name, 1), shares })
}

#[test]
fn each_invariant_is_guarded() {
    let reprioritised = Event::OrderReprioritised(OrderReprioritised { id: id("b"), urgency: 1, eta: None });
    let table: [(&str, u16, Vec<Event>); 11] = [
        ("a number is passed over", 1, vec![pooled(1, "a 1")]),
        ("an order is put in twice", 1, vec![pooled(0, "a 1"), pooled(1, "a 2")]),
        ("nobody waits to be reprioritised", 2, vec![pooled(0, "a 1"), reprioritised]),
        ("nobody waits to be withdrawn", 2, vec![Event::OrderWithdrawn(OrderWithdrawn { id: id("a") })]),
        ("a request waits twice", 3, vec![requested("r", 1), requested("r", 1)]),
        ("a window has two ends", 3, vec![requested("r", 1), requested("s", 2)]),
        ("an answered request waits again", 3, vec![dispatched("r", &[]), requested("r", 1)]),
        ("a request is answered twice", 3, vec![dispatched("r", &[]), dispatched("r", &[])]),
        ("a request jumps the line", 4, vec![requested("r", 1), requested("s", 1), dispatched("s", &[])]),
        ("an order is dispatched that does not wait", 5, vec![dispatched("r", &["a 1"])]),
        ("an order is dispatched as it never was", 5, vec![pooled(0, "a 1"), dispatched("r", &["a 2"])]),
    ];
    for (name, invariant, events) in table {
        assert_eq!(number(&events), invariant, "{name}");
    }
}

#[test]
fn a_snapshot_that_makes_no_pool_is_refused() {
    let refused = |text: &str| serde_json::from_str::<State>(text).is_err();
    assert!(!refused(r#"{"next":1,"orders":[[0,{"id":"a","urgency":1}]],"answered":0,"answers":[]}"#));
    assert!(refused(r#"{"next":2,"orders":[[0,{"id":"a","urgency":1}],[1,{"id":"a","urgency":1}]],"answered":0,"answers":[]}"#));
    assert!(refused(r#"{"next":0,"orders":[[0,{"id":"a","urgency":1}]],"answered":0,"answers":[]}"#));
    assert!(refused(r#"{"next":0,"orders":[],"answered":0,"answers":[{"request":{"id":"r","wish":{"any":1}},"shares":[]}]}"#));
}
