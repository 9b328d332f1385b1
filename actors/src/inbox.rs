//! The queue of one actor, outside the actix mailbox: bounded by its gate, ordered by class and then by arrival. The actix
//! mailbox holds at most one wake-up for it. It knows nothing of what the messages mean.

use crate::class::Class;
use ionveil_sync::Gate;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Inbox<M> {
    gate: Gate,
    queues: Mutex<Queues<M>>,
    /// Whether a wake-up is under way. Set before it is sent, cleared before the queue is looked at: a message that is
    /// queued behind the look sends another.
    scheduled: AtomicBool,
}

/// A queue for each class. There are many inboxes and most are empty: those of the other classes, and the room of a queue
/// that an entity has emptied, are only there while they are needed.
struct Queues<M> {
    commands: VecDeque<M>,
    others: Option<Box<[VecDeque<M>; 4]>>,
}

impl<M> Default for Queues<M> {
    fn default() -> Self {
        Self { commands: VecDeque::new(), others: None }
    }
}

impl<M> Queues<M> {
    fn of(&mut self, class: Class) -> &mut VecDeque<M> {
        match class {
            Class::Command => &mut self.commands,
            Class::Control | Class::Reply | Class::Telemetry => &mut self.others.get_or_insert_default()[class.index()],
        }
    }

    fn get(&self, class: Class) -> Option<&VecDeque<M>> {
        match class {
            Class::Command => Some(&self.commands),
            Class::Control | Class::Reply | Class::Telemetry => self.others.as_deref().map(|others| &others[class.index()]),
        }
    }

    /// Those that have something, most urgent first.
    fn filled(&self) -> impl Iterator<Item = (Class, &VecDeque<M>)> {
        Class::ALL.into_iter().filter_map(|class| Some((class, self.get(class).filter(|queue| !queue.is_empty())?)))
    }
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
        self.queues.lock().of(class).push_back(message);
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
        let Some((class, _)) = queues.filled().next() else {
            *queues = Queues::default();
            return None;
        };
        if admit(class) { queues.of(class).pop_front() } else { None }
    }

    /// Moves up to `most` messages to the end of `batch`, most urgent first.
    pub(crate) fn take(&self, most: usize, batch: &mut VecDeque<M>) {
        let (mut left, mut queues) = (most, self.queues.lock());
        for class in Class::ALL {
            let count = queues.get(class).map_or(0, VecDeque::len).min(left);
            if count > 0 {
                batch.extend(queues.of(class).drain(..count));
                left -= count;
            }
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.queues.lock().filled().map(|(_, queue)| queue.len()).sum()
    }

    /// Looks at what has waited longest in each class.
    pub(crate) fn oldest<T>(&self, of: impl Fn(&M) -> T) -> Option<T>
    where
        T: Ord,
    {
        self.queues.lock().filled().filter_map(|(_, queue)| queue.front()).map(of).min()
    }
}
