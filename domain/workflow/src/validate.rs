//! Whether a machine's table makes sense: every fault of it, each with the path of the field that it concerns.
//!
//! It does not ask whether a terminal state can be reached from everywhere: a machine may circle for good by intent.

use crate::definition::{EDGES_MAX, MachineDefinition, NAME_PATTERN, STATES_MAX, is_lawful_name};
use std::collections::{BTreeMap, BTreeSet};

/// One fault of a machine's definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct MachineFault {
    /// The field, such as `machines.rescue.states[2].to[0]`.
    pub path: String,
    /// What is wrong with it.
    pub kind: MachineFaultKind,
}

/// What can be wrong with a machine's definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineFaultKind {
    /// The name of machine or state does not match the pattern.
    #[error("the name {0:?} does not match {NAME_PATTERN}")]
    InvalidName(String),
    /// The name belongs to a built-in machine.
    #[error("{0:?} is a built-in machine")]
    ReservedName(String),
    /// Two machines have the name.
    #[error("there are two machines {0:?}")]
    DuplicateMachine(String),
    /// There are no states.
    #[error("a machine needs at least one state")]
    NoStates,
    /// More than [`STATES_MAX`] states.
    #[error("{0} states are more than {STATES_MAX}")]
    TooManyStates(usize),
    /// More than [`EDGES_MAX`] edges.
    #[error("{0} edges are more than {EDGES_MAX}")]
    TooManyEdges(usize),
    /// A state stands in the table twice.
    #[error("the state {0:?} stands in the table twice")]
    DuplicateState(String),
    /// The initial state is not in the table.
    #[error("the initial state {0:?} is not in the table")]
    UnknownInitial(String),
    /// An edge leads to a state that is not in the table.
    #[error("the target {0:?} is not in the table")]
    DanglingEdge(String),
    /// An edge leads from a state to itself.
    #[error("{0:?} leads to itself")]
    SelfEdge(String),
    /// A target is listed twice for one state.
    #[error("the target {0:?} is listed twice")]
    DuplicateEdge(String),
    /// No way leads from the initial state to this one.
    #[error("{0:?} cannot be reached from the initial state")]
    Unreachable(String),
    /// Every state has targets.
    #[error("no state is terminal: at least one must have no targets")]
    NoTerminal,
    /// A state that is listed as terminal is not in the table.
    #[error("the terminal state {0:?} is not in the table")]
    UnknownTerminal(String),
    /// A state that is listed as terminal has targets.
    #[error("{0:?} is listed as terminal and has targets")]
    TerminalHasTargets(String),
    /// A state without targets is missing in the list of terminal states.
    #[error("{0:?} has no targets and is not listed as terminal")]
    TerminalNotListed(String),
}

/// Every fault of the table, in the order of the table; none if it is sound. Whether the name is free is the
/// catalogue's business.
pub(crate) fn faults(name: &str, definition: &MachineDefinition) -> Vec<MachineFault> {
    let mut check = Check { root: format!("machines.{name}"), definition, index: index(definition), faults: Vec::new() };
    check.name(name);
    if check.size() {
        check.states();
        check.edges();
        check.reach();
        check.terminals();
    }
    check.faults
}

/// The first place of each name.
fn index(definition: &MachineDefinition) -> BTreeMap<&str, usize> {
    definition.states.iter().enumerate().rev().map(|(place, state)| (state.name.as_str(), place)).collect()
}

struct Check<'a> {
    root: String,
    definition: &'a MachineDefinition,
    index: BTreeMap<&'a str, usize>,
    faults: Vec<MachineFault>,
}

impl Check<'_> {
    fn report(&mut self, path: &str, kind: MachineFaultKind) {
        self.faults.push(MachineFault { path: format!("{}{path}", self.root), kind });
    }

    fn name(&mut self, name: &str) {
        if !is_lawful_name(name) {
            self.report("", MachineFaultKind::InvalidName(name.to_owned()));
        }
    }

    /// Whether the table is of a size that is worth a closer look.
    fn size(&mut self) -> bool {
        let states = self.definition.states.len();
        let edges = self.definition.states.iter().map(|state| state.to.len()).sum();
        if states == 0 {
            self.report(".states", MachineFaultKind::NoStates);
        }
        if states > STATES_MAX {
            self.report(".states", MachineFaultKind::TooManyStates(states));
        }
        if edges > EDGES_MAX {
            self.report(".states", MachineFaultKind::TooManyEdges(edges));
        }
        self.faults.iter().all(|fault| matches!(fault.kind, MachineFaultKind::InvalidName(_)))
    }

    fn states(&mut self) {
        for (place, state) in self.definition.states.iter().enumerate() {
            if !is_lawful_name(&state.name) {
                self.report(&format!(".states[{place}].name"), MachineFaultKind::InvalidName(state.name.clone()));
            }
            if self.index.get(state.name.as_str()) != Some(&place) {
                self.report(&format!(".states[{place}].name"), MachineFaultKind::DuplicateState(state.name.clone()));
            }
        }
    }

    fn edges(&mut self) {
        for (place, state) in self.definition.states.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for (edge, target) in state.to.iter().enumerate() {
                let kind = if !self.index.contains_key(target.as_str()) {
                    MachineFaultKind::DanglingEdge(target.clone())
                } else if *target == state.name {
                    MachineFaultKind::SelfEdge(target.clone())
                } else if !seen.insert(target) {
                    MachineFaultKind::DuplicateEdge(target.clone())
                } else {
                    continue;
                };
                self.report(&format!(".states[{place}].to[{edge}]"), kind);
            }
        }
    }

    fn reach(&mut self) {
        let Some(&start) = self.index.get(self.definition.initial.as_str()) else {
            return self.report(".initial", MachineFaultKind::UnknownInitial(self.definition.initial.clone()));
        };
        let mut reached = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(place) = open.pop() {
            let targets = self.definition.states[place].to.iter();
            open.extend(targets.filter_map(|name| self.index.get(name.as_str())).copied().filter(|next| reached.insert(*next)));
        }
        for (place, state) in self.definition.states.iter().enumerate() {
            if !reached.contains(&self.index[state.name.as_str()]) {
                self.report(&format!(".states[{place}]"), MachineFaultKind::Unreachable(state.name.clone()));
            }
        }
    }

    fn terminals(&mut self) {
        if self.definition.states.iter().all(|state| !state.to.is_empty()) {
            self.report(".states", MachineFaultKind::NoTerminal);
        }
        let Some(listed) = &self.definition.terminal else { return };
        for (place, name) in listed.iter().enumerate() {
            let kind = match self.index.get(name.as_str()) {
                None => MachineFaultKind::UnknownTerminal(name.clone()),
                Some(&state) if !self.definition.states[state].to.is_empty() => MachineFaultKind::TerminalHasTargets(name.clone()),
                Some(_) => continue,
            };
            self.report(&format!(".terminal[{place}]"), kind);
        }
        for state in self.definition.states.iter().filter(|state| state.to.is_empty() && !listed.contains(&state.name)) {
            self.report(".terminal", MachineFaultKind::TerminalNotListed(state.name.clone()));
        }
    }
}
