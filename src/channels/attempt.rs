//! One attempt: leave from the channel's breaker, the call, and what came of it back to the channel.

use super::driver::Answer;
use super::registry::{Entry, stream};
use super::template::Message;
use super::{Cause, Channels};
use ionveil_actors::{AskError, Class};
use ionveil_channels::breaker::{BreakerPolicy, Permit, Phase, State};
use ionveil_channels::channel::{Command, Rejection, Report};
use ionveil_channels::detector::{Outcome, Verdict};
use ionveil_channels::failover::{self, Bound, Conclusion};
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_sync::{Pass, Untold};
use std::sync::Arc;
use std::time::Duration;

/// Whether a channel may be sent over.
pub(super) enum Leave {
    /// It may.
    Granted(Box<Granted>),
    /// It is passed over, for this reason.
    Skip(&'static str),
    /// There is no such channel.
    Unknown,
}

/// Leave to send.
pub(super) struct Granted {
    pub(super) channel: EntityId,
    pub(super) entry: Arc<Entry>,
    pub(super) permit: Permit,
    /// What the circuit gave; none where the owner was asked.
    pass: Option<Pass>,
    /// `<dispatch>#<number>`.
    attempt: String,
}

/// What came of an attempt.
pub(super) struct Attempted {
    pub(super) conclusion: Conclusion,
    answer: Answer,
}

impl Channels {
    /// Asks for leave. Only where the breaker is not closed, the channel's entity is asked.
    pub(super) async fn leave(&self, channel: &EntityId, blocked: bool, cause: &Cause, number: u32) -> Result<Leave, AskError<Rejection>> {
        let Some(entry) = self.registry().get(&stream(&cause.caller.org, channel.clone())) else { return Ok(Leave::Unknown) };
        let (now, latest) = (self.env().now(), entry.latest().live);
        if blocked || latest.blocked_at(now).is_some() {
            return Ok(Leave::Skip("blocked"));
        }
        if latest.skipped_at(now).is_some() {
            return Ok(Leave::Skip("retry_after"));
        }
        let attempt = format!("{}#{number}", cause.dispatch.id);
        let granted = |permit, pass| {
            let (channel, entry, attempt) = (channel.clone(), entry.clone(), attempt.clone());
            Leave::Granted(Box::new(Granted { channel, entry, permit, pass, attempt }))
        };
        match entry.circuit().pass() {
            Ok(pass) if !pass.is_probe() => Ok(granted(Permit { generation: pass.generation(), probe: None }, Some(pass))),
            Ok(pass) => {
                let told = entry.circuit().told_of(&pass);
                let admitted = self.admit(channel, &attempt, cause, number).await;
                told.into_iter().for_each(|told| entry.hear(told));
                Ok(admitted?.map_or(Leave::Skip("circuit_open"), |permit| granted(permit, None)))
            }
            Err(_shut) if is_due(&latest.breaker, &latest.setup.breaker, now) => {
                let admitted = self.admit(channel, &attempt, cause, number).await?;
                Ok(admitted.map_or(Leave::Skip("circuit_open"), |permit| granted(permit, None)))
            }
            Err(_shut) => Ok(Leave::Skip("circuit_open")),
        }
    }

    /// Leave that need not be asked for: the breaker is closed, and nothing else speaks against sending now.
    pub(super) fn leave_at_once(&self, channel: &EntityId, cause: &Cause, number: u32) -> Option<Granted> {
        let entry = self.registry().get(&stream(&cause.caller.org, channel.clone()))?;
        let (now, latest) = (self.env().now(), entry.latest().live);
        if latest.blocked_at(now).is_some() || latest.skipped_at(now).is_some() {
            return None;
        }
        let pass = entry.circuit().pass().ok()?;
        if pass.is_probe() {
            // Told like any other leave that is not used.
            entry.circuit().told_of(&pass).into_iter().for_each(|told| entry.hear(told));
            return None;
        }
        let (permit, attempt) = (Permit { generation: pass.generation(), probe: None }, format!("{}#{number}", cause.dispatch.id));
        Some(Granted { channel: channel.clone(), entry, permit, pass: Some(pass), attempt })
    }

    /// Lets the entity admit an attempt; none if it does not.
    async fn admit(&self, channel: &EntityId, attempt: &str, cause: &Cause, number: u32) -> Result<Option<Permit>, AskError<Rejection>> {
        let command = Command::Admit { attempt: attempt.to_owned() };
        let owner = stream(&cause.caller.org, channel.clone());
        match self.ask_channel(owner, command, cause.meta("admit", number), Class::Reply).await {
            Ok(reply) => {
                let breaker = reply.state.state.live().map(|live| live.breaker.clone());
                Ok(breaker.map(|breaker| Permit {
                    generation: breaker.generation,
                    probe: matches!(breaker.phase, Phase::HalfOpen { .. }).then(|| attempt.to_owned()),
                }))
            }
            Err(AskError::Rejected(Rejection::CircuitOpen | Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends, and waits for the answer up to the threshold. An answer that comes later is recorded when it comes.
    /// A call takes no longer than `bound` leaves, also when nobody waits for it any more.
    pub(super) async fn attempt(
        &self,
        granted: &Granted,
        message: Message,
        (threshold_ms, bound): (f64, Option<Bound>),
        number: u32,
        cause: &Cause,
    ) -> Attempted {
        let driver = granted.entry.latest().live.setup.driver.clone();
        let (env, begun) = (self.env(), self.env().monotonic());
        let mut sending = self.drivers().send_within(&driver, &message, bound);
        let threshold = Duration::try_from_secs_f64(threshold_ms / 1_000.0).unwrap_or(Duration::MAX);
        let answer = tokio::select! {
            biased;
            answer = &mut sending => Some(answer),
            () = env.sleep(threshold) => None,
        };
        let Some(mut answer) = answer else {
            let (channels, cause, env) = (self.clone(), cause.clone(), env.clone());
            self.env().spawn(async move {
                let answer = sending.await;
                let latency_ms = answer.latency_ms.unwrap_or_else(|| millis(env.monotonic().saturating_sub(begun)));
                if answer.error.is_none() || answer.latency_ms.is_some() {
                    channels.note_late(&cause, number, &answer, latency_ms).await;
                }
            });
            return Attempted { conclusion: conclusion(number, &Answer::default(), Some("latency_exceeded")), answer: Answer::default() };
        };
        let answered = answer.status.is_some() || answer.latency_ms.is_some();
        let measured = millis(env.monotonic().saturating_sub(begun));
        answer.latency_ms = answer.latency_ms.or(answered.then_some(measured));
        let exceeded = answer.latency_ms.is_some_and(|latency| latency > threshold_ms).then_some("latency_exceeded");
        let refused = answer.status.filter(|_| !answer.is_delivered()).map(|_| "send_failed");
        Attempted { conclusion: conclusion(number, &answer, answer.error.or(refused).or(exceeded)), answer }
    }

    /// Tells the channel what came of an attempt, if there is anything that it does not know.
    pub(super) async fn report(&self, granted: Granted, attempted: &Attempted, cause: &Cause) {
        let Conclusion { number, outcome, reason, latency_ms, http_status, .. } = attempted.conclusion.clone();
        let delivered = outcome == failover::Outcome::Success;
        let setup = granted.entry.latest().live.setup.clone();
        let is_timeout = matches!(reason.as_deref(), Some("timeout" | "latency_exceeded"));
        let judged = Outcome { status: http_status, error: reason.clone(), latency_ms, is_timeout };
        let verdict = setup.detector.judge_with(&judged, &|name, outcome| self.judge(name, outcome));
        granted.entry.measure(latency_ms, delivered);
        let Some(told) = note(&granted, verdict, delivered) else { return };
        let report = Report {
            attempt: granted.attempt.clone(),
            permit: Some(granted.permit.clone()),
            delivered,
            verdict,
            reason,
            http_status,
            latency_ms,
            retry_after_ms: attempted.answer.retry_after.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        };
        let owner = stream(&cause.caller.org, granted.channel.clone());
        let (command, meta) = (Command::Record { report: Box::new(report) }, cause.meta("record", number));
        let asked = self.patiently(|| self.ask_channel(owner.clone(), command.clone(), meta.clone(), Class::Reply)).await;
        if let Err(error) = asked {
            tracing::warn!(channel = %owner, %error, "what came of an attempt was not recorded at its channel");
        }
        granted.entry.hear(told);
    }
}

/// What the circuit makes of an outcome; none: the owner need not hear of it.
fn note(granted: &Granted, verdict: Verdict, delivered: bool) -> Option<Untold> {
    let circuit = granted.entry.circuit();
    match (&granted.pass, verdict) {
        (Some(pass), Verdict::Success) if delivered => circuit.succeed(pass),
        (Some(pass), Verdict::Failure) => Some(circuit.fail(pass)),
        (Some(_), Verdict::Success | Verdict::Ignored) | (None, _) => Some(circuit.note()),
    }
}

/// Whether time alone has changed something that the entity has not heard of yet.
fn is_due(breaker: &State, policy: &BreakerPolicy, now: Timestamp) -> bool {
    breaker.dues(policy).into_iter().any(|(_, due)| due <= now)
}

fn conclusion(number: u32, answer: &Answer, reason: Option<&str>) -> Conclusion {
    let outcome = if reason.is_none() { failover::Outcome::Success } else { failover::Outcome::Failed };
    let latency_ms = answer.latency_ms.filter(|latency| *latency >= 0.0);
    Conclusion { number, outcome, reason: reason.map(str::to_owned), latency_ms, http_status: answer.status, bound: answer.bound.clone() }
}

/// Milliseconds with three decimals.
pub(super) fn millis(time: Duration) -> f64 {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}
