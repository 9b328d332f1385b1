//! Why a monitor refuses a command: stable codes.

use crate::external::EXTERNAL_MAX;
use crate::fault::{self, Fault};
use crate::monitor::{RECIPIENTS_MAX, RULES_MAX, SUPPRESSIONS_MAX, WATCHES_MAX};
use crate::reject::RejectionClass;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The command is wrong by itself.
    #[error("{}", fault::line(.0))]
    Invalid(Vec<Fault>),
    /// There is nothing of this id.
    #[error("there is nothing of this id")]
    NotFound,
    /// The escalation policy names the recipient.
    #[error("the escalation policy names the recipient")]
    RecipientInUse,
    /// There is no room.
    #[error(
        "there are at most {RULES_MAX} rules, {SUPPRESSIONS_MAX} suppressions, {RECIPIENTS_MAX} recipients, {WATCHES_MAX} incidents \
         and {EXTERNAL_MAX} alerts of other systems"
    )]
    MonitorFull,
}

impl Rejection {
    /// What it is at heart.
    #[must_use]
    pub const fn class(&self) -> RejectionClass {
        match self {
            Self::Invalid(_) => RejectionClass::Invalid,
            Self::NotFound => RejectionClass::NotFound,
            Self::RecipientInUse | Self::MonitorFull => RejectionClass::Conflict,
        }
    }

    /// The single faults of an invalid command.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => faults,
            Self::NotFound | Self::RecipientInUse | Self::MonitorFull => &[],
        }
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(faults) => faults.first().map_or("invalid_field", |fault| fault.code.code()),
            Self::NotFound => "not_found",
            Self::RecipientInUse => "recipient_in_use",
            Self::MonitorFull => "monitor_full",
        }
    }
}
