//! What can happen to a pool: stable type names, one schema version each.

use crate::eta::Eta;
use crate::pool::order::{Order, Why};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// An order came in.
        OrderPooled = "order_pooled" v 1,
        /// Its urgency or ETA changed.
        OrderReprioritised = "order_reprioritised" v 1,
        /// It was taken out unplanned.
        OrderWithdrawn = "order_withdrawn" v 1,
        /// A request waits for its window to end.
        PlanRequested = "plan_requested" v 1,
        /// A request was answered; the orders are out of the pool.
        OrdersDispatched = "orders_dispatched" v 1,
    }
}

/// Payload of [`Event::OrderPooled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderPooled {
    /// The insertion number, from 0 without gaps.
    pub number: u64,
    /// The order.
    pub order: Order,
}

/// Payload of [`Event::OrderReprioritised`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderReprioritised {
    /// The order.
    pub id: EntityId,
    /// The urgency from now on.
    pub urgency: i64,
    /// The ETA from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
}

/// Payload of [`Event::OrderWithdrawn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderWithdrawn {
    /// The order.
    pub id: EntityId,
}

/// Payload of [`Event::PlanRequested`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequested {
    /// What is asked.
    pub request: Request,
    /// When the window ends.
    pub due: Timestamp,
}

/// A checked request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Names it.
    pub id: EntityId,
    /// What it is after.
    pub wish: Wish,
}

/// What a request is after. Capacities below 0 are kept as 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// The first orders, whosever they are.
    Any(u64),
    /// The first orders of each agency.
    Agencies {
        /// Whose, and how many; no agency twice.
        shares: Vec<(EntityId, u64)>,
        /// Whether orders without an agency go to the first with room left.
        share_unowned: bool,
    },
}

/// Payload of [`Event::OrdersDispatched`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersDispatched {
    /// What was asked.
    pub request: Request,
    /// What each agency gets, in the order of the request; of [`Wish::Any`] one share without an agency.
    pub shares: Vec<Share>,
}

/// What one agency gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Which; none: whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<EntityId>,
    /// First to go first; its own before nobody's.
    pub orders: Vec<Planned>,
}

/// An order that is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// The order.
    pub order: Order,
    /// Why it came before the next one.
    pub why: Why,
}
