//! Which orders a request gets, and why in this order. Reads as many orders as it gives.

use crate::pool::event::{OrdersDispatched, Planned, Request, Share, Wish};
use crate::pool::order::{Key, Order, Reason, Why};
use crate::pool::state::State;
use ionveil_kernel::EntityId;
use std::iter::Peekable;

/// What the request gets from the pool as it is.
pub(crate) fn answer(state: &State, request: &Request) -> OrdersDispatched {
    let shares = match &request.wish {
        Wish::Any(capacity) => {
            let mut all = state.orders.iter().map(|(key, order)| (*key, &**order)).peekable();
            vec![Share { agency: None, orders: first(&mut all, *capacity) }]
        }
        Wish::Agencies { shares, share_unowned } => agencies(state, shares, *share_unowned),
    };
    OrdersDispatched { request: request.clone(), shares }
}

fn agencies(state: &State, wishes: &[(EntityId, u64)], share_unowned: bool) -> Vec<Share> {
    let mut unowned = orders_of(state, &None);
    let share = |(agency, capacity): &(EntityId, u64)| {
        let agency = Some(agency.clone());
        let mut orders = first(&mut orders_of(state, &agency), *capacity);
        let room = capacity.saturating_sub(orders.len() as u64);
        if share_unowned && room > 0 {
            // There is room, so nothing of its own is behind its last one.
            if let (Some(last), Some((_, next))) = (orders.last_mut(), unowned.peek()) {
                last.why = Why { before: Some(next.id.clone()), reason: Reason::OwnBeforeUnowned };
            }
            orders.extend(first(&mut unowned, room));
        }
        Share { agency, orders }
    };
    wishes.iter().map(share).collect()
}

/// The orders of an agency, or nobody's, first to go first.
fn orders_of<'a>(state: &'a State, agency: &Option<EntityId>) -> Peekable<impl Iterator<Item = (Key, &'a Order)> + use<'a>> {
    state.keys_of(agency).filter_map(|key| state.orders.get(&key).map(|order| (key, &**order))).peekable()
}

/// The first `room` orders of `rest`, each with why it came before the next one.
fn first<'a>(rest: &mut Peekable<impl Iterator<Item = (Key, &'a Order)>>, room: u64) -> Vec<Planned> {
    let mut planned = Vec::new();
    while (planned.len() as u64) < room {
        let Some((key, order)) = rest.next() else { break };
        let why = Why::of(key, rest.peek().map(|(key, order)| (*key, &order.id)));
        planned.push(Planned { order: order.clone(), why });
    }
    planned
}
