//! What a command leads to.

use crate::condition::Condition;
use crate::escalation::PolicyForm;
use crate::fault::{Check, Fault, TEXT_CHARS_MAX};
use crate::firing::{Firing, target_micros};
use crate::monitor::check::{Subject, is_repeated};
use crate::monitor::command::Command;
use crate::monitor::event::{
    Asked, BudgetsEvaluated, Event, Fired, Outcome, PolicySet, RecipientPut, RecipientRemoved, RuleCleared, RulePut, RuleRemoved,
    SuppressionBegun, SuppressionLifted, TargetsSet, WatchEnded, WatchPrioritised, WatchStarted,
};
use crate::monitor::reject::Rejection;
use crate::monitor::state::{State, Watch};
use crate::monitor::{MonitorPart, RECIPIENTS_MAX, RULES_MAX, SUPPRESSIONS_MAX, WATCHES_MAX};
use crate::recipient::RecipientForm;
use crate::reject::Code;
use crate::rule::{Rule, RuleForm};
use crate::suppression::{Pattern, SUPPRESSION_MINUTES_MAX, Suppression};
use crate::words::{Priority, TARGET_MINUTES_MAX, Targets};
use ionveil_kernel::{DecideEnv, EntityId, Timestamp};
use std::time::Duration;

/// How far the clock of whoever asks may be ahead.
const AHEAD_MAX: Duration = Duration::from_secs(300);
/// About so many incidents are checked at a time; the others are due at once again.
pub(super) const CHECKS_MAX: usize = 500;

/// What a decision comes to.
pub(super) type Decided = Result<Vec<(MonitorPart, Event)>, Rejection>;

/// All that a decision rests on.
pub(crate) struct Case<'a> {
    pub(crate) state: &'a State,
    pub(crate) env: &'a DecideEnv<'a>,
}

pub(super) fn own(event: Event) -> Vec<(MonitorPart, Event)> {
    vec![(MonitorPart::Own, event)]
}

pub(super) fn room(is_there: bool) -> Result<(), Rejection> {
    if is_there { Ok(()) } else { Err(Rejection::MonitorFull) }
}

fn lawful<T>(checked: Result<T, Vec<Fault>>) -> Result<T, Rejection> {
    checked.map_err(Rejection::Invalid)
}

impl Case<'_> {
    pub(crate) fn decide(&self, command: &Command) -> Decided {
        match command {
            Command::PutRule { rule } => self.put_rule(rule),
            Command::RemoveRule { rule } => self.remove_rule(rule),
            Command::Suppress { pattern, minutes, reason } => self.suppress(pattern, *minutes, reason),
            Command::LiftSuppression { suppression } => self.lift(suppression),
            Command::SetPolicy { policy } => self.set_policy(policy),
            Command::PutRecipient { recipient } => self.put_recipient(recipient),
            Command::RemoveRecipient { recipient } => self.remove_recipient(recipient),
            Command::SetTargets { targets } => self.set_targets(targets),
            Command::Prioritised { incident, priority } => self.prioritised(incident, *priority),
            Command::Dispatched { incident, at } => self.dispatched(incident, *at),
            Command::Arrived { incident, at } => Ok(self.stopped(incident, *at, Outcome::Met)),
            Command::Ended { incident, at } => Ok(self.stopped(incident, *at, Outcome::Unanswered)),
            Command::Check { incident, priority, dispatched_at, now } => self.asked(incident, *priority, *dispatched_at, *now),
            Command::Due { .. } | Command::Sweep => Ok(self.due()),
            Command::Evaluate { .. } => Ok(self.evaluate()),
            Command::External { alerts } => self.external(alerts),
            Command::EndExternal { .. } => Ok(self.end_external()),
            Command::AlertResolved { rule, alert } => {
                let external = self.state.external.get(rule).map(|lasting| &lasting.alert);
                let is_open = self.state.open.get(rule).or(external) == Some(alert);
                let cleared = || Event::RuleCleared(RuleCleared { rule: rule.clone(), alert: alert.clone() });
                Ok(if is_open { own(cleared()) } else { Vec::new() })
            }
        }
    }

    fn by(&self) -> String {
        self.env.caller().subject.to_string()
    }

    fn put_rule(&self, form: &RuleForm) -> Decided {
        let rule = lawful(form.check())?;
        room(self.state.rules.contains_key(&rule.id) || self.state.rules.len() < RULES_MAX)?;
        Ok(own(Event::RulePut(RulePut { rule, by: self.by(), at: self.env.now })))
    }

    fn remove_rule(&self, rule: &EntityId) -> Decided {
        self.state.rule(rule).ok_or(Rejection::NotFound)?;
        Ok(own(Event::RuleRemoved(RuleRemoved { rule: rule.clone(), by: self.by() })))
    }

    fn suppress(&self, pattern: &str, minutes: i64, reason: &str) -> Decided {
        let mut check = Check::new(Code::InvalidText);
        let pattern = Pattern::new(pattern).map_err(|error| check.fault_of(Code::InvalidPattern, "pattern", error.to_string())).ok();
        let duration = u32::try_from(minutes).ok().filter(|minutes| (1..=SUPPRESSION_MINUTES_MAX).contains(minutes));
        if duration.is_none() {
            check.fault_of(Code::InvalidDuration, "minutes", format!("is above 0 and at most {SUPPRESSION_MINUTES_MAX}"));
        }
        check.text("reason", reason, TEXT_CHARS_MAX);
        let (pattern, minutes) = lawful(check.finish(pattern.zip(duration)))?;
        let from = self.env.now;
        room(self.state.suppressions().iter().filter(|other| from < other.until).count() < SUPPRESSIONS_MAX)?;
        let id = EntityId::new(&self.env.ids.next_id().to_string()).map_err(|_| Rejection::NotFound)?;
        let until = from.after(Duration::from_mins(minutes.into()));
        let suppression = Suppression { id, pattern, reason: reason.to_owned(), by: self.by(), from, until };
        Ok(own(Event::SuppressionBegun(SuppressionBegun { suppression })))
    }

    fn lift(&self, id: &EntityId) -> Decided {
        let suppression = self.state.suppressions().get(id).ok_or(Rejection::NotFound)?;
        let was_active = self.env.now < suppression.until;
        Ok(own(Event::SuppressionLifted(SuppressionLifted { suppression: id.clone(), was_active, by: self.by() })))
    }

    fn set_policy(&self, form: &PolicyForm) -> Decided {
        let policy = lawful(form.check(self.state.recipients()))?;
        Ok(own(Event::PolicySet(PolicySet { policy, by: self.by() })))
    }

    fn put_recipient(&self, form: &RecipientForm) -> Decided {
        let recipient = lawful(form.check())?;
        let recipients = self.state.recipients();
        room(recipients.contains_key(&recipient.id) || recipients.len() < RECIPIENTS_MAX)?;
        Ok(own(Event::RecipientPut(RecipientPut { recipient, by: self.by() })))
    }

    fn remove_recipient(&self, id: &EntityId) -> Decided {
        self.state.recipients().get(id).ok_or(Rejection::NotFound)?;
        let is_named = self.state.policy().is_some_and(|policy| policy.levels.iter().any(|level| level.recipients.contains(id)));
        if is_named {
            return Err(Rejection::RecipientInUse);
        }
        Ok(own(Event::RecipientRemoved(RecipientRemoved { recipient: id.clone(), by: self.by() })))
    }

    fn set_targets(&self, targets: &Targets) -> Decided {
        let mut check = Check::new(Code::InvalidDuration);
        for (priority, minutes) in &targets.0 {
            let is_sound = (1..=TARGET_MINUTES_MAX).contains(minutes);
            check.hold(is_sound, &format!("targets.{}", priority.number()), || format!("is from 1 to {TARGET_MINUTES_MAX} minutes"));
        }
        let targets = lawful(check.finish(Some(targets.clone())))?;
        Ok(own(Event::TargetsSet(TargetsSet { targets, by: self.by() })))
    }

    /// What is heard of an incident: none of one that has ended.
    fn heard(&self, incident: &EntityId) -> Result<Option<Option<&Watch>>, Rejection> {
        let watch = self.state.watch(incident).filter(|watch| !watch.only_asked);
        if watch.is_none() && self.state.ended.contains(incident) {
            return Ok(None);
        }
        room(watch.is_some() || self.state.watches() < WATCHES_MAX)?;
        Ok(Some(watch))
    }

    fn prioritised(&self, incident: &EntityId, priority: Priority) -> Decided {
        let Some(watch) = self.heard(incident)? else { return Ok(Vec::new()) };
        if watch.and_then(|watch| watch.target).is_some_and(|(known, _)| known == priority) {
            return Ok(Vec::new());
        }
        let target_minutes = self.state.targets.minutes(priority);
        let event = Event::WatchPrioritised(WatchPrioritised { priority, target_minutes, at: self.env.now });
        Ok(vec![(MonitorPart::Watch(incident.clone()), event)])
    }

    fn dispatched(&self, incident: &EntityId, dispatched_at: Timestamp) -> Decided {
        let Some(watch) = self.heard(incident)? else { return Ok(Vec::new()) };
        if watch.is_some_and(|watch| watch.dispatched_at.is_some()) {
            return Ok(Vec::new());
        }
        let event = Event::WatchStarted(WatchStarted { dispatched_at, at: self.env.now });
        Ok(vec![(MonitorPart::Watch(incident.clone()), event)])
    }

    /// Time stops. What had come due by then is told all the same, as if the timer had been in time; somebody who comes exactly
    /// at the target is in time (trap T77).
    fn stopped(&self, incident: &EntityId, at: Timestamp, outcome: Outcome) -> Vec<(MonitorPart, Event)> {
        let Some(watch) = self.state.watch(incident).filter(|watch| !watch.only_asked) else { return Vec::new() };
        let mut streak = self.state.streak;
        let mut events = match subject(incident, watch, at) {
            Some(mut subject) => {
                let target = target_micros(subject.target_minutes);
                if outcome == Outcome::Met && subject.elapsed <= target {
                    subject.elapsed = subject.elapsed.min(target - 1);
                }
                let found = self.check(subject, &mut streak);
                if found.len() > 1 || streak > self.state.streak { found } else { Vec::new() }
            }
            None => Vec::new(),
        };
        let is_known = watch.target.is_some() && watch.dispatched_at.is_some();
        let outcome = match outcome {
            _ if watch.breached || streak > self.state.streak => Outcome::Breached,
            Outcome::Met if !is_known => Outcome::Unanswered,
            outcome => outcome,
        };
        let now = events.iter().filter_map(|(_, event)| if let Event::Fired(of) = event { Some(&of.firing.alert) } else { None });
        let alerts = watch.alerts.iter().chain(now).cloned().collect();
        events.push((MonitorPart::Watch(incident.clone()), Event::WatchEnded(WatchEnded { at, outcome, alerts })));
        events
    }

    fn asked(&self, incident: &EntityId, priority: i64, dispatched_at: Timestamp, now: Option<Timestamp>) -> Decided {
        let mut check = Check::new(Code::InvalidField);
        let at = now.unwrap_or(self.env.now);
        let priority = Priority::new(priority).map_err(|error| check.fault_of(Code::InvalidPriority, "priority", error.to_string())).ok();
        if at < dispatched_at {
            check.fault_of(Code::DispatchInFuture, "dispatched_at", "is not after now");
        }
        check.hold(at <= self.env.now.after(AHEAD_MAX), "now", || "is at most 5 minutes ahead".to_owned());
        let priority = lawful(check.finish(priority))?;
        room(self.state.watch(incident).is_some() || self.state.watches() < WATCHES_MAX)?;
        let target_minutes = self.state.targets.minutes(priority);
        let elapsed = at.micros() - dispatched_at.micros();
        let asked = Some(Asked { priority, dispatched_at, target_minutes, by: self.by() });
        let subject = Subject { incident, priority, target_minutes, dispatched_at, at, elapsed, asked };
        Ok(self.check(subject, &mut self.state.streak.clone()))
    }

    /// All that is due, in order of time. What is due at one instant is not torn apart: a timer that is set to the instant that
    /// it has fired at does not fire again.
    fn due(&self) -> Vec<(MonitorPart, Event)> {
        let (dues, now) = (&self.state.dues, self.env.now);
        let last = dues.iter().nth(CHECKS_MAX - 1).map_or(now, |(due, _)| *due).min(now);
        let mut streak = self.state.streak;
        let due = dues.iter().take_while(|(due, _)| *due <= last);
        let subjects = due.filter_map(|(_, incident)| subject(incident, self.state.watch(incident)?, now));
        subjects.flat_map(|subject| self.check(subject, &mut streak)).collect()
    }

    /// At most once a minute, for all calls up to its end.
    fn evaluate(&self) -> Vec<(MonitorPart, Event)> {
        if self.state.next_evaluation().is_none_or(|due| due > self.env.now) {
            return Vec::new();
        }
        let minute = self.env.now.micros().div_euclid(60_000_000);
        let fired = self.state.rules().filter(|rule| rule.enabled).filter_map(|rule| self.burns(rule, minute));
        let fired = fired.map(|firing| Event::Fired(Fired { firing: Box::new(firing) }));
        let evaluated = Event::BudgetsEvaluated(BudgetsEvaluated { minute });
        std::iter::once(evaluated).chain(fired).map(|event| (MonitorPart::Own, event)).collect()
    }

    fn burns(&self, rule: &Rule, minute: i64) -> Option<Firing> {
        let Condition::BurnRate(objective) = &rule.condition else { return None };
        let at = self.env.now;
        if self.state.open.contains_key(&rule.id) || is_repeated(rule, self.state.fired.get(&rule.id).copied(), at) {
            return None;
        }
        let burn = objective.evaluate(&self.state.outcomes, minute)?;
        let description = format!(
            "the error budget of {} days burns {:.1} times too fast over {} minutes and {:.1} times over {}: {} of {} calls were late",
            objective.period_days,
            burn.long,
            burn.pair.long_minutes,
            burn.short,
            burn.pair.short_minutes,
            burn.count.late,
            burn.count.total
        );
        let firing = self.firing(rule, rule.severity.priority(), at);
        Some(Firing { title: format!("{}: {}x burn rate", rule.name, burn.pair.factor), description, burn: Some(burn), ..firing })
    }
}

/// A watch whose time runs, as of `at`.
fn subject<'a>(incident: &'a EntityId, watch: &Watch, at: Timestamp) -> Option<Subject<'a>> {
    let ((priority, target_minutes), dispatched_at) = watch.target.zip(watch.dispatched_at)?;
    let elapsed = (at.micros() - dispatched_at.micros()).max(0);
    Some(Subject { incident, priority, target_minutes, dispatched_at, at, elapsed, asked: None })
}
