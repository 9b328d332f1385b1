//! Why a workflow refuses a command: stable codes, and the request field that each concerns.

use crate::attributes::AttributeFault;
use crate::definition::is_lawful_name;
use std::borrow::Cow;
use std::fmt;

/// The most characters of a reason.
pub const REASON_CHARS_MAX: usize = 1_024;
/// The most states that a clone takes over.
pub const CLONE_STACK_MAX: usize = 10_000;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Registered or cloned before.
    #[error("a workflow of this id exists")]
    DuplicateEntity,
    /// Never registered.
    #[error("there is no workflow of this id")]
    EntityNotFound,
    /// The command makes no sense for this machine, whatever the state.
    #[error("{0}")]
    Invalid(Faults),
    /// The table has no such edge from the present state.
    #[error("the machine has no edge from {from:?} to {to:?}")]
    InvalidTransition {
        /// The present state.
        from: String,
        /// The state that was asked for.
        to: String,
        /// The field that asked for it, if one did.
        field: Option<&'static str>,
    },
    /// Nothing leads out of the present state.
    #[error("the workflow has ended in {state:?}")]
    TerminalState {
        /// The present state.
        state: String,
    },
    /// There is no state to go back to.
    #[error("the workflow has made no transition that could be rolled back")]
    NoHistory,
    /// The source of a clone has been through too much to be copied.
    #[error("the source has {states} states on its stack, at most {CLONE_STACK_MAX} can be copied")]
    HistoryTooLong {
        /// How many states the source's stack has.
        states: usize,
    },
    /// It would assign something where the policy in force is halted.
    #[error("nothing is assigned while {0}")]
    PolicyHalted(Box<ionveil_kernel::Halt>),
}

/// What a refusal is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionClass {
    /// The command is wrong by itself (HTTP 400).
    Invalid,
    /// There is nothing to command (HTTP 404).
    NotFound,
    /// The present state speaks against it (HTTP 409).
    Conflict,
}

impl Rejection {
    /// What it is at heart.
    #[must_use]
    pub const fn class(&self) -> RejectionClass {
        match self {
            Self::Invalid(_) => RejectionClass::Invalid,
            Self::EntityNotFound => RejectionClass::NotFound,
            Self::DuplicateEntity
            | Self::InvalidTransition { .. }
            | Self::TerminalState { .. }
            | Self::NoHistory
            | Self::HistoryTooLong { .. }
            | Self::PolicyHalted(_) => RejectionClass::Conflict,
        }
    }

    /// The request field that it concerns (the first, of several), if it is one of the request's.
    #[must_use]
    pub fn field(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Invalid(faults) => faults.first.field(),
            Self::InvalidTransition { field, .. } => field.map(Cow::Borrowed),
            Self::DuplicateEntity => Some(Cow::Borrowed("id")),
            Self::EntityNotFound | Self::TerminalState { .. } | Self::NoHistory | Self::HistoryTooLong { .. } | Self::PolicyHalted(_) => {
                None
            }
        }
    }

    /// The single faults of an invalid command; empty for the other refusals.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let faults = if let Self::Invalid(faults) = self { Some(faults) } else { None };
        faults.into_iter().flat_map(Faults::iter)
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::DuplicateEntity => "duplicate_entity",
            Self::EntityNotFound => "entity_not_found",
            Self::Invalid(faults) => faults.first.code(),
            Self::InvalidTransition { .. } => "invalid_transition",
            Self::TerminalState { .. } => "terminal_state",
            Self::NoHistory => "no_history",
            Self::HistoryTooLong { .. } => "history_too_long",
            Self::PolicyHalted(_) => "policy_halted",
        }
    }
}

/// One thing that is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No machine in the catalogue has this name.
    #[error("there is no machine {}", Shown(.0))]
    UnknownMachine(String),
    /// The machine has no such state.
    #[error("the machine has no state {}", Shown(.state))]
    UnknownState {
        /// The field that names it.
        field: Cow<'static, str>,
        /// The name.
        state: String,
    },
    /// An attribute is not lawful.
    #[error("{0}")]
    Attribute(AttributeFault),
    /// The reason is too long or has control characters.
    #[error("a reason has at most {REASON_CHARS_MAX} characters and no control characters")]
    InvalidReason,
    /// What is to be cloned is no history of its machine.
    #[error("this cannot be cloned: {0}")]
    InvalidClone(String),
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownMachine(_) => "unknown_machine",
            Self::UnknownState { .. } => "unknown_state",
            Self::Attribute(_) => "invalid_attributes",
            Self::InvalidReason => "invalid_reason",
            Self::InvalidClone(_) => "invalid_clone",
        }
    }

    /// The request field that it concerns.
    #[must_use]
    pub fn field(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::UnknownMachine(_) => Some(Cow::Borrowed("machine")),
            Self::UnknownState { field, .. } => Some(Cow::Borrowed(field)),
            Self::Attribute(fault) => {
                Some(fault.key.as_ref().map_or(Cow::Borrowed("attributes"), |key| format!("attributes.{key}").into()))
            }
            Self::InvalidReason => Some(Cow::Borrowed("reason")),
            Self::InvalidClone(_) => None,
        }
    }
}

/// At least one [`Fault`], in the order of the request's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    rest: Vec<Fault>,
}

impl Faults {
    /// A refusal if there is anything in `faults`.
    pub(crate) fn refuse(faults: Vec<Fault>) -> Result<(), Rejection> {
        let mut faults = faults.into_iter();
        let Some(first) = faults.next() else { return Ok(()) };
        Err(Rejection::Invalid(Self { first, rest: faults.collect() }))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().try_for_each(|fault| write!(f, "; {fault}"))
    }
}

/// A name that a client sent: shown in full only if it could have been one, so that no answer echoes kilobytes.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_lawful_name(self.0) { write!(f, "{:?}", self.0) } else { f.write_str("of that name") }
    }
}
