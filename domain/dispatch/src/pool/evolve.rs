//! How an event changes a pool: total over lawful pairs, loud about all others (the invariants of `mod.rs`).

use crate::pool::KIND;
use crate::pool::event::{Event, OrderPooled, OrderReprioritised, OrdersDispatched, PlanRequested, Planned};
use crate::pool::order::Order;
use crate::pool::state::{Answer, State, Window};
use ionveil_kernel::{BrokenInvariant, EntityId};
use std::sync::Arc;

type Evolved = Result<(), BrokenInvariant>;

fn broken(number: u16, detail: String) -> BrokenInvariant {
    BrokenInvariant { kind: KIND, number, detail }
}

/// Changes the state as the event says.
pub(crate) fn apply(state: &mut State, event: &Event) -> Evolved {
    match event {
        Event::OrderPooled(event) => pooled(state, event),
        Event::OrderReprioritised(event) => reprioritised(state, event),
        Event::OrderWithdrawn(event) => take_out(state, &event.id, 2).map(drop),
        Event::PlanRequested(event) => requested(state, event),
        Event::OrdersDispatched(event) => dispatched(state, event),
    }
}

fn pooled(state: &mut State, OrderPooled { number, order }: &OrderPooled) -> Evolved {
    if *number != state.next || state.has(&order.id) {
        return Err(broken(1, format!("order {} cannot be put in as number {number}", order.id)));
    }
    state.next += 1;
    state.put_in(order.clone(), *number);
    Ok(())
}

fn take_out(state: &mut State, id: &EntityId, invariant: u16) -> Result<(u64, Arc<Order>), BrokenInvariant> {
    state.take_out(id).ok_or_else(|| broken(invariant, format!("order {id} does not wait")))
}

fn reprioritised(state: &mut State, event: &OrderReprioritised) -> Evolved {
    let (number, order) = take_out(state, &event.id, 2)?;
    let order = Arc::unwrap_or_clone(order);
    state.put_in(Order { urgency: event.urgency, eta: event.eta, ..order }, number);
    Ok(())
}

fn requested(state: &mut State, PlanRequested { request, due }: &PlanRequested) -> Evolved {
    if state.asked(&request.id).is_some() || state.window_due().is_some_and(|other| other != *due) {
        return Err(broken(3, format!("request {} cannot wait", request.id)));
    }
    let window = state.window.get_or_insert_with(|| Arc::new(Window { due: *due, requests: Vec::new() }));
    Arc::make_mut(window).requests.push(request.clone());
    Ok(())
}

fn dispatched(state: &mut State, OrdersDispatched { request, shares }: &OrdersDispatched) -> Evolved {
    let was_answered = state.window.is_none() && state.asked(&request.id).is_some();
    match &mut state.window {
        Some(window) if window.requests.first() == Some(request) => {
            let window = Arc::make_mut(window);
            window.requests.remove(0);
            if window.requests.is_empty() {
                state.window = None;
            }
        }
        Some(_) => return Err(broken(4, format!("request {} is not the first that waits", request.id))),
        None if was_answered => return Err(broken(3, format!("request {} was answered", request.id))),
        None => {}
    }
    for Planned { order, .. } in shares.iter().flat_map(|share| &share.orders) {
        let (_, waiting) = take_out(state, &order.id, 5)?;
        if *waiting != *order {
            return Err(broken(5, format!("order {} is not what waited", order.id)));
        }
    }
    state.answers.remember(Answer { request: request.clone(), shares: shares.clone() });
    Ok(())
}
