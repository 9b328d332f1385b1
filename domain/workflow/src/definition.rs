//! A machine as its author writes it, in configuration or embedded in an event: states in table order, each with its
//! targets in table order.
//!
//! Nothing is judged here; see `validate.rs`.

use serde::{Deserialize, Serialize};

/// The pattern of names of machines and states.
pub const NAME_PATTERN: &str = "[a-z0-9][a-z0-9_-]{0,62}";
/// The most states that a machine can have.
pub const STATES_MAX: usize = 256;
/// The most edges that a machine can have.
pub const EDGES_MAX: usize = 4_096;

/// The table of a machine. The order of states and targets is kept: shortest paths and listings follow it.
///
/// ```toml
/// [machines.rescue]
/// initial = "called"
/// terminal = ["safe"]                       # optional; must then be exactly the states without targets
/// states = [
///     { name = "called", to = ["moving"] },
///     { name = "moving", to = ["safe", "called"], assigns = true },   # optional; a unit or a resource is taken
///     { name = "safe" },
/// ]
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineDefinition {
    /// The state that a workflow starts in unless told otherwise.
    pub initial: String,
    /// The states without targets, listed to have them checked; order is irrelevant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Vec<String>>,
    /// The states in table order.
    pub states: Vec<StateDefinition>,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateDefinition {
    /// Unique within the machine; matches [`NAME_PATTERN`].
    pub name: String,
    /// Where it may go, in table order; none for a terminal state.
    #[serde(default)]
    pub to: Vec<String>,
    /// Whether a move into it assigns a unit or a resource, which the policy level *halted* refuses.
    #[serde(default, skip_serializing_if = "is_false")]
    pub assigns: bool,
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl MachineDefinition {
    /// Whether any of its states assigns something.
    pub(crate) fn assigns(&self) -> bool {
        self.states.iter().any(|state| state.assigns)
    }
}

/// Whether `text` matches [`NAME_PATTERN`].
pub(crate) fn is_lawful_name(text: &str) -> bool {
    let lower = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.first().is_some_and(lower) && bytes.iter().all(|b| lower(b) || b"_-".contains(b))
}
