//! Orders by severity, and manifests of them (specification of IonVeil §3.1). The form of an order that waits in the pool is
//! in `pool/`.

use crate::scale::Severity;
use crate::sla;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher};

const PER_SEVERITY: u64 = 10;
const SLA_HORIZON_MINUTES: u64 = 120;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Not empty.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// How long it may wait, in minutes.
    pub sla_minutes: u32,
}

impl Order {
    /// `severity × 10 + max(0, 120 − sla_minutes)` (trap T06).
    #[must_use]
    pub fn urgency(&self) -> u64 {
        u64::from(self.severity.number()) * PER_SEVERITY + SLA_HORIZON_MINUTES.saturating_sub(self.sla_minutes.into())
    }
}

/// An order as it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawOrder {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its severity, if it has one.
    pub severity: Option<i64>,
    /// How long it may wait in minutes, if it says so.
    pub sla_minutes: Option<i64>,
}

/// What is wrong with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// It has no id, or an empty one.
    #[error("an order has an id")]
    MissingId,
    /// It has no severity.
    #[error("an order has a severity")]
    MissingSeverity,
    /// The severity is not from 1 to 5.
    #[error("a severity is from 1 to 5")]
    SeverityOutOfRange,
    /// The time is below 0 (or beyond any sense); 0 and none are fine.
    #[error("sla_minutes is from 0 to {}", u32::MAX)]
    NegativeSla,
}

impl OrderFault {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingId => "missing_id",
            Self::MissingSeverity => "missing_severity",
            Self::SeverityOutOfRange => "severity_out_of_range",
            Self::NegativeSla => "negative_sla",
        }
    }
}

impl RawOrder {
    /// Everything that is wrong with it (trap T03), in the order of its fields.
    #[must_use]
    pub fn faults(&self) -> Vec<OrderFault> {
        let id = self.lawful_id().is_none().then_some(OrderFault::MissingId);
        let severity = match self.severity.map(Severity::new) {
            None => Some(OrderFault::MissingSeverity),
            Some(Err(_)) => Some(OrderFault::SeverityOutOfRange),
            Some(Ok(_)) => None,
        };
        let sla = self.sla_minutes.is_some_and(|minutes| u32::try_from(minutes).is_err()).then_some(OrderFault::NegativeSla);
        [id, severity, sla].into_iter().flatten().collect()
    }

    fn lawful_id(&self) -> Option<&str> {
        self.id.as_deref().filter(|id| !id.trim().is_empty())
    }
}

/// Orders of what came in: what has no id is passed over, a missing or impossible severity is 1, a missing or impossible
/// time that of the severity given (480 if that is not listed).
#[must_use]
pub fn orders(raw: &[RawOrder]) -> Vec<Order> {
    let order = |raw: &RawOrder| {
        let severity = raw.severity.map_or(Ok(Severity::MILDEST), Severity::new);
        let default = severity.map_or(sla::UNLISTED_ORDER_MINUTES, sla::order_minutes);
        Some(Order {
            id: raw.lawful_id()?.to_owned(),
            severity: severity.unwrap_or(Severity::MILDEST),
            sla_minutes: raw.sla_minutes.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(default),
        })
    };
    raw.iter().filter_map(order).collect()
}

/// Orders that travel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its id.
    pub id: String,
    /// In order of arrival.
    pub orders: Vec<Order>,
    /// Where from; empty: not known.
    pub origin: String,
    /// Where to; empty: not known.
    pub destination: String,
    /// The greater goes first.
    pub priority: i64,
}

impl Manifest {
    /// Sum of the urgencies.
    #[must_use]
    pub fn urgency(&self) -> u64 {
        self.orders.iter().map(Order::urgency).sum()
    }

    /// The worst severity; 1 without orders.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.orders.iter().map(|order| order.severity).max().unwrap_or(Severity::MILDEST)
    }

    /// Both as one, with the id `a+b`: this one's orders, then the other's, of equal ids the first only (trap T07); this
    /// one's origin and destination unless they are empty; the greater priority.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let mut seen: HashSet<String, BuildHasherDefault<DefaultHasher>> = HashSet::default();
        let either = |one: String, other: String| if one.is_empty() { other } else { one };
        Self {
            id: format!("{}+{}", self.id, other.id),
            orders: self.orders.into_iter().chain(other.orders).filter(|order| seen.insert(order.id.clone())).collect(),
            origin: either(self.origin, other.origin),
            destination: either(self.destination, other.destination),
            priority: self.priority.max(other.priority),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, Order, OrderFault, RawOrder, orders};
    use crate::scale::Severity;

    fn order(id: &str, severity: i64, sla_minutes: u32) -> Order {
        Order { id: id.into(), severity: Severity::new(severity).unwrap(), sla_minutes }
    }

    fn raw(id: &str, severity: Option<i64>, sla_minutes: Option<i64>) -> RawOrder {
        RawOrder { id: Some(id.into()), severity, sla_minutes }
    }

    fn manifest(id: &str, orders: Vec<Order>, from: &str, to: &str, priority: i64) -> Manifest {
        Manifest { id: id.into(), orders, origin: from.into(), destination: to.into(), priority }
    }

    #[test]
    fn urgency_counts_ten_for_a_step_of_severity() {
        for (severity, sla, urgency) in [(5, 15, 155), (3, 60, 90), (1, 120, 10), (1, 480, 10), (5, 0, 170)] {
            assert_eq!(order("a", severity, sla).urgency(), urgency);
        }
    }

    #[test]
    fn merging_keeps_the_first_of_equal_ids() {
        let a = manifest("a", vec![order("1", 5, 15), order("2", 1, 480)], "", "north", 1);
        let b = manifest("b", vec![order("2", 5, 15), order("3", 2, 120)], "depot", "south", 4);
        let both = a.merge(b);
        assert_eq!(both, manifest("a+b", vec![order("1", 5, 15), order("2", 1, 480), order("3", 2, 120)], "depot", "north", 4));
        assert_eq!((both.urgency(), both.severity().number()), (155 + 10 + 20, 5));
        assert_eq!(manifest("e", vec![], "", "", 0).severity(), Severity::MILDEST);
    }

    #[test]
    fn a_batch_passes_over_what_has_no_id_and_fills_in_the_rest() {
        let made = orders(&[
            RawOrder::default(),
            raw(" ", Some(3), None),
            raw("a", None, None),
            raw("b", Some(4), None),
            raw("c", Some(9), Some(7)),
            raw("d", Some(9), Some(-1)),
        ]);
        assert_eq!(made, [order("a", 1, 480), order("b", 4, 30), order("c", 1, 7), order("d", 1, 480)]);
    }

    #[test]
    fn every_fault_is_told() {
        use OrderFault::{MissingId, MissingSeverity, NegativeSla, SeverityOutOfRange};
        assert_eq!(RawOrder { sla_minutes: Some(-1), ..RawOrder::default() }.faults(), [MissingId, MissingSeverity, NegativeSla]);
        assert_eq!(raw("", Some(6), Some(0)).faults(), [MissingId, SeverityOutOfRange]);
        assert_eq!(raw("a", Some(5), None).faults(), []);
        let codes = [MissingId, MissingSeverity, SeverityOutOfRange, NegativeSla].map(OrderFault::code);
        assert_eq!(codes, ["missing_id", "missing_severity", "severity_out_of_range", "negative_sla"]);
    }
}
