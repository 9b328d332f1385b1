//! What can be asked of a channel.

use super::driver::Driver;
use crate::breaker::{Mode, Permit, PolicyForm};
use crate::detector::{Detector, Verdict};
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// What a channel is made of, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// How it sends.
    pub driver: Driver,
    /// Its breaker.
    #[serde(default)]
    pub breaker: PolicyForm,
    /// What judges its outcomes.
    #[serde(default)]
    pub detector: Detector,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Whose it was: `<dispatch>#<number>`.
    pub attempt: String,
    /// The leave that it had.
    #[serde(default)]
    pub permit: Option<Permit>,
    /// Whether it was delivered.
    pub delivered: bool,
    /// How the detector judges it.
    pub verdict: Verdict,
    /// The reason of a failure.
    #[serde(default)]
    pub reason: Option<String>,
    /// The HTTP status, if there was one.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// How long it took, if that is known, in milliseconds.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// The channel asks to be left alone for so long, in milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// A wish. Its serde form is tagged with the name in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Sets a channel up.
    Create {
        /// What it is made of.
        form: Box<Form>,
    },
    /// Makes it of something else. The breaker stays where it is.
    Change {
        /// What it is made of from now on.
        form: Box<Form>,
    },
    /// Takes it away.
    Delete,
    /// Lets nothing through until somebody says otherwise.
    Block {
        /// Why.
        reason: String,
        /// When it ends by itself.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Ends a block.
    Unblock,
    /// Puts a mode of the breaker in force; none ends it.
    Force {
        /// Which.
        mode: Option<Mode>,
        /// When it ends by itself.
        #[serde(default)]
        until: Option<Timestamp>,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Lets probes through an open breaker now.
    ForceHalfOpen,
    /// Closes the breaker and forgets what it counted.
    Reset,
    /// Asks for leave to call where the breaker is not closed.
    Admit {
        /// For which attempt.
        attempt: String,
    },
    /// Takes in what came of an attempt.
    Record {
        /// It.
        report: Box<Report>,
    },
    /// Lets what is due happen.
    Tick,
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Change { .. } => "change",
            Self::Delete => "delete",
            Self::Block { .. } => "block",
            Self::Unblock => "unblock",
            Self::Force { .. } => "force",
            Self::ForceHalfOpen => "force_half_open",
            Self::Reset => "reset",
            Self::Admit { .. } => "admit",
            Self::Record { .. } => "record",
            Self::Tick => "tick",
        }
    }
}
