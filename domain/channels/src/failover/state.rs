//! What is known of a dispatch: what was asked for, what came of each channel so far, and where it stands.

use super::bound::Bound;
use super::event::{
    AnsweredLate, AttemptBegun, ChannelAttempted, ChannelSkipped, Event, FailoverExhausted, Outcome, Requested, RouteSelected,
};
use crate::breaker::Permit;
use ionveil_kernel::{BrokenInvariant, EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The state. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never asked for.
    #[default]
    Absent,
    /// Asked for; perhaps it has ended.
    Live(Live),
}

/// A dispatch that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// What was asked for.
    pub request: Arc<Requested>,
    /// What came of the channels so far, in the order of the chain.
    pub log: Vec<Entry>,
    /// How it ended, once it has.
    pub end: Option<End>,
    /// The limits of the level that left no more channels, where there were more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_by: Option<Bound>,
}

/// How a dispatch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A channel has delivered: the last one of the log.
    Delivered,
    /// None has.
    Exhausted,
}

/// What came of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The channel.
    pub channel: EntityId,
    /// What it came to; [`Outcome::Unknown`] while it is under way.
    pub outcome: Outcome,
    /// Why it failed, was passed over, or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it took, if that is known, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Whether nothing was really sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// By when it is known what came of it, while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way_until: Option<Timestamp>,
    /// The leave that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
    /// Whether an answer came late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_late: bool,
    /// For how long it was waited for in vain, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
    /// The limits of the level that cut it short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

fn broken(number: u16, detail: &str) -> BrokenInvariant {
    BrokenInvariant { kind: super::KIND, number, detail: detail.to_owned() }
}

/// Sums up to three decimals: what is added are microseconds.
fn round3(sum: f64) -> f64 {
    format!("{sum:.3}").parse().unwrap_or(sum)
}

impl State {
    /// The dispatch, if it was asked for.
    #[must_use]
    pub const fn live(&self) -> Option<&Live> {
        match self {
            Self::Absent => None,
            Self::Live(live) => Some(live),
        }
    }

    /// The state after `event`.
    pub(crate) fn evolve(self, event: &Event) -> Result<Self, BrokenInvariant> {
        match (self, event) {
            (Self::Absent, Event::Requested(request)) => {
                Ok(Self::Live(Live { request: Arc::new(request.clone()), log: Vec::new(), end: None, cut_by: None }))
            }
            (Self::Absent, _) => Err(broken(1, "it was not asked for")),
            (Self::Live(_), Event::Requested(_)) => Err(broken(1, "it was asked for already")),
            (Self::Live(live), event) => live.evolve(event).map(Self::Live),
        }
    }
}

impl Live {
    /// The attempt that is under way, with its number in the log from 1.
    #[must_use]
    pub fn under_way(&self) -> Option<(u32, &Entry)> {
        let last = self.log.last().filter(|entry| entry.under_way_until.is_some())?;
        Some((self.number() - 1, last))
    }

    /// Attempts so far: what was passed over is none.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        let count = self.log.iter().filter(|entry| entry.outcome != Outcome::Skipped).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Attempts after the first one.
    #[must_use]
    pub fn failovers(&self) -> u32 {
        self.attempts().saturating_sub(1)
    }

    /// The channel that comes next, if one may be tried.
    #[must_use]
    pub fn next(&self) -> Option<&EntityId> {
        let may = self.end.is_none() && self.under_way().is_none() && self.attempts() <= self.request.max_failovers;
        self.request.chain.get(self.log.len()).filter(|_| may)
    }

    /// The known latencies of all attempts together, in milliseconds.
    #[must_use]
    pub fn total_latency_ms(&self) -> f64 {
        // The sum of nothing would be -0.
        round3(self.log.iter().filter_map(|entry| entry.latency_ms).fold(0.0, |sum, latency| sum + latency))
    }

    /// How long the longest attempt took or was waited for, in whole milliseconds, begun ones counted in full.
    #[must_use]
    pub fn longest_ms(&self) -> u64 {
        let of = |entry: &Entry| entry.latency_ms.map_or(0, |latency| latency.ceil() as u64).max(entry.waited_ms.unwrap_or(0));
        self.log.iter().map(of).max().unwrap_or(0)
    }

    /// The number in the log that comes next.
    pub(super) fn number(&self) -> u32 {
        u32::try_from(self.log.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn evolve(mut self, event: &Event) -> Result<Self, BrokenInvariant> {
        match event {
            Event::Requested(_) => return Err(broken(1, "it was asked for already")),
            Event::ChannelSkipped(event) => self.skip(event)?,
            Event::AttemptBegun(event) => self.begin(event)?,
            Event::ChannelAttempted(event) => self.conclude(event)?,
            Event::AnsweredLate(event) => self.answer_late(event)?,
            Event::RouteSelected(event) => self.select(event)?,
            Event::FailoverExhausted(FailoverExhausted { bound, .. }) => {
                self.open()?;
                self.cut_by.clone_from(bound);
                self.end = Some(End::Exhausted);
            }
        }
        Ok(self)
    }

    fn open(&self) -> Result<(), BrokenInvariant> {
        if self.end.is_some() {
            return Err(broken(4, "it has ended"));
        }
        if self.under_way().is_some() {
            return Err(broken(2, "an attempt is under way"));
        }
        Ok(())
    }

    fn is_next(&self, number: u32, channel: &EntityId) -> Result<(), BrokenInvariant> {
        self.open()?;
        if number != self.number() || self.request.chain.get(self.log.len()) != Some(channel) {
            return Err(broken(2, "another channel comes next"));
        }
        Ok(())
    }

    fn skip(&mut self, event: &ChannelSkipped) -> Result<(), BrokenInvariant> {
        self.is_next(event.number, &event.channel)?;
        self.log.push(Entry::new(&event.channel, Outcome::Skipped, event.at).because(Some(&event.reason)));
        Ok(())
    }

    fn begin(&mut self, event: &AttemptBegun) -> Result<(), BrokenInvariant> {
        self.is_next(event.number, &event.channel)?;
        let (until, permit) = (Some(event.deadline), event.permit.clone());
        let entry = Entry::new(&event.channel, Outcome::Unknown, event.at);
        self.log.push(Entry { under_way_until: until, permit, simulated: event.simulated, ..entry });
        Ok(())
    }

    /// An attempt that cannot be sent at all is concluded without having begun.
    fn conclude(&mut self, event: &ChannelAttempted) -> Result<(), BrokenInvariant> {
        let entry = Entry {
            latency_ms: event.latency_ms,
            http_status: event.http_status,
            simulated: event.simulated,
            waited_ms: event.waited_ms,
            bound: event.bound.clone(),
            ..Entry::new(&event.channel, event.outcome, event.begun_at).because(event.reason.as_deref())
        };
        if event.number == self.number() {
            self.is_next(event.number, &event.channel)?;
            self.log.push(entry);
            return Ok(());
        }
        let is_last = event.number.saturating_add(1) == self.number() && self.end.is_none();
        let last = self.log.last_mut().filter(|last| is_last && last.outcome == Outcome::Unknown && last.channel == event.channel);
        let last = last.ok_or_else(|| broken(3, "the outcome is known, or another attempt has begun"))?;
        let permit = last.permit.take();
        *last = Entry { permit, ..entry };
        Ok(())
    }

    fn answer_late(&mut self, event: &AnsweredLate) -> Result<(), BrokenInvariant> {
        let index = event.attempt.number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let entry = index.and_then(|index| self.log.get_mut(index)).filter(|entry| entry.channel == event.attempt.channel);
        let entry = entry.ok_or_else(|| broken(3, "there was no such attempt"))?;
        entry.answered_late = true;
        Ok(())
    }

    fn select(&mut self, event: &RouteSelected) -> Result<(), BrokenInvariant> {
        self.open()?;
        let delivered = |last: &Entry| last.outcome == Outcome::Success && last.channel == event.channel;
        if !self.log.last().is_some_and(delivered) {
            return Err(broken(4, "the channel has not delivered"));
        }
        self.end = Some(End::Delivered);
        Ok(())
    }
}

impl Entry {
    fn new(channel: &EntityId, outcome: Outcome, begun_at: Timestamp) -> Self {
        Self {
            channel: channel.clone(),
            outcome,
            reason: None,
            latency_ms: None,
            http_status: None,
            simulated: false,
            begun_at,
            under_way_until: None,
            permit: None,
            answered_late: false,
            waited_ms: None,
            bound: None,
        }
    }

    fn because(self, reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), ..self }
    }
}
