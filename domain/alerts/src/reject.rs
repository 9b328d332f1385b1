//! What is wrong with a form or a request by itself: stable codes. What a present state speaks against has its codes beside the
//! entity.

/// The code of a fault; the request is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A rule that cannot be.
    InvalidRule,
    /// An escalation policy that cannot be.
    InvalidEscalationPolicy,
    /// A recipient that cannot be.
    InvalidRecipient,
    /// A priority that is not from 1 to 5.
    InvalidPriority,
    /// A dispatch that lies in the future.
    DispatchInFuture,
    /// A time that is not above 0, or too long.
    InvalidDuration,
    /// A regular expression that cannot be used.
    InvalidPattern,
    /// A text that cannot be kept.
    InvalidText,
    /// A resolution without a note.
    ResolutionNoteRequired,
    /// A field that is not as it must be.
    InvalidField,
}

impl Code {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRule => "invalid_rule",
            Self::InvalidEscalationPolicy => "invalid_escalation_policy",
            Self::InvalidRecipient => "invalid_recipient",
            Self::InvalidPriority => "invalid_priority",
            Self::DispatchInFuture => "dispatch_in_future",
            Self::InvalidDuration => "invalid_duration",
            Self::InvalidPattern => "invalid_pattern",
            Self::InvalidText => "invalid_text",
            Self::ResolutionNoteRequired => "resolution_note_required",
            Self::InvalidField => "invalid_field",
        }
    }
}

/// What a refusal is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionClass {
    /// The request is wrong by itself (HTTP 400).
    Invalid,
    /// There is nothing of this id (HTTP 404).
    NotFound,
    /// The present state speaks against it (HTTP 409).
    Conflict,
}
