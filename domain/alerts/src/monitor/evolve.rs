//! How an event changes a monitor: total over lawful pairs, and loud about all others (the invariants of `mod.rs`).

use crate::monitor::event::{Event, Fired, Outcome, WatchChecked, WatchEnded};
use crate::monitor::state::{State, Watch};
use crate::monitor::{KIND, MonitorPart};
use crate::rule::Rule;
use ionveil_kernel::{BrokenInvariant, EntityId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many incidents that were only asked about are known.
pub(crate) const ASKED_MAX: usize = 1_000;
/// So many incidents that have ended are known.
const ENDED_MAX: usize = 1_000;

type Evolved = Result<State, BrokenInvariant>;

fn broken<T>(number: u16, detail: &str) -> Result<T, BrokenInvariant> {
    Err(BrokenInvariant { kind: KIND, number, detail: detail.to_owned() })
}

fn hold(holds: bool, number: u16, detail: &str) -> Result<(), BrokenInvariant> {
    if holds { Ok(()) } else { broken(number, detail) }
}

/// The state after `event`.
pub(crate) fn evolve(mut state: State, part: &MonitorPart, event: &Event) -> Evolved {
    match (part, event) {
        (MonitorPart::Own, Event::RulePut(event)) => state.rule_put(&event.rule, event.at),
        (MonitorPart::Own, Event::RuleRemoved(event)) => state.rule_removed(&event.rule)?,
        (MonitorPart::Own, Event::SuppressionBegun(event)) => {
            Arc::make_mut(&mut state.suppressions).begin(event.suppression.clone(), state.rules.keys());
        }
        (MonitorPart::Own, Event::SuppressionLifted(event)) => {
            let lifted = Arc::make_mut(&mut state.suppressions).lift(&event.suppression);
            hold(lifted.is_some(), 1, "there is no such suppression")?;
        }
        (MonitorPart::Own, Event::PolicySet(event)) => state.policy = Some(Arc::new(event.policy.clone())),
        (MonitorPart::Own, Event::RecipientPut(event)) => {
            let recipient = event.recipient.clone();
            Arc::make_mut(&mut state.recipients).insert(recipient.id.clone(), Arc::new(recipient));
        }
        (MonitorPart::Own, Event::RecipientRemoved(event)) => {
            let removed = Arc::make_mut(&mut state.recipients).remove(&event.recipient);
            hold(removed.is_some(), 1, "there is no such recipient")?;
        }
        (MonitorPart::Own, Event::TargetsSet(event)) => state.targets = event.targets.clone(),
        (MonitorPart::Own, Event::BudgetsEvaluated(event)) => state.unseen = state.outcomes.first_late(event.minute),
        (MonitorPart::Own, Event::RuleCleared(event)) => {
            let cleared = state.open.remove(&event.rule).or_else(|| state.external_ended(&event.rule));
            hold(cleared.as_ref() == Some(&event.alert), 1, "the alert is not the rule's open one")?;
        }
        (MonitorPart::Own, Event::Fired(event)) => state.fired(event)?,
        (MonitorPart::Own, Event::ExternalRaised(event)) => {
            hold(!state.external.contains_key(&event.firing.rule), 5, "it has been raised and not ended")?;
            state.external_raised(event);
        }
        (MonitorPart::Own, Event::ExternalSeen(event)) => {
            let known = event.ends.iter().all(|(rule, ends_at)| state.external_seen(rule, *ends_at));
            hold(known, 1, "there is no such alert of another system")?;
        }
        (MonitorPart::Own, Event::ExternalEnded(event)) => {
            let ended = state.external_ended(&event.rule);
            hold(ended.as_ref() == Some(&event.alert), 1, "there is no such alert of another system")?;
        }
        (MonitorPart::Watch(incident), Event::WatchPrioritised(event)) => {
            let target = Some((event.priority, event.target_minutes));
            state.heard(incident, event.at, |watch| Ok(Watch { target, ..watch }))?;
        }
        (MonitorPart::Watch(incident), Event::WatchStarted(event)) => state.heard(incident, event.at, |watch| {
            hold(watch.dispatched_at.is_none(), 3, "the watch has started")?;
            Ok(Watch { dispatched_at: Some(event.dispatched_at), ..watch })
        })?,
        (MonitorPart::Watch(incident), Event::WatchChecked(event)) => state.checked(incident, event)?,
        (MonitorPart::Watch(incident), Event::Fired(event)) => state.fired_for(incident, event)?,
        (MonitorPart::Watch(incident), Event::WatchEnded(event)) => state.watch_ended(incident, event)?,
        (MonitorPart::Own, Event::WatchPrioritised(_) | Event::WatchStarted(_) | Event::WatchChecked(_) | Event::WatchEnded(_)) => {
            return broken(2, "an event of an incident stands in the monitor's own stream");
        }
        (
            MonitorPart::Watch(_),
            Event::RulePut(_)
            | Event::RuleRemoved(_)
            | Event::SuppressionBegun(_)
            | Event::SuppressionLifted(_)
            | Event::PolicySet(_)
            | Event::RecipientPut(_)
            | Event::RecipientRemoved(_)
            | Event::TargetsSet(_)
            | Event::BudgetsEvaluated(_)
            | Event::RuleCleared(_)
            | Event::ExternalRaised(_)
            | Event::ExternalSeen(_)
            | Event::ExternalEnded(_),
        ) => return broken(2, "an event of the monitor stands in the stream of an incident"),
    }
    Ok(state)
}

impl Watch {
    fn new(anchor: Timestamp, only_asked: bool) -> Self {
        let (held, fired) = (BTreeSet::new(), BTreeMap::new());
        Self { target: None, dispatched_at: None, anchor, breached: false, held, fired, only_asked, alerts: BTreeSet::new() }
    }
}

impl State {
    /// A rule with another condition, or that was off, is another rule to what is watched.
    fn rule_put(&mut self, rule: &Rule, at: Timestamp) {
        let is_as_it_was = |old: &Rule| old.condition == rule.condition && (old.enabled || !rule.enabled);
        let is_new = !self.rules.get(&rule.id).is_some_and(is_as_it_was);
        Arc::make_mut(&mut self.rules).insert(rule.id.clone(), rule.clone());
        if is_new {
            self.anchor_all(&rule.id, at);
            self.index_suppressions();
        }
    }

    fn rule_removed(&mut self, rule: &EntityId) -> Result<(), BrokenInvariant> {
        let removed = Arc::make_mut(&mut self.rules).remove(rule);
        hold(removed.is_some(), 1, "there is no such rule")?;
        self.open.remove(rule);
        self.fired.remove(rule);
        self.index();
        self.index_suppressions();
        Ok(())
    }

    fn anchor_all(&mut self, rule: &EntityId, at: Timestamp) {
        for watch in Arc::make_mut(&mut self.watches).values_mut() {
            let watch = Arc::make_mut(watch);
            watch.held.remove(rule);
            watch.anchor = watch.anchor.max(at);
        }
        self.index();
    }

    /// Takes in what is heard of an incident. One that was only asked about is watched from then on.
    fn heard(
        &mut self,
        incident: &EntityId,
        at: Timestamp,
        change: impl FnOnce(Watch) -> Result<Watch, BrokenInvariant>,
    ) -> Result<(), BrokenInvariant> {
        let mut fault = None;
        if self.watch(incident).is_some_and(|watch| watch.only_asked) {
            Arc::make_mut(&mut self.asked).retain(|other| other != incident);
        }
        self.change(incident, |watch| {
            let watch = watch.unwrap_or_else(|| Watch::new(at, false));
            let watch = Watch { anchor: watch.anchor.max(at), only_asked: false, ..watch };
            change(watch).map_err(|broken| fault = Some(broken)).ok()
        });
        fault.map_or(Ok(()), Err)
    }

    fn checked(&mut self, incident: &EntityId, event: &WatchChecked) -> Result<(), BrokenInvariant> {
        let is_new = self.watch(incident).is_none();
        hold(!is_new || event.asked.is_some(), 4, "the incident is neither watched nor asked about")?;
        if is_new {
            self.make_room();
            Arc::make_mut(&mut self.asked).push_back(incident.clone());
        }
        self.change(incident, |watch| {
            let mut watch = watch.unwrap_or_else(|| Watch::new(event.at, true));
            watch.held.extend(event.held.iter().cloned());
            watch.breached |= event.breached;
            if event.asked.is_none() {
                watch.anchor = watch.anchor.max(event.at);
            }
            Some(watch)
        });
        if event.breached {
            let minute = minute(event.at);
            self.streak += 1;
            Arc::make_mut(&mut self.outcomes).record(minute, true);
            self.unseen = self.unseen.or(Some(minute));
        }
        Ok(())
    }

    fn make_room(&mut self) {
        while self.asked.len() >= ASKED_MAX {
            let Some(oldest) = Arc::make_mut(&mut self.asked).pop_front() else { return };
            self.change(&oldest, |_| None);
        }
    }

    fn fired_for(&mut self, incident: &EntityId, Fired { firing }: &Fired) -> Result<(), BrokenInvariant> {
        hold(self.watch(incident).is_some() && firing.incident.as_ref() == Some(incident), 4, "a rule fired for another incident")?;
        self.change(incident, |watch| {
            watch.map(|mut watch| {
                watch.fired.insert(firing.rule.clone(), firing.at);
                watch.alerts.insert(firing.alert.clone());
                watch
            })
        });
        Ok(())
    }

    fn fired(&mut self, Fired { firing }: &Fired) -> Result<(), BrokenInvariant> {
        hold(firing.incident.is_none(), 2, "a rule that fired for an incident stands in the monitor's own stream")?;
        self.fired.insert(firing.rule.clone(), firing.at);
        if firing.suppressed_by.is_none() {
            self.open.insert(firing.rule.clone(), firing.alert.clone());
        }
        Ok(())
    }

    fn watch_ended(&mut self, incident: &EntityId, event: &WatchEnded) -> Result<(), BrokenInvariant> {
        hold(self.watch(incident).is_some(), 1, "the incident is not watched")?;
        self.change(incident, |_| None);
        let ended = Arc::make_mut(&mut self.ended);
        ended.push_back(incident.clone());
        if ended.len() > ENDED_MAX {
            ended.pop_front();
        }
        if event.outcome == Outcome::Met {
            self.streak = 0;
            Arc::make_mut(&mut self.outcomes).record(minute(event.at), false);
        }
        Ok(())
    }
}

fn minute(at: Timestamp) -> i64 {
    at.micros().div_euclid(60_000_000)
}
