//! Where in the policy tree a row belongs: its zone and its agency, as the mapping says.

use super::columns::Fields;
use super::issue::Reason;
use ionveil_kernel::EntityId;
use serde::Deserialize;

/// The attribute of a workflow that names its zone.
pub(super) const ZONE: &str = "zone";
/// The attribute of a workflow that names its agency.
pub(super) const AGENCY: &str = "agency";

/// Zones in regions under one root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zones {
    /// The node above all others.
    pub root: EntityId,
    /// The column with the region's id.
    pub region: String,
    /// The column with the zone's name within its region; where it is empty, the row belongs to the region itself.
    pub zone: String,
}

/// Agencies beside the regions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agencies {
    /// The column that tells the agency.
    pub column: String,
    /// What stands there of agencies of their own; their ids.
    pub own: Vec<EntityId>,
    /// The agency of everything else that stands there.
    pub others: EntityId,
}

/// A region, and a zone in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) region: EntityId,
    pub(super) zone: Option<EntityId>,
}

impl Place {
    /// The zone, else the region.
    pub(super) fn node(&self) -> &EntityId {
        self.zone.as_ref().unwrap_or(&self.region)
    }
}

impl Zones {
    /// Where a row belongs; none if it names no region. The fault comes with its column.
    pub(super) fn place<'z>(&'z self, row: &Fields<'_>) -> Result<Option<Place>, (&'z str, Reason)> {
        let region = match text(row, &self.region)? {
            "" => return Ok(None),
            region => id(&self.region, region)?,
        };
        // A station of another region may have the same name, so the region is part of the zone's.
        let zone = match text(row, &self.zone)? {
            "" => None,
            zone => Some(id(&self.zone, &format!("{region}.{zone}"))?),
        };
        Ok(Some(Place { region, zone }))
    }
}

impl Agencies {
    /// The agency of a row; none if it names none.
    pub(super) fn agency<'a>(&'a self, row: &Fields<'_>) -> Option<&'a EntityId> {
        let text = row.get(&self.column).filter(|text| !text.is_empty())?;
        Some(self.own.iter().find(|own| own.as_str() == text).unwrap_or(&self.others))
    }
}

fn text<'r, 'c>(row: &Fields<'r>, column: &'c str) -> Result<&'r str, (&'c str, Reason)> {
    row.get(column).ok_or_else(|| (column, Reason::InvalidZone("not UTF-8 text".to_owned())))
}

fn id<'c>(column: &'c str, text: &str) -> Result<EntityId, (&'c str, Reason)> {
    EntityId::new(text).map_err(|error| (column, Reason::InvalidZone(error.to_string())))
}
