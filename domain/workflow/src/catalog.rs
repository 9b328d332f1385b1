//! The machines that a new workflow can be registered with: the built-in ones and those of the configuration.
//!
//! A workflow that runs does not look here: it lives on under the law that its first event carries.

use crate::definition::MachineDefinition;
use crate::machine::Machine;
use crate::validate::{MachineFault, MachineFaultKind};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A row of a built-in table.
type Row = (&'static str, &'static [&'static str]);

/// Calls for help (specification of IonVeil §3.9).
const DISPATCH: &[Row] = &[
    ("queued", &["allocated", "cancelled"]),
    ("allocated", &["departed", "cancelled"]),
    ("departed", &["arrived", "cancelled"]),
    ("arrived", &[]),
    ("cancelled", &[]),
];

/// Reviewed work (specification of AetherOps U3; approved → cancelled included).
const WORKFLOW: &[Row] = &[
    ("created", &["validated", "cancelled"]),
    ("validated", &["scheduled", "failed"]),
    ("scheduled", &["in-progress", "cancelled"]),
    ("in-progress", &["review", "failed"]),
    ("review", &["approved", "failed"]),
    ("approved", &["executing", "cancelled"]),
    ("executing", &["completed", "failed"]),
    ("completed", &[]),
    ("failed", &[]),
    ("cancelled", &[]),
];

/// Missions (specification of LatticeForge, "Mission lifecycle").
const MISSION: &[Row] = &[
    ("planned", &["queued", "cancelled"]),
    ("queued", &["executing", "cancelled"]),
    ("executing", &["paused", "completed", "failed"]),
    ("paused", &["executing", "failed", "cancelled"]),
    ("failed", &[]),
    ("completed", &[]),
    ("cancelled", &[]),
];

/// Phases of a flight (specification of AetherOps U3).
const MISSION_PHASE: &[Row] = &[
    ("planning", &["fueling", "aborted"]),
    ("fueling", &["launch", "aborted"]),
    ("launch", &["orbit", "aborted"]),
    ("orbit", &["deorbit", "aborted"]),
    ("deorbit", &["complete", "aborted"]),
    ("complete", &[]),
    ("aborted", &[]),
];

/// Name, table, and the state in which it takes units or resources: what policy stops when it is *halted*.
type Table = (&'static str, &'static [Row], &'static str);

/// The built-in machines.
const TABLES: [Table; 4] = [
    ("dispatch", DISPATCH, "allocated"),
    ("workflow", WORKFLOW, "scheduled"),
    ("mission", MISSION, "executing"),
    ("mission_phase", MISSION_PHASE, "fueling"),
];

/// Constants in the shape that the engine works with; shared, so that a workflow costs a pointer.
static BUILT_IN: LazyLock<[Arc<Machine>; 4]> =
    LazyLock::new(|| TABLES.map(|(name, table, assigning)| Arc::new(Machine::built_in(name, table, assigning))));

/// The built-in machine of this name.
pub(crate) fn built_in(name: &str) -> Option<&'static Arc<Machine>> {
    BUILT_IN.iter().find(|machine| machine.name() == name)
}

/// The law of a workflow whose first event says `name` and `definition`: a definition is always the user's own, also
/// where a later release has a built-in machine of that name.
pub(crate) fn law(name: &str, definition: Option<MachineDefinition>) -> Result<Arc<Machine>, String> {
    match definition {
        None => built_in(name).cloned().ok_or_else(|| format!("there is no built-in machine {name:?}")),
        Some(definition) => Machine::new(name, definition).map(Arc::new).map_err(|faults| join(&faults)),
    }
}

fn join(faults: &[MachineFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The catalogue; [`Machines::default`] has the built-in machines only.
#[derive(Clone, Debug, Default)]
pub struct Machines {
    user: BTreeMap<String, Arc<Machine>>,
}

impl Machines {
    /// The built-in machines and those of the configuration.
    ///
    /// # Errors
    /// Every fault of every definition, in their order; names of built-in machines and repeated names are faults.
    pub fn new(definitions: impl IntoIterator<Item = (String, MachineDefinition)>) -> Result<Self, Vec<MachineFault>> {
        let mut user = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, definition) in definitions {
            let path = format!("machines.{name}");
            if built_in(&name).is_some() {
                faults.push(MachineFault { path: path.clone(), kind: MachineFaultKind::ReservedName(name.clone()) });
            }
            match Machine::new(&name, definition) {
                Err(found) => faults.extend(found),
                Ok(machine) => {
                    if user.insert(name.clone(), Arc::new(machine)).is_some() {
                        faults.push(MachineFault { path, kind: MachineFaultKind::DuplicateMachine(name) });
                    }
                }
            }
        }
        if faults.is_empty() { Ok(Self { user }) } else { Err(faults) }
    }

    /// The machine of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Machine>> {
        built_in(name).or_else(|| self.user.get(name))
    }

    /// All machines: the built-in ones, then the user's by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Machine>> {
        BUILT_IN.iter().chain(self.user.values())
    }

    /// The law that a first event names, shared with the catalogue's machine where that is the same.
    pub(crate) fn law(&self, name: &str, definition: Option<&MachineDefinition>) -> Result<Arc<Machine>, String> {
        let known = self.user.get(name).filter(|machine| Some(machine.definition()) == definition);
        known.map_or_else(|| law(name, definition.cloned()), |machine| Ok(Arc::clone(machine)))
    }
}
