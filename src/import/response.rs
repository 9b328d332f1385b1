//! What a row says of the dispatch of one unit: the call, the unit, and the stamps of its stages as they stand there. Unlike the
//! steps of a workflow a stage needs no other before it, since it is a record of what somebody else's system saw.

use super::clock::Meaning;
use super::columns::Fields;
use super::issue::Reason;
use super::mapping::Mapping;
use ionveil_dispatch::geo::Position;
use ionveil_dispatch::report::Stage;
use ionveil_dispatch::scale::Priority;
use ionveil_kernel::{EntityId, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most decimal places of a position: the sixth is a decimetre.
const PLACES_MAX: u32 = 6;

/// What the columns of a mapping say of dispatch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    /// The column with the id of the call, which becomes an incident.
    pub incident: String,
    /// The column with what it is, in a line.
    pub title: String,
    /// The column with what it is; where it is empty, the title says it again.
    pub description: String,
    /// The column with how urgent it is.
    pub priority: String,
    /// What stands there, and the priority that it means.
    pub priorities: BTreeMap<String, i64>,
    /// The column with the place, as `(latitude, longitude)`.
    pub position: String,
    /// To how many decimal places it is kept: fewer say less of who lives there.
    pub position_places: u32,
    /// The column with the id of the unit.
    pub unit: String,
    /// The column with what kind of unit it is.
    pub unit_type: String,
    /// The columns of the stages.
    pub stages: Stages,
}

/// The columns of the stages of a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stages {
    /// When the call came in.
    pub received: String,
    /// When the unit was sent.
    pub dispatched: String,
    /// When it was on the way.
    pub en_route: String,
    /// When it was there.
    pub on_scene: String,
    /// When it was free again.
    pub available: String,
}

/// What one row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Where the unit went.
    pub call: Call,
    /// The unit.
    pub unit: EntityId,
    /// What kind it is.
    pub unit_type: String,
    /// Whose it is.
    pub agency: Option<EntityId>,
    /// The stages whose stamps can be read, in the order of the work; also those that lie before the one they follow.
    pub stages: Vec<(Stage, Timestamp)>,
}

/// What a row says of its call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its id.
    pub id: EntityId,
    /// What it is, in a line.
    pub title: String,
    /// What it is.
    pub description: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it is, as coarse as the mapping says.
    pub position: Position,
    /// The node of the policy tree that it belongs to.
    pub zone: Option<EntityId>,
    /// The region of it.
    pub region: Option<EntityId>,
    /// When it came in, if that can be read.
    pub received: Option<Timestamp>,
}

impl Dispatch {
    /// What speaks against it.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if self.position_places > PLACES_MAX {
            return Some(("dispatch.position_places", format!("it must be at most {PLACES_MAX}")));
        }
        let odd = self.priorities.iter().find(|(_, number)| Priority::new(**number).is_err());
        if let Some((text, number)) = odd {
            return Some(("dispatch.priorities", format!("{text:?} is {number}; a priority is from 1 to 5")));
        }
        self.priorities.is_empty().then(|| ("dispatch.priorities", "none is listed".to_owned()))
    }

    /// Every column that it names.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let Stages { received, dispatched, en_route, on_scene, available } = &self.stages;
        let stages = [received, dispatched, en_route, on_scene, available];
        let others = [&self.incident, &self.title, &self.description, &self.priority, &self.position, &self.unit, &self.unit_type];
        stages.into_iter().chain(others).map(String::as_str)
    }

    /// What a row says; the fault comes with its column. Stamps that cannot be read are left out: the steps of the workflow tell of
    /// them.
    pub(super) fn read<'d>(&'d self, mapping: &'d Mapping, row: &Fields<'_>) -> Result<Response, (&'d str, Reason)> {
        let (title, description) = (self.text(row, &self.title)?, row.get(&self.description).filter(|text| !text.is_empty()));
        let description = description.unwrap_or(title).to_owned();
        let place = mapping.zones.as_ref().and_then(|zones| zones.place(row).ok().flatten());
        let call = Call {
            id: self.id(row, &self.incident)?,
            title: title.to_owned(),
            description,
            priority: self.priority(row)?,
            position: self.position(row)?,
            zone: place.as_ref().map(|place| place.node().clone()),
            region: place.map(|place| place.region),
            received: self.stamp(mapping, row, &self.stages.received, None),
        };
        let mut stages: Vec<(Stage, Timestamp)> = Vec::with_capacity(4);
        for (stage, column) in self.stage_columns() {
            let last = stages.last().map(|(_, last)| *last);
            stages.extend(self.stamp(mapping, row, column, last).map(|time| (stage, time)));
        }
        let agency = mapping.agencies.as_ref().and_then(|agencies| agencies.agency(row)).cloned();
        Ok(Response { call, unit: self.id(row, &self.unit)?, unit_type: self.text(row, &self.unit_type)?.to_owned(), agency, stages })
    }

    fn stage_columns(&self) -> [(Stage, &str); 4] {
        let Stages { dispatched, en_route, on_scene, available, .. } = &self.stages;
        [(Stage::Dispatched, dispatched), (Stage::EnRoute, en_route), (Stage::OnScene, on_scene), (Stage::Available, available)]
    }

    /// The column of a stage.
    #[must_use]
    pub fn column(&self, stage: Stage) -> &str {
        self.stage_columns().into_iter().find(|(of, _)| *of == stage).map_or("", |(_, column)| column)
    }

    fn text<'r, 'c>(&self, row: &Fields<'r>, column: &'c str) -> Result<&'r str, (&'c str, Reason)> {
        row.get(column).filter(|text| !text.is_empty()).ok_or_else(|| (column, invalid("something must stand there")))
    }

    fn id<'c>(&self, row: &Fields<'_>, column: &'c str) -> Result<EntityId, (&'c str, Reason)> {
        let text = self.text(row, column)?;
        EntityId::new(text).map_err(|error| (column, invalid(&error.to_string())))
    }

    fn priority<'d>(&'d self, row: &Fields<'_>) -> Result<Priority, (&'d str, Reason)> {
        let text = self.text(row, &self.priority)?;
        let priority = self.priorities.get(text).and_then(|number| Priority::new(*number).ok());
        let unknown = || invalid(&format!("{:?} is not listed in [dispatch.priorities]", text.chars().take(16).collect::<String>()));
        priority.ok_or_else(|| (self.priority.as_str(), unknown()))
    }

    fn position<'d>(&'d self, row: &Fields<'_>) -> Result<Position, (&'d str, Reason)> {
        let text = self.text(row, &self.position)?;
        let pair = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).and_then(|text| text.split_once(','));
        let degrees = |text: &str| {
            let exact: f64 = text.trim().parse().ok()?;
            Some(ionveil_kernel::statistics::round(exact, u8::try_from(self.position_places).unwrap_or(u8::MAX)))
        };
        let position = pair.and_then(|(north, east)| Position::new(degrees(north)?, degrees(east)?).ok());
        // The text itself says where somebody lives.
        position.ok_or_else(|| (self.position.as_str(), invalid("it is no place on Earth in the form (latitude, longitude)")))
    }

    /// Of a local time that was twice, the later if the order of the row needs it.
    fn stamp(&self, mapping: &Mapping, row: &Fields<'_>, column: &str, last: Option<Timestamp>) -> Option<Timestamp> {
        let text = row.get(column).filter(|text| !text.is_empty())?;
        match mapping.clock.read(text) {
            Meaning::Once(time) => Some(time),
            Meaning::Twice(earlier, later) => Some(if last.is_some_and(|last| earlier < last) { later } else { earlier }),
            Meaning::Never | Meaning::Unreadable => None,
        }
    }
}

fn invalid(detail: &str) -> Reason {
    Reason::InvalidResponse(detail.to_owned())
}
