//! How much a node works on at once: commands that are decided and not yet answered. The rest waits in its entities' queues,
//! so that the writers' queues stay short and an urgent command finds its commit near. Entities that found no room are
//! woken one by one, in the order in which they asked.

use crate::class::Class;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// What can be told that there is room again.
pub(crate) trait Wake: Send + Sync {
    fn wake(&self);
}

pub(crate) struct Turnstile {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inside: usize,
    waiting: VecDeque<Arc<dyn Wake>>,
}

impl Turnstile {
    /// Lets `most` commands in at once. What is urgent (control, replies) is counted but never kept out.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Lets one in, or notes who asks. Whoever is noted asks again when it is woken, and not before.
    pub(crate) fn enter<W: Wake + 'static>(&self, class: Class, who: &Arc<W>) -> bool {
        let mut state = self.state.lock();
        let free = match class {
            Class::Control | Class::Reply => true,
            Class::Command | Class::Telemetry => state.inside < self.most,
        };
        if free {
            state.inside += 1;
        } else {
            state.waiting.push_back(who.clone());
        }
        free
    }

    /// One has been answered.
    pub(crate) fn leave(&self) {
        self.wake_next(1);
    }

    /// Who was woken has no use for the room.
    pub(crate) fn pass_on(&self) {
        self.wake_next(0);
    }

    fn wake_next(&self, left: usize) {
        let next = {
            let mut state = self.state.lock();
            state.inside = state.inside.saturating_sub(left);
            if state.inside < self.most { state.waiting.pop_front() } else { None }
        };
        if let Some(next) = next {
            next.wake();
        }
    }

    /// How many are inside.
    pub(crate) fn inside(&self) -> usize {
        self.state.lock().inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_is_kept_out_is_woken_in_order_and_urgent_work_never_waits() {
        let (turnstile, first, second) = (Turnstile::new(1), Arc::new(Woken::default()), Arc::new(Woken::default()));
        assert!(turnstile.enter(Class::Command, &first));
        assert!(!turnstile.enter(Class::Command, &first) && !turnstile.enter(Class::Telemetry, &second));
        assert!(turnstile.enter(Class::Control, &second) && turnstile.enter(Class::Reply, &second));
        turnstile.leave();
        turnstile.leave();
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 0), "there is no room yet");
        turnstile.leave();
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (1, 0));
        assert!(turnstile.enter(Class::Command, &first), "and now there is");
        turnstile.leave();
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed), turnstile.inside()), (1, 1, 0));
    }
}
