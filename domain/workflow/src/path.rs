//! Ways through a machine's table: the shortest one, and whether a given one is lawful.

use crate::machine::{Machine, StateIndex};
use std::collections::VecDeque;

/// The shortest way from `from` to `to`, both included: breadth first, targets in table order. The way from a known
/// state to itself is that state. None if a state is unknown or there is no way.
#[must_use]
pub fn path<'a>(machine: &'a Machine, from: &str, to: &str) -> Option<Vec<&'a str>> {
    let (start, goal) = (machine.index(from)?, machine.index(to)?);
    let mut came_from: Vec<Option<StateIndex>> = vec![None; machine.len()];
    let mut open = VecDeque::from([start]);
    while let Some(state) = open.pop_front() {
        if state == goal {
            return Some(trace(machine, &came_from, start, goal));
        }
        for &next in machine.targets(state) {
            if next != start && came_from[usize::from(next)].is_none() {
                came_from[usize::from(next)] = Some(state);
                open.push_back(next);
            }
        }
    }
    None
}

fn trace<'a>(machine: &'a Machine, came_from: &[Option<StateIndex>], start: StateIndex, goal: StateIndex) -> Vec<&'a str> {
    let before = |state: &StateIndex| if *state == start { None } else { came_from[usize::from(*state)] };
    let mut way: Vec<_> = std::iter::successors(Some(goal), before).map(|state| machine.state(state)).collect();
    way.reverse();
    way
}

/// One fault of a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// There are no states in it.
    #[error("the path is empty")]
    EmptyPath,
    /// The machine has no such state.
    #[error("step {index} is no state of the machine")]
    UnknownState {
        /// From 0.
        index: usize,
    },
    /// The machine has no edge from the state before.
    #[error("no edge leads to step {index}")]
    InvalidTransition {
        /// Of the target, from 0.
        index: usize,
    },
}

impl PathFault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyPath => "empty_path",
            Self::UnknownState { .. } => "unknown_state",
            Self::InvalidTransition { .. } => "invalid_transition",
        }
    }

    /// The place in the path, from 0, if the fault is of one.
    #[must_use]
    pub const fn index(&self) -> Option<usize> {
        match self {
            Self::EmptyPath => None,
            Self::UnknownState { index } | Self::InvalidTransition { index } => Some(*index),
        }
    }
}

/// Whether `path` can be walked.
///
/// # Errors
/// Every fault by index. Edges are judged only if every state is known.
pub fn validate_path(machine: &Machine, path: &[&str]) -> Result<(), Vec<PathFault>> {
    let known = path.iter().enumerate();
    let mut faults: Vec<_> = known.filter(|(_, state)| !machine.has(state)).map(|(index, _)| PathFault::UnknownState { index }).collect();
    if path.is_empty() {
        faults.push(PathFault::EmptyPath);
    }
    if faults.is_empty() {
        let edges = path.windows(2).enumerate();
        faults.extend(
            edges.filter(|(_, pair)| !machine.allows(pair[0], pair[1])).map(|(at, _)| PathFault::InvalidTransition { index: at + 1 }),
        );
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
