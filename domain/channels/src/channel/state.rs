//! What is known of a channel.

use super::event::{Blocked, Setup};
use crate::breaker;
use crate::score;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The state. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly every channel that is asked for is there")]
pub enum State {
    /// Never created, or deleted.
    #[default]
    Absent,
    /// There.
    Live(Live),
}

/// A channel that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// What it is made of.
    pub setup: Arc<Setup>,
    /// Where its breaker stands.
    pub breaker: breaker::State,
    /// Its reliability, 0 to 1.
    pub reliability: f64,
    /// How long the last recorded attempt took, if that is known, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Who blocks it, if anybody does.
    pub blocked: Option<Blocked>,
    /// It asked to be left alone until then.
    pub skip_until: Option<Timestamp>,
}

impl State {
    /// The channel, if it is there.
    #[must_use]
    pub const fn live(&self) -> Option<&Live> {
        match self {
            Self::Absent => None,
            Self::Live(live) => Some(live),
        }
    }
}

impl Live {
    pub(super) fn new(setup: Arc<Setup>) -> Self {
        Self {
            setup,
            breaker: breaker::State::default(),
            reliability: score::RELIABILITY_AT_FIRST,
            latency_ms: None,
            blocked: None,
            skip_until: None,
        }
    }

    /// Whether a success of an attempt whose permit is of now would change nothing that is kept.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.breaker.is_quiet(&self.setup.breaker) && score::reliability(self.reliability, true) == self.reliability
    }

    /// Its block, if it is blocked at `now`.
    #[must_use]
    pub fn blocked_at(&self, now: Timestamp) -> Option<&Blocked> {
        self.blocked.as_ref().filter(|blocked| blocked.until.is_none_or(|until| now < until))
    }

    /// Until when it is left alone, if it is at `now`.
    #[must_use]
    pub fn skipped_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.skip_until.filter(|until| now < *until)
    }
}
