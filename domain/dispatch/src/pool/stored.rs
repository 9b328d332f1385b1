//! The form of a pool's snapshot: the orders in the order in which they go, what waits, what was answered. The indexes are
//! built anew; what does not make a pool is refused.

use crate::pool::order::Order;
use crate::pool::state::{Answer, Answers, State, Window};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A stored pool.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    next: u64,
    orders: Vec<(u64, Order)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    answered: u64,
    answers: Vec<Answer>,
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        Self {
            next: state.next,
            orders: state.orders.iter().map(|(key, order)| (key.number, Order::clone(order))).collect(),
            window: state.window.map(Arc::unwrap_or_clone),
            answered: state.answers.count(),
            answers: state.answers.iter().cloned().collect(),
        }
    }
}

impl TryFrom<Stored> for State {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored { next, orders, window, answered, answers } = stored;
        let first = answered.checked_sub(answers.len() as u64).ok_or("more answers than were given")?;
        let mut state = Self { next, window: window.map(Arc::new), answers: Answers::restore(first, answers), ..Self::default() };
        for (number, order) in orders {
            if number >= next || state.has(&order.id) {
                return Err(format!("the order {} does not fit into the pool", order.id));
            }
            state.put_in(order, number);
        }
        Ok(state)
    }
}
