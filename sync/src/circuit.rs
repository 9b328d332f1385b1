//! Whether a call may pass a circuit breaker, in one word that is checked without asking the breaker's owner. It has no clock
//! and decides no transition: the owner does, and publishes where the breaker stands. What is known here before the owner has
//! heard of it (a failure, a probe) counts already, so that no more calls pass than the owner would let.

use crate::order;
use crate::shim::{AtomicU64, Ordering::Relaxed, constructor};
use std::fmt;

/// The most failures or probes that fit.
pub const CIRCUIT_COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

const COUNT_BITS: u32 = 10;
const UNTOLD_BITS: u32 = 11;
const PHASE: u64 = 0b11;
const TRIPPED: u64 = 1 << 2;
const QUIET: u64 = 1 << 3;
const ROOM_AT: u32 = 4;
const FULL_AT: u32 = ROOM_AT + COUNT_BITS;
const UNTOLD_AT: u32 = FULL_AT + COUNT_BITS;
const GENERATION_AT: u32 = UNTOLD_AT + UNTOLD_BITS;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const UNTOLD: u64 = (1 << UNTOLD_BITS) - 1;

/// What the owner lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Everything, until something fails too often.
    Closed,
    /// As many probes as there is room for.
    HalfOpen,
    /// Nothing.
    Shut,
    /// Everything, and nothing of it counts.
    Bypassed,
}

/// Where a breaker stands, as its owner publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many transitions there were; the low 29 bits count.
    pub generation: u64,
    /// What passes.
    pub flow: Flow,
    /// Closed: so many failures more shut it; 0: only the owner knows when. Half open: so many probes more may pass.
    pub room: u32,
    /// Closed: the room after a success; 0: a success leaves it as it is.
    pub full: u32,
    /// Closed: whether the owner need not hear of successes.
    pub quiet: bool,
}

/// Leave to call: under which generation, and whether it is a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what came of the call has to be recorded"]
pub struct Pass {
    generation: u64,
    probe: bool,
    bypass: bool,
    counted: bool,
}

/// Nothing may pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut;

/// Something that the owner has to be told, and that counts here until it has answered ([`Circuit::hear`]).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the owner has to be told"]
pub struct Untold {
    counted: bool,
    tripped: bool,
}

/// See the module. Every method may be called from any thread; none blocks. [`publish`](Self::publish) and
/// [`hear`](Self::hear) are called under a lock of the owner's, so that an older standing never follows a newer one.
///
/// # Memory ordering
/// Everything is in one word, which is only ever changed by compare-and-swap: nothing rests on an order between words.
pub struct Circuit {
    word: AtomicU64,
}

/// The word: flow, trip, quiet, room, full room, what is untold, and the generation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    const fn of(standing: Standing) -> Self {
        let flow = match standing.flow {
            Flow::Closed => 0,
            Flow::HalfOpen => 1,
            Flow::Shut => 2,
            Flow::Bypassed => 3,
        };
        let quiet = if standing.quiet { QUIET } else { 0 };
        let (room, full) = (fit(standing.room) << ROOM_AT, fit(standing.full) << FULL_AT);
        Self(flow | quiet | room | full | standing.generation << GENERATION_AT)
    }

    const fn flow(self) -> Flow {
        match self.0 & PHASE {
            0 => Flow::Closed,
            1 => Flow::HalfOpen,
            2 => Flow::Shut,
            _ => Flow::Bypassed,
        }
    }

    const fn has(self, mark: u64) -> bool {
        self.0 & mark != 0
    }

    const fn room(self) -> u64 {
        self.0 >> ROOM_AT & COUNT
    }

    const fn full(self) -> u64 {
        self.0 >> FULL_AT & COUNT
    }

    const fn untold(self) -> u64 {
        self.0 >> UNTOLD_AT & UNTOLD
    }

    const fn generation(self) -> u64 {
        self.0 >> GENERATION_AT
    }

    const fn with_room(self, room: u64) -> Self {
        Self(self.0 & !(COUNT << ROOM_AT) | room << ROOM_AT)
    }

    const fn with_untold(self, untold: u64) -> Self {
        Self(self.0 & !(UNTOLD << UNTOLD_AT) | untold << UNTOLD_AT)
    }

    const fn marked(self, mark: u64, on: bool) -> Self {
        if on { Self(self.0 | mark) } else { Self(self.0 & !mark) }
    }

    /// One more that the owner has not heard of; whether it fits. While there is one, successes are told as well.
    const fn noted(self) -> (Self, bool) {
        let fits = self.untold() < UNTOLD;
        let noted = if fits { self.with_untold(self.untold() + 1) } else { self };
        (noted.marked(QUIET, false), fits)
    }

    /// After a failure; whether it shut the circuit.
    const fn failed(self) -> (Self, bool) {
        let trips = !self.has(TRIPPED) && self.room() == 1;
        let room = self.room().saturating_sub(1);
        (self.with_room(room).marked(TRIPPED, self.has(TRIPPED) || trips), trips)
    }

    /// What the owner's standing makes of this, `untold` being left to hear of.
    const fn merged(self, standing: Self, untold: u64) -> Self {
        let standing = standing.with_untold(untold);
        if newer(self.generation(), standing.generation()) {
            return self.with_untold(untold);
        }
        if untold == 0 || self.generation() != standing.generation() || order::CIRCUIT_FORGETS_WHAT_IS_UNTOLD {
            return standing;
        }
        let room = if self.room() < standing.room() { self.room() } else { standing.room() };
        standing.with_room(room).marked(QUIET, false).marked(TRIPPED, self.has(TRIPPED))
    }
}

const fn fit(count: u32) -> u64 {
    if count > CIRCUIT_COUNT_MAX { CIRCUIT_COUNT_MAX as u64 } else { count as u64 }
}

/// Whether generation `a` came after `b`, also where the count has begun anew.
const fn newer(a: u64, b: u64) -> bool {
    let span = 1 << (64 - GENERATION_AT);
    let ahead = a.wrapping_sub(b) % span;
    ahead != 0 && ahead < span / 2
}

impl Circuit {
    constructor! {
        /// Nothing passes until the owner has published where it stands.
        pub fn new() -> Self {
            Self { word: AtomicU64::new(2) }
        }
    }

    /// Asks for leave to call. In half-open it takes a place, and the owner has to be told of the probe.
    ///
    /// # Errors
    /// [`Shut`]: nothing passes, or as many probes as may are under way.
    pub fn pass(&self) -> Result<Pass, Shut> {
        let mut seen = State(self.word.load(Relaxed));
        loop {
            let pass = Pass { generation: seen.generation(), probe: false, bypass: false, counted: false };
            match seen.flow() {
                Flow::Closed if !seen.has(TRIPPED) => return Ok(pass),
                Flow::Bypassed => return Ok(Pass { bypass: true, ..pass }),
                Flow::HalfOpen if seen.room() > 0 => {}
                Flow::Closed | Flow::HalfOpen | Flow::Shut => return Err(Shut),
            }
            let (noted, counted) = seen.with_room(seen.room() - 1).noted();
            match self.swap(seen, noted, order::CIRCUIT_ADMITS_IN_TWO_STEPS) {
                Ok(()) => return Ok(Pass { probe: true, counted, ..pass }),
                Err(now) => seen = now,
            }
        }
    }

    /// The owner has to hear of a probe before it is sent: what [`pass`](Self::pass) has noted of it.
    pub fn told_of(&self, pass: &Pass) -> Option<Untold> {
        pass.probe.then_some(Untold { counted: pass.counted, tripped: false })
    }

    /// Records a success; what the owner has to be told of it, if it has to.
    pub fn succeed(&self, pass: &Pass) -> Option<Untold> {
        let mut seen = State(self.word.load(Relaxed));
        loop {
            let current = seen.generation() == pass.generation;
            if current && seen.has(QUIET) && matches!(seen.flow(), Flow::Closed | Flow::Bypassed) {
                return None;
            }
            let resets = current && seen.flow() == Flow::Closed && seen.full() > 0 && !seen.has(TRIPPED);
            let reset = if resets { seen.with_room(seen.full()) } else { seen };
            let (noted, counted) = reset.noted();
            match self.swap(seen, noted, false) {
                Ok(()) => return Some(Untold { counted, tripped: false }),
                Err(now) => seen = now,
            }
        }
    }

    /// Records a failure. The owner always has to be told of it; if it was one too many, nothing passes from now on.
    pub fn fail(&self, pass: &Pass) -> Untold {
        let mut seen = State(self.word.load(Relaxed));
        loop {
            let counts = seen.flow() == Flow::Closed && seen.generation() == pass.generation && !pass.bypass;
            let (failed, tripped) = if counts { seen.failed() } else { (seen, false) };
            let (noted, counted) = failed.noted();
            match self.swap(seen, noted, order::CIRCUIT_FAILS_IN_TWO_STEPS) {
                Ok(()) => return Untold { counted, tripped },
                Err(now) => seen = now,
            }
        }
    }

    /// Notes something that is neither: the owner has to be told of it.
    pub fn note(&self) -> Untold {
        let mut seen = State(self.word.load(Relaxed));
        loop {
            let (noted, counted) = seen.noted();
            match self.swap(seen, noted, false) {
                Ok(()) => return Untold { counted, tripped: false },
                Err(now) => seen = now,
            }
        }
    }

    /// The owner has heard of `told`, and stands at `standing` or has moved on since.
    pub fn hear(&self, told: Untold, standing: Standing) {
        self.merge(standing, u64::from(told.counted));
    }

    /// The owner stands at `standing`. What it has not heard of counts on.
    pub fn publish(&self, standing: Standing) {
        self.merge(standing, 0);
    }

    fn merge(&self, standing: Standing, heard: u64) {
        let mut seen = State(self.word.load(Relaxed));
        loop {
            let next = seen.merged(State::of(standing), seen.untold().saturating_sub(heard));
            match self.swap(seen, next, order::CIRCUIT_HEARS_IN_TWO_STEPS) {
                Ok(()) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// In the mutant that `in_two_steps` stands for, whatever came between is overwritten.
    fn swap(&self, seen: State, next: State, in_two_steps: bool) -> Result<(), State> {
        if in_two_steps {
            self.word.store(next.0, Relaxed);
            return Ok(());
        }
        self.word.compare_exchange_weak(seen.0, next.0, Relaxed, Relaxed).map(drop).map_err(State)
    }
}

impl Pass {
    /// The breaker's generation when it was given, its low 29 bits.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it is a probe.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.probe
    }
}

impl Untold {
    /// Whether this was the failure that shut the circuit.
    #[must_use]
    pub const fn tripped(&self) -> bool {
        self.tripped
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = State(self.word.load(Relaxed));
        let mut out = out.debug_struct("Circuit");
        out.field("flow", &state.flow()).field("tripped", &state.has(TRIPPED)).field("room", &state.room());
        out.field("untold", &state.untold()).field("generation", &state.generation()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(generation: u64, room: u32, quiet: bool) -> Standing {
        Standing { generation, flow: Flow::Closed, room, full: 2, quiet }
    }

    fn half_open(generation: u64, room: u32) -> Standing {
        Standing { generation, flow: Flow::HalfOpen, room, full: 0, quiet: false }
    }

    fn at(standing: Standing) -> Circuit {
        let circuit = Circuit::new();
        circuit.publish(standing);
        circuit
    }

    #[test]
    fn nothing_passes_before_the_owner_has_spoken() {
        static CIRCUIT: Circuit = Circuit::new();
        assert_eq!(CIRCUIT.pass(), Err(Shut));
        assert_eq!(format!("{CIRCUIT:?}"), "Circuit { flow: Shut, tripped: false, room: 0, untold: 0, generation: 0, .. }");
    }

    #[test]
    fn a_quiet_success_is_nobodys_business_until_something_fails() {
        let circuit = at(closed(0, 2, true));
        let pass = circuit.pass().unwrap();
        assert_eq!(circuit.succeed(&pass), None);
        let failed = circuit.fail(&pass);
        assert!(!failed.tripped());
        let succeeded = circuit.succeed(&pass).expect("the owner has a failure to forget");
        circuit.hear(failed, closed(0, 1, false));
        circuit.hear(succeeded, closed(0, 2, true));
        assert_eq!(circuit.succeed(&pass), None);
    }

    #[test]
    fn the_last_failure_shuts_it_before_the_owner_knows_and_the_owner_may_differ() {
        let circuit = at(closed(0, 2, true));
        let pass = circuit.pass().unwrap();
        let (one, two) = (circuit.fail(&pass), circuit.fail(&pass));
        assert!(!one.tripped() && two.tripped());
        circuit.publish(closed(0, 2, true));
        circuit.hear(one, closed(0, 1, false));
        assert_eq!(circuit.pass(), Err(Shut), "the owner has not heard of all");
        circuit.hear(two, closed(0, 2, false));
        assert!(circuit.pass().is_ok(), "it has, and did not open");
        circuit.publish(Standing { flow: Flow::Shut, ..closed(1, 0, false) });
        assert_eq!(circuit.pass(), Err(Shut));
        circuit.publish(closed(0, 2, true));
        assert_eq!(circuit.pass(), Err(Shut), "an older standing changes nothing");
        let late = circuit.fail(&pass);
        assert!(!late.tripped());
    }

    #[test]
    fn a_success_between_failures_gives_the_room_back() {
        let circuit = at(closed(0, 2, false));
        let pass = circuit.pass().unwrap();
        let _untold = (circuit.fail(&pass), circuit.succeed(&pass), circuit.fail(&pass));
        assert!(circuit.pass().is_ok());
        assert!(circuit.fail(&pass).tripped());
        let counted_by_the_owner = at(Standing { full: 0, room: 0, ..closed(0, 0, false) });
        let pass = counted_by_the_owner.pass().unwrap();
        assert!((0..9).all(|_| !counted_by_the_owner.fail(&pass).tripped()));
    }

    #[test]
    fn half_open_has_room_for_so_many_probes_whatever_the_owner_has_heard() {
        let circuit = at(half_open(3, 2));
        let (one, two) = (circuit.pass().unwrap(), circuit.pass().unwrap());
        assert!(one.is_probe() && one.generation() == 3 && circuit.pass() == Err(Shut));
        circuit.hear(circuit.told_of(&one).unwrap(), half_open(3, 1));
        assert_eq!(circuit.pass(), Err(Shut), "the second is not told yet");
        circuit.hear(circuit.told_of(&two).unwrap(), half_open(3, 1));
        assert!(circuit.pass().is_ok(), "one was answered and freed");
    }

    #[test]
    fn what_bypasses_counts_for_nothing() {
        let circuit = at(Standing { flow: Flow::Bypassed, ..closed(0, 1, true) });
        let pass = circuit.pass().unwrap();
        assert!(!circuit.fail(&pass).tripped() && circuit.pass().is_ok());
    }

    #[test]
    fn counts_saturate_and_generations_begin_anew() {
        let circuit = at(closed(0, 5_000, false));
        let pass = circuit.pass().unwrap();
        let untold: Vec<_> = (0..3_000).map(|_| circuit.note()).collect();
        untold.into_iter().for_each(|untold| circuit.hear(untold, closed(0, 5_000, true)));
        assert_eq!(circuit.succeed(&pass), None, "all are heard of");
        let last = (1 << 29) - 1;
        let circuit = at(closed(last - 1, 1, false));
        circuit.publish(Standing { flow: Flow::Shut, ..closed(last, 0, false) });
        circuit.publish(closed(last + 1, 1, false));
        assert!(circuit.pass().is_ok(), "0 comes after the last");
    }
}
