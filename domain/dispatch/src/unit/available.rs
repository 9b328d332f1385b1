//! Which units can be sent, how many are at work, and whose papers end (specification of IonVeil §4.3, §4.4). Over lists; an
//! index over positions is for whoever keeps all units.

use crate::geo::Position;
use crate::scale::Priority;
use crate::unit::state::{Availability, Unit};
use ionveil_kernel::statistics::round;
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// How far around an incident units are looked for, in kilometres, where nothing else is said; included.
pub const RADIUS_KM_DEFAULT: f64 = 50.0;
const DAY: Duration = Duration::from_secs(86_400);

/// What is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted<'a> {
    /// Around here.
    pub position: Position,
    /// So far, included.
    pub radius_km: f64,
    /// Of this type only.
    pub unit_type: Option<&'a str>,
    /// That can do all of this.
    pub skills: &'a [&'a str],
}

/// The units that can be sent, with their distance in kilometres: nearest first, ties by id. Units of which nobody knows
/// where they are cannot be found.
#[must_use]
pub fn find_available<'a>(
    units: impl IntoIterator<Item = (&'a EntityId, &'a Unit)>,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Vec<(&'a EntityId, f64)> {
    let fits = |unit: &Unit| {
        unit.is_available()
            && wanted.unit_type.is_none_or(|unit_type| unit.unit_type == unit_type)
            && wanted.skills.iter().all(|skill| unit.can(skill, now))
    };
    let near = |unit: &Unit| unit.position.map(|position| position.km_to(wanted.position)).filter(|km| *km <= wanted.radius_km);
    let fitting = units.into_iter().filter(|(_, unit)| fits(unit));
    let mut found: Vec<_> = fitting.filter_map(|(id, unit)| near(unit).map(|km| (id, km))).collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(b.0)));
    found
}

/// How well a unit suits an incident: 100, 80, 60, 40, 20 for priority 1 to 5 (30 without one), less 2 for each kilometre,
/// and 15 for each skill that is wanted and there, 5 for each place; never below 0.
#[must_use]
pub fn suitability(priority: Option<Priority>, km: f64, wanted_skills: &[&str], unit: &Unit, now: Timestamp) -> f64 {
    let weight = priority.map_or(30.0, |priority| 120.0 - 20.0 * f64::from(priority.number()));
    let skills = wanted_skills.iter().filter(|skill| unit.can(skill, now)).count() as f64;
    (weight - 2.0 * km + 15.0 * skills + 5.0 * f64::from(unit.capacity)).max(0.0)
}

/// How many units there are, and what they do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    /// All.
    pub total: usize,
    /// Available and on duty.
    pub available: usize,
    /// Dispatched, en route and on scene.
    pub dispatched: usize,
    /// Dispatched of all in percent, 1 place; 0 without units (trap T69: off duty is not at work).
    pub utilisation_pct: f64,
}

impl Capacity {
    fn count(&mut self, unit: &Unit) {
        self.total += 1;
        self.available += usize::from(unit.is_available());
        self.dispatched += usize::from(unit.status().is_engaged());
        self.utilisation_pct = round(100.0 * self.dispatched as f64 / self.total as f64, 1);
    }
}

/// The capacity of all, and by type.
#[must_use]
pub fn capacity<'a>(units: impl IntoIterator<Item = &'a Unit>) -> (Capacity, BTreeMap<&'a str, Capacity>) {
    let (mut all, mut by_type) = (Capacity::default(), BTreeMap::<&str, Capacity>::new());
    for unit in units {
        all.count(unit);
        by_type.entry(&unit.unit_type).or_default().count(unit);
    }
    (all, by_type)
}

/// A certificate that ends soon, or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDue<'a> {
    /// Whose.
    pub unit: &'a EntityId,
    /// Which, as it was written.
    pub name: &'a str,
    /// When it ends.
    pub expires: Timestamp,
    /// Whole days from now, towards the past if it has ended: −1 on the first day after.
    pub days_left: i64,
}

/// The certificates that end within so many days, soonest first, those that have ended included.
#[must_use]
pub fn expiring<'a>(units: impl IntoIterator<Item = (&'a EntityId, &'a Unit)>, now: Timestamp, days: u32) -> Vec<CertificateDue<'a>> {
    let until = now.after(DAY * days);
    let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    let certificates = units.into_iter().flat_map(|(unit, state)| state.certificates.values().map(move |certificate| (unit, certificate)));
    let ending = certificates.filter(|(_, certificate)| certificate.expires <= until);
    let mut due: Vec<_> = ending
        .map(|(unit, certificate)| CertificateDue {
            unit,
            name: &certificate.name,
            expires: certificate.expires,
            days_left: (certificate.expires.micros() - now.micros()).div_euclid(day),
        })
        .collect();
    due.sort_by(|a, b| (a.expires, a.unit, a.name).cmp(&(b.expires, b.unit, b.name)));
    due
}

impl Availability {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Available, Self::Dispatched, Self::EnRoute, Self::OnScene, Self::Returning, Self::OutOfService];
}
