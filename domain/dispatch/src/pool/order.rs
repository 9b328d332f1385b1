//! An order that waits in the pool, and the key that it is sorted by (specification of IonVeil §5.3).

use crate::eta::Eta;
use crate::geo::Distance;
use crate::pool::reject::{Fault, FaultKind};
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

/// An order as somebody sent it, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawOrder {
    /// Names it among the orders that wait.
    pub id: String,
    /// The greater goes first; above 0. Missing counts as 0.
    pub urgency: i64,
    /// When it is expected; empty: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<String>,
    /// The agency that it is for; none: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agency: Option<String>,
    /// How far the way is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_km: Option<f64>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// An order that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Unique among the orders that wait.
    pub id: EntityId,
    /// The greater goes first; above 0.
    pub urgency: i64,
    /// When it is expected; without, it goes before all others of its urgency (trap T11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// The agency that it is for; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<EntityId>,
    /// How far the way is.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "distance_km")]
    pub distance: Option<Distance>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
}

impl Order {
    /// Checks and takes what somebody sent; whether the id is free is the pool's to say.
    ///
    /// # Errors
    /// Every fault, in the order of the fields.
    pub fn check(raw: &RawOrder) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let id = named("id", &raw.id, &mut faults);
        let urgency = check_urgency(raw.urgency, &mut faults);
        let eta = check_eta(raw.eta.as_deref(), &mut faults);
        let agency = raw.agency.as_deref().and_then(|agency| named("agency", agency, &mut faults));
        let distance = raw.distance_km.and_then(|km| {
            Distance::from_km(km).map_err(|error| faults.push(Fault::of("distance_km", FaultKind::InvalidDistance(error)))).ok()
        });
        let zone = raw.zone.as_deref().and_then(|zone| named("zone", zone, &mut faults));
        match id {
            Some(id) if faults.is_empty() => Ok(Self { id, urgency, eta, agency, distance, zone }),
            Some(_) | None => Err(faults),
        }
    }
}

/// A name that came from outside.
pub(crate) fn named(field: &'static str, text: &str, faults: &mut Vec<Fault>) -> Option<EntityId> {
    let kind = if text.trim().is_empty() && matches!(field, "id" | "request_id") { FaultKind::MissingId } else { FaultKind::InvalidId };
    EntityId::new(text).map_err(|_| faults.push(Fault::of(field, kind))).ok()
}

pub(crate) fn check_urgency(urgency: i64, faults: &mut Vec<Fault>) -> i64 {
    if urgency <= 0 {
        faults.push(Fault::of("urgency", FaultKind::NonPositiveUrgency));
    }
    urgency
}

/// An empty text is no ETA, as in the plain algorithm.
pub(crate) fn check_eta(text: Option<&str>, faults: &mut Vec<Fault>) -> Option<Eta> {
    let text = text.filter(|text| !text.is_empty())?;
    text.parse().map_err(|error| faults.push(Fault::of("eta", FaultKind::InvalidEta(error)))).ok()
}

/// What orders are sorted by: urgency descending, ETA ascending (none first), insertion number ascending. No two orders of a
/// pool have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    urgency: Reverse<i64>,
    eta: Option<Eta>,
    pub(crate) number: u64,
}

/// Where an order stands in the pool: the cursor of lists. Its text survives restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(crate) Key);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { urgency: Reverse(urgency), eta, number } = self.0;
        write!(f, "{urgency}_{number}_{}", eta.map(String::from).unwrap_or_default())
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let mut parts = text.splitn(3, '_');
        let mut part = || parts.next().ok_or(InvalidPlace);
        let (urgency, number, eta) = (part()?, part()?, part()?);
        let eta = if eta.is_empty() { None } else { Some(eta.parse().map_err(|_| InvalidPlace)?) };
        let (urgency, number) = (urgency.parse().map_err(|_| InvalidPlace)?, number.parse().map_err(|_| InvalidPlace)?);
        Ok(Self(Key { urgency: Reverse(urgency), eta, number }))
    }
}

/// A text that is no [`Place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no place in a pool")]
pub struct InvalidPlace;

impl Key {
    pub(crate) const fn of(order: &Order, number: u64) -> Self {
        Self { urgency: Reverse(order.urgency), eta: order.eta, number }
    }
}

/// Why an order came before the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// The next one: planned after it, or the first that was left; none: nobody was behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<EntityId>,
    /// What decided.
    pub reason: Reason,
}

/// What decided between two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its urgency is greater.
    MoreUrgent,
    /// As urgent, and it has no ETA while the next one has.
    NoEta,
    /// As urgent, and its ETA is earlier.
    EarlierEta,
    /// As urgent, with the same ETA or none, and it came first.
    ArrivedFirst,
    /// It is the agency's own, the next one is nobody's.
    OwnBeforeUnowned,
    /// Nobody was behind it.
    Last,
}

impl Why {
    /// Why `key` comes before `next`.
    pub(crate) fn of(key: Key, next: Option<(Key, &EntityId)>) -> Self {
        let Some((next, id)) = next else { return Self { before: None, reason: Reason::Last } };
        let reason = if key.urgency != next.urgency {
            Reason::MoreUrgent
        } else if key.eta == next.eta {
            Reason::ArrivedFirst
        } else if key.eta.is_none() {
            Reason::NoEta
        } else {
            Reason::EarlierEta
        };
        Self { before: Some(id.clone()), reason }
    }
}
