//! The plain algorithm of dispatch planning (specification of IonVeil §3.2): sort everything, take the first. The pool gives
//! the same answers without sorting; this is what it is held against, and what plans lists that are in no pool.

use crate::cost;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// An order as planning sees it: anything may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// The greater goes first; missing counts as 0.
    pub urgency: Option<i64>,
    /// The smaller text goes first; missing counts as empty, which goes before every other (trap T11).
    pub eta: Option<String>,
}

impl Candidate {
    fn urgency(&self) -> i64 {
        self.urgency.unwrap_or(0)
    }
}

/// Which of two goes first: urgency descending, then ETA ascending as text. `Less` is first; full ties keep their order.
#[must_use]
pub fn compare(a: &Candidate, b: &Candidate) -> Ordering {
    let eta = |candidate: &Candidate| candidate.eta.clone().unwrap_or_default();
    b.urgency().cmp(&a.urgency()).then_with(|| eta(a).cmp(&eta(b)))
}

/// The places of the first `capacity` orders, first to go first; none if `capacity` is 0 or below.
#[must_use]
pub fn plan(orders: &[Candidate], capacity: i64) -> Vec<usize> {
    let mut places: Vec<_> = (0..orders.len()).collect();
    places.sort_by(|a, b| compare(&orders[*a], &orders[*b]));
    places.truncate(usize::try_from(capacity).unwrap_or(0));
    places
}

/// A list, divided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Division {
    /// First to go first.
    pub planned: Vec<Candidate>,
    /// In the order of the input.
    pub rejected: Vec<Candidate>,
    /// 1.5 × Σ urgency of what is planned.
    pub cost: f64,
}

/// Divides a list at `capacity`. By place, not by id: equal ids and missing ones are orders of their own (trap T12).
#[must_use]
pub fn divide(orders: &[Candidate], capacity: i64) -> Division {
    let places = plan(orders, capacity);
    let chosen: BTreeSet<_> = places.iter().collect();
    let rejected = orders.iter().enumerate().filter(|(place, _)| !chosen.contains(place)).map(|(_, order)| order.clone()).collect();
    let planned: Vec<_> = places.iter().map(|place| orders[*place].clone()).collect();
    let cost = cost::planned(planned.iter().map(Candidate::urgency));
    Division { planned, rejected, cost }
}

/// Divides planned and rejected orders anew: sorted together, planned ones first among equals (trap T16).
#[must_use]
pub fn rebalance(planned: &[Candidate], rejected: &[Candidate], capacity: i64) -> Division {
    divide(&[planned, rejected].concat(), capacity)
}

/// A division and the route that it takes; without a route everything is rejected, at no cost. The cost does not depend on
/// the route (trap T17).
#[must_use]
pub fn dispatch<R>(orders: &[Candidate], capacity: i64, route: Option<R>) -> (Division, Option<R>) {
    let capacity = if route.is_some() { capacity } else { 0 };
    (divide(orders, capacity), route)
}

/// Whether one more fits: `current < maximum`, and there is room at all.
#[must_use]
pub const fn has_capacity(current: i64, maximum: i64) -> bool {
    maximum > 0 && current < maximum
}

/// What is wrong with one order of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// It has no id, or an empty one.
    #[error("an order has an id")]
    MissingId,
    /// An earlier order has the same id.
    #[error("an id stands once in a batch")]
    DuplicateId,
    /// The urgency is missing, 0 or below.
    #[error("an urgency is above 0")]
    NonPositiveUrgency,
}

impl BatchFault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingId => "missing_id",
            Self::DuplicateId => "duplicate_id",
            Self::NonPositiveUrgency => "non_positive_urgency",
        }
    }
}

/// Everything that is wrong with a batch: the place of the order and the fault, by place.
#[must_use]
pub fn faults(orders: &[Candidate]) -> Vec<(usize, BatchFault)> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (place, order) in orders.iter().enumerate() {
        match order.id.as_deref().filter(|id| !id.trim().is_empty()) {
            None => faults.push((place, BatchFault::MissingId)),
            Some(id) if !seen.insert(id) => faults.push((place, BatchFault::DuplicateId)),
            Some(_) => {}
        }
        if order.urgency() <= 0 {
            faults.push((place, BatchFault::NonPositiveUrgency));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{BatchFault, Candidate, compare, dispatch, divide, faults, has_capacity, plan, rebalance};
    use std::cmp::Ordering;

    fn order(id: &str, urgency: i64, eta: &str) -> Candidate {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Candidate { id: text(id), urgency: (urgency != 0).then_some(urgency), eta: text(eta) }
    }

    fn ids(orders: &[Candidate]) -> Vec<&str> {
        orders.iter().map(|order| order.id.as_deref().unwrap_or("-")).collect()
    }

    #[test]
    fn urgency_then_eta_then_arrival() {
        let orders = [
            order("a", 1, "10:00"),
            order("b", 5, "10:00"),
            order("c", 5, "09:00"),
            order("d", 5, ""),
            order("e", 5, "09:00"),
            order("f", 0, ""),
        ];
        let named = |capacity| plan(&orders, capacity).into_iter().map(|place| orders[place].id.clone().unwrap()).collect::<String>();
        assert_eq!(named(9), "dcebaf", "a missing eta goes before all");
        assert_eq!(named(2), "dc");
        assert_eq!((named(0), named(-3)), (String::new(), String::new()));
        assert_eq!(compare(&orders[0], &orders[1]), Ordering::Greater);
        assert_eq!(compare(&orders[2], &orders[4]), Ordering::Equal);
    }

    #[test]
    fn a_division_rejects_by_place() {
        let orders = [order("x", 1, ""), order("", 9, ""), order("x", 3, ""), order("", 2, "")];
        let division = divide(&orders, 2);
        assert_eq!((ids(&division.planned), ids(&division.rejected), division.cost), (vec!["-", "x"], vec!["x", "-"], 18.0));
    }

    #[test]
    fn rebalancing_sorts_again_and_never_cuts_from_the_wrong_end() {
        let (planned, rejected) = ([order("a", 1, "")], [order("b", 9, ""), order("c", 1, "")]);
        assert_eq!(ids(&rebalance(&planned, &rejected, 2).planned), ["b", "a"]);
        let none = rebalance(&planned, &rejected, -1);
        assert_eq!((none.planned.len(), none.rejected.len(), none.cost), (0, 3, 0.0));
    }

    #[test]
    fn without_a_route_nothing_is_planned() {
        let orders = [order("a", 4, "")];
        assert_eq!(dispatch::<&str>(&orders, 5, None).0.rejected, orders);
        let (division, route) = dispatch(&orders, 5, Some("sea"));
        assert_eq!((division.cost, route), (6.0, Some("sea")));
    }

    #[test]
    fn capacity_is_strict() {
        assert_eq!([(4, 5), (5, 5), (-1, 0), (0, 1)].map(|(current, maximum)| has_capacity(current, maximum)), [true, false, false, true]);
    }

    #[test]
    fn a_batch_tells_every_fault_with_its_place() {
        use BatchFault::{DuplicateId, MissingId, NonPositiveUrgency};
        let orders = [order("a", 1, ""), order("", 0, ""), order("a", -1, ""), order(" ", 1, "")];
        let all = [(1, MissingId), (1, NonPositiveUrgency), (2, DuplicateId), (2, NonPositiveUrgency), (3, MissingId)];
        assert_eq!(faults(&orders), all);
        assert_eq!(
            [MissingId, DuplicateId, NonPositiveUrgency].map(BatchFault::code),
            ["missing_id", "duplicate_id", "non_positive_urgency"]
        );
    }
}
