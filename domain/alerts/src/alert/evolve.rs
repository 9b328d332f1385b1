//! How an event changes an alert: total over lawful pairs, and loud about all others (the invariants of `mod.rs`).

use crate::alert::KIND;
use crate::alert::event::{Call, Event, Raised};
use crate::alert::state::{Alert, Mark, State, Status};
use crate::escalation::Target;
use crate::words::Level;
use ionveil_kernel::{BrokenInvariant, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

fn hold(holds: bool, number: u16, detail: &str) -> Result<(), BrokenInvariant> {
    if holds { Ok(()) } else { Err(BrokenInvariant { kind: KIND, number, detail: detail.to_owned() }) }
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Result<State, BrokenInvariant> {
    match (state, event) {
        (State::Absent, Event::Raised(event)) => Ok(State::Raised(raised(event))),
        (state, event) => {
            let State::Raised(mut alert) = state else {
                hold(false, 1, "the alert was never raised")?;
                return Ok(State::Absent);
            };
            alert.follow(event)?;
            Ok(State::Raised(alert))
        }
    }
}

fn raised(event: &Raised) -> Alert {
    let mut alert = Alert {
        firing: Arc::new((*event.firing).clone()),
        status: if event.call.is_some() { Status::Open } else { Status::Suppressed },
        level: Level::L1,
        entered_at: event.at,
        escalations: 0,
        step: 0,
        told_at: event.at,
        waiting: BTreeSet::new(),
        reached: false,
        undelivered: false,
        acknowledged: None,
        until: None,
        resolved: None,
    };
    if let Some(call) = &event.call {
        alert.tell(call, event.at);
    }
    alert
}

impl Alert {
    fn tell(&mut self, call: &Call, at: Timestamp) {
        self.step = call.step;
        self.told_at = at;
        self.waiting = call.targets.iter().cloned().collect();
        self.reached = false;
    }

    /// Steps follow each other without gaps.
    fn told(&mut self, call: &Call, at: Timestamp) -> Result<(), BrokenInvariant> {
        hold(call.step == self.step + 1, 3, "steps go up by one")?;
        self.tell(call, at);
        Ok(())
    }

    fn heard_of(&mut self, step: u32, target: &Target) -> Result<(), BrokenInvariant> {
        hold(step == self.step && self.waiting.remove(target), 4, "nothing of them was open in this step")
    }

    fn follow(&mut self, event: &Event) -> Result<(), BrokenInvariant> {
        let is_open = self.status != Status::Resolved;
        hold(is_open || matches!(event, Event::Delivered(_) | Event::DeliveryFailed(_)), 2, "the alert is resolved")?;
        match event {
            Event::Raised(_) => hold(false, 1, "the alert was raised before")?,
            Event::Acknowledged(event) => {
                hold(self.status.is_waiting(), 2, "nobody waits for an acknowledgement")?;
                self.status = Status::Acknowledged;
                self.acknowledged = Some(Mark { by: event.by.clone(), at: event.at, note: event.note.clone() });
                self.until = event.until;
            }
            Event::Reopened(event) => {
                hold(self.status == Status::Acknowledged, 2, "nobody had acknowledged it")?;
                self.status = Status::Open;
                (self.acknowledged, self.until) = (None, None);
                self.entered_at = event.at;
                self.told(&event.call, event.at)?;
            }
            Event::Escalated(event) => {
                hold(self.status.is_waiting(), 2, "it does not escalate as it is")?;
                hold(event.from == self.level && self.level.above() == Some(event.call.level), 3, "it goes up one level")?;
                (self.status, self.level, self.entered_at) = (Status::Escalated, event.call.level, event.at);
                self.escalations += 1;
                self.told(&event.call, event.at)?;
            }
            Event::Repeated(event) => {
                hold(self.status.is_waiting() && event.call.level == self.level, 3, "the level that knows is told again")?;
                self.told(&event.call, event.at)?;
            }
            Event::Undelivered(event) => {
                hold(event.step == self.step && self.waiting.is_empty() && !self.reached, 4, "somebody was or may be reached")?;
                self.undelivered = true;
            }
            Event::Delivered(event) => {
                self.heard_of(event.step, &event.target)?;
                (self.reached, self.undelivered) = (true, false);
            }
            Event::DeliveryFailed(event) => self.heard_of(event.step, &event.target)?,
            Event::Resolved(event) => {
                self.status = Status::Resolved;
                self.until = None;
                self.resolved = Some(Mark { by: event.by.clone(), at: event.at, note: Some(event.note.clone()) });
            }
        }
        Ok(())
    }
}
