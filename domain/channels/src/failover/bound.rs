//! What the policy in force leaves of a dispatch (§2.3, §3.4): how many channels may be tried after the first one, and for how
//! long each is waited for. It is told with each step, as it is then: a level that was raised meanwhile binds what is left.

use ionveil_kernel::PolicyLevel;
use serde::{Deserialize, Serialize};

/// The limits of a level, and who decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The level in force where it happens.
    pub level: PolicyLevel,
    /// The node of the policy tree that decided it.
    pub node: String,
    /// The most attempts after the first one: the retries of the level.
    pub max_failovers: u32,
    /// For how long a call is waited for, in milliseconds.
    pub timeout_ms: u64,
}

impl Bound {
    /// Whether it cuts a call short whose own time limit is this, in milliseconds; none: it has none.
    #[must_use]
    pub fn is_below(&self, timeout_ms: Option<u64>) -> bool {
        timeout_ms.is_none_or(|own| self.timeout_ms < own)
    }
}

/// The most attempts after the first one: what was asked for, or less where a level says so.
#[must_use]
pub fn failovers_max(asked: u32, bound: Option<&Bound>) -> u32 {
    bound.map_or(asked, |bound| asked.min(bound.max_failovers))
}
