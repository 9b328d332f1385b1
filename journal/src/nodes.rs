//! The nodes that share a store, as they make themselves known to each other: names and addresses, no decisions.

use crate::{Claim, StoreError, StoreResult};
use ionveil_kernel::NodeId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest address and the longest name of a release, in bytes.
pub const NODE_TEXT_MAX: usize = 255;
/// How long a node that has gone is still named.
pub const GONE_KEPT: Duration = Duration::from_secs(3600);

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which node; the same for the life of its data directory.
    pub node: NodeId,
    /// Where the other nodes reach it, such as `10.0.0.7:8080`; empty if they cannot.
    pub address: String,
    /// Its release.
    pub release: String,
}

/// What a node is up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It starts and takes no partitions yet.
    Starting,
    /// It takes its share of the partitions.
    #[default]
    Serving,
    /// It gives its partitions up and takes no more.
    Leaving,
}

impl Standing {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Leaving => "leaving",
        }
    }

    /// The number that stands for it in a store; it never changes.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Starting => 0,
            Self::Serving => 1,
            Self::Leaving => 2,
        }
    }

    pub(crate) const fn from_number(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::Starting),
            1 => Some(Self::Serving),
            2 => Some(Self::Leaving),
            _ => None,
        }
    }
}

/// A node as a store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownNode {
    /// Who it is.
    pub member: Member,
    /// What it is up to.
    pub standing: Standing,
    /// How long ago it started, by the store's clock.
    pub up_for: Duration,
    /// How long ago it was heard of last, by the store's clock.
    pub silent_for: Duration,
    /// How long it counts as live without being heard of again; zero: it does not.
    pub remaining: Duration,
}

impl KnownNode {
    /// Whether it was heard of within its lease.
    #[must_use]
    pub const fn live(&self) -> bool {
        !self.remaining.is_zero()
    }

    /// Whether it takes partitions.
    #[must_use]
    pub fn takes(&self) -> bool {
        self.live() && self.standing == Standing::Serving
    }
}

/// How a node makes itself known, and takes and gives single partitions. Times are those of the store's clock.
pub trait NodeStore: Send + Sync {
    /// Notes that `member` is there, for `lease` from now; `first`: it has just started. Forgets nodes that have been gone
    /// for [`GONE_KEPT`].
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` for a text longer than [`NODE_TEXT_MAX`] or with a zero byte.
    fn announce<'a>(&'a self, member: &'a Member, standing: Standing, first: bool, lease: Duration) -> StoreResult<'a, ()>;

    /// Every node that was heard of, by id, those that have gone too.
    ///
    /// # Errors
    /// `Unavailable`.
    fn nodes(&self) -> StoreResult<'_, Vec<KnownNode>>;

    /// Forgets a node.
    ///
    /// # Errors
    /// `Unavailable`.
    fn withdraw(&self, node: NodeId) -> StoreResult<'_, ()>;

    /// As [`crate::Store::claim`], of `partitions` only. An unknown partition is left out; one named twice counts once.
    ///
    /// # Errors
    /// `Unavailable`.
    fn claim_of<'a>(&'a self, node: NodeId, partitions: &'a [u16], lease: Duration) -> StoreResult<'a, Vec<Claim>>;

    /// As [`crate::Store::release`], of `claims` only; what is not held under its epoch any more is left alone.
    ///
    /// # Errors
    /// `Unavailable`.
    fn release_of<'a>(&'a self, node: NodeId, claims: &'a [Claim]) -> StoreResult<'a, ()>;

    /// What only those who may read the store know, drawn when it was made; none where one node is alone.
    ///
    /// # Errors
    /// `Unavailable`.
    fn secret(&self) -> StoreResult<'_, Option<Vec<u8>>>;
}

/// Refuses what no store takes.
pub(crate) fn check(member: &Member) -> Result<(), StoreError> {
    let lawful = |text: &str| text.len() <= NODE_TEXT_MAX && !text.as_bytes().contains(&0);
    if lawful(&member.address) && lawful(&member.release) {
        return Ok(());
    }
    Err(StoreError::Invalid(format!("a node's address and release have {NODE_TEXT_MAX} bytes at most, without a zero byte")))
}

/// The nodes of a store that lives in one process, by the reading of a clock that never goes back.
#[derive(Default)]
pub(crate) struct NodeTable(Mutex<BTreeMap<NodeId, Noted>>);

struct Noted {
    member: Member,
    standing: Standing,
    started: Duration,
    heard: Duration,
    until: Duration,
}

impl NodeTable {
    pub(crate) fn announce(&self, member: &Member, standing: Standing, first: bool, lease: Duration, now: Duration) {
        let mut nodes = self.0.lock();
        nodes.retain(|_, noted| noted.until + GONE_KEPT > now);
        let started = nodes.get(&member.node).filter(|_| !first).map_or(now, |noted| noted.started);
        nodes.insert(member.node, Noted { member: member.clone(), standing, started, heard: now, until: now + lease });
    }

    pub(crate) fn nodes(&self, now: Duration) -> Vec<KnownNode> {
        let known = |noted: &Noted| KnownNode {
            member: noted.member.clone(),
            standing: noted.standing,
            up_for: now.saturating_sub(noted.started),
            silent_for: now.saturating_sub(noted.heard),
            remaining: noted.until.saturating_sub(now),
        };
        self.0.lock().values().map(known).collect()
    }

    pub(crate) fn withdraw(&self, node: NodeId) {
        self.0.lock().remove(&node);
    }
}
