//! Pagers: what one recipient is told, one entity each, `pager:<org>:<recipient>`, that owns a stream per notification,
//! `notification:<org>:<id>`. Limits and digests are a recipient's, so they are decided together with what they hold up.
//!
//! A notification is one message about one step of one alert over one channel to one recipient, and its id follows from these: the
//! same is never made twice. The receiver sees the id with every attempt. Each attempt is recorded before it is sent and when it
//! has ended; one that ended nowhere (a crash, no answer) is *unknown*, and is repeated under the same id.
//!
//! No limit drops a message: what is too much for a window goes into one digest, which is sent when the window has room again.
//! An emergency is never held up.
//!
//! # Invariants
//! 1. What is queued or held is new; what is sent is under way.
//! 2. A digest has what was held for it.
//! 3. Attempts follow each other: begun, ended, retried.

mod backoff;
mod command;
mod decide;
mod event;
mod evolve;
mod reject;
mod state;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use command::{Command, Outcome};
pub use event::{About, AttemptBegun, AttemptEnded, Event, Held, Member, Queued, Retried, Step, Then};
pub use reject::Rejection;
pub use state::{Digest, Notification, State};

use crate::words::Channel;
use ionveil_kernel::{
    BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, Part, StreamId, Timer, TimerPolicy, Timestamp, derive_uuid,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The kind of entity.
pub const KIND: &str = "pager";
/// The kind of the streams that it owns, one per notification.
pub const NOTIFICATION_KIND: &str = "notification";
/// A digest with so many members does not wait for more.
pub const DIGEST_MEMBERS_MAX: usize = 500;
const RETRY: &str = "retry";
const DIGEST: &str = "digest";

/// The stream of one notification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotificationStream(pub EntityId);

impl Part for NotificationStream {
    fn stream(&self, owner: &StreamId) -> StreamId {
        // The name is lawful, so the other one is never taken; a test holds that.
        let kind = Kind::new(NOTIFICATION_KIND).unwrap_or_else(|_| owner.kind.clone());
        StreamId::new(owner.org.clone(), kind, self.0.clone())
    }

    fn of(owner: &StreamId, stream: &StreamId) -> Option<Self> {
        let own = owner.kind.as_str() == KIND && owner.org == stream.org && stream.kind.as_str() == NOTIFICATION_KIND;
        own.then(|| Self(stream.id.clone()))
    }
}

/// The id of a notification: that of what it is about, over a channel, to a recipient.
pub(crate) fn notification_id(about: &[&str], channel: Channel, recipient: &EntityId) -> EntityId {
    let parts: Vec<_> = ["notification", channel.as_str(), recipient.as_str()].into_iter().chain(about.iter().copied()).collect();
    // A UUID is a lawful id; the recipient's own is one as well.
    EntityId::new(&derive_uuid(&parts).to_string()).unwrap_or_else(|_| recipient.clone())
}

/// The decider.
#[derive(Clone, Copy, Debug)]
pub struct Pager {
    /// So many messages over one channel
    pub limit: usize,
    /// within so long, an hour at most; what is more goes into a digest.
    pub window: Duration,
    /// When what has failed is tried again.
    pub backoff: Backoff,
}

impl Default for Pager {
    fn default() -> Self {
        Self { limit: 10, window: Duration::from_mins(5), backoff: Backoff::default() }
    }
}

/// The state, with the recipient that ids are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The recipient's id.
    pub recipient: EntityId,
    /// What there is to do.
    pub state: State,
}

impl Decider for Pager {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = NotificationStream;
    type State = Named;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, id: &StreamId) -> Named {
        Named { recipient: id.id.clone(), state: State::default() }
    }

    fn decide(&self, named: &Named, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        decide::Case { pager: self, recipient: &named.recipient, state: &named.state, env }.decide(command)
    }

    fn evolve(&self, named: Named, NotificationStream(id): &NotificationStream, event: &Event) -> Result<Named, BrokenInvariant> {
        Ok(Named { state: evolve::evolve(named.state, id, event)?, recipient: named.recipient })
    }

    fn timers(&self, Named { state, .. }: &Named) -> Vec<Timer> {
        let timer = |name: &str, due: Timestamp| Timer { name: name.to_owned(), due, policy: TimerPolicy::FireOnceLate };
        let retry = state.next_retry().map(|due| timer(RETRY, due));
        retry.into_iter().chain(state.next_digest().map(|due| timer(DIGEST, due))).collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        [RETRY, DIGEST].contains(&name).then_some(Command::Pass { due })
    }
}
