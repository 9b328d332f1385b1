//! A command on its way to the node that owns its entity, and what comes back. How it travels is somebody else's: see
//! [`Forward`]. It is forwarded once: whoever gets it carries it out or says that it is not his.

use crate::answer::{AskError, Reply};
use crate::class::Class;
use ionveil_journal::Receipt;
use ionveil_kernel::{BoxFuture, Decider, Meta, Rejection, StreamId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A command for an entity of another node, with all that its answer depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// The entity.
    #[serde(with = "as_text")]
    pub owner: StreamId,
    /// The command's JSON text.
    pub command: String,
    /// Its id, what the client asked for, and the caller, as the first node has them.
    pub meta: Meta,
    /// How urgent it is.
    pub class: Class,
    /// The epoch under which the other node owned the entity then: under another one the command is not his to carry out, since
    /// it may have been carried out or refused elsewhere meanwhile.
    pub epoch: u64,
    /// How long its caller still waits.
    pub patience: Duration,
}

/// What a node answers to a command that was forwarded to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// It is committed. The state at the receipt is in the journal.
    Done {
        /// The proof.
        receipt: Receipt,
        /// It had been accepted before.
        repeated: bool,
    },
    /// The decider refused it, with this code.
    Rejected {
        /// The stable code.
        code: String,
    },
    /// Something else went otherwise.
    Failed(AskError<Untold>),
    /// The entity is not this node's, or has just ceased to be.
    NotMine {
        /// Whether it may have been carried out all the same.
        open: bool,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// The other node certainly has not got it.
    #[error("{0}")]
    NotSent(String),
    /// It may have.
    #[error("{0}")]
    Unknown(String),
}

/// Carries commands to other nodes.
pub trait Forward: Send + Sync + 'static {
    /// Has `parcel` carried out at the node that is reached at `address` ([`crate::Runtime::receive`] there).
    ///
    /// # Errors
    /// [`ForwardError`]; also when no answer has come within the parcel's patience.
    fn forward<'a>(&'a self, address: &'a str, parcel: &'a Parcel) -> BoxFuture<'a, Result<Answered, ForwardError>>;

    /// Completes once the observers of the node that is reached at `address` know what was committed before this call
    /// ([`crate::Runtime::hear`] there).
    ///
    /// # Errors
    /// [`ForwardError`]; also when no answer has come within `patience`.
    fn hear<'a>(&'a self, address: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), ForwardError>>;
}

/// The refusal of a decider does not travel as a value, but as its code: there is none of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Untold {}

impl fmt::Display for Untold {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Rejection for Untold {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

impl Answered {
    /// It is no command of its kind in this release.
    pub(crate) fn unreadable(why: &str) -> Self {
        Self::Failed(AskError::Faulted { fault: format!("read the command: {why}"), dead_letter: None })
    }

    pub(crate) fn of<D: Decider>(answer: Result<Reply<D>, AskError<D::Rejection>>) -> Self {
        match answer.map_err(AskError::apart) {
            Ok(reply) => Self::Done { receipt: reply.receipt, repeated: reply.repeated },
            Err(Ok(rejection)) => Self::Rejected { code: rejection.code().to_owned() },
            Err(Err(error)) => Self::Failed(error),
        }
    }
}

mod as_text {
    use ionveil_kernel::StreamId;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(stream: &StreamId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(stream)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StreamId, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
