//! A place behind a gate that is given back by being dropped. It cannot be cloned: cloning handles never adds room.

use crate::shim::Arc;
use crate::{Gate, Refused, order};
use std::fmt;

/// What stands behind a gate.
pub trait Gated: Send + Sync {
    /// Its gate, always the same one.
    fn gate(&self) -> &Gate;
}

/// One place behind the gate of a `T`, which it keeps alive. Dropping it leaves the gate, and so publishes what its
/// holder did to whoever closes the gate when it is idle ([`Gate`], "Memory ordering").
#[must_use = "dropping a permit gives the place back"]
pub struct Permit<T: Gated + ?Sized> {
    of: Arc<T>,
}

impl<T: Gated + ?Sized> Permit<T> {
    /// Takes a place, if fewer than `limit` are taken.
    ///
    /// # Errors
    /// As [`Gate::try_enter`].
    pub fn try_enter(of: &Arc<T>, limit: u32) -> Result<Self, Refused> {
        of.gate().try_enter(limit)?;
        Ok(Self { of: of.clone() })
    }

    /// Takes over a place that the caller entered by hand and will not leave by hand.
    pub fn adopt(of: Arc<T>) -> Self {
        if order::PERMIT_ADOPTS_BY_ENTERING {
            of.gate().try_enter(u32::MAX).unwrap_or_default();
        }
        Self { of }
    }

    /// What stands behind the gate.
    #[must_use]
    pub fn of(&self) -> &Arc<T> {
        &self.of
    }
}

impl<T: Gated + ?Sized> Drop for Permit<T> {
    fn drop(&mut self) {
        self.of.gate().leave();
        if order::PERMIT_LEAVES_TWICE {
            self.of.gate().leave();
        }
    }
}

impl<T: Gated + ?Sized> fmt::Debug for Permit<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Permit").field("gate", self.of.gate()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Room(Gate);

    impl Gated for Room {
        fn gate(&self) -> &Gate {
            &self.0
        }
    }

    #[test]
    fn a_place_is_given_back_once() {
        let room = Arc::new(Room::default());
        let first = Permit::try_enter(&room, 1).unwrap();
        assert_eq!(Permit::try_enter(&room, 1).unwrap_err(), Refused::Full);
        assert!(Arc::ptr_eq(first.of(), &room));
        drop(first);
        assert_eq!(room.0.depth(), 0);
        let _second = Permit::try_enter(&room, 1).unwrap();
        assert_eq!(room.0.depth(), 1);
    }

    #[test]
    fn an_adopted_place_is_not_taken_again() {
        let room: Arc<dyn Gated> = Arc::new(Room::default());
        room.gate().try_enter(1).unwrap();
        let permit = Permit::adopt(room.clone());
        assert_eq!(room.gate().depth(), 1);
        assert_eq!(format!("{permit:?}"), "Permit { gate: Gate { depth: 1, closed: false }, .. }");
        drop(permit);
        assert_eq!(room.gate().depth(), 0);
    }

    #[test]
    fn a_panic_gives_the_place_back() {
        let room = Arc::new(Room::default());
        let inside = room.clone();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _permit = Permit::try_enter(&inside, 1).unwrap();
            panic!("inside");
        }));
        assert!(panicked.is_err());
        assert_eq!(room.0.depth(), 0);
    }
}
