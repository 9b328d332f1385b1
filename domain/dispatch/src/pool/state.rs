//! What is known of a pool: the orders that wait, the requests that wait, and the latest answers.
//!
//! Three indexes over the same orders: by key, by id, by agency. All are [`Sorted`], so that a copy costs three counters.

use crate::pool::event::{Request, Share};
use crate::pool::order::{Key, Order, Place};
use crate::pool::sorted::Sorted;
use crate::pool::stored::Stored;
use crate::pool::{ANSWERED_ORDERS_MAX, ANSWERS_MAX};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Where a pool stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct State {
    pub(crate) next: u64,
    pub(crate) orders: Sorted<Key, Arc<Order>>,
    pub(crate) keys: Sorted<Hashed, Key>,
    /// None: the orders that no agency owns.
    pub(crate) agencies: Sorted<Option<EntityId>, Sorted<Key, ()>>,
    pub(crate) window: Option<Arc<Window>>,
    pub(crate) answers: Answers,
}

/// An id that sorts by its hash first: a search compares numbers that lie side by side, and hardly ever a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hashed {
    hash: u64,
    id: EntityId,
}

impl Hashed {
    fn of(id: &EntityId) -> Self {
        let mut hasher = DefaultHasher::new();
        id.as_str().hash(&mut hasher);
        Self { hash: hasher.finish(), id: id.clone() }
    }
}

/// Requests that wait for the same instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    pub(crate) due: Timestamp,
    /// Oldest first; never empty.
    pub(crate) requests: Vec<Request>,
}

/// The latest answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answers {
    by_id: Sorted<EntityId, Arc<Answer>>,
    by_age: Sorted<u64, EntityId>,
    next: u64,
    orders: usize,
}

/// What was asked, and what was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) request: Request,
    pub(crate) shares: Vec<Share>,
}

impl Answer {
    fn orders(&self) -> usize {
        self.shares.iter().map(|share| share.orders.len()).sum()
    }
}

impl State {
    /// How many orders wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The order of this id, if it waits.
    #[must_use]
    pub fn get(&self, id: &EntityId) -> Option<&Order> {
        self.keys.get(&Hashed::of(id)).and_then(|key| self.orders.get(key)).map(|order| &**order)
    }

    /// The orders that wait, first to go first.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().map(|(_, order)| &**order)
    }

    /// At most `size` orders, first to go first, each with its place: those behind `after`, and only an agency's if one is
    /// named.
    #[must_use]
    pub fn page(&self, agency: Option<&EntityId>, after: Option<Place>, size: usize) -> Vec<(Place, &Order)> {
        let shown = |key: Key| self.orders.get(&key).map(|order| (Place(key), &**order));
        match agency {
            None => after_or_all(&self.orders, after).filter_map(|(key, _)| shown(*key)).take(size).collect(),
            Some(agency) => {
                let own = self.agencies.get(&Some(agency.clone()));
                own.into_iter().flat_map(|own| after_or_all(own, after)).filter_map(|(key, ())| shown(*key)).take(size).collect()
            }
        }
    }

    /// How many orders of an agency wait.
    #[must_use]
    pub fn len_of(&self, agency: &EntityId) -> usize {
        self.agencies.get(&Some(agency.clone())).map_or(0, Sorted::len)
    }

    /// Whether a request waits for the end of its window.
    #[must_use]
    pub fn waits(&self, request: &EntityId) -> bool {
        self.window.as_ref().is_some_and(|window| window.requests.iter().any(|waiting| waiting.id == *request))
    }

    /// When the window ends in which requests wait, if any do.
    #[must_use]
    pub fn window_due(&self) -> Option<Timestamp> {
        self.window.as_ref().map(|window| window.due)
    }

    /// What the request was answered, if it was, and not too long ago.
    #[must_use]
    pub fn answer(&self, request: &EntityId) -> Option<&[Share]> {
        self.answers.by_id.get(request).map(|answer| &*answer.shares)
    }

    /// What was asked under this id, waiting or answered.
    pub(crate) fn asked(&self, request: &EntityId) -> Option<&Request> {
        let answered = self.answers.by_id.get(request).map(|answer| &answer.request);
        answered.or_else(|| self.window.as_ref()?.requests.iter().find(|waiting| waiting.id == *request))
    }

    pub(crate) fn has(&self, id: &EntityId) -> bool {
        self.keys.contains(&Hashed::of(id))
    }

    /// The keys of an agency's orders, or of nobody's, first to go first.
    pub(crate) fn keys_of<'a>(&'a self, agency: &Option<EntityId>) -> impl Iterator<Item = Key> + use<'a> {
        self.agencies.get(agency).into_iter().flat_map(Sorted::iter).map(|(key, ())| *key)
    }

    /// Puts an order in; its id does not wait.
    pub(crate) fn put_in(&mut self, mut order: Order, number: u64) {
        let key = Key::of(&order, number);
        // Equal agencies share their text.
        match self.agencies.key(&order.agency) {
            Some(agency) => order.agency.clone_from(agency),
            None => self.agencies.insert(order.agency.clone(), Sorted::default()),
        }
        if let Some(own) = self.agencies.get_mut(&order.agency) {
            own.insert(key, ());
        }
        self.keys.insert(Hashed::of(&order.id), key);
        self.orders.insert(key, Arc::new(order));
    }

    /// Takes an order out, if it waits; with its insertion number.
    pub(crate) fn take_out(&mut self, id: &EntityId) -> Option<(u64, Arc<Order>)> {
        let key = self.keys.remove(&Hashed::of(id))?;
        let order = self.orders.remove(&key)?;
        let own = self.agencies.get_mut(&order.agency)?;
        own.remove(&key);
        if own.is_empty() {
            self.agencies.remove(&order.agency);
        }
        Some((key.number, order))
    }
}

/// The entries behind a place; without one all of them.
fn after_or_all<V: Clone>(sorted: &Sorted<Key, V>, after: Option<Place>) -> impl Iterator<Item = (&Key, &V)> {
    let all = after.is_none().then(|| sorted.iter());
    let rest = after.map(|Place(key)| sorted.after(&key));
    all.into_iter().flatten().chain(rest.into_iter().flatten())
}

impl Answers {
    /// Remembers an answer, and forgets the oldest ones beyond the bounds.
    pub(crate) fn remember(&mut self, answer: Answer) {
        self.orders += answer.orders();
        self.by_age.insert(self.next, answer.request.id.clone());
        self.next += 1;
        self.by_id.insert(answer.request.id.clone(), Arc::new(answer));
        while self.by_age.len() > ANSWERS_MAX || (self.orders > ANSWERED_ORDERS_MAX && self.by_age.len() > 1) {
            let Some((age, oldest)) = self.by_age.iter().next().map(|(age, id)| (*age, id.clone())) else { return };
            self.by_age.remove(&age);
            self.orders -= self.by_id.remove(&oldest).map_or(0, |answer| answer.orders());
        }
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.by_age.iter().filter_map(|(_, id)| self.by_id.get(id)).map(|answer| &**answer)
    }

    /// How many were ever remembered.
    pub(crate) const fn count(&self) -> u64 {
        self.next
    }

    /// The answers of a stored state, of which the first is the `first`th ever.
    pub(crate) fn restore(first: u64, answers: Vec<Answer>) -> Self {
        let mut restored = Self { next: first, ..Self::default() };
        answers.into_iter().for_each(|answer| restored.remember(answer));
        restored
    }
}
