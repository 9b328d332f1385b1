//! How an event changes a pager: total over lawful pairs, and loud about all others (the invariants of `mod.rs`).

use crate::pager::KIND;
use crate::pager::command::Outcome;
use crate::pager::event::{About, AttemptEnded, Event, Held, Member, Queued, Then};
use crate::pager::state::{Digest, Notification, State};
use ionveil_kernel::{BrokenInvariant, EntityId};

/// What was queued longer ago is forgotten.
pub(crate) const WINDOW_MAX: std::time::Duration = std::time::Duration::from_hours(1);

fn hold(holds: bool, number: u16, detail: &str) -> Result<(), BrokenInvariant> {
    if holds { Ok(()) } else { Err(BrokenInvariant { kind: KIND, number, detail: detail.to_owned() }) }
}

/// The state after `event` of the notification `id`.
pub(crate) fn evolve(mut state: State, id: &EntityId, event: &Event) -> Result<State, BrokenInvariant> {
    match event {
        Event::Queued(event) => state.queued(id, event)?,
        Event::Held(event) => state.held(id, event)?,
        Event::AttemptBegun(event) => {
            let notification = state.under_way(id)?;
            let follows = event.attempt == notification.attempt && !notification.begun && notification.next.is_none();
            hold(follows, 3, "the attempt is not the one that is due")?;
            notification.begun = true;
        }
        Event::AttemptEnded(event) => state.ended(id, event)?,
        Event::Retried(event) => {
            let notification = state.under_way(id)?;
            hold(event.attempt == notification.attempt + 1 && notification.next.is_some(), 3, "no attempt is due")?;
            (notification.attempt, notification.next) = (event.attempt, None);
        }
    }
    Ok(state)
}

impl State {
    fn under_way(&mut self, id: &EntityId) -> Result<&mut Notification, BrokenInvariant> {
        let missing = BrokenInvariant { kind: KIND, number: 1, detail: "the notification is not under way".to_owned() };
        self.under_way.get_mut(id).ok_or(missing)
    }

    fn queued(&mut self, id: &EntityId, event: &Queued) -> Result<(), BrokenInvariant> {
        hold(!self.under_way.contains_key(id), 1, "the notification is under way")?;
        if let About::Digest(members) = &event.about {
            let digest = self.digests.remove(&event.channel);
            let is_it = digest.is_some_and(|digest| digest.id == *id && digest.members == *members);
            hold(is_it, 2, "the digest is not the one that waited")?;
        }
        if event.counts {
            let queued = self.queued.entry(event.channel).or_default();
            queued.push_back(event.at);
            while queued.front().is_some_and(|at| event.at.since(*at) >= WINDOW_MAX) {
                queued.pop_front();
            }
        }
        let (about, channel) = (event.about.clone(), event.channel);
        let notification = Notification { about, channel, attempt: 1, begun: false, next: None, unknown: false };
        self.under_way.insert(id.clone(), notification);
        Ok(())
    }

    fn held(&mut self, id: &EntityId, event: &Held) -> Result<(), BrokenInvariant> {
        hold(!self.knows(id), 1, "the notification is under way")?;
        let new = || Digest { id: event.digest.clone(), due: event.due, members: Vec::new() };
        let digest = self.digests.entry(event.channel).or_insert_with(new);
        hold(digest.id == event.digest && digest.due == event.due, 2, "another digest waits")?;
        digest.members.push(Member { notification: id.clone(), about: event.about.clone() });
        Ok(())
    }

    fn ended(&mut self, id: &EntityId, event: &AttemptEnded) -> Result<(), BrokenInvariant> {
        let notification = self.under_way(id)?;
        hold(notification.begun && notification.attempt == event.attempt, 3, "the attempt has not begun")?;
        notification.begun = false;
        notification.unknown |= event.outcome == Outcome::Unknown;
        match &event.then {
            Then::Retry { at } => notification.next = Some(*at),
            Then::Settled { .. } => {
                self.under_way.remove(id);
            }
        }
        Ok(())
    }
}
