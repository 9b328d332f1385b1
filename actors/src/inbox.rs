//! The queue of one actor, outside the actix mailbox: bounded by its gate, ordered by class and then by arrival. The actix
//! mailbox holds at most one wake-up for it. It knows nothing of what the messages mean.

use crate::class::Class;
use ionveil_sync::Gate;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Inbox<M> {
    gate: Gate,
    queues: Mutex<[VecDeque<M>; 4]>,
    /// Whether a wake-up is under way. Set before it is sent, cleared before the queue is looked at: a message that is
    /// queued behind the look sends another.
    scheduled: AtomicBool,
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self { gate: Gate::new(), queues: Mutex::default(), scheduled: AtomicBool::new(false) }
    }

    /// The places of what waits and of what is worked on.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Queues a message whose place was taken.
    pub(crate) fn push(&self, class: Class, message: M) {
        self.queues.lock()[class.index()].push_back(message);
    }

    /// Says whether the caller has to send the wake-up.
    pub(crate) fn schedule(&self) -> bool {
        // SeqCst on both sides: a queue that was just filled must be seen by who clears the flag, or the flag by us.
        !self.scheduled.swap(true, Ordering::SeqCst)
    }

    /// The wake-up has arrived.
    pub(crate) fn awake(&self) {
        self.scheduled.store(false, Ordering::SeqCst);
    }

    /// The first message of the most urgent class for which `admit` has room; asked once per class at most.
    pub(crate) fn pop(&self, mut admit: impl FnMut(Class) -> bool) -> Option<M> {
        let mut queues = self.queues.lock();
        let class = Class::ALL.into_iter().find(|class| !queues[class.index()].is_empty())?;
        if admit(class) { queues[class.index()].pop_front() } else { None }
    }

    /// Moves up to `most` messages to the end of `batch`, most urgent first.
    pub(crate) fn take(&self, most: usize, batch: &mut VecDeque<M>) {
        let mut left = most;
        for queue in self.queues.lock().iter_mut() {
            let count = queue.len().min(left);
            batch.extend(queue.drain(..count));
            left -= count;
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.queues.lock().iter().map(VecDeque::len).sum()
    }

    /// Looks at what has waited longest in each class.
    pub(crate) fn oldest<T>(&self, of: impl Fn(&M) -> T) -> Option<T>
    where
        T: Ord,
    {
        self.queues.lock().iter().filter_map(VecDeque::front).map(of).min()
    }
}
