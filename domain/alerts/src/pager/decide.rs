//! What a command leads to.

use crate::fault::is_lawful;
use crate::pager::command::{Command, Outcome};
use crate::pager::event::{About, AttemptBegun, AttemptEnded, Event, Held, Member, Queued, Retried, Step, Then};
use crate::pager::reject::Rejection;
use crate::pager::state::{Notification, State};
use crate::pager::{DIGEST_MEMBERS_MAX, NotificationStream, Pager, notification_id};
use crate::words::{Channel, Severity};
use ionveil_kernel::{DecideEnv, EntityId, Timestamp};

/// The most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 256;

/// What a decision comes to.
type Decided = Result<Vec<(NotificationStream, Event)>, Rejection>;

/// All that a decision rests on.
pub(crate) struct Case<'a> {
    pub(crate) pager: &'a Pager,
    pub(crate) recipient: &'a EntityId,
    pub(crate) state: &'a State,
    pub(crate) env: &'a DecideEnv<'a>,
}

fn of(id: &EntityId, event: Event) -> (NotificationStream, Event) {
    (NotificationStream(id.clone()), event)
}

impl Case<'_> {
    pub(crate) fn decide(&self, command: &Command) -> Decided {
        match command {
            Command::Page { alert, step, channel, severity } => {
                Ok(self.page(&Step { alert: alert.clone(), step: *step }, *channel, *severity))
            }
            Command::Test { channel } => {
                let id = notification_id(&["test", &self.env.cause.command_id.to_string()], *channel, self.recipient);
                Ok(vec![of(&id, self.queued(About::Test, *channel, false))])
            }
            Command::Begin { notification, attempt } => self.begin(notification, *attempt),
            Command::Report { notification, attempt, outcome, permanent, reason } => {
                Ok(self.report(notification, *attempt, *outcome, *permanent, reason.as_deref()))
            }
            Command::Pass { .. } => Ok(self.pass()),
        }
    }

    fn queued(&self, about: About, channel: Channel, counts: bool) -> Event {
        Event::Queued(Queued { about, channel, counts, at: self.env.now })
    }

    /// When the oldest of what fills the window leaves it, if it is full.
    fn full_until(&self, channel: Channel) -> Option<Timestamp> {
        let queued = self.state.queued.get(&channel)?;
        let lately = queued.iter().filter(|at| self.env.now.since(**at) < self.pager.window);
        let lately: Vec<_> = lately.copied().collect();
        let surplus = lately.len().checked_sub(self.pager.limit.max(1))?;
        lately.get(surplus).map(|at| at.after(self.pager.window))
    }

    fn page(&self, about: &Step, channel: Channel, severity: Severity) -> Vec<(NotificationStream, Event)> {
        let id = notification_id(&["step", about.alert.as_str(), &about.step.to_string()], channel, self.recipient);
        if self.state.knows(&id) {
            return Vec::new();
        }
        let is_exempt = severity == Severity::Emergency;
        let full_until = self.full_until(channel).filter(|_| !is_exempt);
        let waiting = self.state.digests.get(&channel);
        let (digest, due) = match (full_until, waiting) {
            (Some(_), Some(waiting)) => (waiting.id.clone(), waiting.due),
            (Some(due), None) => (notification_id(&["digest", id.as_str()], channel, self.recipient), due),
            (None, _) => return vec![of(&id, self.queued(About::Step(about.clone()), channel, !is_exempt))],
        };
        let held = Event::Held(Held { about: about.clone(), channel, severity, digest: digest.clone(), due, at: self.env.now });
        let mut members = waiting.map(|waiting| waiting.members.clone()).unwrap_or_default();
        members.push(Member { notification: id.clone(), about: about.clone() });
        let is_full = members.len() >= DIGEST_MEMBERS_MAX;
        let full = is_full.then(|| of(&digest, self.queued(About::Digest(members), channel, true)));
        std::iter::once(of(&id, held)).chain(full).collect()
    }

    fn begin(&self, id: &EntityId, attempt: u32) -> Decided {
        let notification = self.state.under_way.get(id).ok_or(Rejection::NotUnderWay)?;
        if attempt != notification.attempt || notification.next.is_some() {
            return Err(Rejection::NotUnderWay);
        }
        if !notification.begun {
            return Ok(vec![of(id, Event::AttemptBegun(AttemptBegun { attempt, at: self.env.now }))]);
        }
        // Whoever began it is gone.
        let reason = Some("the sender stopped in the middle of it");
        Ok(vec![of(id, self.ended(notification, Outcome::Unknown, false, reason))])
    }

    fn report(
        &self,
        id: &EntityId,
        attempt: u32,
        outcome: Outcome,
        permanent: bool,
        reason: Option<&str>,
    ) -> Vec<(NotificationStream, Event)> {
        let is_open = |notification: &&Notification| notification.begun && notification.attempt == attempt;
        let open = self.state.under_way.get(id).filter(is_open);
        open.map(|notification| of(id, self.ended(notification, outcome, permanent, reason))).into_iter().collect()
    }

    fn ended(&self, notification: &Notification, outcome: Outcome, permanent: bool, reason: Option<&str>) -> Event {
        let attempt = notification.attempt;
        let wait = self.pager.backoff.after(attempt).filter(|_| outcome != Outcome::Sent && !permanent);
        let settled = |outcome| Then::Settled { outcome, channel: notification.channel, steps: notification.about.steps() };
        let then = match (outcome, wait) {
            (Outcome::Sent, _) => settled(Outcome::Sent),
            (Outcome::Failed | Outcome::Unknown, Some(wait)) => Then::Retry { at: self.env.now.after(wait) },
            (outcome, None) => settled(if notification.unknown { Outcome::Unknown } else { outcome }),
        };
        let reason = reason
            .map(|reason| reason.chars().take(REASON_CHARS_MAX).collect::<String>())
            .filter(|reason| is_lawful(reason, REASON_CHARS_MAX));
        Event::AttemptEnded(AttemptEnded { attempt, outcome, reason, at: self.env.now, then })
    }

    fn pass(&self) -> Vec<(NotificationStream, Event)> {
        let now = self.env.now;
        let is_due = |(_, notification): &(&EntityId, &Notification)| notification.next.is_some_and(|next| next <= now);
        let retried = self.state.under_way.iter().filter(is_due);
        let retried = retried.map(|(id, one)| of(id, Event::Retried(Retried { attempt: one.attempt + 1, at: now })));
        let due = self.state.digests.iter().filter(|(_, digest)| digest.due <= now);
        let digests = due.map(|(channel, digest)| of(&digest.id, self.queued(About::Digest(digest.members.clone()), *channel, true)));
        retried.chain(digests).collect()
    }
}
