//! Accepted work, judged by the tree as it is and by the tree as it would be.
//!
//! Only what the change alone would have stopped counts: what the tree of today stops as well is no reason against it.

use crate::level;
use crate::preview::work::{Work, WorkKind};
use crate::tree::{Resolved, Snapshot, State};
use ionveil_kernel::{EntityId, PolicyLevel};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most examples that are kept: the first ones by time.
pub const EXAMPLES_MAX: usize = 10;

/// Two trees that work is judged by.
#[derive(Clone, Debug)]
pub struct Replay {
    before: Snapshot,
    after: Snapshot,
}

/// How much work was concerned, and the first of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many pieces by kind; a kind without any is not there.
    pub by_kind: BTreeMap<WorkKind, u64>,
    /// The first by time, at most [`EXAMPLES_MAX`], each with the node that decides.
    pub examples: Vec<Refused>,
}

/// A piece of work that the change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The work.
    pub work: Work,
    /// The node that would decide.
    pub node: EntityId,
}

impl Sum {
    /// How many pieces of work.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind.values().sum()
    }

    /// Counts `times` pieces of work of a kind.
    pub fn count(&mut self, kind: WorkKind, times: u64) {
        if times > 0 {
            *self.by_kind.entry(kind).or_default() += times;
        }
    }

    /// Keeps an example if it is one of the first; of the same time the first in the order of streams.
    pub fn show(&mut self, example: Refused) {
        let key = |one: &Refused| (one.work.occurred_at, one.work.stream.to_string());
        let place = self.examples.partition_point(|known| key(known) <= key(&example));
        self.examples.insert(place, example);
        self.examples.truncate(EXAMPLES_MAX);
    }
}

impl Replay {
    /// Judges by the tree as it is and as it would be.
    #[must_use]
    pub fn new(before: &State, after: &State) -> Self {
        Self { before: Snapshot::of(before), after: Snapshot::of(after) }
    }

    /// Whether the change halts any node. If it does not, it refuses nothing, whatever the work.
    #[must_use]
    pub fn halts(&self) -> bool {
        self.before.all().chain(self.after.all()).any(|node| self.refuses(std::slice::from_ref(node.id())).is_some())
    }

    /// The node that would refuse work at these nodes because of the change; none if it would pass, or is refused already.
    #[must_use]
    pub fn refuses(&self, nodes: &[EntityId]) -> Option<&EntityId> {
        let halted = |node: &Resolved<'_>| node.effective() == PolicyLevel::Halted;
        if self.before.stricter(nodes).is_some_and(|node| halted(&node)) {
            return None;
        }
        self.after.stricter(nodes).filter(halted).map(|node| node.deciding_node())
    }

    /// The node whose limits on retries and timeouts the work would have gone over because of the change, and had kept to
    /// without it. Of work that made no calls, none.
    #[must_use]
    pub fn over_limit(&self, work: &Work) -> Option<&EntityId> {
        let over = |node: &Resolved<'_>| exceeds(work, node.effective());
        if self.before.stricter(&work.nodes).is_some_and(|node| over(&node)) {
            return None;
        }
        self.after.stricter(&work.nodes).filter(over).map(|node| node.deciding_node())
    }

    /// What of the `work` would have been refused.
    #[must_use]
    pub fn refused(&self, work: impl IntoIterator<Item = Work>) -> Sum {
        sum(work, |work| self.refuses(&work.nodes))
    }

    /// What of the `work` would have gone over the limits.
    #[must_use]
    pub fn over_limits(&self, work: impl IntoIterator<Item = Work>) -> Sum {
        sum(work, |work| self.over_limit(work))
    }
}

/// Whether the calls of `work` went over the limits of `level`.
fn exceeds(work: &Work, level: PolicyLevel) -> bool {
    let retries = work.attempts.is_some_and(|attempts| attempts > level::retries_max(level));
    retries || work.timeout.is_some_and(|timeout| timeout > Duration::from_secs(level::timeout_s(level)))
}

fn sum<'a>(work: impl IntoIterator<Item = Work>, judge: impl Fn(&Work) -> Option<&'a EntityId>) -> Sum {
    let mut sum = Sum::default();
    for work in work {
        if let Some(node) = judge(&work).cloned() {
            sum.count(work.kind, 1);
            sum.show(Refused { work, node });
        }
    }
    sum
}
