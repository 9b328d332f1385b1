//! What the columns of a file mean: read from TOML, checked, and from then on trusted. It knows no file.

use super::clock::{ClockError, LocalClock};
use super::places::{AGENCY, Agencies, ZONE, Zones};
use super::response::Dispatch;
use ionveil_workflow::{AttributeFault, Attributes};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A checked mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The machine of every workflow.
    pub machine: String,
    /// The column with the id.
    pub id: String,
    /// The steps in the order of the machine; the first registers the workflow in its state.
    pub steps: Vec<StepColumn>,
    /// When a row without its last step counts as cancelled.
    pub cancel: Option<Cancel>,
    /// Columns of later stages that are no step of the machine: filled, they show that an empty step is a gap.
    pub later: Vec<String>,
    /// Attributes of the workflow: name → column.
    pub attributes: BTreeMap<String, String>,
    /// Where in the policy tree a row belongs.
    pub zones: Option<Zones>,
    /// Whose a row is.
    pub agencies: Option<Agencies>,
    /// What a row says of dispatch; none: no incidents are made. A file may lack its columns, and then none are made either.
    pub dispatch: Option<Dispatch>,
    /// Columns among the above that a file may lack.
    pub optional: BTreeSet<String>,
    pub(super) clock: LocalClock,
}

/// A column that holds the time of a step.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepColumn {
    /// The column.
    pub column: String,
    /// The state that the workflow enters then.
    pub to: String,
}

/// A row whose last step is empty and whose disposition is one of these was called off.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The column with the time of it.
    pub column: String,
    /// The state that the workflow enters then.
    pub to: String,
    /// The column that says how the response ended.
    pub disposition: String,
    /// What it says when it was called off; compared without regard to ASCII case and outer spaces.
    pub dispositions: Vec<String>,
}

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// No TOML, or not with these keys.
    #[error("read the mapping")]
    Syntax(#[source] toml::de::Error),
    /// A value that cannot be.
    #[error("use the mapping: {key}: {detail}")]
    Invalid {
        /// The key's path.
        key: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    machine: String,
    id: String,
    time: RawTime,
    steps: Vec<StepColumn>,
    cancel: Option<Cancel>,
    #[serde(default)]
    later: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    zones: Option<Zones>,
    agencies: Option<Agencies>,
    dispatch: Option<Dispatch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTime {
    formats: Vec<String>,
    zone: String,
}

impl Mapping {
    /// Reads and checks a mapping.
    ///
    /// # Errors
    /// [`MappingError`]; the first fault that is found. Whether the machine exists and has the states is checked where
    /// machines are known.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let raw: Raw = toml::from_str(text).map_err(MappingError::Syntax)?;
        check_steps(&raw)?;
        check_optional(&raw)?;
        check_attributes(&raw)?;
        if let Some((key, detail)) = raw.dispatch.as_ref().and_then(Dispatch::fault) {
            return Err(invalid(key, detail));
        }
        let clock = LocalClock::new(&raw.time.formats, &raw.time.zone).map_err(|error| match error {
            ClockError::NoFormat | ClockError::Format(_) => invalid("time.formats", error),
            ClockError::Zone(_) => invalid("time.zone", error),
        })?;
        let Raw { machine, id, steps, cancel, later, optional, attributes, zones, agencies, dispatch, time: _ } = raw;
        Ok(Self {
            machine,
            id,
            steps,
            cancel,
            later,
            attributes,
            zones,
            agencies,
            dispatch,
            optional: optional.into_iter().collect(),
            clock,
        })
    }

    /// The states that the mapping leads to, in order, the cancelled one last.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        let cancelled = self.cancel.iter().map(|cancel| cancel.to.as_str());
        self.steps.iter().map(|step| step.to.as_str()).chain(cancelled)
    }

    /// Every column that the mapping names, once, but for those of dispatch alone.
    pub(super) fn columns(&self) -> BTreeSet<&str> {
        let cancel = self.cancel.iter().flat_map(|cancel| [cancel.column.as_str(), cancel.disposition.as_str()]);
        let steps = self.steps.iter().map(|step| step.column.as_str());
        let others = self.later.iter().chain(self.attributes.values()).map(String::as_str);
        [self.id.as_str()].into_iter().chain(steps).chain(cancel).chain(others).chain(self.places()).collect()
    }

    /// The columns that say where in the policy tree a row belongs.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        let zones = self.zones.iter().flat_map(|zones| [zones.region.as_str(), zones.zone.as_str()]);
        zones.chain(self.agencies.iter().map(|agencies| agencies.column.as_str()))
    }
}

fn invalid(key: &'static str, detail: impl ToString) -> MappingError {
    MappingError::Invalid { key, detail: detail.to_string() }
}

fn join(faults: &[AttributeFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn check_steps(raw: &Raw) -> Result<(), MappingError> {
    if raw.steps.is_empty() {
        return Err(invalid("steps", "at least the first step, which registers the workflow, is needed"));
    }
    let mut seen = BTreeSet::new();
    let states = raw.steps.iter().map(|step| &step.to).chain(raw.cancel.iter().map(|cancel| &cancel.to));
    for state in states {
        if !seen.insert(state) {
            return Err(invalid("steps", format!("{state:?} is entered twice")));
        }
    }
    match &raw.cancel {
        Some(cancel) if cancel.dispositions.is_empty() => Err(invalid("cancel.dispositions", "none is listed")),
        Some(_) | None => Ok(()),
    }
}

fn check_attributes(raw: &Raw) -> Result<(), MappingError> {
    let places = raw.zones.iter().map(|_| ZONE).chain(raw.agencies.iter().map(|_| AGENCY));
    if let Some(name) = places.clone().find(|name| raw.attributes.contains_key(*name)) {
        return Err(invalid("attributes", format!("{name:?} comes from [zones] or [agencies] already")));
    }
    let names = raw.attributes.keys().map(String::as_str).chain(places).map(|name| (name.to_owned(), true.into())).collect();
    Attributes::check(&names).map(|_| ()).map_err(|faults| invalid("attributes", join(&faults)))
}

fn check_optional(raw: &Raw) -> Result<(), MappingError> {
    let needed = raw.steps.iter().map(|step| &step.column).chain([&raw.id]);
    let cancel = raw.cancel.iter().flat_map(|cancel| [&cancel.column, &cancel.disposition]);
    let needed: BTreeSet<_> = needed.chain(cancel).collect();
    let zones = raw.zones.iter().flat_map(|zones| [&zones.region, &zones.zone]);
    let places = zones.chain(raw.agencies.iter().map(|agencies| &agencies.column));
    let known: BTreeSet<_> = raw.later.iter().chain(raw.attributes.values()).chain(places).collect();
    for column in &raw.optional {
        if needed.contains(column) {
            return Err(invalid("optional", format!("{column:?} is needed for the steps")));
        }
        if !known.contains(column) {
            return Err(invalid("optional", format!("{column:?} is not a column of this mapping")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SF_FIRE: &str = include_str!("../../config/mappings/sf-fire.toml");

    #[test]
    fn the_mapping_that_comes_with_the_project_is_good() {
        let mapping = Mapping::parse(SF_FIRE).unwrap();
        assert_eq!(mapping.states().collect::<Vec<_>>(), ["queued", "allocated", "departed", "arrived", "cancelled"]);
        assert!(mapping.columns().contains("RowID"));
        let personal = ["Address", "Location", "City", "Zipcode of Incident"];
        assert!(personal.iter().all(|column| !mapping.columns().contains(column)), "where somebody lives stays out");
        let dispatch = mapping.dispatch.unwrap();
        let named: Vec<_> = dispatch.columns().filter(|column| personal.contains(column)).collect();
        assert_eq!((named, dispatch.position_places), (vec!["Location"], 2), "an incident has a place: one about a kilometre wide");
    }

    #[test]
    fn faults_name_their_key() {
        for (name, from, to, expected) in [
            ("format", "%I:%M:%S %p", "%I:%M:%S", "time.formats"),
            ("zone", "America/Los_Angeles", "America/Atlantis", "time.zone"),
            ("state twice", "to = \"allocated\"", "to = \"queued\"", "steps"),
            ("dispositions", "dispositions = [\"Cancelled\"]", "dispositions = []", "cancel.dispositions"),
            ("attributes", "call = ", "\"one call\" = ", "attributes"),
            ("zone twice", "call = ", "zone = ", "attributes"),
            ("places", "position_places = 2", "position_places = 7", "dispatch.position_places"),
            ("priority", "E = 1", "E = 0", "dispatch.priorities"),
            ("optional", "optional = [", "optional = [\"RowID\", ", "optional"),
            ("optional unknown", "optional = [", "optional = [\"Nowhere\", ", "optional"),
        ] {
            assert!(SF_FIRE.contains(from), "{name}");
            match Mapping::parse(&SF_FIRE.replace(from, to)).unwrap_err() {
                MappingError::Invalid { key, .. } => assert_eq!(key, expected, "{name}"),
                MappingError::Syntax(error) => panic!("{name}: {error}"),
            }
        }
        assert!(matches!(Mapping::parse(&SF_FIRE.replace("\"PRIVATE\"", "\"no id\"")).unwrap_err(), MappingError::Syntax(_)));
        assert!(matches!(Mapping::parse("machine = 1").unwrap_err(), MappingError::Syntax(_)));
        assert!(matches!(Mapping::parse(&format!("colour = 1\n{SF_FIRE}")).unwrap_err(), MappingError::Syntax(_)));
    }
}
