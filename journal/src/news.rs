//! Who is told what of a commit: whoever waits for his append, and whoever waits for news of any.

use crate::journal::{AppendFailure, OnOutcome, Outcome};
use crate::{Append, TimerChangeKind};
use ionveil_kernel::{Kind, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// What became of a batch, and who does not know it yet.
#[derive(Default)]
pub(crate) struct Untold(pub(crate) Vec<(Append, OnOutcome, Outcome)>);

impl Untold {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells everybody, in the order of the batch.
    pub(crate) fn tell(self, news: &News) {
        let (mut committed, mut ends, mut armed) = (Vec::with_capacity(self.0.len()), Vec::with_capacity(self.0.len()), None);
        for (append, done, outcome) in self.0 {
            armed = armed.into_iter().chain(may_have_armed(&append, &outcome)).min();
            if let Outcome::Committed(receipt) = &outcome {
                committed.push(append);
                ends.push((receipt.partition, receipt.position));
            }
            done(outcome);
        }
        news.committed(&committed, &ends);
        news.is_armed(armed);
    }
}

/// What a writer tells those who wait for news. Of counters only that they changed means anything.
pub(crate) struct News {
    /// Something was committed.
    pub(crate) commits: watch::Sender<u64>,
    /// When the earliest timer is due that somebody knows of, or that was armed, or may have been, since he looked.
    pub(crate) armed: watch::Sender<Timestamp>,
    /// Something was committed to a stream of this kind; there are those that somebody has asked for.
    kinds: Mutex<BTreeMap<Kind, watch::Sender<u64>>>,
    /// By partition: the last position that this node has committed.
    written: Mutex<BTreeMap<u16, u64>>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            commits: watch::Sender::default(),
            armed: watch::Sender::new(Timestamp::MAX),
            kinds: Mutex::default(),
            written: Mutex::default(),
        }
    }
}

impl News {
    pub(crate) fn commits_of(&self, kind: &Kind) -> watch::Receiver<u64> {
        self.kinds.lock().entry(kind.clone()).or_default().subscribe()
    }

    pub(crate) fn written(&self) -> BTreeMap<u16, u64> {
        self.written.lock().clone()
    }

    /// Wakes everybody who waits for commits, and those who wait for timers if `armed`.
    pub(crate) fn all(&self, armed: bool) {
        let bump = |counter: &watch::Sender<u64>| counter.send_modify(|count| *count += 1);
        bump(&self.commits);
        self.kinds.lock().values().for_each(bump);
        if armed {
            self.armed.send_replace(Timestamp::MIN);
        }
    }

    /// A timer may have been armed that is due at `due`: whoever waits for a later one is woken.
    fn is_armed(&self, due: Option<Timestamp>) {
        let Some(due) = due else { return };
        self.armed.send_if_modified(|earliest| {
            let earlier = due < *earliest;
            *earliest = due.min(*earliest);
            earlier
        });
    }

    fn committed(&self, appends: &[Append], ends: &[(u16, u64)]) {
        if appends.is_empty() {
            return;
        }
        // Known before anybody is woken by it.
        let mut written = self.written.lock();
        for (partition, position) in ends {
            let last = written.entry(*partition).or_default();
            *last = (*last).max(*position);
        }
        drop(written);
        let bump = |counter: &watch::Sender<u64>| counter.send_modify(|count| *count += 1);
        bump(&self.commits);
        let touches = |kind: &Kind| appends.iter().flat_map(|append| &append.events).any(|event| event.stream.kind == *kind);
        self.kinds.lock().iter().filter(|(kind, _)| touches(kind)).for_each(|(_, counter)| bump(counter));
    }
}

/// When the earliest timer of an append is due, if it armed one. Also while the outcome is open: a look in vain costs less than
/// a timer that nobody waits for.
fn may_have_armed(append: &Append, outcome: &Outcome) -> Option<Timestamp> {
    let stored = matches!(outcome, Outcome::Committed(_) | Outcome::Failed(AppendFailure::OutcomeUnknown));
    let due = |change: &TimerChangeKind| match change {
        TimerChangeKind::Arm { due, .. } => Some(*due),
        TimerChangeKind::Disarm | TimerChangeKind::Consume => None,
    };
    append.timers.iter().filter(|_| stored).filter_map(|timer| due(&timer.change)).min()
}
