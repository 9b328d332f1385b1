//! The audit: who changed which level, from what to what, by which right and why (specification of IonVeil §5.1).

use crate::tree::event::Event;
use crate::tree::state::{RefusedCode, Setting};
use ionveil_kernel::{EntityId, PolicyLevel, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// An override was set where there was none.
    Set,
    /// An override was set in another's place.
    Replaced,
    /// A person took an override away.
    Cleared,
    /// An override ended by itself.
    AutoReverted,
    /// The root's own level changed.
    BaseChanged,
    /// An override was refused.
    Rejected,
    /// The level of another node's engine changed.
    EngineChanged,
}

/// A line of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number in the organisation, from 1 without gaps.
    pub seq: u64,
    /// The node.
    pub node: EntityId,
    /// What was done.
    pub action: AuditAction,
    /// The level before: of the override, or of the engine where that changed; none if there was no override.
    pub from: Option<PolicyLevel>,
    /// The level after, likewise; of a rejected one the level that was asked for.
    pub to: Option<PolicyLevel>,
    /// The caller's subject; `parent:<node>`, `timer` or `engine:<node>` where nobody called.
    pub source: String,
    /// The role or ticket; `system` where nobody called.
    pub authorization: String,
    /// Why, if anybody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a rejected one was refused for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<RefusedCode>,
    /// When.
    pub time: Timestamp,
}

/// The audit's line of an event of a tree, if it has one; `recorded` is the event as the journal holds it.
#[must_use]
pub fn audit(event: &Event, recorded: &Recorded) -> Option<AuditRecord> {
    use AuditAction::{AutoReverted, BaseChanged, Cleared, EngineChanged, Rejected, Replaced, Set};
    let line = |seq: u64, action, from, to, by: &Setting| AuditRecord {
        seq,
        node: recorded.stream.id.clone(),
        action,
        from,
        to,
        source: by.source.clone(),
        authorization: by.authorization.clone(),
        reason: by.reason.clone(),
        code: None,
        time: by.at,
    };
    Some(match event {
        Event::OverrideSet(event) => line(event.seq, Set, None, Some(event.to), &event.by),
        Event::OverrideReplaced(event) => line(event.seq, Replaced, Some(event.from), Some(event.to), &event.by),
        Event::OverrideCleared(event) => line(event.seq, Cleared, Some(event.from), None, &event.by),
        Event::OverrideAutoReverted(event) => line(event.seq, AutoReverted, Some(event.from), None, &event.by),
        Event::BaseChanged(event) => line(event.seq, BaseChanged, Some(event.from), Some(event.to), &event.by),
        Event::EngineChanged(event) => line(event.seq, EngineChanged, Some(event.from), Some(event.to), &event.by),
        Event::OverrideRejected(event) => {
            AuditRecord { code: Some(event.code), ..line(event.seq, Rejected, event.from, Some(event.to), &event.by) }
        }
        Event::NodeAdded(_) | Event::NodeMoved(_) | Event::NodeRemoved(_) | Event::OverrideExpiring(_) | Event::EngineConfirmed(_) => {
            return None;
        }
    })
}
