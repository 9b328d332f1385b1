//! The bug zoo: known mistakes of others, each by its name, which the simulation of a cluster lets loose one at a time and has
//! to find. In a build without the feature `testkit` (and not under test) nothing can be let loose and the compiler drops
//! what [`Mutant::is_loose`] guards.

/// A known mistake. Some are made by the runtime itself, some by the simulated store, one by the simulated edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// The store takes an append of an owner that was paused and replaced meanwhile.
    StaleOwner,
    /// A reactor's checkpoint is written first, and what follows from the events second.
    EarlyCheckpoint,
    /// A feed takes the greatest position that it sees for the end of what is committed.
    TrustedSerial,
    /// A restart drops what waits in the entity's queue.
    DroppedMailbox,
    /// Each handle on a host adds a place to the bound of an entity's queue.
    EvadedBound,
    /// Commands without an idempotency key all get the id of the empty key.
    EmptyId,
    /// A snapshot holds an event more than it says, which is applied again.
    DoubleSnapshot,
    /// What was decided on a state that is gone is appended all the same.
    DeadGeneration,
    /// A refusal is final before what it rests on is committed.
    LostRefusal,
    /// A policy is answered before all nodes know it.
    EarlyAnswer,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::StaleOwner,
        Self::EarlyCheckpoint,
        Self::TrustedSerial,
        Self::DroppedMailbox,
        Self::EvadedBound,
        Self::EmptyId,
        Self::DoubleSnapshot,
        Self::DeadGeneration,
        Self::LostRefusal,
        Self::EarlyAnswer,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StaleOwner => "stale_owner",
            Self::EarlyCheckpoint => "early_checkpoint",
            Self::TrustedSerial => "trusted_serial",
            Self::DroppedMailbox => "dropped_mailbox",
            Self::EvadedBound => "evaded_bound",
            Self::EmptyId => "empty_id",
            Self::DoubleSnapshot => "double_snapshot",
            Self::DeadGeneration => "dead_generation",
            Self::LostRefusal => "lost_refusal",
            Self::EarlyAnswer => "early_answer",
        }
    }

    /// The mutant of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.as_str() == name)
    }

    /// Whether this mistake is to be made now.
    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn is_loose(self) -> bool {
        LOOSE.get() == Some(self)
    }

    /// Whether this mistake is to be made now: never.
    #[cfg(not(any(test, feature = "testkit")))]
    pub(crate) const fn is_loose(self) -> bool {
        false
    }
}

#[cfg(any(test, feature = "testkit"))]
thread_local! {
    /// A simulation lives on one thread.
    static LOOSE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Keeps a mutant loose on this thread until it is dropped.
#[cfg(any(test, feature = "testkit"))]
pub(crate) struct Loose(());

#[cfg(any(test, feature = "testkit"))]
impl Loose {
    /// Lets `mutant` loose, or none.
    pub(crate) fn new(mutant: Option<Mutant>) -> Self {
        LOOSE.set(mutant);
        Self(())
    }
}

#[cfg(any(test, feature = "testkit"))]
impl Drop for Loose {
    fn drop(&mut self) {
        LOOSE.set(None);
    }
}
