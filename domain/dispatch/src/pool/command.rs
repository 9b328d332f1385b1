//! What can be asked of a pool.

use crate::pool::order::RawOrder;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with [`Self::command_type`] in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Puts orders in, all or none.
    Insert {
        /// 1 to [`ORDERS_PER_INSERT_MAX`](crate::pool::ORDERS_PER_INSERT_MAX).
        orders: Vec<RawOrder>,
    },
    /// Changes urgency or ETA of an order that waits; its place among equals stays that of its arrival.
    Reprioritise {
        /// The order.
        id: String,
        /// The urgency from now on; none: as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        urgency: Option<i64>,
        /// The ETA from now on, empty for none; none: as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        eta: Option<String>,
    },
    /// Takes an order out that is no longer wanted.
    Cancel {
        /// The order.
        id: String,
    },
    /// Takes the first orders, whosever they are.
    Take {
        /// A repeat is answered as the first was.
        request_id: String,
        /// At most so many; 0 and below: none.
        capacity: i64,
    },
    /// Takes the first orders of several agencies in one pass.
    TakeBatch {
        /// A repeat is answered as the first was.
        request_id: String,
        /// Whose, and how many.
        requests: Vec<AgencyRequest>,
        /// Whether orders without an agency go to the first of them that has room left.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        share_unowned: bool,
    },
    /// Answers the requests that were gathered. From the timer only.
    CloseWindow {
        /// When the window ends; another one is left alone.
        due: Timestamp,
    },
}

/// How many orders an agency can take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgencyRequest {
    /// The agency.
    pub agency: String,
    /// At most so many; 0 and below: none.
    pub capacity: i64,
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Insert { .. } => "insert",
            Self::Reprioritise { .. } => "reprioritise",
            Self::Cancel { .. } => "cancel",
            Self::Take { .. } => "take",
            Self::TakeBatch { .. } => "take_batch",
            Self::CloseWindow { .. } => "close_window",
        }
    }
}
