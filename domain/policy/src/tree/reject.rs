//! Why a tree refuses a command: stable codes, and the request field that each concerns. Two refusals are recorded, and
//! therefore no [`Rejection`]: see [`State::refused`](crate::tree::State::refused).

use crate::level;
use crate::tree::command::ADDED_MAX;
use crate::tree::state::{DEPTH_MAX, NODES_MAX};
use std::fmt;

/// The most characters of an authorization and of a reason.
pub const TEXT_CHARS_MAX: usize = 256;

/// A refusal of which nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The tree has a node of this id.
    #[error("the tree has a node of this id")]
    DuplicateNode,
    /// The parent is not in the tree, or none is named and the tree has a root.
    #[error("the tree has no such parent")]
    UnknownParent,
    /// The tree has as many nodes as it may.
    #[error("a tree has at most {NODES_MAX} nodes")]
    TreeFull,
    /// A node would lie too deep.
    #[error("a tree has at most {DEPTH_MAX} nodes from its root down to a leaf")]
    TreeTooDeep,
    /// The tree has no node of this id.
    #[error("the tree has no such node")]
    UnknownNode,
    /// The new parent is the node itself or lies below it.
    #[error("the new parent is the node itself or below it")]
    WouldCreateCycle,
    /// There are nodes below.
    #[error("the node has children")]
    HasChildren,
    /// It is so already.
    #[error("it is so already")]
    NoChange,
    /// The command is wrong by itself.
    #[error("{0}")]
    Invalid(Faults),
    /// None are to be added, or too many.
    #[error("1 to {ADDED_MAX} nodes are added at once")]
    NodeCount,
    /// One of several nodes that were to be added together; none was.
    #[error("node {index}: {why}")]
    OneOfMany {
        /// Its place among them, from 0.
        index: usize,
        /// Why.
        why: Box<Rejection>,
    },
    /// An override needs a parent to be stricter than.
    #[error("the root has no parent that an override could be stricter than")]
    RootHasNoParent,
    /// There is no override to take away.
    #[error("the node has no override")]
    NoOverride,
    /// The engine's wish is of another term, or a later one was heard before.
    #[error("the engine's level is older than what the tree knows")]
    StaleEngine,
}

/// What a refusal is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionClass {
    /// The command is wrong by itself (HTTP 400).
    Invalid,
    /// It names a node that is not there (HTTP 404).
    NotFound,
    /// The present state speaks against it (HTTP 409).
    Conflict,
}

impl Rejection {
    /// What it is at heart.
    #[must_use]
    pub fn class(&self) -> RejectionClass {
        match self {
            Self::Invalid(_) | Self::NodeCount => RejectionClass::Invalid,
            Self::OneOfMany { why, .. } => why.class(),
            Self::UnknownNode | Self::UnknownParent => RejectionClass::NotFound,
            Self::DuplicateNode
            | Self::TreeFull
            | Self::TreeTooDeep
            | Self::WouldCreateCycle
            | Self::HasChildren
            | Self::NoChange
            | Self::RootHasNoParent
            | Self::NoOverride
            | Self::StaleEngine => RejectionClass::Conflict,
        }
    }

    /// The command's field that it concerns (the first, of several), if it is one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(faults) => Some(faults.first.field()),
            Self::NodeCount | Self::OneOfMany { .. } => Some("nodes"),
            Self::DuplicateNode | Self::UnknownNode | Self::HasChildren | Self::RootHasNoParent | Self::NoOverride => Some("node"),
            Self::UnknownParent | Self::WouldCreateCycle | Self::TreeTooDeep => Some("parent"),
            Self::TreeFull | Self::NoChange | Self::StaleEngine => None,
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
            Self::DuplicateNode => "duplicate_node",
            Self::UnknownParent => "unknown_parent",
            Self::TreeFull => "tree_full",
            Self::TreeTooDeep => "tree_too_deep",
            Self::UnknownNode => "unknown_node",
            Self::WouldCreateCycle => "would_create_cycle",
            Self::HasChildren => "has_children",
            Self::NoChange => "no_change",
            Self::Invalid(faults) => faults.first.code(),
            Self::NodeCount => "invalid_field",
            Self::OneOfMany { why, .. } => why.code(),
            Self::RootHasNoParent => "root_has_no_parent",
            Self::NoOverride => "no_override",
            Self::StaleEngine => "stale_engine",
        }
    }
}

/// One thing that is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no such level.
    #[error("a level is normal, watch, restricted or halted")]
    UnknownPolicy,
    /// No right is named.
    #[error("an authorization must be named: a role or a ticket")]
    MissingAuthorization,
    /// A text is too long.
    #[error("{field} has at most {TEXT_CHARS_MAX} characters")]
    TextTooLong {
        /// Which.
        field: &'static str,
    },
    /// The end does not lie in the future.
    #[error("an override ends in the future")]
    InvalidExpiry,
}

impl Fault {
    /// What is wrong with what a person wrote, whatever the tree and the time, in the specification's order.
    pub fn of<'a>(level: Option<&'a str>, authorization: &'a str, reason: Option<&'a str>) -> impl Iterator<Item = Self> + 'a {
        let unknown = level.is_some_and(|level| level::parse(level).is_none()).then_some(Self::UnknownPolicy);
        let missing = authorization.trim().is_empty().then_some(Self::MissingAuthorization);
        let texts = [("authorization", Some(authorization)), ("reason", reason)];
        let too_long = texts.into_iter().filter(|(_, text)| text.is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX));
        unknown.into_iter().chain(missing).chain(too_long.map(|(field, _)| Self::TextTooLong { field }))
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownPolicy => "unknown_policy",
            Self::MissingAuthorization => "missing_authorization",
            Self::TextTooLong { .. } => "text_too_long",
            Self::InvalidExpiry => "invalid_expiry",
        }
    }

    /// The command's field that it concerns.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::UnknownPolicy => "level",
            Self::MissingAuthorization => "authorization",
            Self::TextTooLong { field } => field,
            Self::InvalidExpiry => "expires_at",
        }
    }
}

/// At least one [`Fault`], in the specification's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    rest: Vec<Fault>,
}

impl Faults {
    /// A refusal if there is anything in `faults`.
    pub(crate) fn refuse(faults: impl IntoIterator<Item = Fault>) -> Result<(), Rejection> {
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
