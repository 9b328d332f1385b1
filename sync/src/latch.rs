//! What a node waits for before it stops: everything that was let in has left, and nothing comes in any more. It knows
//! how many are inside, not who; it sets no deadline, the waiter brings its own.

use crate::shim::{Mutex, MutexGuard, constructor};
use crate::{Gate, Refused, order};
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

/// A [`Gate`] that can be waited on until it is closed and empty. Every method may be called from any thread.
///
/// While it is open, entering and leaving are one load and one read-modify-write each; the list of waiters is only
/// touched by waiters, by the closer and by the last to leave.
///
/// # Memory ordering
/// That of its gate; and who has waited for the drain sees what every leaver and the closer did.
///
/// # No lost wake-up
/// A waiter puts its waker into the list under the lock and then looks again. The last leaver first leaves and then takes
/// the lock. If it takes the lock first, the lock shows the waiter that the latch is drained; if it takes it second, the
/// waker is in the list.
pub struct DrainLatch {
    gate: Gate,
    waiters: Mutex<Waiters>,
}

struct Waiters {
    next_key: u64,
    wakers: Vec<(u64, Waker)>,
}

impl DrainLatch {
    constructor! {
        /// An open latch with nobody inside.
        pub fn new() -> Self {
            Self { gate: Gate::new(), waiters: Mutex::new(Waiters { next_key: 0, wakers: Vec::new() }) }
        }
    }

    /// Comes in, if fewer than `limit` are inside. Who has come in leaves exactly once.
    ///
    /// # Errors
    /// As [`Gate::try_enter`].
    pub fn enter(&self, limit: u32) -> Result<(), Refused> {
        self.gate.try_enter(limit)
    }

    /// Goes out; the last to leave a closed latch wakes every waiter, on this thread.
    ///
    /// # Panics
    /// As [`Gate::leave`]: in debug builds, if nobody is inside.
    pub fn leave(&self) {
        if self.gate.leave_as_last() {
            self.wake_all();
        }
    }

    /// Lets nobody in any more. Closing again changes nothing.
    pub fn close(&self) {
        self.gate.close();
        // Nobody is left to wake those who wait for an empty latch. If somebody is inside, the last of them will.
        if !order::LATCH_CLOSES_SILENTLY && self.gate.is_drained() {
            self.wake_all();
        }
    }

    /// Whether nobody comes in any more; if so, the caller sees what was done before it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// How many are inside now: a figure for people, which orders nothing.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.gate.depth()
    }

    /// Waits until the latch is closed and nobody is inside. It does not close it. Any number may wait; dropping the
    /// future forgets this waiter and nothing else.
    pub fn drained(&self) -> Drained<'_> {
        Drained { latch: self, key: None }
    }

    /// Wakers run code of others, even where they are dropped: so never under the lock.
    fn wake_all(&self) {
        let mut wakers = mem::take(&mut self.lock().wakers);
        if order::LATCH_WAKES_ONE {
            wakers.truncate(1);
        }
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// The list is whole between any two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for DrainLatch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DrainLatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DrainLatch").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// Completes when its latch is closed and nobody is inside; see [`DrainLatch::drained`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Drained<'a> {
    latch: &'a DrainLatch,
    /// Names this waiter's waker in the list, once it has waited.
    key: Option<u64>,
}

impl Drained<'_> {
    /// Puts the waker into the list in place of an older one of this waiter.
    fn register(&mut self, waker: &Waker) {
        let fresh = waker.clone();
        let mut waiters = self.latch.lock();
        let key = *self.key.get_or_insert_with(|| waiters.take_key());
        let replaced = waiters.put(key, fresh);
        drop(waiters);
        drop(replaced);
    }
}

impl Waiters {
    fn take_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    #[must_use]
    fn put(&mut self, key: u64, waker: Waker) -> Option<Waker> {
        if let Some((_, old)) = self.wakers.iter_mut().find(|(other, _)| *other == key) {
            return Some(mem::replace(old, waker));
        }
        self.wakers.push((key, waker));
        None
    }

    #[must_use]
    fn remove(&mut self, key: u64) -> Option<Waker> {
        let at = self.wakers.iter().position(|(other, _)| *other == key)?;
        Some(self.wakers.swap_remove(at).1)
    }
}

impl Future for Drained<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.latch.gate.is_drained() {
            return Poll::Ready(());
        }
        self.register(context.waker());
        if !order::LATCH_LOOKS_ONCE && self.latch.gate.is_drained() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Drained<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let removed = self.latch.lock().remove(key);
            drop(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Calls(AtomicU32);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Polls once with a waker that counts in `calls`.
    fn is_ready(future: Pin<&mut Drained<'_>>, calls: &Arc<Calls>) -> bool {
        future.poll(&mut Context::from_waker(&calls.clone().into())).is_ready()
    }

    fn count(calls: &Calls) -> u32 {
        calls.0.load(Ordering::Relaxed)
    }

    #[test]
    fn the_last_to_leave_wakes_every_waiter() {
        let (latch, calls) = (DrainLatch::new(), Arc::new(Calls::default()));
        latch.enter(2).unwrap();
        latch.enter(2).unwrap();
        let (mut first, mut second) = (pin!(latch.drained()), pin!(latch.drained()));
        assert!(!is_ready(first.as_mut(), &calls) && !is_ready(second.as_mut(), &calls));
        latch.leave();
        latch.close();
        assert_eq!((count(&calls), latch.count(), latch.is_closed()), (0, 1, true));
        assert_eq!(latch.enter(9), Err(Refused::Closed));
        latch.leave();
        assert_eq!(count(&calls), 2);
        assert!(is_ready(first, &calls) && is_ready(second, &calls));
    }

    #[test]
    fn closing_an_empty_latch_wakes_and_closing_again_does_not() {
        let (latch, calls) = (DrainLatch::default(), Arc::new(Calls::default()));
        let mut waiter = pin!(latch.drained());
        assert!(!is_ready(waiter.as_mut(), &calls), "empty, but open");
        latch.close();
        latch.close();
        assert_eq!(count(&calls), 1);
        assert!(is_ready(waiter, &calls));
        assert!(is_ready(pin!(latch.drained()), &calls), "it stays drained");
    }

    #[test]
    fn a_waiter_is_in_the_list_once_and_leaves_it() {
        let (latch, old, new) = (DrainLatch::new(), Arc::new(Calls::default()), Arc::new(Calls::default()));
        let mut kept = Box::pin(latch.drained());
        let mut dropped = Box::pin(latch.drained());
        assert!(!is_ready(kept.as_mut(), &old) && !is_ready(kept.as_mut(), &new) && !is_ready(dropped.as_mut(), &old));
        assert_eq!(latch.lock().wakers.len(), 2);
        drop(dropped);
        assert_eq!(latch.lock().wakers.len(), 1);
        latch.close();
        assert_eq!((count(&old), count(&new)), (0, 1), "the newest waker is woken");
    }

    #[test]
    fn it_says_what_it_is() {
        assert_eq!(format!("{:?}", DrainLatch::new()), "DrainLatch { gate: Gate { depth: 0, closed: false }, .. }");
    }
}
