//! Operational policy as decisions see it. What a level means to a kind of work is said by its decider; who sets levels is one
//! context's business.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How tight operations are run: `Normal < Watch < Restricted < Halted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLevel {
    /// Everything runs.
    #[default]
    Normal,
    /// Everything runs, observed.
    Watch,
    /// Only what matters runs.
    Restricted,
    /// Nothing new runs.
    Halted,
}

/// The policy that a decision was made under, recorded where it mattered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The level in force.
    pub level: PolicyLevel,
    /// The node of the policy tree that decided it, if there is a tree.
    pub node: Option<String>,
    /// The version of the tree.
    pub version: u64,
    /// Since when that node has had the level; none if it always had.
    pub since: Option<Timestamp>,
    /// Who gave it the level: a person's subject, or the engine.
    pub by: Option<Arc<str>>,
}

/// Who halted what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The node of the policy tree that decided it.
    pub node: String,
    /// Since when the node has had the level; none if it always had.
    pub since: Option<Timestamp>,
    /// Who gave it the level.
    pub by: Option<String>,
}

impl Policy {
    /// The halt that is in force, if one is.
    #[must_use]
    pub fn halt(&self) -> Option<Box<Halt>> {
        let by = self.by.as_ref().map(ToString::to_string);
        let halt = || Box::new(Halt { node: self.node.clone().unwrap_or_default(), since: self.since, by });
        (self.level == PolicyLevel::Halted).then(halt)
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the policy of {:?} is halted", self.node)?;
        self.by.as_ref().map_or(Ok(()), |by| write!(f, ", as set by {by}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_highest_level_halts() {
        let of = |level| Policy { level, node: Some("B09".into()), by: Some("user:jane".into()), ..Policy::default() };
        for level in [PolicyLevel::Normal, PolicyLevel::Watch, PolicyLevel::Restricted] {
            assert_eq!(of(level).halt(), None);
        }
        assert_eq!(of(PolicyLevel::Halted).halt().unwrap().to_string(), r#"the policy of "B09" is halted, as set by user:jane"#);
        let nobody = Policy { by: None, ..of(PolicyLevel::Halted) };
        assert_eq!(nobody.halt().unwrap().to_string(), r#"the policy of "B09" is halted"#);
    }
}
