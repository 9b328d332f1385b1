//! The active alerts of a node, in memory, made of their events: which of them are due now, and how many there are. For the pass
//! that is made every 30 s beside the timers, and for gauges; it decides nothing.
//!
//! Both questions cost a look at the first entry of an ordered index, however many alerts there are; a change costs O(log n).
//! Whether a rule is suppressed is one look-up in [`Suppressions`](crate::suppression::Suppressions), which knows no alerts.

use crate::alert::{Alerts, Event, Next, State, Status};
use ionveil_kernel::{BrokenInvariant, Decider, Org, StreamId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// Alerts that somebody still has to do something about, or is doing.
#[derive(Clone, Debug, Default)]
pub struct Board {
    alerts: HashMap<Arc<StreamId>, (State, Option<Timestamp>), BuildHasherDefault<DefaultHasher>>,
    dues: BTreeSet<(Timestamp, Arc<StreamId>)>,
    escalating: BTreeSet<(Timestamp, Arc<StreamId>)>,
    undelivered: usize,
    /// How many an organisation has; none that has none.
    by_org: BTreeMap<Org, usize>,
}

impl Board {
    /// Takes in what happened to an alert. One that is not active any more is forgotten.
    ///
    /// # Errors
    /// [`BrokenInvariant`] for an event that cannot follow; the alert is then forgotten.
    pub fn follow(&mut self, alert: &StreamId, event: &Event) -> Result<(), BrokenInvariant> {
        let state = match self.alerts.get(alert) {
            Some((state, _)) => state.clone(),
            // What is heard of one that was forgotten.
            None if !matches!(event, Event::Raised(_)) => return Ok(()),
            None => State::Absent,
        };
        let evolved = Alerts.evolve(state, &(), event);
        self.publish(alert, evolved.as_ref().unwrap_or(&State::Absent));
        evolved.map(drop)
    }

    /// Takes in how an alert stands, as it was committed.
    pub fn publish(&mut self, alert: &StreamId, state: &State) {
        let key = match self.alerts.remove_entry(alert) {
            Some((key, (old, due))) => {
                self.undelivered -= usize::from(is_undelivered(&old));
                self.leave(&alert.org);
                if let Some(due) = due {
                    self.dues.remove(&(due, key.clone()));
                    self.escalating.remove(&(due, key.clone()));
                }
                key
            }
            None => Arc::new(alert.clone()),
        };
        let Some(raised) = state.alert().filter(|alert| alert.status.is_active()) else { return };
        let next = raised.next();
        if let Some(next) = next {
            self.dues.insert((next.due(), key.clone()));
            if matches!(next, Next::Escalate(_)) {
                self.escalating.insert((next.due(), key.clone()));
            }
        }
        self.undelivered += usize::from(is_undelivered(state));
        *self.by_org.entry(alert.org.clone()).or_default() += 1;
        self.alerts.insert(key, (state.clone(), next.map(Next::due)));
    }

    fn leave(&mut self, org: &Org) {
        let left = self.by_org.get(org).map_or(0, |count| count - 1);
        if left == 0 {
            self.by_org.remove(org);
        } else if let Some(count) = self.by_org.get_mut(org) {
            *count = left;
        }
    }

    /// Of how many nobody was reached when it was last known.
    #[must_use]
    pub const fn undelivered(&self) -> usize {
        self.undelivered
    }

    /// Those that are active, in no order.
    pub fn active(&self) -> impl Iterator<Item = &StreamId> {
        self.alerts.keys().map(AsRef::as_ref)
    }

    /// How many are active.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// How many of an organisation are active.
    #[must_use]
    pub fn active_of(&self, org: &Org) -> usize {
        self.by_org.get(org).copied().unwrap_or(0)
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// How an active alert stands.
    #[must_use]
    pub fn status(&self, alert: &StreamId) -> Option<Status> {
        self.alerts.get(alert)?.0.alert().map(|alert| alert.status)
    }

    /// Those that something is due for by `now`, the longest overdue first.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &StreamId> {
        until(&self.dues, now)
    }

    /// Those that escalate by `now`, the longest overdue first.
    pub fn escalating(&self, now: Timestamp) -> impl Iterator<Item = &StreamId> {
        until(&self.escalating, now)
    }
}

fn is_undelivered(state: &State) -> bool {
    state.alert().is_some_and(|alert| alert.undelivered && alert.status.is_active())
}

fn until(index: &BTreeSet<(Timestamp, Arc<StreamId>)>, now: Timestamp) -> impl Iterator<Item = &StreamId> {
    index.iter().take_while(move |(due, _)| *due <= now).map(|(_, alert)| alert.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Command;
    use crate::testing::{World, firing, min, plan};

    #[test]
    fn it_knows_what_is_due_and_forgets_what_is_over() {
        let mut board = Board::default();
        let name = |number: usize| -> StreamId { format!("alert:test:a{number}").parse().unwrap() };
        let mut worlds: Vec<_> = (0..3).map(|number| World::new(Alerts, &format!("a{number}"))).collect();
        let mut tell = |board: &mut Board, number: usize, minute: i64, command: &Command| {
            for event in worlds[number].tell(min(minute), command).unwrap() {
                board.follow(&name(number), &event).unwrap();
            }
        };
        for number in 0..3 {
            let levels: [(&str, i64, &[&str]); 1] = [("L1", 10 - i64::try_from(number).unwrap(), &["a"])];
            tell(&mut board, number, 0, &Command::Raise { firing: Box::new(firing("a", plan(&levels, Some(7), None))) });
        }
        let due = |board: &Board, minute| board.escalating(min(minute)).map(|alert| alert.id.to_string()).collect::<Vec<_>>();
        assert_eq!((board.len(), due(&board, 7), due(&board, 9)), (3, vec![], vec!["a2".into(), "a1".into()]));
        let of = |board: &Board, org: &str| board.active_of(&Org::new(org).unwrap());
        assert_eq!((of(&board, "test"), of(&board, "other")), (3, 0));
        tell(&mut board, 2, 8, &Command::Pass { due: min(8) });
        tell(&mut board, 1, 8, &Command::Acknowledge { note: None, minutes: Some(1) });
        assert_eq!(due(&board, 100), ["a0"]);
        assert_eq!(board.due(min(15)).count(), 3, "one opens again, one is told again");
        assert_eq!([name(1), name(2)].map(|alert| board.status(&alert)), [Some(Status::Acknowledged), Some(Status::Escalated)]);
        for number in 0..3 {
            tell(&mut board, number, 20, &Command::Resolve { note: "x".into() });
        }
        assert_eq!(of(&board, "test"), 0);
        assert!(board.is_empty() && board.due(min(1_000)).next().is_none() && board.escalating(min(1_000)).next().is_none());
        let late = crate::alert::Delivered {
            step: 1,
            target: crate::escalation::Target { channel: crate::words::Channel::Email, recipient: "a".parse().unwrap() },
            at: min(0),
        };
        board.follow(&name(0), &Event::Delivered(late)).unwrap();
        assert!(board.is_empty());
    }
}
