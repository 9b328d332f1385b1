//! What a command leads to: the log of a dispatch grows channel by channel, and ends where one has delivered or none is left.

use super::event::{AnsweredLate, AttemptBegun, ChannelAttempted, ChannelSkipped, Event, FailoverExhausted, Outcome, RouteSelected};
use super::state::{Entry, Live, State};
use super::{Bound, CRASHED, Command, Conclusion, Rejection, Step, failovers_max};
use ionveil_kernel::{DecideEnv, EntityId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The events that follow.
pub(crate) fn decide(state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (State::Absent, Command::Start { request, steps, bound }) => {
            if let Some(halt) = env.policy.halt() {
                return Err(Rejection::PolicyHalted(halt));
            }
            let live = Live { request: Arc::new((**request).clone()), log: Vec::new(), end: None, cut_by: None };
            let mut log = Log { live, events: vec![Event::Requested((**request).clone())], now: env.now };
            log.take(steps, bound.as_ref())?;
            Ok(log.events)
        }
        (State::Absent, _) => Err(Rejection::NotFound),
        (State::Live(_), Command::Start { .. }) => Err(Rejection::DuplicateDispatch),
        (State::Live(live), Command::Proceed { concluded, steps, bound }) => {
            let mut log = Log { live: live.clone(), events: Vec::new(), now: env.now };
            if let Some(conclusion) = concluded {
                log.conclude(conclusion)?;
            }
            log.take(steps, bound.as_ref())?;
            Ok(log.events)
        }
        (State::Live(live), Command::AnswerLate { number, delivered, latency_ms, http_status }) => {
            answer_late(live, *number, *delivered, *latency_ms, *http_status)
        }
        (State::Live(live), Command::Cut) => Ok(cut(live, env.now).into_iter().collect()),
    }
}

/// The attempt `number` as an event tells it.
fn attempted(number: u32, entry: &Entry) -> ChannelAttempted {
    ChannelAttempted {
        number,
        channel: entry.channel.clone(),
        outcome: entry.outcome,
        reason: entry.reason.clone(),
        latency_ms: entry.latency_ms,
        http_status: entry.http_status,
        simulated: entry.simulated,
        begun_at: entry.begun_at,
        waited_ms: entry.waited_ms,
        bound: entry.bound.clone(),
    }
}

fn answer_late(live: &Live, number: u32, delivered: bool, latency_ms: f64, http_status: Option<u16>) -> Result<Vec<Event>, Rejection> {
    let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let entry = index.and_then(|index| live.log.get(index)).filter(|entry| entry.outcome == Outcome::Failed);
    let entry = entry.ok_or(Rejection::StaleAttempt)?;
    if entry.answered_late {
        return Ok(Vec::new());
    }
    Ok(vec![Event::AnsweredLate(AnsweredLate { attempt: Arc::new(attempted(number, entry)), delivered, latency_ms, http_status })])
}

fn cut(live: &Live, now: Timestamp) -> Option<Event> {
    let (number, entry) = live.under_way()?;
    let over = entry.under_way_until.is_some_and(|until| until <= now);
    let unknown = ChannelAttempted { reason: Some(CRASHED.to_owned()), ..attempted(number, entry) };
    over.then_some(Event::ChannelAttempted(unknown))
}

fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.millis().saturating_sub(from.millis())).unwrap_or(0)
}

/// The log as it grows.
struct Log {
    live: Live,
    events: Vec<Event>,
    now: Timestamp,
}

impl Log {
    fn push(&mut self, event: Event) -> Result<(), Rejection> {
        let grown = State::Live(self.live.clone()).evolve(&event).map_err(|_| Rejection::NoNextChannel)?;
        if let State::Live(live) = grown {
            self.live = live;
        }
        self.events.push(event);
        Ok(())
    }

    fn conclude(&mut self, conclusion: &Conclusion) -> Result<(), Rejection> {
        let number = conclusion.number;
        let awaited = self.live.log.last().filter(|last| last.outcome == Outcome::Unknown && number + 1 == self.live.number());
        let entry = awaited.ok_or(Rejection::StaleAttempt)?;
        // Known as unknown already.
        if conclusion.outcome == Outcome::Unknown && entry.under_way_until.is_none() {
            return Ok(());
        }
        let Conclusion { outcome, reason, latency_ms, http_status, bound, .. } = conclusion.clone();
        // Nobody waited for what a crash has cut off.
        let in_vain = latency_ms.is_none() && outcome == Outcome::Failed;
        let waited_ms = in_vain.then(|| millis_between(entry.begun_at, self.now));
        let concluded = ChannelAttempted { outcome, reason, latency_ms, http_status, waited_ms, bound, ..attempted(number, entry) };
        self.push(Event::ChannelAttempted(concluded))
    }

    fn take(&mut self, steps: &[Step], bound: Option<&Bound>) -> Result<(), Rejection> {
        if self.select()? {
            return if steps.is_empty() { Ok(()) } else { Err(Rejection::NoNextChannel) };
        }
        for step in steps {
            let (channel, number) = (self.next(bound).ok_or(Rejection::NoNextChannel)?.clone(), self.live.number());
            self.push(self.event(step, number, channel))?;
        }
        let is_over = self.live.end.is_none() && self.live.under_way().is_none() && self.next(bound).is_none();
        if is_over {
            let bound = self.live.next().and(bound).cloned();
            let (attempts, total_latency_ms) = (self.live.attempts(), self.live.total_latency_ms());
            let (zone, longest_ms) = (self.live.request.zone.clone(), self.live.longest_ms());
            self.push(Event::FailoverExhausted(FailoverExhausted { attempts, total_latency_ms, zone, longest_ms, bound }))?;
        }
        Ok(())
    }

    /// The channel that comes next, if the level leaves room for it.
    fn next(&self, bound: Option<&Bound>) -> Option<&EntityId> {
        let most = failovers_max(self.live.request.max_failovers, bound);
        self.live.next().filter(|_| self.live.attempts() <= most)
    }

    /// Ends it if the last channel has delivered.
    fn select(&mut self) -> Result<bool, Rejection> {
        let delivered = self.live.log.last().filter(|last| last.outcome == Outcome::Success && self.live.end.is_none());
        let Some(channel) = delivered.map(|last| last.channel.clone()) else { return Ok(false) };
        let (failovers, total_latency_ms) = (self.live.failovers(), self.live.total_latency_ms());
        let (zone, longest_ms) = (self.live.request.zone.clone(), self.live.longest_ms());
        self.push(Event::RouteSelected(RouteSelected { channel, failovers, total_latency_ms, zone, longest_ms }))?;
        Ok(true)
    }

    fn event(&self, step: &Step, number: u32, channel: EntityId) -> Event {
        let at = self.now;
        match step {
            Step::Skip { reason } => Event::ChannelSkipped(ChannelSkipped { number, channel, reason: reason.clone(), at }),
            Step::Fail { reason } => Event::ChannelAttempted(ChannelAttempted {
                number,
                channel,
                outcome: Outcome::Failed,
                reason: Some(reason.clone()),
                latency_ms: None,
                http_status: None,
                simulated: false,
                begun_at: at,
                waited_ms: None,
                bound: None,
            }),
            Step::Begin { simulated, permit, within_ms } => {
                let deadline = at.after(Duration::from_millis(*within_ms));
                Event::AttemptBegun(AttemptBegun { number, channel, simulated: *simulated, permit: permit.clone(), at, deadline })
            }
        }
    }
}
