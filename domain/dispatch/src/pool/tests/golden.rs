//! The stored forms. A file under `golden/pool/` is what a released version has written; it is never edited.

use super::*;
use crate::geo::Distance;
use ionveil_kernel::testkit::{golden, unreadable};

fn expected() -> Vec<(&'static str, Event)> {
    let full = Order { distance: Distance::from_km(3.25).ok(), zone: Some(id("B03")), ..order("o-1 7 09:05 north") };
    let wish = Wish::Agencies { shares: vec![(id("north"), 2), (id("south"), 0)], share_unowned: true };
    let request = Request { id: id("r-1"), wish };
    let why = Why { before: Some(id("o-2")), reason: Reason::EarlierEta };
    let share = |agency: &str, orders| Share { agency: Some(id(agency)), orders };
    let shares = vec![share("north", vec![Planned { order: full.clone(), why }]), share("south", vec![])];
    let any = Request { id: id("r-2"), wish: Wish::Any(3) };
    let last = Planned { order: order("o-2 1"), why: Why { before: None, reason: Reason::Last } };
    vec![
        ("order_pooled.v1", Event::OrderPooled(OrderPooled { number: 41, order: full })),
        ("order_pooled.v1.bare", pooled(0, "o-2 1")),
        (
            "order_reprioritised.v1",
            Event::OrderReprioritised(OrderReprioritised { id: id("o-1"), urgency: 9, eta: "2026-11-26T05:06:31Z".parse().ok() }),
        ),
        ("order_reprioritised.v1.bare", Event::OrderReprioritised(OrderReprioritised { id: id("o-1"), urgency: 9, eta: None })),
        ("order_withdrawn.v1", Event::OrderWithdrawn(OrderWithdrawn { id: id("o-1") })),
        ("plan_requested.v1", Event::PlanRequested(PlanRequested { request: request.clone(), due: ms(1_700_000_000_000) })),
        ("orders_dispatched.v1", Event::OrdersDispatched(OrdersDispatched { request, shares })),
        (
            "orders_dispatched.v1.any",
            Event::OrdersDispatched(OrdersDispatched { request: any, shares: vec![Share { agency: None, orders: vec![last] }] }),
        ),
    ]
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/pool"), Event::TYPES, &expected());
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_skipped() {
    unreadable::<Event>(Event::TYPES, &[("order_withdrawn", r#"{"id":"a","colour":"red"}"#), ("order_withdrawn", r#"{"id":"-"}"#)]);
}
