//! Admission: how many may be inside at once, and whether anyone may still come in. It counts and refuses; it queues
//! nobody and wakes nobody.

use crate::order;
use crate::shim::{AtomicU32, Ordering::Relaxed, constructor};
use std::fmt;

const CLOSED: u32 = 1 << 31;
const COUNT_MAX: u32 = CLOSED - 1;

/// Why a gate let nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many are inside as the caller's class allows; it may try again.
    Full,
    /// Nobody comes in any more, ever.
    Closed,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full => "enter a gate: as many are inside as may be",
            Self::Closed => "enter a gate: it is closed",
        })
    }
}

impl std::error::Error for Refused {}

/// A count of who is inside, and a door that closes once. Every method may be called from any thread; none blocks.
///
/// # Memory ordering
/// - [`leave`](Self::leave) releases: whoever then closes the idle gate sees what was done inside.
/// - [`close`](Self::close) and [`try_close_idle`](Self::try_close_idle) release: whoever finds the gate closed sees what
///   was done before.
/// - Entering orders nothing: what is inside reaches those who enter by other means.
pub struct Gate {
    word: AtomicU32,
}

/// The word of a gate: the count in the low 31 bits, the closed mark above them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u32);

impl State {
    const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    const fn count(self) -> u32 {
        self.0 & COUNT_MAX
    }

    /// One more inside. The count stops short of the mark whatever the limit.
    const fn entered(self, limit: u32) -> Result<Self, Refused> {
        if self.is_closed() {
            Err(Refused::Closed)
        } else if self.count() >= limit || self.count() == COUNT_MAX {
            Err(Refused::Full)
        } else {
            Ok(Self(self.0 + 1))
        }
    }

    /// One less inside, the mark as it was; nothing if nobody is inside.
    const fn left(self) -> Option<Self> {
        if self.count() == 0 { None } else { Some(Self(self.0 - 1)) }
    }
}

impl Gate {
    constructor! {
        /// An open gate with nobody inside.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(0) }
        }
    }

    /// Comes in, if fewer than `limit` are inside. The limit is that of the caller's class: the count never exceeds the
    /// largest limit that anyone passes. Who has come in leaves exactly once.
    ///
    /// # Errors
    /// `Full` if `limit` or more are inside (always if it is 0); `Closed` once the gate is closed, however many are inside.
    pub fn try_enter(&self, limit: u32) -> Result<(), Refused> {
        let mut seen = State(self.word.load(order::GATE_SEE_CLOSED));
        loop {
            let next = seen.entered(limit)?;
            if order::GATE_ENTERS_IN_TWO_STEPS {
                self.word.fetch_add(1, Relaxed);
                return Ok(());
            }
            match self.word.compare_exchange_weak(seen.0, next.0, Relaxed, order::GATE_SEE_CLOSED) {
                Ok(_) => return Ok(()),
                Err(now) => seen = State(now),
            }
        }
    }

    /// Goes out. Leaving a gate that nobody is inside changes nothing: it never turns into the mark of a closed gate.
    ///
    /// # Panics
    /// In debug builds, if nobody is inside (unless the thread panics already).
    pub fn leave(&self) {
        self.leave_as_last();
    }

    /// Goes out, and tells whether this was the last to leave a closed gate.
    pub(crate) fn leave_as_last(&self) -> bool {
        let left = self.word.try_update(order::GATE_LEAVE, Relaxed, |word| State(word).left().map(|state| state.0));
        debug_assert!(left.is_ok() || std::thread::panicking(), "leave a gate that nobody is inside");
        left == Ok(CLOSED | 1)
    }

    /// How many are inside now: a figure for people and for estimates, which orders nothing.
    #[must_use]
    pub fn depth(&self) -> u32 {
        State(self.word.load(Relaxed)).count()
    }

    /// Closes the gate for good. Those inside stay until they leave. Closing again changes nothing.
    pub fn close(&self) {
        self.word.fetch_or(CLOSED, order::GATE_CLOSE);
    }

    /// Whether the gate is closed; if so, the caller sees what was done before it was.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        State(self.word.load(order::GATE_SEE_CLOSED)).is_closed()
    }

    /// Closes the gate if it is open and nobody is inside, in one step, and tells whether it did: of those who race to
    /// come in and to close, either the closer wins or somebody is inside. Who closed sees everything that was done inside.
    #[must_use]
    pub fn try_close_idle(&self) -> bool {
        if order::GATE_CLOSES_IDLE_IN_TWO_STEPS {
            let is_idle = self.word.load(order::GATE_SEE_CLOSED) == 0;
            return is_idle && self.word.fetch_or(CLOSED, order::GATE_CLOSE_IDLE) & CLOSED == 0;
        }
        self.word.compare_exchange(0, CLOSED, order::GATE_CLOSE_IDLE, Relaxed).is_ok()
    }

    /// Whether the gate is closed and nobody is inside; if so, the caller sees what every leaver and the closer did.
    pub(crate) fn is_drained(&self) -> bool {
        self.word.load(order::LATCH_DRAINED) == CLOSED
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = State(self.word.load(Relaxed));
        out.debug_struct("Gate").field("depth", &state.count()).field("closed", &state.is_closed()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_limit() {
        let gate = Gate::new();
        assert_eq!(gate.try_enter(0), Err(Refused::Full));
        assert_eq!(gate.try_enter(1), Ok(()));
        assert_eq!(gate.try_enter(1), Err(Refused::Full));
        assert_eq!(gate.try_enter(2), Ok(()), "control traffic has more room");
        assert_eq!(gate.try_enter(1), Err(Refused::Full));
        assert_eq!(gate.depth(), 2);
        gate.leave();
        gate.leave();
        assert_eq!(gate.depth(), 0);
    }

    #[test]
    fn a_closed_gate_lets_out_but_not_in() {
        let gate = Gate::new();
        gate.try_enter(1).unwrap();
        gate.close();
        gate.close();
        assert!(gate.is_closed());
        assert_eq!(gate.try_enter(9), Err(Refused::Closed));
        assert_eq!(gate.depth(), 1);
        assert!(gate.leave_as_last());
        assert!(gate.is_drained());
    }

    #[test]
    fn only_an_idle_open_gate_is_closed_as_idle() {
        let gate = Gate::new();
        gate.try_enter(1).unwrap();
        assert!(!gate.try_close_idle());
        assert!(!gate.is_closed(), "nothing changed");
        gate.leave();
        assert!(gate.try_close_idle());
        assert!(!gate.try_close_idle(), "one closer wins");
    }

    #[test]
    fn the_count_never_reaches_the_mark() {
        let gate = Gate { word: AtomicU32::new(COUNT_MAX) };
        assert_eq!(gate.try_enter(u32::MAX), Err(Refused::Full));
        assert!(!gate.is_closed());
    }

    #[test]
    fn leaving_an_empty_gate_never_closes_it() {
        for (word, name) in [(0, "open"), (CLOSED, "closed")] {
            let gate = Gate { word: AtomicU32::new(word) };
            let left = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gate.leave()));
            assert_eq!(left.is_err(), cfg!(debug_assertions), "{name}");
            assert_eq!(gate.word.load(Relaxed), word, "{name}");
        }
    }

    #[test]
    fn it_says_what_it_is() {
        static GATE: Gate = Gate::new();
        assert_eq!(format!("{GATE:?}"), "Gate { depth: 0, closed: false }");
        assert_eq!(Refused::Closed.to_string(), "enter a gate: it is closed");
        assert_eq!(Refused::Full.to_string(), "enter a gate: as many are inside as may be");
    }
}
