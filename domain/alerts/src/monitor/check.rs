//! What a check of an incident finds: the rules that hold, and which of them fire.

use crate::condition::Condition;
use crate::escalation::Plan;
use crate::firing::{Firing, Violation, target_micros};
use crate::monitor::MonitorPart;
use crate::monitor::decide::Case;
use crate::monitor::event::{Asked, Event, Fired, WatchChecked};
use crate::rule::Rule;
use crate::words::{Channel, Priority};
use ionveil_kernel::{EntityId, Timestamp};
use std::time::Duration;

/// What is to be checked.
pub(crate) struct Subject<'a> {
    pub(crate) incident: &'a EntityId,
    pub(crate) priority: Priority,
    pub(crate) target_minutes: u32,
    pub(crate) dispatched_at: Timestamp,
    /// As of when.
    pub(crate) at: Timestamp,
    /// How long it has waited then, in microseconds; just below the target for somebody who came in the last moment.
    pub(crate) elapsed: i64,
    /// What somebody who asked said; by itself a rule fires but once for an incident.
    pub(crate) asked: Option<Asked>,
}

impl Case<'_> {
    /// What a check of `subject` leads to, after `streak` breaches in a row; nothing where it finds nothing new.
    pub(crate) fn check(&self, subject: Subject<'_>, streak: &mut u64) -> Vec<(MonitorPart, Event)> {
        let watch = self.state.watch(subject.incident);
        let target = target_micros(subject.target_minutes);
        let is_late = subject.elapsed >= target;
        let breached = is_late && watch.is_none_or(|watch| !watch.breached);
        *streak += u64::from(breached);
        let fires_again = subject.asked.is_some();
        let holds = |rule: &&Rule| {
            let is_new = fires_again || watch.is_none_or(|watch| !watch.held.contains(&rule.id));
            rule.enabled && is_new && self.holds(rule, &subject, is_late && (breached || fires_again), *streak)
        };
        let held: Vec<&Rule> = self.state.rules().filter(holds).collect();
        let last = |rule: &Rule| watch.and_then(|watch| watch.fired.get(&rule.id)).copied();
        let fired = held.iter().filter(|rule| !is_repeated(rule, last(rule), subject.at));
        let fired: Vec<_> = fired.map(|rule| Event::Fired(Fired { firing: Box::new(self.of_incident(rule, &subject)) })).collect();
        if fired.is_empty() && !breached && subject.asked.is_some() {
            return Vec::new();
        }
        let held = held.iter().map(|rule| rule.id.clone()).collect();
        let checked = Event::WatchChecked(WatchChecked { at: subject.at, breached, held, asked: subject.asked });
        let part = |event| (MonitorPart::Watch(subject.incident.clone()), event);
        std::iter::once(checked).chain(fired).map(part).collect()
    }

    fn holds(&self, rule: &Rule, subject: &Subject<'_>, is_breach: bool, streak: u64) -> bool {
        match &rule.condition {
            Condition::Pattern { consecutive_breaches } => is_breach && streak >= *consecutive_breaches,
            condition => condition.span(target_micros(subject.target_minutes)).is_some_and(|span| span.contains(subject.elapsed)),
        }
    }

    fn of_incident(&self, rule: &Rule, subject: &Subject<'_>) -> Firing {
        let violation = Violation::new(subject.priority, subject.target_minutes, subject.dispatched_at, subject.elapsed);
        let description = format!(
            "{:.1} of {} minutes since dispatch ({:.0} %)",
            violation.actual_minutes,
            subject.target_minutes,
            violation.magnitude * 100.0
        );
        Firing {
            title: format!("[P{}] {}: incident {}", subject.priority.number(), rule.name, subject.incident),
            description,
            incident: Some(subject.incident.clone()),
            violation: Some(violation),
            ..self.firing(rule, subject.priority, subject.at)
        }
    }

    /// Whom an alert tells when that is raised now.
    pub(crate) fn plan(&self, channels: &[Channel], priority: Priority, after_minutes: Option<u32>) -> Plan {
        let policy = self.state.policy();
        policy.map_or_else(Plan::default, |policy| policy.plan(self.state.recipients(), channels, priority.channels(), after_minutes))
    }

    /// What a rule says that fires now, but for what it is about.
    pub(crate) fn firing(&self, rule: &Rule, priority: Priority, at: Timestamp) -> Firing {
        let plan = self.plan(&rule.channels, priority, rule.escalation_after_minutes);
        let alert = self.env.ids.next_id().to_string();
        Firing {
            // A UUID is a lawful id; the rule's own is one as well.
            alert: EntityId::new(&alert).unwrap_or_else(|_| rule.id.clone()),
            rule: rule.id.clone(),
            severity: rule.severity,
            title: rule.name.clone(),
            description: String::new(),
            incident: None,
            suppressed_by: self.state.suppressions().of(&rule.id, at).cloned(),
            violation: None,
            burn: None,
            origin: None,
            plan,
            at,
        }
    }
}

/// Whether a rule that fired at `last` for the same is quiet about it. At the window's end it is not (decision D40).
pub(crate) fn is_repeated(rule: &Rule, last: Option<Timestamp>, at: Timestamp) -> bool {
    let window = Duration::from_mins(rule.suppression_window_minutes.into());
    last.is_some_and(|last| at.since(last) < window)
}
