//! What a command leads to. The breaker says what moves it; here that is told in events, with what else belongs to a channel.

use super::command::{Command, Form, Report};
use super::event::{
    Blocked, BreakerCleared, BreakerForced, BreakerReleased, BreakerTransitioned, Changed, Created, Deleted, Event, OutcomeRecorded,
    ProbeAdmitted, Setup, Unblocked,
};
use super::reject::{Fault, Rejection};
use super::state::{Live, State};
use crate::breaker::{self, Breaker, Change, Forced, Mode};
use crate::score;
use ionveil_kernel::{DecideEnv, StreamId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The longest that a channel is left alone because it asked for it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// The most characters of a reason.
pub const REASON_CHARS_MAX: usize = 256;
/// Who does what nobody did.
const TIMER: &str = "timer";

/// What follows.
type Decided = Result<Vec<Event>, Rejection>;

/// The events that follow. `id` is the channel's name.
pub(crate) fn decide(id: &str, state: &State, command: &Command, env: &DecideEnv<'_>) -> Decided {
    match (state, command) {
        (State::Absent, Command::Create { form }) => Ok(vec![Event::Created(Created { setup: setup(form)? })]),
        // What is due of a channel that is gone is nothing any more.
        (State::Absent, Command::Tick) => Ok(Vec::new()),
        (State::Absent, _) => Err(Rejection::NotFound),
        (State::Live(_), Command::Create { .. }) => Err(Rejection::DuplicateEntity),
        (State::Live(live), command) => live.decide(id, command, env),
    }
}

fn setup(form: &Form) -> Result<Arc<Setup>, Rejection> {
    let mut faults = form.driver.faults();
    let breaker = form.breaker.clone().check().map_err(|invalid| faults.extend(Fault::of_policy(invalid))).ok();
    faults.extend(form.detector.faults("detector").into_iter().map(|(field, detail)| Fault::invalid(&field, detail)));
    match breaker {
        Some(breaker) if faults.is_empty() => Ok(Arc::new(Setup { driver: form.driver.clone(), breaker, detector: form.detector.clone() })),
        Some(_) | None => Err(Rejection::Invalid(faults)),
    }
}

/// What a text and an end of a block or a mode must be.
fn lawful(reason: Option<&str>, until: Option<Timestamp>, now: Timestamp) -> Result<(), Rejection> {
    let text = |reason: &str| {
        let fine = (1..=REASON_CHARS_MAX).contains(&reason.chars().count()) && !reason.chars().any(char::is_control);
        (!fine).then(|| Fault::invalid("reason", format!("must have 1 to {REASON_CHARS_MAX} characters, none a control character")))
    };
    let end = until.filter(|until| *until <= now).map(|_| Fault::expiry("until"));
    let faults: Vec<_> = reason.and_then(text).into_iter().chain(end).collect();
    if faults.is_empty() { Ok(()) } else { Err(Rejection::Invalid(faults)) }
}

impl Live {
    fn decide(&self, id: &str, command: &Command, env: &DecideEnv<'_>) -> Decided {
        let (now, by) = (env.now, env.caller().subject.to_string());
        match command {
            Command::Create { .. } => Err(Rejection::DuplicateEntity),
            Command::Change { form } => self.change(form),
            Command::Delete => Ok(vec![Event::Deleted(Deleted { at: now })]),
            Command::Block { reason, until } => {
                lawful(Some(reason), *until, now)?;
                Ok(vec![Event::Blocked(Blocked { reason: reason.clone(), by, at: now, until: *until })])
            }
            Command::Unblock if self.blocked_at(now).is_none() => Err(Rejection::NoChange),
            Command::Unblock => Ok(vec![Event::Unblocked(Unblocked { by })]),
            Command::Force { mode, until, reason } => self.force(id, *mode, *until, reason.as_deref(), env),
            Command::ForceHalfOpen => Ok(self.moved(id, env, |breaker| breaker.force_half_open(now))),
            Command::Reset => Ok(self.moved(id, env, |breaker| breaker.reset(now))),
            Command::Admit { attempt } => self.admit(id, attempt, env),
            Command::Record { report } => Ok(self.record(id, report, env)),
            Command::Tick => Ok(self.tick(id, env)),
        }
    }

    fn change(&self, form: &Form) -> Decided {
        let setup = setup(form)?;
        if setup == self.setup {
            return Err(Rejection::NoChange);
        }
        Ok(vec![Event::Changed(Changed { setup })])
    }

    fn force(&self, id: &str, mode: Option<Mode>, until: Option<Timestamp>, reason: Option<&str>, env: &DecideEnv<'_>) -> Decided {
        let now = env.now;
        lawful(reason, until.filter(|_| mode.is_some()), now)?;
        let wanted = mode.map(|mode| Forced { mode, until });
        if wanted == self.breaker.forced {
            return Err(Rejection::NoChange);
        }
        let mut events = self.moved(id, env, |breaker| breaker.force(now, wanted.clone()));
        for event in &mut events {
            if let Event::BreakerForced(forced) = event {
                forced.reason = reason.map(str::to_owned);
            }
        }
        Ok(events)
    }

    /// A refusal stores nothing: what was due is stored by the timer.
    fn admit(&self, id: &str, attempt: &str, env: &DecideEnv<'_>) -> Decided {
        let mut admitted = Ok(());
        let events = self.moved(id, env, |breaker| {
            let is_there = |probe: &breaker::Probe| probe.by == attempt;
            let known = matches!(&breaker.standing().phase, breaker::Phase::HalfOpen { probes, .. } if probes.iter().any(is_there));
            if !known {
                admitted = breaker.allow_request(env.now, attempt).map(drop);
            }
        });
        admitted.map(|()| events).map_err(|_refused| Rejection::CircuitOpen)
    }

    fn tick(&self, id: &str, env: &DecideEnv<'_>) -> Vec<Event> {
        let ended = self.blocked.is_some() && self.blocked_at(env.now).is_none();
        let unblocked = ended.then(|| Event::Unblocked(Unblocked { by: TIMER.to_owned() }));
        let mut events = self.moved(id, env, |breaker| breaker.tick(env.now));
        for event in &mut events {
            if let Event::BreakerReleased(released) = event {
                TIMER.clone_into(&mut released.by);
            }
        }
        unblocked.into_iter().chain(events).collect()
    }

    fn record(&self, id: &str, report: &Report, env: &DecideEnv<'_>) -> Vec<Event> {
        let now = env.now;
        let slow = self.setup.breaker.is_slow(report.latency_ms);
        let detector = Some(self.setup.detector.name());
        let mut breaker = self.breaker(env);
        breaker.record(now, &breaker::Report { permit: report.permit.as_ref(), verdict: report.verdict, slow, detector });
        let changes = breaker.take_changes();
        let reliability = score::reliability(self.reliability, report.delivered);
        let asked = report.retry_after_ms.map(|ms| now.after(Duration::from_millis(ms).min(RETRY_AFTER_MAX)));
        let recorded = |change: Option<Change>| {
            Event::OutcomeRecorded(OutcomeRecorded {
                attempt: report.attempt.clone(),
                delivered: report.delivered,
                verdict: report.verdict,
                reason: report.reason.clone(),
                http_status: report.http_status,
                latency_ms: report.latency_ms,
                permit: report.permit.clone(),
                change,
                reliability,
                skip_until: asked,
                at: now,
            })
        };
        let is_own = |change: &Change| matches!(change, Change::Counted { .. } | Change::Late | Change::Freed(_));
        let counts = changes.iter().any(is_own);
        // An outcome that moves the breaker at once stands before the transition that it causes.
        let place = changes.iter().position(is_own).or_else(|| last_cause(&changes)).unwrap_or(changes.len());
        let worth = !report.delivered || counts || !changes.is_empty() || reliability != self.reliability;
        let mut events = Vec::with_capacity(changes.len() + 1);
        for (index, change) in changes.iter().enumerate() {
            if index == place && !counts {
                events.push(recorded(None));
            }
            events.push(if is_own(change) { recorded(Some(change.clone())) } else { told(id, change, TIMER) });
        }
        if worth && place >= changes.len() {
            events.push(recorded(None));
        }
        events
    }

    /// What the breaker makes of something that is done to it.
    fn moved(&self, id: &str, env: &DecideEnv<'_>, act: impl FnOnce(&mut Breaker)) -> Vec<Event> {
        let mut breaker = self.breaker(env);
        act(&mut breaker);
        let by = env.caller().subject.to_string();
        breaker.take_changes().iter().map(|change| told(id, change, &by)).collect()
    }

    fn breaker(&self, env: &DecideEnv<'_>) -> Breaker {
        let jitters = self.setup.breaker.form().jitter.is_some_and(|jitter| jitter > 0.0);
        let draw = if jitters { draw(env) } else { 0.5 };
        Breaker::at(self.setup.breaker.clone(), self.breaker.clone(), draw)
    }
}

/// The transition that the outcome itself causes is the last one, unless it is one of time.
fn last_cause(changes: &[Change]) -> Option<usize> {
    let by_time = |change: &Change| {
        matches!(change, Change::Released)
            || matches!(change, Change::Transitioned(to) if matches!(to.reason, breaker::Reason::ResetTimeout | breaker::Reason::ProbeTimeout))
    };
    changes.iter().position(|change| !by_time(change))
}

/// From 0 up to 1, out of the random part of an id.
fn draw(env: &DecideEnv<'_>) -> f64 {
    let bits = u32::try_from(env.ids.next_id().as_u128() & u128::from(u32::MAX)).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// A change of the breaker as an event.
fn told(id: &str, change: &Change, by: &str) -> Event {
    let by = by.to_owned();
    match change {
        Change::Transitioned(transition) => {
            Event::BreakerTransitioned(BreakerTransitioned { breaker_id: id.to_owned(), transition: transition.clone() })
        }
        Change::Admitted(probe) => Event::ProbeAdmitted(ProbeAdmitted { attempt: probe.by.clone(), at: probe.at }),
        Change::Forced(forced) => Event::BreakerForced(BreakerForced { mode: forced.mode, until: forced.until, reason: None, by }),
        Change::Released => Event::BreakerReleased(BreakerReleased { by }),
        // Of an outcome only; those are told in its own event.
        Change::Cleared | Change::Counted { .. } | Change::Late | Change::Freed(_) => Event::BreakerCleared(BreakerCleared { by }),
    }
}

/// The channel's name.
pub(crate) fn name_of(owner: &StreamId) -> &str {
    owner.id.as_str()
}
