//! What a command leads to.

use crate::alert::command::Command;
use crate::alert::event::{
    Acknowledged, Call, Cause, Delivered, DeliveryFailed, Escalated, Event, Raised, Reopened, Repeated, Resolved, Undelivered,
};
use crate::alert::reject::Rejection;
use crate::alert::state::{Alert, Next, State, Status};
use crate::escalation::{Plan, Target};
use crate::fault::{Check, Fault, TEXT_CHARS_MAX, is_lawful};
use crate::firing::Firing;
use crate::reject::Code;
use crate::rule::MINUTES_MAX;
use crate::words::{Level, Severity};
use ionveil_kernel::{DecideEnv, Timestamp};
use std::time::Duration;

/// What a decision comes to.
type Decided = Result<Vec<Event>, Rejection>;

pub(crate) fn decide(state: &State, command: &Command, env: &DecideEnv<'_>) -> Decided {
    match (state, command) {
        (State::Absent, Command::Raise { firing }) => Ok(raise(firing, env.now)),
        // It was raised by this very firing: the id is its own.
        (State::Raised(_), Command::Raise { .. }) => Ok(Vec::new()),
        (State::Absent, Command::Pass { .. } | Command::Delivered { .. } | Command::DeliveryFailed { .. }) => Ok(Vec::new()),
        (State::Absent, Command::Acknowledge { .. } | Command::Resolve { .. } | Command::Escalate { .. }) => Err(Rejection::NotFound),
        (State::Raised(alert), command) => alert.decide(command, env),
    }
}

fn raise(firing: &Firing, at: Timestamp) -> Vec<Event> {
    let is_quiet = firing.suppressed_by.is_some();
    let call = (!is_quiet).then(|| call(&firing.plan, firing.severity, 1, Level::L1, at));
    let is_told = call.as_ref().is_none_or(|call| !call.targets.is_empty());
    let raised = Event::Raised(Raised { firing: Box::new(firing.clone()), call, at });
    let lost = if is_told { Vec::new() } else { lost(&firing.plan, firing.severity, 1, Level::L1, at) };
    std::iter::once(raised).chain(lost).collect()
}

fn call(plan: &Plan, severity: Severity, step: u32, level: Level, at: Timestamp) -> Call {
    Call { step, level, severity, targets: plan.targets(level, at) }
}

/// Nobody was reached in this step: that is said, and the next level is told at once, as long as anything is planned above. The
/// cap on escalations does not hold here: it is there to spare people, and nobody was disturbed.
fn lost(plan: &Plan, severity: Severity, step: u32, level: Level, at: Timestamp) -> Vec<Event> {
    let undelivered = Event::Undelivered(Undelivered { step, level, at });
    let above = level.above().filter(|_| plan.goes_above(level));
    let climbed = above.map(|to| climb(plan, severity, step, (level, to), (Cause::Undelivered, None, None), at));
    std::iter::once(undelivered).chain(climbed.into_iter().flatten()).collect()
}

/// The next level is told.
fn climb(
    plan: &Plan,
    severity: Severity,
    step: u32,
    (from, to): (Level, Level),
    (cause, by, reason): (Cause, Option<String>, Option<String>),
    at: Timestamp,
) -> Vec<Event> {
    let call = call(plan, severity, step + 1, to, at);
    let lost = if call.targets.is_empty() { lost(plan, severity, step + 1, to, at) } else { Vec::new() };
    let escalated = Event::Escalated(Escalated { from, cause, by, reason, call, at });
    std::iter::once(escalated).chain(lost).collect()
}

/// A text that somebody may leave out.
fn optional(check: &mut Check, field: &str, text: Option<&str>) {
    if let Some(text) = text {
        check.optional_text(field, text);
    }
}

impl Alert {
    fn decide(&self, command: &Command, env: &DecideEnv<'_>) -> Decided {
        let at = env.now;
        match command {
            Command::Raise { .. } => Ok(Vec::new()),
            Command::Acknowledge { note, minutes } => self.acknowledge(note.as_deref(), *minutes, env),
            Command::Resolve { note } => self.resolve(note, env),
            Command::Escalate { reason } => self.escalate(reason.as_deref(), env),
            Command::Pass { .. } => Ok(self.pass(at)),
            Command::Delivered { step, target } if self.waits_for(*step, target) => {
                Ok(vec![Event::Delivered(Delivered { step: *step, target: target.clone(), at })])
            }
            Command::DeliveryFailed { step, target } if self.waits_for(*step, target) => Ok(self.failed(target, at)),
            // What is heard of earlier steps changes nothing any more.
            Command::Delivered { .. } | Command::DeliveryFailed { .. } => Ok(Vec::new()),
        }
    }

    fn waits_for(&self, step: u32, target: &Target) -> bool {
        step == self.step && self.waiting.contains(target)
    }

    fn acknowledge(&self, note: Option<&str>, minutes: Option<i64>, env: &DecideEnv<'_>) -> Decided {
        let mut check = Check::new(Code::InvalidText);
        optional(&mut check, "note", note);
        let lawful = |minutes: i64| u32::try_from(minutes).ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
        if minutes.is_some_and(|minutes| lawful(minutes).is_none()) {
            check.fault_of(Code::InvalidDuration, "minutes", format!("is from 1 to {MINUTES_MAX}"));
        }
        check.finish(Some(())).map_err(Rejection::Invalid)?;
        match self.status {
            Status::Open | Status::Escalated => {
                let until = minutes.and_then(lawful).map(|minutes| env.now.after(Duration::from_mins(minutes.into())));
                let (by, note) = (env.caller().subject.to_string(), note.map(str::to_owned));
                Ok(vec![Event::Acknowledged(Acknowledged { by, at: env.now, note, until })])
            }
            Status::Acknowledged => Ok(Vec::new()),
            Status::Suppressed => Err(Rejection::NotAcknowledgeable),
            Status::Resolved => Err(Rejection::AlreadyResolved),
        }
    }

    fn resolve(&self, note: &str, env: &DecideEnv<'_>) -> Decided {
        if note.trim().is_empty() {
            let detail = "says how it was resolved".to_owned();
            return Err(Rejection::Invalid(vec![Fault { code: Code::ResolutionNoteRequired, field: "note".to_owned(), detail }]));
        }
        let mut check = Check::new(Code::InvalidText);
        check
            .hold(is_lawful(note, TEXT_CHARS_MAX), "note", || format!("has at most {TEXT_CHARS_MAX} characters, none a control character"));
        check.finish(Some(())).map_err(Rejection::Invalid)?;
        if self.status == Status::Resolved {
            return Err(Rejection::AlreadyResolved);
        }
        let rule = self.firing.incident.is_none().then(|| self.firing.rule.clone());
        let by = env.caller().subject.to_string();
        Ok(vec![Event::Resolved(Resolved { by, at: env.now, note: note.to_owned(), rule })])
    }

    fn escalate(&self, reason: Option<&str>, env: &DecideEnv<'_>) -> Decided {
        let mut check = Check::new(Code::InvalidText);
        optional(&mut check, "reason", reason);
        check.finish(Some(())).map_err(Rejection::Invalid)?;
        match self.status {
            Status::Open | Status::Escalated => {}
            Status::Acknowledged | Status::Suppressed => return Err(Rejection::NotEscalatable),
            Status::Resolved => return Err(Rejection::AlreadyResolved),
        }
        let above = self.level.above().filter(|_| self.can_escalate()).ok_or(Rejection::MaxEscalation)?;
        let by = Some(env.caller().subject.to_string());
        Ok(self.climb(above, (Cause::Person, by, reason.map(str::to_owned)), env.now))
    }

    fn climb(&self, above: Level, why: (Cause, Option<String>, Option<String>), at: Timestamp) -> Vec<Event> {
        climb(self.plan(), self.firing.severity, self.step, (self.level, above), why, at)
    }

    /// One step of what is due; the next one counts from now. Nothing at the same instant again.
    fn pass(&self, now: Timestamp) -> Vec<Event> {
        let call = || call(self.plan(), self.firing.severity, self.step + 1, self.level, now);
        let next = self.next().filter(|next| next.due() <= now);
        let (event, call) = match (next, self.level.above()) {
            (Some(Next::Escalate(_)), Some(above)) => return self.climb(above, (Cause::Timeout, None, None), now),
            (Some(Next::Repeat(_)), _) => (Event::Repeated(Repeated { call: call(), at: now }), call()),
            (Some(Next::Reopen(_)), _) => (Event::Reopened(Reopened { call: call(), at: now }), call()),
            (Some(Next::Escalate(_)) | None, _) => return Vec::new(),
        };
        let lost = call.targets.is_empty().then(|| lost(self.plan(), self.firing.severity, call.step, self.level, now));
        std::iter::once(event).chain(lost.into_iter().flatten()).collect()
    }

    fn failed(&self, target: &Target, at: Timestamp) -> Vec<Event> {
        let failed = Event::DeliveryFailed(DeliveryFailed { step: self.step, target: target.clone(), at });
        let is_last = self.waiting.len() == 1 && !self.reached && self.status.is_waiting();
        let lost = is_last.then(|| lost(self.plan(), self.firing.severity, self.step, self.level, at));
        std::iter::once(failed).chain(lost.into_iter().flatten()).collect()
    }
}
