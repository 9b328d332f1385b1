//! How engines and tree keep in step: what an engine reaches is asked of the tree, and what a person decides at the root, or
//! a node that goes or comes again, resets the engine.
//!
//! Deliveries may be late, repeated and out of order. A *term* is what a person or a removal begins, numbered by the tree's
//! version; within one the engine's sequence numbers decide. So the tree hears the last step of the present term, and an
//! engine obeys the last term, whatever comes when.

use crate::{engine, tree};
use ionveil_kernel::{DecodeError, EventCodec, Kind, NameError, PolicyLevel, Reaction, Reactor, Recorded, StreamId};
use serde::Serialize;

/// Asks the tree for the level that an engine has reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineToTree;

impl Reactor for EngineToTree {
    fn name(&self) -> &'static str {
        "policy-engine-to-tree"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(engine::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let (level, term, reason) = match engine::Event::decode(&event.event_type, event.schema_version, &event.data)? {
            engine::Event::Escalated(step) => (step.to, step.term, step.reason),
            engine::Event::Deescalated(step) => (step.to, step.term, step.reason),
            engine::Event::OutcomeRecorded(_)
            | engine::Event::Reset(_)
            | engine::Event::AlertRaised(_)
            | engine::Event::AlertCleared(_) => return Ok(Vec::new()),
        };
        let node = event.stream.id.clone();
        let command = tree::Command::SetEngine { node, level, term, engine_version: event.sequence_number, reason };
        ask(event, tree::stream(&event.stream.org), &command)
    }
}

/// Resets a node's engine when the tree begins a term.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeToEngine;

impl Reactor for TreeToEngine {
    fn name(&self) -> &'static str {
        "policy-tree-to-engine"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(tree::NODE_KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let (level, term) = match tree::Event::decode(&event.event_type, event.schema_version, &event.data)? {
            // Term 0 is what an engine begins with.
            tree::Event::NodeAdded(added) if added.term > 0 => (PolicyLevel::Normal, added.term),
            tree::Event::NodeRemoved(removed) => (PolicyLevel::Normal, removed.term),
            tree::Event::BaseChanged(changed) if changed.engine_version.is_none() => (changed.to, changed.term),
            tree::Event::NodeAdded(_)
            | tree::Event::BaseChanged(_)
            | tree::Event::NodeMoved(_)
            | tree::Event::OverrideSet(_)
            | tree::Event::OverrideReplaced(_)
            | tree::Event::OverrideCleared(_)
            | tree::Event::OverrideAutoReverted(_)
            | tree::Event::OverrideRejected(_)
            | tree::Event::OverrideExpiring(_)
            | tree::Event::EngineChanged(_)
            | tree::Event::EngineConfirmed(_) => return Ok(Vec::new()),
        };
        let to = engine_of(&event.stream);
        ask(event, to, &engine::Command::Reset { level, term })
    }
}

fn engine_of(stream: &StreamId) -> Result<StreamId, NameError> {
    Ok(StreamId::new(stream.org.clone(), Kind::new(engine::KIND)?, stream.id.clone()))
}

fn ask(event: &Recorded, to: Result<StreamId, NameError>, command: &impl Serialize) -> Result<Vec<Reaction>, DecodeError> {
    let to = to.map_err(|error| DecodeError::invalid(&event.event_type, error))?;
    let command = serde_json::to_string(command).map_err(|error| DecodeError::invalid(&event.event_type, error))?;
    Ok(vec![Reaction::Command { to, command }])
}

#[cfg(test)]
mod tests;
