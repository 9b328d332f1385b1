//! Tells whoever wants spans what commands came to. A command of no recorded trace costs one look at a flag.

use crate::answer::AskError;
use crate::pipeline::{Pending, Step};
use ionveil_kernel::{Decider, Env, Rejection, Span, SpanContext, SpanKind, Spans, StreamId};
use std::sync::{Arc, OnceLock};

/// Whoever wants spans, once somebody was named.
#[derive(Clone, Default)]
pub(crate) struct Tracer(Arc<OnceLock<Arc<dyn Spans>>>);

impl Tracer {
    /// Only the first one counts; says whether this is it.
    pub(crate) fn name(&self, spans: Arc<dyn Spans>) -> bool {
        self.0.set(spans).is_ok()
    }

    /// A command is about to be answered.
    pub(crate) fn answered<D: Decider>(&self, env: &Env, owner: &StreamId, command: &Pending<D>) {
        let Some(spans) = self.0.get() else { return };
        let Some(parent) = command.meta.traceparent.as_deref().and_then(SpanContext::parse).filter(|parent| parent.sampled) else { return };
        let (end, took) = (env.now(), env.monotonic().saturating_sub(command.since));
        let (outcome, fault) = outcome(command);
        let mut attributes = vec![
            ("ionveil.entity", owner.to_string()),
            ("ionveil.command_id", command.meta.command_id.to_string()),
            ("ionveil.outcome", outcome),
        ];
        if let Step::Settled(answer) = &command.step
            && let Ok(reply) = &**answer
        {
            attributes.push(("ionveil.version", reply.receipt.version.to_string()));
        }
        spans.end(Span {
            context: parent.child(env.random()),
            parent: Some(parent.span),
            kind: SpanKind::Internal,
            name: D::KIND.into(),
            start: end.before(took),
            end,
            attributes,
            fault,
        });
    }
}

/// What it came to, in a word, and what went wrong. A refusal is a decision, and no fault.
fn outcome<D: Decider>(command: &Pending<D>) -> (String, Option<String>) {
    let error = match &command.step {
        Step::Settled(answer) => match &**answer {
            Ok(reply) => return (if reply.repeated { "repeated" } else { "committed" }.to_owned(), None),
            Err(error) => error,
        },
        Step::Refused { refusal, .. } => refusal,
        Step::Queued | Step::InFlight(_) | Step::Failed(_) | Step::Panicked | Step::Recalling(_) | Step::Parking(_) => {
            return ("unanswered".to_owned(), None);
        }
    };
    match error {
        AskError::Rejected(rejection) => (rejection.code().to_owned(), None),
        AskError::VersionConflict { .. }
        | AskError::OccurredBeforePrevious { .. }
        | AskError::OccurredInFuture
        | AskError::IdReused
        | AskError::NotArmed => ("refused".to_owned(), None),
        AskError::Overloaded
        | AskError::Unavailable
        | AskError::OutcomeUnknown
        | AskError::TimedOut(_)
        | AskError::Draining
        | AskError::Faulted { .. }
        | AskError::Quarantined(_) => ("failed".to_owned(), Some(error.to_string())),
    }
}
