//! Accepted work, judged by the tree as it is and by the tree as it would be.
//!
//! Only what the change alone would have stopped counts: what the tree of today stops as well is no reason against it.

use crate::preview::work::{Work, WorkKind};
use crate::tree::{Resolved, Snapshot, State};
use ionveil_kernel::{EntityId, PolicyLevel};
use std::collections::BTreeMap;

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

    /// Whether the change makes any node stricter. If it does not, it concerns no work.
    #[must_use]
    pub fn tightens(&self) -> bool {
        let stricter = |id| {
            let level = |tree: &Snapshot| tree.stricter([id]).map(|node| node.effective());
            level(&self.before) < level(&self.after)
        };
        self.before.all().chain(self.after.all()).any(|node| stricter(node.id()))
    }

    /// The node that decides, if work at these nodes comes to `line` or beyond because of the change; none if it does not, or
    /// was there already. The line of accepted work is *halted*, which refuses it.
    #[must_use]
    pub fn reaches(&self, nodes: &[EntityId], line: PolicyLevel) -> Option<&EntityId> {
        let beyond = |node: &Resolved<'_>| node.effective() >= line;
        if self.before.stricter(nodes).is_some_and(|node| beyond(&node)) {
            return None;
        }
        self.after.stricter(nodes).filter(beyond).map(|node| node.deciding_node())
    }

    /// What of the `work` the change concerns: what it would have refused, and what it would have put over the limits.
    #[must_use]
    pub fn concerned(&self, work: impl IntoIterator<Item = Work>) -> (Sum, Sum) {
        let (mut refused, mut over) = (Sum::default(), Sum::default());
        for work in work {
            if let Some(node) = self.reaches(&work.nodes, work.over.unwrap_or(PolicyLevel::Halted)).cloned() {
                let sum = if work.over.is_none() { &mut refused } else { &mut over };
                sum.count(work.kind, 1);
                sum.show(Refused { work, node });
            }
        }
        (refused, over)
    }
}
