//! A machine that is known to be sound, with its table resolved to small indices.
//!
//! It judges single moves only; ways through the table are in `path.rs`.

use crate::definition::{MachineDefinition, StateDefinition};
use crate::validate::{MachineFault, faults};

/// The place of a state in its machine's table.
pub(crate) type StateIndex = u16;

/// A named state machine: states and edges in table order. A state without edges is terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    name: String,
    built_in: bool,
    definition: MachineDefinition,
    initial: StateIndex,
    edges: Vec<Box<[StateIndex]>>,
}

impl Machine {
    /// Checks a definition that a user wrote and takes it. Whether the name is free is for
    /// [`Machines::new`](crate::Machines::new) to say.
    ///
    /// # Errors
    /// Every fault of the definition.
    pub fn new(name: &str, definition: MachineDefinition) -> Result<Self, Vec<MachineFault>> {
        let faults = faults(name, &definition);
        if faults.is_empty() { Ok(Self::assemble(name, false, definition)) } else { Err(faults) }
    }

    /// Makes a built-in machine from its table; the first state is the initial one, `assigning` the one that assigns. A
    /// test holds the tables to [`faults`].
    pub(crate) fn built_in(name: &str, table: &[(&str, &[&str])], assigning: &str) -> Self {
        let states = table.iter().map(|(name, to)| StateDefinition {
            name: (*name).to_owned(),
            to: to.iter().map(|target| (*target).to_owned()).collect(),
            assigns: *name == assigning,
        });
        let initial = table.first().map_or("", |(name, _)| name).to_owned();
        Self::assemble(name, true, MachineDefinition { initial, terminal: None, states: states.collect() })
    }

    fn assemble(name: &str, built_in: bool, definition: MachineDefinition) -> Self {
        let find = |name: &String| place(&definition, name);
        let edges = definition.states.iter().map(|state| state.to.iter().filter_map(find).collect()).collect();
        let initial = find(&definition.initial).unwrap_or(0);
        Self { name: name.to_owned(), built_in, definition, initial, edges }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it comes with the program.
    #[must_use]
    pub const fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// The table as written.
    #[must_use]
    pub const fn definition(&self) -> &MachineDefinition {
        &self.definition
    }

    /// The state that a workflow starts in unless told otherwise.
    #[must_use]
    pub fn initial(&self) -> &str {
        self.state(self.initial)
    }

    /// The states in table order.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.definition.states.iter().map(|state| state.name.as_str())
    }

    /// The states without edges, in table order.
    pub fn terminals(&self) -> impl Iterator<Item = &str> {
        self.definition.states.iter().filter(|state| state.to.is_empty()).map(|state| state.name.as_str())
    }

    /// Whether the table has this state.
    #[must_use]
    pub fn has(&self, state: &str) -> bool {
        self.index(state).is_some()
    }

    /// Whether `state` is in the table and has no edges.
    #[must_use]
    pub fn is_terminal(&self, state: &str) -> bool {
        self.index(state).is_some_and(|index| self.is_terminal_at(index))
    }

    /// Whether a move into `state` assigns a unit or a resource; false for unknown states.
    #[must_use]
    pub fn assigns(&self, state: &str) -> bool {
        self.index(state).is_some_and(|index| self.definition.states[usize::from(index)].assigns)
    }

    /// Whether the table has the edge; false for unknown states.
    #[must_use]
    pub fn allows(&self, from: &str, to: &str) -> bool {
        self.index(from).is_some_and(|from| self.edge(from, to).is_some())
    }

    /// The definition to embed in an event: none for a built-in machine, which its name says enough of.
    pub(crate) fn embedded(&self) -> Option<&MachineDefinition> {
        (!self.built_in).then_some(&self.definition)
    }

    /// The name of the state that [`Command::Cancel`](crate::Command::Cancel) leads to: `cancelled`, in a machine
    /// without it `aborted`.
    pub(crate) fn cancel_target(&self) -> &'static str {
        if !self.has("cancelled") && self.has("aborted") { "aborted" } else { "cancelled" }
    }

    pub(crate) fn index(&self, state: &str) -> Option<StateIndex> {
        place(&self.definition, state)
    }

    pub(crate) fn state(&self, index: StateIndex) -> &str {
        &self.definition.states[usize::from(index)].name
    }

    pub(crate) fn targets(&self, from: StateIndex) -> &[StateIndex] {
        &self.edges[usize::from(from)]
    }

    pub(crate) fn is_terminal_at(&self, index: StateIndex) -> bool {
        self.targets(index).is_empty()
    }

    /// The place of `to` if an edge leads there. Looks at the few targets of `from` only: it is the heart of every fold.
    pub(crate) fn edge(&self, from: StateIndex, to: &str) -> Option<StateIndex> {
        self.targets(from).iter().copied().find(|target| self.state(*target) == to)
    }

    /// How many states there are.
    pub(crate) fn len(&self) -> usize {
        self.definition.states.len()
    }
}

fn place(definition: &MachineDefinition, name: &str) -> Option<StateIndex> {
    definition.states.iter().position(|state| state.name == name).and_then(|place| StateIndex::try_from(place).ok())
}
