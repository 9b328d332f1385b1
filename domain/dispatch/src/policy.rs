//! What operational policy is to dispatch: where it is halted, nothing is assigned and no order is planned. What the levels
//! are is another context's business.

use ionveil_kernel::{Policy, PolicyLevel, Timestamp};
use std::fmt;

/// Why nothing is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The node of the policy tree that decided it.
    pub node: String,
    /// Since when the node has had the level; none if it always had.
    pub since: Option<Timestamp>,
    /// Who gave it the level.
    pub by: Option<String>,
}

impl Halt {
    /// The halt that is in force, if one is.
    pub(crate) fn of(policy: &Policy) -> Option<Box<Self>> {
        let by = policy.by.as_ref().map(ToString::to_string);
        let halt = || Box::new(Self { node: policy.node.clone().unwrap_or_default(), since: policy.since, by });
        (policy.level == PolicyLevel::Halted).then(halt)
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is assigned while the policy of {:?} is halted", self.node)?;
        self.by.as_ref().map_or(Ok(()), |by| write!(f, ", as set by {by}"))
    }
}
