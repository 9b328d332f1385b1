//! `import zones`: turns the same table into the nodes of a policy tree: the root, the regions and agencies below it, and
//! the zones below their regions.
//!
//! It reads the whole file first, so that nodes come in one order whatever that of the rows is, and knows no tree: what is
//! there already is held against the plan by whoever carries it out.

use super::columns::{Columns, Fields, HeaderError};
use super::issue::{Issue, Reason};
use super::mapping::Mapping;
use super::places::{Agencies, Zones};
use super::report::{Findings, table};
use super::rows::{Found, Record, Rows};
use ionveil_kernel::EntityId;
use ionveil_policy::tree::{NODES_MAX, NodeKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// A node that the file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneNode {
    /// Its id.
    pub id: EntityId,
    /// What it stands for.
    pub kind: NodeKind,
    /// The node above it; none of the root.
    pub parent: Option<EntityId>,
    /// The line of the first row that names it; 1, which is the header's, for the root.
    pub line: u64,
}

/// What a file says about the tree.
#[derive(Clone, Debug)]
pub struct ZonePlan {
    /// The nodes, parents before children, each level in the order of their ids.
    pub nodes: Vec<ZoneNode>,
    /// What was read so far.
    pub report: ZoneReport,
}

/// What became of an import of zones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ZoneReport {
    /// The file, as the user named it.
    pub file: String,
    /// Rows that were read, without the header.
    pub rows: u64,
    /// Rows that could not be read.
    pub rows_left_out: u64,
    /// Rows that name no region.
    pub rows_without_region: u64,
    /// Rows that name a region and no zone in it.
    pub rows_without_zone: u64,
    /// Regions that the file names.
    pub regions: u64,
    /// Zones that the file names.
    pub zones: u64,
    /// Agencies that the file names.
    pub agencies: u64,
    /// Nodes that this run added.
    pub added: u64,
    /// Nodes that were there before.
    pub already_there: u64,
    /// Nodes that were refused.
    pub refused: u64,
    /// What is to be said about the rows.
    #[serde(flatten)]
    pub found: Findings,
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneOutcome {
    /// It was added.
    Added,
    /// It was there, as the file has it.
    AlreadyThere,
    /// It was there as another one, or elsewhere, and was left so: what it is, and where.
    Elsewhere(String),
    /// It was refused.
    Refused {
        /// The stable code of the refusal.
        code: String,
        /// Its text.
        detail: String,
    },
}

/// Why a file cannot be planned. Nothing was imported then.
#[derive(Debug, thiserror::Error)]
pub enum ZonesError {
    /// The file cannot be read.
    #[error("read the file")]
    Io(#[from] io::Error),
    /// The mapping does not say what a zone is.
    #[error("the mapping has no [zones]")]
    Unmapped,
    /// Its header does not serve the mapping.
    #[error("find the columns of the mapping in the file")]
    Header(#[source] HeaderError),
    /// There are more nodes than a tree may have.
    #[error("the file names more than {NODES_MAX} regions, zones and agencies, and a tree has no more; are the columns the right ones?")]
    TooMany,
}

impl ZonePlan {
    /// Reads a file. `file` is the name that issues show.
    ///
    /// # Errors
    /// [`ZonesError`].
    pub fn read(input: impl Read, file: &str, mapping: &Mapping) -> Result<Self, ZonesError> {
        let zones = mapping.zones.as_ref().ok_or(ZonesError::Unmapped)?;
        let (mut rows, mut record) = (Rows::new(input), Record::default());
        let columns = match rows.read(&mut record)? {
            None => Err(HeaderError::Empty),
            Some((_, Found::Row)) => columns_of(mapping, &record),
            Some((_, Found::BadQuoting | Found::TooLong)) => Err(HeaderError::Unreadable),
        };
        let columns = columns.map_err(ZonesError::Header)?;
        let mut reading = Reading::new(zones, mapping, file);
        while let Some((line, found)) = rows.read(&mut record)? {
            reading.row(line, found, &Fields { columns: &columns, record: &record });
            if reading.nodes.len() > NODES_MAX {
                return Err(ZonesError::TooMany);
            }
        }
        Ok(reading.finish())
    }
}

/// All that say where a row belongs must be there, also what other imports can do without: if one were missing, every
/// zone would be. The row's id is only for the issues.
fn columns_of(mapping: &Mapping, header: &Record) -> Result<Columns, HeaderError> {
    let id = mapping.id.as_str();
    Columns::find(&mapping.places().chain([id]).collect(), &BTreeSet::from([id.to_owned()]), header)
}

/// The nodes found so far.
struct Reading<'m> {
    zones: &'m Zones,
    agencies: Option<&'m Agencies>,
    id: &'m str,
    file: Arc<str>,
    nodes: BTreeMap<EntityId, ZoneNode>,
    report: ZoneReport,
}

impl<'m> Reading<'m> {
    fn new(zones: &'m Zones, mapping: &'m Mapping, file: &str) -> Self {
        let root = ZoneNode { id: zones.root.clone(), kind: NodeKind::Global, parent: None, line: 1 };
        let report = ZoneReport { file: file.to_owned(), ..ZoneReport::default() };
        let (agencies, nodes) = (mapping.agencies.as_ref(), BTreeMap::from([(root.id.clone(), root)]));
        Self { zones, agencies, id: &mapping.id, file: file.into(), nodes, report }
    }

    fn row(&mut self, line: u64, found: Found, row: &Fields<'_>) {
        self.report.rows += 1;
        if let Some(reason) = row.fault(found) {
            self.report.rows_left_out += 1;
            return self.found(Issue { file: self.file.clone(), line, id: None, field: None, reason });
        }
        let faults = [self.zone(line, row), self.agency(line, row)];
        for (column, reason) in faults.into_iter().flatten() {
            let id = row.get(self.id).and_then(|id| EntityId::new(id).ok()).map(|id| id.to_string());
            self.found(Issue { file: self.file.clone(), line, id, field: Some(column.to_owned()), reason });
        }
    }

    /// Takes the region and the zone of a row; what is wrong with them comes with its column.
    fn zone(&mut self, line: u64, row: &Fields<'_>) -> Option<(&'m str, Reason)> {
        let zones = self.zones;
        let place = match zones.place(row) {
            Err(fault) => return Some(fault),
            Ok(None) => {
                self.report.rows_without_region += 1;
                return Some((&zones.region, Reason::MissingRegion));
            }
            Ok(Some(place)) => place,
        };
        let region = self.claim(line, &place.region, NodeKind::Region, &zones.root).err();
        let Some(zone) = &place.zone else {
            self.report.rows_without_zone += 1;
            return region.map(|reason| (zones.region.as_str(), reason));
        };
        let zone = self.claim(line, zone, NodeKind::Zone, &place.region).err();
        region.map(|reason| (zones.region.as_str(), reason)).or_else(|| Some((zones.zone.as_str(), zone?)))
    }

    fn agency(&mut self, line: u64, row: &Fields<'_>) -> Option<(&'m str, Reason)> {
        let agencies = self.agencies?;
        let agency = agencies.agency(row)?;
        let taken = self.claim(line, agency, NodeKind::Agency, &self.zones.root);
        taken.err().map(|reason| (agencies.column.as_str(), reason))
    }

    /// Takes a node, unless the name is taken by another one.
    fn claim(&mut self, line: u64, id: &EntityId, kind: NodeKind, parent: &EntityId) -> Result<(), Reason> {
        let fresh = || ZoneNode { id: id.clone(), kind, parent: Some(parent.clone()), line };
        let node = self.nodes.entry(id.clone()).or_insert_with(fresh);
        if node.kind == kind && node.parent.as_ref() == Some(parent) {
            return Ok(());
        }
        Err(Reason::ZoneElsewhere { node: id.to_string(), stands: stands(node.kind, node.parent.as_ref()) })
    }

    fn found(&mut self, issue: Issue) {
        self.report.found.issue(issue);
    }

    fn finish(mut self) -> ZonePlan {
        let mut nodes: Vec<_> = self.nodes.into_values().collect();
        // Stable: ids stay in their order.
        nodes.sort_by_key(|node| rank(node.kind));
        let count = |kind| nodes.iter().filter(|node| node.kind == kind).count() as u64;
        self.report.regions = count(NodeKind::Region);
        self.report.zones = count(NodeKind::Zone);
        self.report.agencies = count(NodeKind::Agency);
        ZonePlan { nodes, report: self.report }
    }
}

/// Parents before children, agencies behind the regions.
const fn rank(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::Global => 0,
        NodeKind::Region => 1,
        NodeKind::Agency => 2,
        NodeKind::Zone => 3,
    }
}

/// `a zone under B09`.
#[must_use]
pub fn stands(kind: NodeKind, parent: Option<&EntityId>) -> String {
    let kind = match kind {
        NodeKind::Global => "the whole",
        NodeKind::Agency => "an agency",
        NodeKind::Region => "a region",
        NodeKind::Zone => "a zone",
    };
    parent.map_or_else(|| format!("{kind}, the root"), |parent| format!("{kind} under {parent}"))
}

impl ZoneReport {
    /// Counts what became of a node.
    pub fn node(&mut self, node: &ZoneNode, outcome: ZoneOutcome) {
        let reason = match outcome {
            ZoneOutcome::Added => {
                self.added += 1;
                return;
            }
            ZoneOutcome::AlreadyThere => {
                self.already_there += 1;
                return;
            }
            ZoneOutcome::Elsewhere(stands) => {
                self.already_there += 1;
                Reason::ZoneElsewhere { node: node.id.to_string(), stands }
            }
            ZoneOutcome::Refused { code, detail } => {
                self.refused += 1;
                Reason::Refused { code, detail }
            }
        };
        let (file, id) = (self.file.as_str().into(), Some(node.id.to_string()));
        self.found.issue(Issue { file, line: node.line, id, field: None, reason });
    }
}

impl fmt::Display for ZoneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("rows", self.rows),
            ("rows left out", self.rows_left_out),
            ("without region", self.rows_without_region),
            ("without zone", self.rows_without_zone),
            ("regions", self.regions),
            ("zones", self.zones),
            ("agencies", self.agencies),
            ("nodes added", self.added),
            ("already there", self.already_there),
            ("refused", self.refused),
        ];
        table(f, &self.file, &counts, &self.found)
    }
}
