//! Work that policy can stop, as the views keep it: by scope, so that a preview asks for each scope once, however many
//! pieces of work there were.

use crate::ViewsError;
use ionveil_kernel::{EntityId, Org, Recorded, Timestamp};
use ionveil_policy::preview::WorkKind;

/// What policy judges work by: all work of one scope passes or is refused together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkScope {
    /// The kind of work.
    pub kind: WorkKind,
    /// The nodes that it was subject to.
    pub nodes: Vec<EntityId>,
}

/// How much work of a scope there was in a time range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeCount {
    /// The scope.
    pub scope: WorkScope,
    /// How many pieces of work, at least one.
    pub count: u64,
    /// When the first of them happened.
    pub first: Timestamp,
}

/// Where a piece of work is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkPlace {
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The partition of its event.
    pub partition: u16,
    /// The position of its event.
    pub position: u64,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkRow {
    pub(crate) org: Org,
    pub(crate) scope: WorkScope,
    pub(crate) place: WorkPlace,
}

impl WorkRow {
    pub(crate) fn new(kind: WorkKind, nodes: Vec<EntityId>, event: &Recorded) -> Self {
        let place = WorkPlace { occurred_at: event.occurred_at, partition: event.partition, position: event.position };
        Self { org: event.stream.org.clone(), scope: WorkScope { kind, nodes }, place }
    }
}

impl WorkScope {
    /// The key in the table.
    pub(crate) fn to_text(&self) -> Result<String, ViewsError> {
        serde_json::to_string(&(self.kind, &self.nodes)).map_err(|error| ViewsError::Invalid(error.to_string()))
    }

    /// The scope of a key in the table.
    pub(crate) fn from_text(text: &str) -> Result<Self, ViewsError> {
        let (kind, nodes) = serde_json::from_str(text).map_err(|error| ViewsError::Corrupt(format!("scope {text:?}: {error}")))?;
        Ok(Self { kind, nodes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_back_from_its_key() {
        let node = |name| EntityId::new(name).unwrap();
        for (nodes, key) in [(vec![], r#"["assign",[]]"#), (vec![node("B09.39"), node("AMR")], r#"["assign",["B09.39","AMR"]]"#)] {
            let scope = WorkScope { kind: WorkKind::Assign, nodes };
            assert_eq!(scope.to_text().unwrap(), key);
            assert_eq!(WorkScope::from_text(key).unwrap(), scope);
        }
        for corrupt in ["", "[]", r#"["dance",[]]"#, r#"["assign",["-"]]"#] {
            assert!(WorkScope::from_text(corrupt).is_err(), "{corrupt}");
        }
    }
}
