//! The smallest decider that is one: it counts up to a limit. For examples and for tests of what stands on deciders.
//!
//! ```
//! use ionveil_kernel::testkit::{Added, Count, Counter, given};
//!
//! let state = given(Counter { limit: 10 }, [((), Added(4))]).when(Count(5)).then([((), Added(5))]);
//! assert_eq!(state, 9);
//! given(Counter { limit: 10 }, [((), Added(4))]).when(Count(7)).then_rejected("too_much");
//! ```

use crate::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, StreamId};
use serde::{Deserialize, Serialize};

/// Counts up to `limit`.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// The sum that is never passed.
    pub limit: u64,
}

impl Default for Counter {
    fn default() -> Self {
        Self { limit: u64::MAX }
    }
}

/// Asks for so many more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count(pub u64);

/// So many were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added(pub u64);

/// The sum would pass the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit would be passed")]
pub struct TooMuch;

impl Rejection for TooMuch {
    fn code(&self) -> &'static str {
        "too_much"
    }
}

impl EventCodec for Added {
    fn event_type(&self) -> &'static str {
        "added"
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        serde_json::to_string(self).map_err(|error| DecodeError::invalid("added", error))
    }

    fn decode(event_type: &str, _schema_version: u32, data: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(data).map_err(|error| DecodeError::invalid(event_type, error))
    }
}

impl Decider for Counter {
    const KIND: &'static str = "counter";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = u64;
    type Command = Count;
    type Event = Added;
    type Rejection = TooMuch;

    fn initial(&self, _id: &StreamId) -> u64 {
        0
    }

    fn decide(&self, sum: &u64, command: &Count, _env: &DecideEnv<'_>) -> Result<Decision<Self>, TooMuch> {
        match sum.checked_add(command.0) {
            Some(sum) if sum <= self.limit => Ok(vec![((), Added(command.0))]),
            Some(_) | None => Err(TooMuch),
        }
    }

    fn evolve(&self, sum: u64, _part: &(), event: &Added) -> Result<u64, BrokenInvariant> {
        Ok(sum.saturating_add(event.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Added, Count, Counter, TooMuch};
    use crate::testkit::given;
    use crate::{Decider, EventCodec, Policy, Rejection, Timestamp};

    #[test]
    fn it_counts_up_to_its_limit_and_refuses_what_would_pass_it() {
        let ten = Counter { limit: 10 };
        assert_eq!(given(ten, [((), Added(4))]).when(Count(6)).then([((), Added(6))]), 10);
        let refusal = given(ten, [((), Added(4))]).at(Timestamp::from_micros(1)).under(Policy::default()).when(Count(7));
        assert_eq!(refusal.then_rejected("too_much"), TooMuch);
        assert_eq!(TooMuch.code(), "too_much");
    }

    #[test]
    fn without_a_limit_a_sum_that_does_not_fit_is_refused() {
        given(Counter::default(), [((), Added(u64::MAX))]).when(Count(1)).then_rejected("too_much");
    }

    #[test]
    fn a_text_that_is_no_number_is_no_event() {
        let error = Added::decode("added", 1, "\"much\"").expect_err("not a number");
        assert!(error.to_string().contains("added"), "{error}");
    }

    #[test]
    fn it_wishes_for_no_timer_and_knows_none() {
        assert!(Counter::default().timers(&3).is_empty());
        assert_eq!(Counter::default().on_timer("any", Timestamp::from_micros(0)), None);
    }
}
