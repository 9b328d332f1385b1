//! The latest incidents of one organisation, for whoever asks whether the same was reported before. Only as many as can
//! matter are kept, so that it does not grow with the history.

use super::nearest::Nearest;
use ionveil_dispatch::geo::Position;
use ionveil_dispatch::incident::{DUPLICATE_METRES, DUPLICATE_MINUTES, Incident, possible_duplicates};
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The most incidents that are kept, whatever comes in.
const KEPT_MAX: usize = 100_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Calls {
    /// With how many events each has; also those that have ended, so that an older state never comes after a newer one.
    incidents: BTreeMap<EntityId, (u64, Incident)>,
    by_time: BTreeSet<(Timestamp, EntityId)>,
    open: Nearest,
}

impl Calls {
    /// The time before which nothing matters any more.
    #[must_use]
    pub fn begin(now: Timestamp) -> Timestamp {
        let micros = i64::try_from(Duration::from_secs(DUPLICATE_MINUTES * 60).as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.micros().saturating_sub(micros))
    }

    /// Takes an incident in as it is at `version`; an older one than the known one is passed over, and so is one that was
    /// reported too long ago.
    pub fn put(&mut self, id: &EntityId, version: u64, incident: &Incident, now: Timestamp) {
        let known = self.incidents.get(id);
        if incident.created_at < Self::begin(now) || known.is_some_and(|(known, _)| *known > version) {
            return self.forget(now);
        }
        let (before, after) = (known.and_then(|(_, known)| place(known)), place(incident));
        if before != after {
            before.into_iter().for_each(|position| self.open.take(id, position));
            after.into_iter().for_each(|position| self.open.put(id, position));
        }
        self.by_time.insert((incident.created_at, id.clone()));
        self.incidents.insert(id.clone(), (version, incident.clone()));
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        let begin = Self::begin(now);
        while self.by_time.len() > KEPT_MAX || self.by_time.first().is_some_and(|(at, _)| *at < begin) {
            let Some((_, id)) = self.by_time.pop_first() else { return };
            if let Some((_, incident)) = self.incidents.remove(&id) {
                place(&incident).into_iter().for_each(|position| self.open.take(&id, position));
            }
        }
    }

    /// The open incidents that were reported near `position` and not long before or after `at`: nearest first, ties by id.
    #[must_use]
    pub fn possible_duplicates(&self, position: Position, at: Timestamp) -> Vec<EntityId> {
        // Some metres more than the domain looks at, so that it is the domain that draws the line.
        let near = self.open.near(position, DUPLICATE_METRES / 1_000.0 + 0.001);
        let near = near.filter_map(|(id, _)| self.incidents.get(id).map(|(_, incident)| (id, incident)));
        possible_duplicates(near, position, at).into_iter().cloned().collect()
    }
}

/// Where an incident is that has not ended.
fn place(incident: &Incident) -> Option<Position> {
    (!incident.has_ended()).then_some(incident.position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_dispatch::incident::Status;
    use ionveil_dispatch::scale::Priority;

    const MINUTE: i64 = 60_000_000;

    fn id(name: &str) -> EntityId {
        EntityId::new(name).unwrap()
    }

    fn incident(name: &str, minute: i64, longitude: f64, status: Status) -> Incident {
        let at = Timestamp::from_micros(minute * MINUTE);
        Incident {
            id: id(name),
            title: "t".to_owned(),
            description: "d".to_owned(),
            priority: Priority::MOST_URGENT,
            status,
            position: Position::new(0.0, longitude).unwrap(),
            category: "general".to_owned(),
            zone: None,
            units: Vec::new(),
            merged_from: Vec::new(),
            depth: 0,
            merged_into: None,
            merging: BTreeSet::new(),
            remarks: 0,
            archived: false,
            created_by: "user:jane".to_owned(),
            created_at: at,
            updated_at: at,
            closed_at: None,
            dispatched_at: None,
            reached: false,
        }
    }

    #[test]
    fn open_ones_nearby_and_lately_are_told_and_old_ones_forgotten() {
        let mut calls = Calls::default();
        let now = |minute: i64| Timestamp::from_micros(minute * MINUTE);
        // 0.0026 degrees are 289 m, 0.0028 are 311 m.
        for (name, minute, longitude, status) in [
            ("far", 10, 0.0028, Status::Reported),
            ("near", 10, 0.0026, Status::EnRoute),
            ("here", 11, 0.0, Status::Reported),
            ("over", 11, 0.0, Status::Closed),
        ] {
            calls.put(&id(name), 2, &incident(name, minute, longitude, status), now(12));
        }
        let found = |calls: &Calls, minute: i64| calls.possible_duplicates(Position::new(0.0, 0.0).unwrap(), now(minute));
        assert_eq!(found(&calls, 12), [id("here"), id("near")]);
        assert_eq!(found(&calls, 26), [id("here")], "15 minutes are included, 16 are not");
        calls.put(&id("here"), 1, &incident("here", 11, 50.0, Status::Reported), now(12));
        assert_eq!(found(&calls, 12), [id("here"), id("near")], "an older state changes nothing");
        calls.put(&id("here"), 3, &incident("here", 11, 0.0, Status::Closed), now(12));
        assert_eq!(found(&calls, 12), [id("near")]);
        calls.put(&id("old"), 1, &incident("old", 1, 0.0, Status::Reported), now(27));
        assert!(calls.incidents.is_empty() && calls.by_time.is_empty(), "nothing is kept that cannot matter");
        assert!(found(&calls, 12).is_empty());
    }
}
