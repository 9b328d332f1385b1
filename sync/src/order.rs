//! Every ordering that something rests on, with what rests on it; and the mutants, which are these orderings weakened
//! and the steps that are easily forgotten. `cargo xtask loom` reads the mutants' names here and fails for each that no
//! model of `loom-tests/` catches. An ordering that is not named here is `Relaxed`, or nothing rests on it.
//!
//! Without `--cfg ionveil_mutant` every `bool` below is false and the compiler drops what it guards.

use crate::shim::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

/// `ordering`, or nothing of it in the mutant that asks what it is for.
const fn unless(is_mutant: bool, ordering: Ordering) -> Ordering {
    if is_mutant { Relaxed } else { ordering }
}

/// Leaving publishes what was done inside. Later entries and leaves are read-modify-writes, so they carry it on, however
/// relaxed they are (the release sequence of C++20, [intro.races]).
pub(crate) const GATE_LEAVE: Ordering = unless(cfg!(ionveil_mutant = "gate_leave"), Release);
/// Closing publishes what was done before it, such as the reason.
pub(crate) const GATE_CLOSE: Ordering = unless(cfg!(ionveil_mutant = "gate_close"), Release);
/// Whoever finds the gate closed sees what the closer published.
pub(crate) const GATE_SEE_CLOSED: Ordering = unless(cfg!(ionveil_mutant = "gate_see_closed"), Acquire);
/// Closing an idle gate takes what every leaver published, and publishes like any closing. Each half has its mutant.
pub(crate) const GATE_CLOSE_IDLE: Ordering = if cfg!(ionveil_mutant = "gate_close_idle_acquire") {
    Release
} else if cfg!(ionveil_mutant = "gate_close_idle_release") {
    Acquire
} else {
    AcqRel
};
/// Whoever finds the latch drained sees what every leaver and the closer published.
pub(crate) const LATCH_DRAINED: Ordering = unless(cfg!(ionveil_mutant = "latch_drained"), Acquire);
/// A reader that sees a version sees the fields that were written for it, or newer ones.
pub(crate) const EPOCH_VERSION_LOAD: Ordering = unless(cfg!(ionveil_mutant = "epoch_version_load"), Acquire);
/// The version is published after its fields.
pub(crate) const EPOCH_VERSION_STORE: Ordering = unless(cfg!(ionveil_mutant = "epoch_version_store"), Release);
/// A reader that sees a field of a newer version sees, when it looks again, that the version has moved on.
pub(crate) const EPOCH_FIELD_LOAD: Ordering = unless(cfg!(ionveil_mutant = "epoch_field_load"), Acquire);
/// A field is written after the version before it was published.
pub(crate) const EPOCH_FIELD_STORE: Ordering = unless(cfg!(ionveil_mutant = "epoch_field_store"), Release);

/// Counts and adds in two steps.
pub(crate) const GATE_ENTERS_IN_TWO_STEPS: bool = cfg!(ionveil_mutant = "gate_enters_in_two_steps");
/// Looks whether the gate is idle and closes it in two steps.
pub(crate) const GATE_CLOSES_IDLE_IN_TWO_STEPS: bool = cfg!(ionveil_mutant = "gate_closes_idle_in_two_steps");
/// Gives the place back twice.
pub(crate) const PERMIT_LEAVES_TWICE: bool = cfg!(ionveil_mutant = "permit_leaves_twice");
/// Enters once more where the place was entered by hand.
pub(crate) const PERMIT_ADOPTS_BY_ENTERING: bool = cfg!(ionveil_mutant = "permit_adopts_by_entering");
/// Does not look again once its waker is in the list.
pub(crate) const LATCH_LOOKS_ONCE: bool = cfg!(ionveil_mutant = "latch_looks_once");
/// Closes an empty latch without waking anyone.
pub(crate) const LATCH_CLOSES_SILENTLY: bool = cfg!(ionveil_mutant = "latch_closes_silently");
/// Wakes one waiter of several.
pub(crate) const LATCH_WAKES_ONE: bool = cfg!(ionveil_mutant = "latch_wakes_one");
/// Does not look whether the version has moved on meanwhile.
pub(crate) const EPOCH_LOOKS_ONCE: bool = cfg!(ionveil_mutant = "epoch_looks_once");
/// Looks for room for a probe and takes it in two steps.
pub(crate) const CIRCUIT_ADMITS_IN_TWO_STEPS: bool = cfg!(ionveil_mutant = "circuit_admits_in_two_steps");
/// Counts failures in two steps.
pub(crate) const CIRCUIT_FAILS_IN_TWO_STEPS: bool = cfg!(ionveil_mutant = "circuit_fails_in_two_steps");
/// Takes over what the owner says in two steps.
pub(crate) const CIRCUIT_HEARS_IN_TWO_STEPS: bool = cfg!(ionveil_mutant = "circuit_hears_in_two_steps");
/// Takes over what the owner says, whatever it has not heard of.
pub(crate) const CIRCUIT_FORGETS_WHAT_IS_UNTOLD: bool = cfg!(ionveil_mutant = "circuit_forgets_what_is_untold");
