//! Who follows what, and what each has still to read: bounded for each subscriber, so that one who never reads costs a fixed
//! amount of memory and nobody else anything.
//!
//! A subscriber gets one frame at most every [`FRAME`]. Updates of one key within such a span become one, the latest: nothing is
//! lost that was still to be seen. Whoever reads more seldom finds the updates of several spans in a frame, oldest first; those
//! for which there was no room are gone, the oldest first, and the frame says how many.
//!
//! No locks, no tasks: the owner of a hub publishes, and takes frames when [`Hub::due`] says so.

use ionveil_kernel::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A subscriber gets one frame in so long at most.
pub const FRAME: Duration = Duration::from_millis(100);
/// So many updates wait for a subscriber at most where nothing else is said.
pub const WAITING_MAX_DEFAULT: usize = 1_024;
/// So many keys one subscriber may follow.
pub const KEYS_MAX: usize = 256;

/// Names a subscription; never used again once it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(u64);

/// A new value.
#[derive(Clone, Debug, PartialEq)]
pub struct Update<K, V> {
    /// Of what.
    pub key: K,
    /// When it became so.
    pub at: Timestamp,
    /// The value.
    pub value: V,
}

/// What a subscriber gets at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<K, V> {
    /// Oldest first.
    pub updates: Vec<Update<K, V>>,
    /// How many older ones were lost since the frame before.
    pub dropped: u64,
}

/// Why somebody cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotFollow {
    /// Nothing to follow.
    #[error("name at least one metric")]
    Nothing,
    /// Too much to follow.
    #[error("follow at most {KEYS_MAX} metrics")]
    TooMuch,
}

/// All subscriptions.
#[derive(Debug)]
pub struct Hub<K, V> {
    waiting_max: usize,
    last: u64,
    subscribers: BTreeMap<SubscriberId, Subscriber<K, V>>,
    followers: BTreeMap<K, Vec<SubscriberId>>,
}

#[derive(Debug)]
struct Subscriber<K, V> {
    keys: Vec<K>,
    waiting: VecDeque<Waiting<K, V>>,
    dropped: u64,
    next_frame: Timestamp,
}

#[derive(Debug)]
struct Waiting<K, V> {
    /// The span in which it came.
    span: i64,
    update: Update<K, V>,
}

impl<K: Ord + Clone, V: Clone> Hub<K, V> {
    /// An empty hub; `waiting_max` updates (at least one) wait for a subscriber at most.
    #[must_use]
    pub fn new(waiting_max: usize) -> Self {
        Self { waiting_max: waiting_max.max(1), last: 0, subscribers: BTreeMap::new(), followers: BTreeMap::new() }
    }

    /// Lets somebody follow `keys`, each once however often it is named.
    ///
    /// # Errors
    /// [`CannotFollow`] if there is none, or more than [`KEYS_MAX`].
    pub fn follow(&mut self, mut keys: Vec<K>) -> Result<SubscriberId, CannotFollow> {
        keys.sort_unstable();
        keys.dedup();
        match keys.len() {
            0 => return Err(CannotFollow::Nothing),
            count if count > KEYS_MAX => return Err(CannotFollow::TooMuch),
            _ => self.last += 1,
        }
        let id = SubscriberId(self.last);
        keys.iter().for_each(|key| self.followers.entry(key.clone()).or_default().push(id));
        self.subscribers.insert(id, Subscriber { keys, waiting: VecDeque::new(), dropped: 0, next_frame: Timestamp::MIN });
        Ok(id)
    }

    /// Ends a subscription, and lets go of all that it held (trap T76); says whether there was one.
    pub fn unfollow(&mut self, id: SubscriberId) -> bool {
        let Some(subscriber) = self.subscribers.remove(&id) else { return false };
        for key in subscriber.keys {
            if let Some(followers) = self.followers.get_mut(&key) {
                followers.retain(|follower| *follower != id);
                if followers.is_empty() {
                    self.followers.remove(&key);
                }
            }
        }
        true
    }

    /// Whether anybody follows a key: what nobody follows need not be worked out.
    pub fn is_followed(&self, key: &K) -> bool {
        self.followers.contains_key(key)
    }

    /// Every key that somebody follows.
    pub fn followed(&self) -> impl Iterator<Item = &K> {
        self.followers.keys()
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// Whether nobody follows anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Hands a new value to those who follow its key. Yields whoever had nothing to read before: they may sleep.
    pub fn publish(&mut self, update: &Update<K, V>) -> Vec<SubscriberId> {
        self.hand_out(update, true)
    }

    /// The same with something that happened: it counts by itself, and does not take the place of what happened just before.
    pub fn publish_each(&mut self, update: &Update<K, V>) -> Vec<SubscriberId> {
        self.hand_out(update, false)
    }

    fn hand_out(&mut self, update: &Update<K, V>, merges: bool) -> Vec<SubscriberId> {
        let Some(followers) = self.followers.get(&update.key) else { return Vec::new() };
        let mut woken = Vec::new();
        for id in followers {
            if let Some(subscriber) = self.subscribers.get_mut(id) {
                if subscriber.waiting.is_empty() {
                    woken.push(*id);
                }
                subscriber.offer(update, self.waiting_max, merges);
            }
        }
        woken
    }

    /// When a subscriber's next frame may leave; `None` while nothing waits for it, or it is none.
    #[must_use]
    pub fn due(&self, id: SubscriberId) -> Option<Timestamp> {
        let subscriber = self.subscribers.get(&id).filter(|subscriber| !subscriber.waiting.is_empty())?;
        Some(subscriber.next_frame)
    }

    /// A subscriber's next frame: all that waits. `None` before it is due.
    pub fn take(&mut self, id: SubscriberId, now: Timestamp) -> Option<Frame<K, V>> {
        if self.due(id)? > now {
            return None;
        }
        let subscriber = self.subscribers.get_mut(&id)?;
        subscriber.next_frame = now.after(FRAME);
        let updates = subscriber.waiting.drain(..).map(|waiting| waiting.update).collect();
        subscriber.waiting.shrink_to(subscriber.keys.len());
        Some(Frame { updates, dropped: std::mem::take(&mut subscriber.dropped) })
    }

    /// How many updates wait for a subscriber.
    #[must_use]
    pub fn waiting(&self, id: SubscriberId) -> usize {
        self.subscribers.get(&id).map_or(0, |subscriber| subscriber.waiting.len())
    }
}

impl<K: Ord + Clone, V: Clone> Subscriber<K, V> {
    fn offer(&mut self, update: &Update<K, V>, waiting_max: usize, merges: bool) {
        let span = update.at.millis().div_euclid(FRAME.as_millis() as i64);
        let of_span = self.waiting.iter_mut().rev().take_while(|waiting| merges && waiting.span == span);
        if let Some(earlier) = of_span.into_iter().find(|waiting| waiting.update.key == update.key).map(|waiting| &mut waiting.update) {
            *earlier = update.clone();
            return;
        }
        if self.waiting.len() == waiting_max {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(Waiting { span, update: update.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    fn update(key: &'static str, millis: i64, value: u32) -> Update<&'static str, u32> {
        Update { key, at: at(millis), value }
    }

    fn values(frame: &Frame<&'static str, u32>) -> Vec<(&'static str, u32)> {
        frame.updates.iter().map(|update| (update.key, update.value)).collect()
    }

    #[test]
    fn a_frame_holds_the_latest_values_of_what_is_followed() {
        let mut hub = Hub::new(10);
        let id = hub.follow(vec!["a", "b", "a"]).unwrap();
        assert_eq!(hub.publish(&update("a", 0, 1)), [id]);
        assert_eq!(hub.publish(&update("b", 1, 2)), [], "it was woken before");
        hub.publish(&update("a", 99, 3));
        hub.publish(&update("c", 99, 9));
        let frame = hub.take(id, at(99)).unwrap();
        assert_eq!((values(&frame), frame.dropped), (vec![("a", 3), ("b", 2)], 0));
    }

    #[test]
    fn frames_leave_at_most_every_hundred_milliseconds() {
        let mut hub = Hub::new(10);
        let id = hub.follow(vec!["a"]).unwrap();
        assert_eq!((hub.due(id), hub.take(id, at(0))), (None, None));
        hub.publish(&update("a", 5, 1));
        assert!(hub.take(id, at(5)).is_some());
        hub.publish(&update("a", 6, 2));
        assert_eq!((hub.due(id), hub.take(id, at(104))), (Some(at(105)), None));
        assert_eq!(values(&hub.take(id, at(105)).unwrap()), [("a", 2)]);
    }

    #[test]
    fn a_slow_reader_loses_the_oldest_and_is_told_how_many() {
        let mut hub = Hub::new(3);
        let (slow, prompt) = (hub.follow(vec!["a"]).unwrap(), hub.follow(vec!["a"]).unwrap());
        for step in 0..10 {
            hub.publish(&update("a", step * 100, u32::try_from(step).unwrap()));
            let frame = hub.take(prompt, at(step * 100)).unwrap();
            assert_eq!((frame.updates.len(), frame.dropped), (1, 0), "the slow one costs the prompt one nothing");
        }
        let frame = hub.take(slow, at(1_000)).unwrap();
        assert_eq!((values(&frame), frame.dropped), (vec![("a", 7), ("a", 8), ("a", 9)], 7));
        hub.publish(&update("a", 1_100, 10));
        assert_eq!(hub.take(slow, at(1_100)).unwrap().dropped, 0, "it is told once");
    }

    #[test]
    fn one_who_never_reads_costs_a_bounded_amount() {
        let mut hub = Hub::new(16);
        let id = hub.follow(vec!["a", "b"]).unwrap();
        let prompt = hub.follow(vec!["a", "b"]).unwrap();
        let mut read = 0;
        for step in 0..1_000_000 {
            hub.publish(&update(if step % 2 == 0 { "a" } else { "b" }, step, 0));
            if step % 100 == 99 {
                let frame = hub.take(prompt, at(step)).unwrap();
                assert_eq!((frame.updates.len(), frame.dropped), (2, 0), "the one who reads has all of them");
                read += frame.updates.len();
            }
            assert!(hub.waiting(id) <= 16);
        }
        assert_eq!((hub.waiting(id), read), (16, 20_000));
        assert!(hub.subscribers[&id].waiting.capacity() <= 32);
        assert_eq!(hub.take(id, at(2_000_000)).unwrap().dropped, 20_000 - 16, "of two updates for each span of 100 ms");
    }

    #[test]
    fn what_happened_is_not_merged() {
        let mut hub = Hub::new(3);
        let id = hub.follow(vec!["a"]).unwrap();
        (0..4).for_each(|step| {
            hub.publish_each(&update("a", 0, step));
        });
        let frame = hub.take(id, at(0)).unwrap();
        assert_eq!((frame.updates.iter().map(|update| update.value).collect::<Vec<_>>(), frame.dropped), (vec![1, 2, 3], 1));
    }

    #[test]
    fn what_ends_is_let_go() {
        let mut hub: Hub<&str, u32> = Hub::new(0);
        let (one, two) = (hub.follow(vec!["a", "b"]).unwrap(), hub.follow(vec!["b"]).unwrap());
        assert_eq!((hub.len(), hub.is_followed(&"a"), hub.followed().count()), (2, true, 2));
        assert!(hub.unfollow(one) && !hub.unfollow(one));
        assert!(!hub.is_followed(&"a") && hub.is_followed(&"b"));
        assert_eq!(hub.publish(&update("a", 0, 1)), []);
        assert_eq!((hub.take(one, at(0)), hub.waiting(one)), (None, 0));
        assert!(hub.unfollow(two) && hub.is_empty() && hub.followers.is_empty());
        assert_eq!(hub.follow(vec![]), Err(CannotFollow::Nothing));
        let many = (0..=KEYS_MAX).collect();
        assert_eq!(Hub::<usize, u32>::new(1).follow(many), Err(CannotFollow::TooMuch));
    }

    proptest! {
        /// Against a list of all updates: what is delivered are the last values of each span, but for the oldest, which are
        /// counted.
        #[test]
        fn what_is_delivered_and_what_is_dropped_are_all(steps in prop::collection::vec((0_i64..80, 0_u8..4, any::<bool>()), 1..200)) {
            let mut hub = Hub::new(5);
            let id = hub.follow(vec![0, 1, 2]).unwrap();
            let (mut now, mut pending): (i64, Vec<(i64, u8, usize)>) = (0, Vec::new());
            let mut next_frame = i64::MIN;
            for (step, (pause, key, reads)) in steps.into_iter().enumerate() {
                now += pause;
                hub.publish(&Update { key, at: at(now), value: step });
                if key < 3 {
                    match pending.iter_mut().find(|(span, of, _)| (*span, *of) == (now / 100, key)) {
                        Some(known) => known.2 = step,
                        None => pending.push((now / 100, key, step)),
                    }
                }
                if reads {
                    let frame = hub.take(id, at(now));
                    if pending.is_empty() || now < next_frame {
                        prop_assert_eq!(frame, None);
                        continue;
                    }
                    let frame = frame.unwrap();
                    let lost = pending.len().saturating_sub(5);
                    prop_assert_eq!(frame.dropped, lost as u64);
                    let delivered: Vec<_> = frame.updates.iter().map(|update| (update.key, update.value)).collect();
                    let expected: Vec<_> = pending.drain(..).skip(lost).map(|(_, key, value)| (key, value)).collect();
                    prop_assert_eq!(delivered, expected);
                    next_frame = now + 100;
                }
            }
        }
    }
}
