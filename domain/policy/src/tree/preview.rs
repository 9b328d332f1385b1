//! What a command would do to a tree, without doing it.
//!
//! What it would have refused of the work of a time range is told from the two trees, elsewhere.

use crate::tree::command::Command;
use crate::tree::decide::Case;
use crate::tree::event::Event;
use crate::tree::reject::Rejection;
use crate::tree::resolve::Snapshot;
use crate::tree::state::{Refused, State};
use crate::tree::{NodeStream, Tree};
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, EntityId, PolicyLevel};

/// What a command would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The nodes whose effective level would change, in the order of the tree after it; those that would be gone last.
    pub changes: Vec<Change>,
    /// The overrides that would end by themselves, in order.
    pub reverted: Vec<Reverted>,
    /// The tree after it.
    pub after: State,
}

/// A node whose level in force changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The node.
    pub node: EntityId,
    /// The level before; none if the node was not there.
    pub from: Option<PolicyLevel>,
    /// The level after; none if the node is gone.
    pub to: Option<PolicyLevel>,
}

/// An override that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// The node that had it.
    pub node: EntityId,
    /// The level that it had.
    pub level: PolicyLevel,
    /// `parent:<node>` or `timer`.
    pub source: String,
}

/// Why there is nothing to preview.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The command would be refused, and nothing recorded.
    #[error("{0}")]
    Rejected(Rejection),
    /// The command would be refused for the record.
    #[error("{0}")]
    Recorded(Refused),
    /// The tree would break: never of a state that was folded from lawful events.
    #[error("the tree cannot be foreseen")]
    Broken(#[source] BrokenInvariant),
}

impl Refusal {
    /// The stable code; none of a broken tree, which is a fault and no refusal.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Rejected(rejection) => Some(ionveil_kernel::Rejection::code(rejection)),
            Self::Recorded(refused) => Some(refused.code.as_str()),
            Self::Broken(_) => None,
        }
    }
}

/// Foresees what `command` does to the tree.
///
/// # Errors
/// [`Refusal`] if the command would be refused, with the code that it would be refused with.
pub fn preview(tree: &Tree, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Preview, Refusal> {
    let decision = Case { tree, state, env }.decide(command).map_err(Refusal::Rejected)?;
    let evolve = |state, (part, event): &(NodeStream, Event)| tree.evolve(state, part, event);
    let after = decision.iter().try_fold(state.clone(), evolve).map_err(Refusal::Broken)?;
    match after.refused() {
        Some(refused) if !decision.is_empty() => Err(Refusal::Recorded(refused.clone())),
        Some(_) | None => Ok(Preview { changes: changes(state, &after), reverted: decision.iter().filter_map(reverted).collect(), after }),
    }
}

fn changes(before: &State, after: &State) -> Vec<Change> {
    let (before, after) = (Snapshot::of(before), Snapshot::of(after));
    let level = |snapshot: &Snapshot, id: &EntityId| snapshot.resolve(id).map(|node| node.effective());
    let there = after.all().map(|node| Change { node: node.id().clone(), from: level(&before, node.id()), to: Some(node.effective()) });
    let gone = before.all().filter(|node| after.resolve(node.id()).is_none());
    let gone = gone.map(|node| Change { node: node.id().clone(), from: Some(node.effective()), to: None });
    there.chain(gone).filter(|change| change.from != change.to).collect()
}

fn reverted((part, event): &(NodeStream, Event)) -> Option<Reverted> {
    let Event::OverrideAutoReverted(event) = event else { return None };
    Some(Reverted { node: part.0.clone(), level: event.from, source: event.by.source.clone() })
}
