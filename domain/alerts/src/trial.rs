//! A rule tried on what has happened, before it is switched on: how often it would have fired, whom it would have told, and at
//! what hours of theirs. The monitor itself decides, on the time of the past, with that rule alone.
//!
//! Only the first level counts: who is told after it depends on what people would have done.

use crate::escalation::Plan;
use crate::firing::Firing;
use crate::monitor::{Command, Event, Monitor, MonitorPart, State};
use crate::rule::Rule;
use crate::words::{Channel, Level, Priority};
use ionveil_kernel::{
    BodyHash, BrokenInvariant, Caller, CommandId, CorrelationId, DecideEnv, Decider, EntityId, IdSource, Meta, Org, Policy, Role, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The most firings that are told one by one.
pub const FIRINGS_MAX: usize = 1_000;

/// An incident that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCall {
    /// Which.
    pub incident: EntityId,
    /// Its priority.
    pub priority: Priority,
    /// When somebody was sent.
    pub dispatched_at: Timestamp,
    /// When somebody came, if somebody did.
    pub arrived_at: Option<Timestamp>,
    /// When it ended without that.
    pub ended_at: Option<Timestamp>,
}

/// What the rule would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// How often it would have fired.
    pub alerts: u64,
    /// How often nobody of the first level would have been there.
    pub undelivered: u64,
    /// How often each recipient would have been told, over which channel.
    pub pages: BTreeMap<(EntityId, Channel), u64>,
    /// At what hours (0 to 23) of their own clocks.
    pub by_hour: [u64; 24],
    /// The first firings: when, and for which incident.
    pub firings: Vec<(Timestamp, Option<EntityId>)>,
}

/// Tries `rule` with the policy, recipients and targets of `monitor` on calls, in any order, until `until`. Suppressions of today
/// are nothing to the past.
///
/// # Errors
/// Never, but for a fault of the monitor.
pub fn try_rule(rule: &Rule, monitor: &State, calls: &[PastCall], until: Timestamp) -> Result<Trial, BrokenInvariant> {
    let rule = Rule { enabled: true, ..rule.clone() };
    let state = State {
        rules: Arc::new([(rule.id.clone(), rule)].into()),
        policy: monitor.policy.clone(),
        recipients: monitor.recipients.clone(),
        targets: monitor.targets.clone(),
        ..State::default()
    };
    let mut past = Past { state, ids: Ids::default(), trial: Trial::default() };
    for (at, command) in timeline(calls) {
        past.wait(Timestamp::from_micros(at.micros() - 1))?;
        past.tell(&command, at)?;
    }
    past.wait(until)?;
    Ok(past.trial)
}

/// What was heard when. At one instant who comes is heard first (they are in time, trap T77), then what begins, then deadlines.
fn timeline(calls: &[PastCall]) -> Vec<(Timestamp, Command)> {
    let mut heard = Vec::with_capacity(calls.len() * 3);
    for call in calls {
        let incident = || call.incident.clone();
        heard.push((call.dispatched_at, 1, Command::Prioritised { incident: incident(), priority: call.priority }));
        heard.push((call.dispatched_at, 2, Command::Dispatched { incident: incident(), at: call.dispatched_at }));
        let arrived = call.arrived_at.map(|at| (at, Command::Arrived { incident: incident(), at }));
        let end = arrived.or_else(|| call.ended_at.map(|at| (at, Command::Ended { incident: incident(), at })));
        // Who came before they were sent came at once.
        heard.extend(end.map(|(at, command)| (at.max(call.dispatched_at), if at > call.dispatched_at { 0 } else { 3 }, command)));
    }
    heard.sort_by_key(|(at, order, _)| (*at, *order));
    heard.into_iter().map(|(at, _, command)| (at, command)).collect()
}

#[derive(Default)]
struct Ids(AtomicU64);

impl IdSource for Ids {
    fn next_id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

struct Past {
    state: State,
    ids: Ids,
    trial: Trial,
}

impl Past {
    /// Lets the timers fire that are due before `until`, each when it is.
    fn wait(&mut self, until: Timestamp) -> Result<(), BrokenInvariant> {
        loop {
            let timers = Monitor.timers(&self.state);
            let Some(timer) = timers.into_iter().filter(|timer| timer.due <= until).min_by_key(|timer| timer.due) else { return Ok(()) };
            let Some(command) = Monitor.on_timer(&timer.name, timer.due) else { return Ok(()) };
            self.tell(&command, timer.due)?;
        }
    }

    fn tell(&mut self, command: &Command, now: Timestamp) -> Result<(), BrokenInvariant> {
        let cause = cause();
        let (Some(cause), policy) = (cause, Policy::default()) else { return Ok(()) };
        let env = DecideEnv { now, occurred_at: now, ids: &self.ids, cause: &cause, policy: &policy };
        let decided = Monitor.decide(&self.state, command, &env).unwrap_or_default();
        for (part, event) in decided {
            self.state = Monitor.evolve(std::mem::take(&mut self.state), &part, &event)?;
            if let (MonitorPart::Own | MonitorPart::Watch(_), Event::Fired(fired)) = (part, event) {
                self.trial.count(&fired.firing);
                self.resolve(&fired.firing)?;
            }
        }
        Ok(())
    }

    /// An alert without an incident is taken as resolved at once, else it would fire but once; its window still counts.
    fn resolve(&mut self, firing: &Firing) -> Result<(), BrokenInvariant> {
        let Some(alert) = self.state.open.get(&firing.rule).cloned() else { return Ok(()) };
        let cleared = Event::RuleCleared(crate::monitor::RuleCleared { rule: firing.rule.clone(), alert });
        self.state = Monitor.evolve(std::mem::take(&mut self.state), &MonitorPart::Own, &cleared)?;
        Ok(())
    }
}

fn cause() -> Option<Meta> {
    let caller = Caller { org: Org::new("trial").ok()?, subject: "system:trial".into(), role: Role::Operator };
    Some(Meta {
        command_id: CommandId(Uuid::nil()),
        body_hash: BodyHash::of(&[]),
        correlation_id: CorrelationId(Uuid::nil()),
        causation_id: None,
        caller,
        occurred_at: None,
        expected_version: None,
        traceparent: None,
    })
}

impl Trial {
    fn count(&mut self, firing: &Firing) {
        self.alerts += 1;
        let targets = firing.plan.targets(Level::L1, firing.at);
        self.undelivered += u64::from(targets.is_empty());
        for target in targets {
            let hour = hour(&firing.plan, &target.recipient, firing.at);
            self.by_hour[hour] += 1;
            *self.pages.entry((target.recipient, target.channel)).or_default() += 1;
        }
        if self.firings.len() < FIRINGS_MAX {
            self.firings.push((firing.at, firing.incident.clone()));
        }
    }
}

fn hour(plan: &Plan, recipient: &EntityId, at: Timestamp) -> usize {
    let mut known = plan.levels.iter().flat_map(|level| &level.recipients);
    let recipient = known.find(|one| one.id == *recipient);
    recipient.map_or(0, |recipient| recipient.local_hour(at) as usize % 24)
}

#[cfg(test)]
mod tests;
