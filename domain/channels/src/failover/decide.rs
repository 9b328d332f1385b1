//! What a command leads to: the log of a dispatch grows channel by channel, and ends where one has delivered or none is left.

use super::event::{AnsweredLate, AttemptBegun, ChannelAttempted, ChannelSkipped, Event, FailoverExhausted, Outcome, RouteSelected};
use super::state::{Entry, Live, State};
use super::{CRASHED, Command, Conclusion, Rejection, Step};
use ionveil_kernel::{DecideEnv, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The events that follow.
pub(crate) fn decide(state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (State::Absent, Command::Start { request, steps }) => {
            if let Some(halt) = env.policy.halt() {
                return Err(Rejection::PolicyHalted(halt));
            }
            let live = Live { request: Arc::new((**request).clone()), log: Vec::new(), end: None };
            let mut log = Log { live, events: vec![Event::Requested((**request).clone())], now: env.now };
            log.take(steps)?;
            Ok(log.events)
        }
        (State::Absent, _) => Err(Rejection::NotFound),
        (State::Live(_), Command::Start { .. }) => Err(Rejection::DuplicateDispatch),
        (State::Live(live), Command::Proceed { concluded, steps }) => {
            let mut log = Log { live: live.clone(), events: Vec::new(), now: env.now };
            if let Some(conclusion) = concluded {
                log.conclude(conclusion)?;
            }
            log.take(steps)?;
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
        let Conclusion { outcome, reason, latency_ms, http_status, .. } = conclusion.clone();
        let concluded = ChannelAttempted { outcome, reason, latency_ms, http_status, ..attempted(number, entry) };
        self.push(Event::ChannelAttempted(concluded))
    }

    fn take(&mut self, steps: &[Step]) -> Result<(), Rejection> {
        if self.select()? {
            return if steps.is_empty() { Ok(()) } else { Err(Rejection::NoNextChannel) };
        }
        for step in steps {
            let (channel, number) = (self.live.next().ok_or(Rejection::NoNextChannel)?.clone(), self.live.number());
            self.push(self.event(step, number, channel))?;
        }
        let is_over = self.live.end.is_none() && self.live.under_way().is_none() && self.live.next().is_none();
        if is_over {
            let (attempts, total_latency_ms) = (self.live.attempts(), self.live.total_latency_ms());
            self.push(Event::FailoverExhausted(FailoverExhausted { attempts, total_latency_ms }))?;
        }
        Ok(())
    }

    /// Ends it if the last channel has delivered.
    fn select(&mut self) -> Result<bool, Rejection> {
        let delivered = self.live.log.last().filter(|last| last.outcome == Outcome::Success && self.live.end.is_none());
        let Some(channel) = delivered.map(|last| last.channel.clone()) else { return Ok(false) };
        let (failovers, total_latency_ms) = (self.live.failovers(), self.live.total_latency_ms());
        self.push(Event::RouteSelected(RouteSelected { channel, failovers, total_latency_ms }))?;
        Ok(true)
    }

    fn event(&self, step: &Step, number: u32, channel: ionveil_kernel::EntityId) -> Event {
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
            }),
            Step::Begin { simulated, permit, within_ms } => {
                let deadline = at.after(Duration::from_millis(*within_ms));
                Event::AttemptBegun(AttemptBegun { number, channel, simulated: *simulated, permit: permit.clone(), at, deadline })
            }
        }
    }
}
