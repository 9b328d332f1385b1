//! Work that policy can stop, as the views keep it: by scope, so that a preview asks for each scope once, however many
//! pieces of work there were.

use crate::ViewsError;
use ionveil_kernel::{EntityId, Org, Recorded, Timestamp};
use ionveil_policy::preview::WorkKind;
use std::collections::BTreeMap;

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

const HOUR: i64 = 3_600_000_000;

/// How many pieces of work of a scope there were in an hour: organisation, key of the scope, hours since 1970, number. In
/// the order of the key, so that two who add to the same hours never wait for each other in a circle.
pub(crate) fn by_hour(rows: &[WorkRow]) -> Result<Vec<(&Org, String, i64, i64)>, ViewsError> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry((&row.org, row.scope.to_text()?, row.place.occurred_at.micros().div_euclid(HOUR))).or_insert(0) += 1;
    }
    Ok(counts.into_iter().map(|((org, scope, hour), count)| (org, scope, hour, count)).collect())
}

/// A time range as its whole hours and what lies before and behind them; each with its end left out, instants in
/// microseconds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) before: (i64, i64),
    pub(crate) hours: (i64, i64),
    pub(crate) behind: (i64, i64),
}

impl Span {
    pub(crate) fn of(from: Timestamp, to: Timestamp) -> Self {
        let (from, to) = (from.micros(), to.micros());
        // The first whole hour, and the one that is not whole any more.
        let (first, last) = (from.div_euclid(HOUR) + i64::from(from.rem_euclid(HOUR) > 0), to.div_euclid(HOUR));
        if first >= last {
            return Self { before: (from, to), hours: (0, 0), behind: (to, to) };
        }
        Self { before: (from, first * HOUR), hours: (first, last), behind: (last * HOUR, to) }
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
    fn a_time_range_falls_into_whole_hours_and_what_is_left() {
        let span = |from, to| Span::of(Timestamp::from_micros(from), Timestamp::from_micros(to));
        let left = |from, to| Span { before: (from, to), hours: (0, 0), behind: (to, to) };
        assert_eq!(span(0, HOUR), Span { before: (0, 0), hours: (0, 1), behind: (HOUR, HOUR) });
        assert_eq!(span(1, 3 * HOUR + 5), Span { before: (1, HOUR), hours: (1, 3), behind: (3 * HOUR, 3 * HOUR + 5) });
        assert_eq!(span(-HOUR - 1, HOUR - 1), Span { before: (-HOUR - 1, -HOUR), hours: (-1, 0), behind: (0, HOUR - 1) });
        for (from, to) in [(1, HOUR), (1, 2 * HOUR - 1), (5, 5), (HOUR - 1, HOUR + 1), (9, 3)] {
            assert_eq!(span(from, to), left(from, to));
        }
        let all = Span::of(Timestamp::MIN, Timestamp::MAX);
        assert_eq!((all.before.0, all.behind.1), (Timestamp::MIN.micros(), Timestamp::MAX.micros()));
        assert_eq!((all.before.1, all.behind.0), (all.hours.0 * HOUR, all.hours.1 * HOUR));
    }

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
