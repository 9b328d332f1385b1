//! Work that policy can stop, as the views keep it: by scope, so that a preview asks for each scope once, however many
//! pieces of work there were.

use crate::ViewsError;
use ionveil_channels::failover;
use ionveil_dispatch::{assignment, pool};
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Org, PolicyLevel, Recorded, Timestamp};
use ionveil_policy::level;
use ionveil_policy::preview::WorkKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// What policy judges work by: all work of one scope passes or is refused together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkScope {
    /// The kind of work.
    pub kind: WorkKind,
    /// The nodes that it was subject to.
    pub nodes: Vec<EntityId>,
    /// The mildest level whose limits its calls went over; none: it was accepted.
    pub over: Option<PolicyLevel>,
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
    pub(crate) fn new(scope: WorkScope, event: &Recorded) -> Self {
        let place = WorkPlace { occurred_at: event.occurred_at, partition: event.partition, position: event.position };
        Self { org: event.stream.org.clone(), scope, place }
    }
}

/// The scope of the work that an event records, if it records any. What workflows assign shows only in their rows.
///
/// # Errors
/// [`DecodeError`] if the event cannot be read.
pub(crate) fn scope_of(event: &Recorded) -> Result<Option<WorkScope>, DecodeError> {
    let accepted = |kind, zone: Option<EntityId>| WorkScope { kind, nodes: zone.into_iter().collect(), over: None };
    let over = |retries, longest_ms, zone| {
        let over = level::over_from(retries, Duration::from_millis(longest_ms))?;
        Some(WorkScope { over: Some(over), ..accepted(WorkKind::Send, zone) })
    };
    let (event_type, version, data) = (&*event.event_type, event.schema_version, &event.data);
    Ok(match (event.stream.kind.as_str(), event_type) {
        (assignment::KIND, "begun") => match assignment::Event::decode(event_type, version, data)? {
            assignment::Event::Begun(begun) => Some(accepted(WorkKind::Assign, begun.zone)),
            _ => None,
        },
        // All agencies are planned together, under the policy of the whole organisation.
        (pool::KIND, "orders_dispatched") => Some(accepted(WorkKind::Plan, None)),
        (failover::KIND, _) => match failover::Event::decode(event_type, version, data)? {
            failover::Event::Requested(event) => Some(accepted(WorkKind::Send, event.zone)),
            failover::Event::RouteSelected(event) => over(event.failovers, event.longest_ms, event.zone),
            failover::Event::FailoverExhausted(event) => over(event.attempts.saturating_sub(1), event.longest_ms, event.zone),
            _ => None,
        },
        _ => None,
    })
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
        let Self { kind, nodes, over } = self;
        let text = over.map_or_else(|| serde_json::to_string(&(kind, nodes)), |over| serde_json::to_string(&(kind, nodes, over)));
        text.map_err(|error| ViewsError::Invalid(error.to_string()))
    }

    /// The scope of a key in the table.
    pub(crate) fn from_text(text: &str) -> Result<Self, ViewsError> {
        let over = serde_json::from_str(text).map(|(kind, nodes, over)| Self { kind, nodes, over: Some(over) });
        let any = over.or_else(|_| serde_json::from_str(text).map(|(kind, nodes)| Self { kind, nodes, over: None }));
        any.map_err(|error| ViewsError::Corrupt(format!("scope {text:?}: {error}")))
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
        for (nodes, over, key) in [
            (vec![], None, r#"["assign",[]]"#),
            (vec![node("B09.39"), node("AMR")], None, r#"["assign",["B09.39","AMR"]]"#),
            (vec![node("B09.39")], Some(PolicyLevel::Watch), r#"["assign",["B09.39"],"watch"]"#),
        ] {
            let scope = WorkScope { kind: WorkKind::Assign, nodes, over };
            assert_eq!(scope.to_text().unwrap(), key);
            assert_eq!(WorkScope::from_text(key).unwrap(), scope);
        }
        for corrupt in ["", "[]", r#"["dance",[]]"#, r#"["assign",["-"]]"#, r#"["assign",[],"lax"]"#] {
            assert!(WorkScope::from_text(corrupt).is_err(), "{corrupt}");
        }
    }
}
