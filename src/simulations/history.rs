//! Patterns from history: the outcomes that the engines of some nodes took in, read from the journal.

use super::run::Run;
use ionveil_journal::{Filter, Store, StoreError};
use ionveil_kernel::{DecodeError, EntityId, EventCodec as _, Kind, Org, Recorded, Timestamp};
use ionveil_policy::engine::{self, Event};
use ionveil_policy::simulation::{EVENTS_MAX, Events, FaultKind, Faults, History, Pattern};
use ionveil_policy::tree::Snapshot;
use std::collections::BTreeSet;
use std::time::Duration;

/// How many events are read at a time.
const CHUNK: usize = 1_000;
/// An outcome may have been recorded so long before it happened: by so much the clocks of clients may be ahead.
pub const SCAN_EARLIER: Duration = Duration::from_mins(5);

/// Why the outcomes of a pattern are not at hand.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The tree has no node of the scope's id.
    #[error("there is no policy node {0:?}")]
    UnknownNode(String),
    /// There are more than [`EVENTS_MAX`].
    #[error("the history has more than {EVENTS_MAX} outcomes; ask for a shorter range or for a smaller scope")]
    TooLong,
    /// The generator's numbers make no sense after all.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// The journal.
    #[error("read the history")]
    Store(#[from] StoreError),
    /// An outcome that cannot be read.
    #[error("read a recorded outcome")]
    Decode(#[from] DecodeError),
    /// It was called off.
    #[error("the simulation was stopped")]
    Stopped,
}

impl Unread {
    /// The same with its stable code in front, as a simulation keeps it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::UnknownNode(_) => format!("unknown_node: {self}"),
            Self::TooLong => format!("pattern_too_long: {self}"),
            Self::Faults(_) | Self::Store(_) | Self::Decode(_) | Self::Stopped => self.to_string(),
        }
    }
}

/// Whose outcomes are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's, also those of nodes that are gone: the root was named.
    All,
    /// Those of these nodes.
    Nodes(BTreeSet<EntityId>),
}

impl Scope {
    /// A node and all below it, as the tree stands now; none if there is no such node.
    #[must_use]
    pub fn of(tree: &Snapshot, node: &str) -> Option<Self> {
        let id = EntityId::new(node).ok()?;
        tree.resolve(&id)?;
        if tree.root().is_some_and(|root| *root.id() == id) {
            return Some(Self::All);
        }
        Some(Self::Nodes(tree.resolve_all(&id).map(|node| node.id().clone()).collect()))
    }

    fn has(&self, node: &EntityId) -> bool {
        match self {
            Self::All => true,
            Self::Nodes(nodes) => nodes.contains(node),
        }
    }
}

/// The outcomes of a pattern before they are put in order.
pub(super) enum Outcomes {
    /// The pattern has them or makes them.
    Made(Pattern),
    /// They were read.
    Read(History, Vec<(Timestamp, bool)>),
}

impl Outcomes {
    /// In order. It may take seconds.
    pub(super) fn events(self) -> Result<Events, Unread> {
        match self {
            // A history was read before.
            Self::Made(pattern) => Ok(pattern.events()?.unwrap_or_default()),
            Self::Read(range, outcomes) => Events::of_history(outcomes, range.from, range.to).map_err(|kind| match kind {
                FaultKind::PatternTooLong => Unread::TooLong,
                other => unreachable!("times have no other fault: {other}"),
            }),
        }
    }
}

/// Reads what was committed when it began, partition by partition. Outcomes of one instant keep the order of their
/// partition, and of partitions that of their numbers, so that the same history is always the same pattern.
pub(super) async fn read(store: &dyn Store, org: &Org, tree: &Snapshot, range: &History, run: &Run) -> Result<Outcomes, Unread> {
    let scope = Scope::of(tree, &range.scope).ok_or_else(|| Unread::UnknownNode(range.scope.clone()))?;
    let kind = Kind::new(engine::KIND).unwrap_or_else(|_| unreachable!("a lawful kind"));
    let since = Timestamp::from_micros(range.from.micros().saturating_sub(i64::try_from(SCAN_EARLIER.as_micros()).unwrap_or(i64::MAX)));
    let filter = Filter { org: Some(org.clone()), kind: Some(kind), since: Some(since), ..Filter::default() };
    let mut wanted = Wanted { scope, from: range.from, to: range.to, found: Vec::new(), most: EVENTS_MAX };
    for (partition, head) in (0..).zip(store.heads().await?) {
        let mut after = 0;
        while after < head {
            if run.is_stopped() {
                return Err(Unread::Stopped);
            }
            let page = store.read_partition(partition, after, CHUNK, &filter).await?;
            page.events.iter().filter(|event| event.position <= head).try_for_each(|event| wanted.take(event))?;
            after = page.scanned_to.max(after + 1);
        }
    }
    Ok(Outcomes::Read(range.clone(), wanted.found))
}

/// What is picked out of what was recorded.
struct Wanted {
    scope: Scope,
    from: Timestamp,
    to: Timestamp,
    found: Vec<(Timestamp, bool)>,
    most: usize,
}

impl Wanted {
    fn take(&mut self, event: &Recorded) -> Result<(), Unread> {
        if !(self.from..self.to).contains(&event.occurred_at) || !self.scope.has(&event.stream.id) {
            return Ok(());
        }
        let Event::OutcomeRecorded(outcome) = Event::decode(&event.event_type, event.schema_version, &event.data)? else { return Ok(()) };
        if self.found.len() >= self.most {
            return Err(Unread::TooLong);
        }
        self.found.push((event.occurred_at, outcome.success));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::{CorrelationId, EventId};
    use uuid::Uuid;

    fn recorded(node: &str, event_type: &'static str, second: i64, data: &str) -> Recorded {
        let stream: ionveil_kernel::StreamId = format!("policy-engine:acme:{node}").parse().unwrap();
        Recorded {
            event_id: EventId(Uuid::nil()),
            owner: stream.clone(),
            stream,
            sequence_number: 1,
            partition: 0,
            position: 1,
            event_type: event_type.into(),
            schema_version: 1,
            data: data.to_owned(),
            occurred_at: Timestamp::from_micros(second * 1_000_000),
            recorded_at: Timestamp::from_micros(0),
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: Uuid::nil(),
            actor: "user:x".into(),
            traceparent: None,
        }
    }

    #[test]
    fn only_outcomes_of_the_scope_and_the_range_are_taken_and_no_more_than_there_may_be() {
        let of = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let nodes = BTreeSet::from([EntityId::new("a").unwrap()]);
        let mut wanted = Wanted { scope: Scope::Nodes(nodes), from: of(10), to: of(20), found: Vec::new(), most: 2 };
        let outcome = r#"{"success": true, "streak": 1, "burst": 0, "policy": {"level": "normal", "version": 0}}"#;
        let reset = r#"{"level": "normal", "term": 1, "at": 0}"#;
        for (node, event_type, second, data, found) in [
            ("a", "outcome_recorded", 9, outcome, 0),
            ("a", "outcome_recorded", 10, outcome, 1),
            ("b", "outcome_recorded", 11, outcome, 1),
            ("a", "reset", 12, reset, 1),
            ("a", "outcome_recorded", 19, outcome, 2),
            ("a", "outcome_recorded", 20, outcome, 2),
        ] {
            wanted.take(&recorded(node, event_type, second, data)).unwrap();
            assert_eq!(wanted.found.len(), found, "{node} {event_type} {second}");
        }
        assert!(matches!(wanted.take(&recorded("a", "outcome_recorded", 15, outcome)), Err(Unread::TooLong)));
        assert!(Unread::TooLong.told().starts_with("pattern_too_long: "));
        assert!(matches!(wanted.take(&recorded("a", "outcome_recorded", 15, "{}")), Err(Unread::Decode(_))));
    }
}
