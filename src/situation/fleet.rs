//! The units of one organisation as their commits left them, and where those are that can be sent.

use super::nearest::Nearest;
use ionveil_dispatch::geo::Position;
use ionveil_dispatch::unit::{Unit, Wanted};
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug, Default)]
pub struct Fleet {
    /// With how many events each has, so that an older state never comes after a newer one.
    units: BTreeMap<EntityId, (u64, Unit)>,
    free: Nearest,
}

impl Fleet {
    /// Takes a unit in as it is at `version`; an older one than the known one is passed over.
    pub fn put(&mut self, id: &EntityId, version: u64, unit: &Unit) {
        let known = self.units.get(id);
        if known.is_some_and(|(known, _)| *known > version) {
            return;
        }
        let (before, after) = (known.and_then(|(_, unit)| place(unit)), place(unit));
        if before != after {
            before.into_iter().for_each(|position| self.free.take(id, position));
            after.into_iter().for_each(|position| self.free.put(id, position));
        }
        self.units.insert(id.clone(), (version, unit.clone()));
    }

    /// All of them, by id.
    pub fn units(&self) -> impl Iterator<Item = (&EntityId, &Unit)> {
        self.units.iter().map(|(id, (_, unit))| (id, unit))
    }

    /// The units that can be sent, with version and distance in kilometres: as
    /// [`find_available`](ionveil_dispatch::unit::find_available) finds them, one after the other.
    pub fn available<'a>(&'a self, wanted: &'a Wanted<'a>, now: Timestamp) -> impl Iterator<Item = (&'a EntityId, u64, &'a Unit, f64)> {
        let near = self.free.near(wanted.position, wanted.radius_km);
        let known = near.filter_map(|(id, km)| self.units.get(id).map(|(version, unit)| (id, *version, unit, km)));
        known.filter(move |(_, _, unit, _)| {
            wanted.unit_type.is_none_or(|unit_type| unit.unit_type == unit_type) && wanted.skills.iter().all(|skill| unit.can(skill, now))
        })
    }
}

/// Where a unit is that can be sent, if that is known.
fn place(unit: &Unit) -> Option<Position> {
    unit.position.filter(|_| unit.is_available())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_dispatch::unit::{Availability, Duty, Phase, find_available};
    use proptest::prelude::*;
    use proptest::sample::select;

    fn unit() -> impl Strategy<Value = Unit> {
        let status = select(vec![Availability::Available, Availability::Available, Availability::OutOfService]);
        let skills = prop::collection::btree_set(select(vec!["emt".to_owned(), "hazmat".to_owned()]), 0..3);
        let position = prop::option::of((37.0..37.2, -122.2..-122.0));
        (status, any::<bool>(), select(vec!["engine", "medic"]), skills, position).prop_map(|(status, on, unit_type, skills, position)| {
            Unit {
                name: "U".to_owned(),
                unit_type: unit_type.to_owned(),
                agency: None,
                skills,
                capacity: 1,
                position: position.map(|(latitude, longitude)| Position::new(latitude, longitude).unwrap()),
                shift: None,
                duty: if on { Duty::OnDuty } else { Duty::OffDuty },
                certificates: BTreeMap::new(),
                phase: Phase::Free { status },
                depth: 0,
                changed_at: Timestamp::from_micros(0),
            }
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_the_domain_finds_whatever_came_before(
            told in prop::collection::vec((0..8_usize, 1..5_u64, unit()), 0..40),
            radius_km in 0.0..20.0,
            unit_type in prop::option::of(select(vec!["engine", "medic"])),
            skills in select(vec![&[][..], &["emt"], &["EMT", "hazmat"]]),
        ) {
            let (mut fleet, mut model) = (Fleet::default(), BTreeMap::<EntityId, (u64, Unit)>::new());
            for (number, version, unit) in &told {
                let id = EntityId::new(&format!("u{number}")).unwrap();
                fleet.put(&id, *version, unit);
                if model.get(&id).is_none_or(|(known, _)| known <= version) {
                    model.insert(id, (*version, unit.clone()));
                }
            }
            let wanted = Wanted { position: Position::new(37.1, -122.1).unwrap(), radius_km, unit_type, skills };
            let now = Timestamp::from_micros(5);
            let expected = find_available(model.iter().map(|(id, (_, unit))| (id, unit)), &wanted, now);
            let found: Vec<_> = fleet.available(&wanted, now).map(|(id, _, _, km)| (id, km)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
