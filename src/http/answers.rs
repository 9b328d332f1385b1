//! What went otherwise, as a problem: the one place that maps refusals, conflicts, overload and faults to codes.

use crate::http::problem::{Code, Fault, Halted, Problem, ProblemBody};
use crate::time;
use ionveil_actors::{AskError, LoadError};
use ionveil_kernel::Rejection;
use ionveil_policy::{engine, tree};
use utoipa::IntoResponses;

/// Every way in which a request can go otherwise; part of each operation's description.
#[derive(IntoResponses)]
pub enum Problems {
    /// Malformed, missing or invalid.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemBody),
    /// No valid credential.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] ProblemBody),
    /// The role may not, or the host is not allowed.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemBody),
    /// Unknown, or another organisation's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemBody),
    /// Another method is needed.
    #[response(status = 405, content_type = "application/problem+json")]
    MethodNotAllowed(#[to_schema] ProblemBody),
    /// The request did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(#[to_schema] ProblemBody),
    /// The present state speaks against it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemBody),
    /// Stale `If-Match`.
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(#[to_schema] ProblemBody),
    /// Too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemBody),
    /// Not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(#[to_schema] ProblemBody),
    /// The head is too large.
    #[response(status = 431, content_type = "application/problem+json")]
    HeadTooLarge(#[to_schema] ProblemBody),
    /// Too much is waiting.
    #[response(status = 429, content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds until it is worth asking again")))]
    Overloaded(#[to_schema] ProblemBody),
    /// A dependency is down, the server drains, or the entity is quarantined.
    #[response(status = 503, content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds until it is worth asking again")))]
    Unavailable(#[to_schema] ProblemBody),
}

/// A refusal as clients read it.
pub trait Refusal: Rejection {
    /// Its faults in the specification's order, with the fields of the request; at least one.
    fn as_faults(&self) -> Vec<Fault>;

    /// Who halted what was asked for, if policy did.
    fn halted(&self) -> Option<Halted> {
        None
    }
}

impl Refusal for ionveil_workflow::Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        let faults: Vec<Fault> = self.faults().map(|one| fault(one.code(), one.field().map(Into::into), one.to_string())).collect();
        if faults.is_empty() { vec![fault(self.code(), self.field().map(Into::into), self.to_string())] } else { faults }
    }

    fn halted(&self) -> Option<Halted> {
        let Self::PolicyHalted(halt) = self else { return None };
        Some((**halt).clone().into())
    }
}

impl Refusal for tree::Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        if let Self::OneOfMany { index, why } = self {
            return why.as_faults().into_iter().map(|fault| Fault { index: Some(*index), ..fault }).collect();
        }
        let faults: Vec<Fault> = self.faults().map(|one| fault(one.code(), Some(one.field().to_owned()), one.to_string())).collect();
        if !faults.is_empty() {
            return faults;
        }
        // A node that is there is named by the path, one that is to come by the body.
        let id = matches!(self, Self::DuplicateNode).then_some("id");
        let field = id.or_else(|| self.field().filter(|field| *field != "node"));
        vec![fault(self.code(), field.map(Into::into), self.to_string())]
    }
}

impl Refusal for engine::Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        vec![fault(self.code(), None, self.to_string())]
    }
}

fn fault(code: &str, field: Option<String>, detail: String) -> Fault {
    Fault { code: Code::from_name(code).unwrap_or(Code::Internal), field, index: None, detail }
}

/// The problem behind a command that was not carried out. `if_match`: the expected version came from that header.
#[must_use]
pub fn problem_of<R: Refusal>(error: AskError<R>, if_match: bool) -> Problem {
    match error {
        AskError::Rejected(rejection) => {
            let problem = Problem::of_faults(rejection.as_faults());
            rejection.halted().into_iter().fold(problem, Problem::halted)
        }
        AskError::VersionConflict { actual, .. } if if_match => {
            Problem::new(Code::PreconditionFailed, format!("If-Match does not name the present version, which is \"{actual}\""))
        }
        AskError::VersionConflict { expected, actual } => {
            Problem::field(Code::VersionConflict, "expected_version", format!("is {expected}, the present version is {actual}"))
        }
        AskError::OccurredBeforePrevious { last } => Problem::field(
            Code::OccurredBeforePrevious,
            "occurred_at",
            format!("lies before the last event, which happened at {}", time::format(last)),
        ),
        AskError::OccurredInFuture => Problem::field(Code::OccurredInFuture, "occurred_at", "lies more than five minutes ahead"),
        AskError::IdReused => Problem::new(Code::IdempotencyKeyReused, "this Idempotency-Key came with another request before"),
        AskError::Overloaded => Problem::new(Code::Overloaded, "too many commands are waiting; nothing was done"),
        AskError::Unavailable => Problem::new(Code::StoreUnavailable, "the store cannot be reached; nothing was done"),
        AskError::OutcomeUnknown | AskError::TimedOut(_) => Problem::new(
            Code::OutcomeUnknown,
            "no answer came in time; repeat the request under the same Idempotency-Key, or read before you repeat it",
        ),
        AskError::Draining => Problem::new(Code::Draining, "the server is shutting down; nothing was done"),
        AskError::NotArmed => Problem::internal(),
        AskError::Faulted { fault, dead_letter } => {
            tracing::error!(fault, ?dead_letter, "a request met a fault of its decider");
            let kept = dead_letter.map_or_else(String::new, |id| format!("; it is kept as dead letter {id}"));
            Problem::new(Code::CommandFaulted, format!("the command made its decider fail; nothing was stored{kept}"))
        }
        AskError::Quarantined(detail) => {
            tracing::error!(detail, "a request met a quarantined entity");
            Problem::new(Code::Quarantined, "the entity has failed too often, or its history cannot be used; an operator has to resume it")
        }
    }
}

/// The problem behind an entity that could not be read.
#[must_use]
pub fn problem_of_load(error: &LoadError) -> Problem {
    tracing::error!(error = %error, source = ?std::error::Error::source(error), "an entity could not be read");
    match error {
        LoadError::Store(store) if store.retryable() => Problem::new(Code::StoreUnavailable, "the store cannot be reached"),
        LoadError::Store(_) => Problem::internal(),
        LoadError::Decode { .. } | LoadError::Fold { .. } | LoadError::Gap { .. } => {
            Problem::new(Code::Quarantined, "the entity's history cannot be used; run `ionveil verify`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_policy::tree::{Rejection as Refused, RejectionClass};

    #[test]
    fn every_refusal_of_a_tree_has_its_code_and_status() {
        let refusals = [
            (Refused::DuplicateNode, Some("id")),
            (Refused::UnknownParent, Some("parent")),
            (Refused::TreeFull, None),
            (Refused::TreeTooDeep, Some("parent")),
            (Refused::UnknownNode, None),
            (Refused::WouldCreateCycle, Some("parent")),
            (Refused::HasChildren, None),
            (Refused::NoChange, None),
            (Refused::RootHasNoParent, None),
            (Refused::NoOverride, None),
            (Refused::StaleEngine, None),
        ];
        for (refusal, field) in refusals {
            let problem = problem_of(AskError::Rejected(refusal.clone()), false);
            let status = match refusal.class() {
                RejectionClass::Invalid => 400,
                RejectionClass::NotFound => 404,
                RejectionClass::Conflict => 409,
            };
            assert_eq!((problem.code.as_str(), problem.code.status().as_u16()), (refusal.code(), status));
            assert_eq!(problem.errors[0].field.as_deref(), field, "{refusal}");
        }
        for fault in tree::Fault::of(Some("odd"), " ", Some(&"r".repeat(257))).chain([tree::Fault::InvalidExpiry]) {
            assert_eq!(Code::from_name(fault.code()).map(|code| code.status().as_u16()), Some(400), "{fault}");
        }
        assert_eq!(problem_of(AskError::Rejected(engine::Rejection::StaleTerm), false).code, Code::StaleTerm);
    }
}
