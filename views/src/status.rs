//! What a projector is doing, for people and for `ready`.

use crate::Poison;

/// What a projector is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not started yet.
    #[default]
    Idle,
    /// Reading what was recorded before; reads may be old.
    CatchingUp,
    /// Everything that was there has been taken in, but for partitions that stand still at a poison event.
    Live,
    /// The journal or the views cannot be reached; it tries again.
    Unavailable(String),
    /// It has ended, for this reason if it was not asked to.
    Ended(Option<String>),
}

/// What a projector has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// The last position taken in, by partition.
    pub positions: Vec<u64>,
    /// The last position that was seen in the journal, by partition.
    pub heads: Vec<u64>,
    /// The events at which partitions stand still.
    pub poison: Vec<Poison>,
}

impl Status {
    /// Events that are taken in.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.positions.iter().sum()
    }

    /// Events that are there, as far as is known.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.heads.iter().zip(&self.positions).map(|(head, position)| head.max(position)).sum()
    }

    /// Whether the view runs and shows what was recorded: no event is poison and nothing is down.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.poison.is_empty() && matches!(self.phase, Phase::Idle | Phase::CatchingUp | Phase::Live)
    }
}
