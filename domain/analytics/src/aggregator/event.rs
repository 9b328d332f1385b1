//! What can happen to an aggregator.

use crate::observation::Observation;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// A dispatch was observed.
        DispatchObserved = "dispatch_observed" v 1,
    }
}

/// Payload of [`Event::DispatchObserved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchObserved {
    /// The dispatch.
    pub observation: Observation,
    /// When it was taken in.
    pub received_at: Timestamp,
}
