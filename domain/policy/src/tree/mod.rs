//! An organisation's policy tree: one entity, `policy-tree:<org>:tree`, that owns a stream per node, so that a cascade is one
//! decision and one append.
//!
//! | to read | file |
//! |---|---|
//! | what can be asked, what can happen, what is known | `command.rs`, `event.rs`, `state.rs`, `stored.rs` |
//! | what follows from what | `decide.rs`, `cascade.rs`, `reject.rs`, `evolve.rs` |
//! | what readers see | `resolve.rs`, `audit.rs` |
//! | what a command would do | `preview.rs` |

mod audit;
mod cascade;
mod command;
mod decide;
mod event;
mod evolve;
mod preview;
mod reject;
mod resolve;
mod state;
mod stored;

#[cfg(test)]
mod tests;

pub use audit::{AuditAction, AuditRecord, audit};
pub use command::{ADDED_MAX, Command, NewNode};
pub use event::{
    BaseChanged, EngineChanged, EngineConfirmed, Event, NodeAdded, NodeMoved, NodeRemoved, OverrideAutoReverted, OverrideCleared,
    OverrideExpiring, OverrideRejected, OverrideReplaced, OverrideSet,
};
pub use preview::{Change, Preview, Refusal, Reverted, preview};
pub use reject::{Fault, Faults, Rejection, RejectionClass, TEXT_CHARS_MAX};
pub use resolve::{Resolved, Snapshot};
pub use state::{DEPTH_MAX, EngineLevel, NODES_MAX, Node, NodeKind, Override, Refused, RefusedCode, Setting, State};

use ionveil_kernel::{
    BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, Part, StreamId, Timer, TimerPolicy, Timestamp,
};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

/// The kind of entity.
pub const KIND: &str = "policy-tree";
/// The kind of the streams that it owns, one per node.
pub const NODE_KIND: &str = "policy-node";
/// The id of the one tree of an organisation.
pub const ID: &str = "tree";
/// The authorization of what nobody asked for.
pub(crate) const AUTHORIZED_BY_SYSTEM: &str = "system";
/// The timer of the next end of an override.
const EXPIRY: &str = "expiry";
/// The timer of the next notice of one.
const NOTICE: &str = "notice";

/// The name of an organisation's tree.
///
/// # Errors
/// Never: the kind and the id are lawful names.
pub fn stream(org: &Org) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, EntityId::new(ID)?))
}

/// The stream of one node: `policy-node:<org>:<node>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeStream(pub EntityId);

impl Part for NodeStream {
    fn stream(&self, owner: &StreamId) -> StreamId {
        // The name is lawful, so the other one is never taken; a test holds that.
        let kind = Kind::new(NODE_KIND).unwrap_or_else(|_| owner.kind.clone());
        StreamId::new(owner.org.clone(), kind, self.0.clone())
    }

    fn of(owner: &StreamId, stream: &StreamId) -> Option<Self> {
        let own = owner.kind.as_str() == KIND && owner.org == stream.org && stream.kind.as_str() == NODE_KIND;
        own.then(|| Self(stream.id.clone()))
    }
}

/// The decider.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    /// How long before an override ends notice of it is given.
    pub notice_before: Duration,
}

impl Default for Tree {
    fn default() -> Self {
        Self { notice_before: Duration::from_mins(15) }
    }
}

impl Decider for Tree {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    // The brake: to fold a tree of thousands of nodes first would take longer than the cascade.
    const STAYS: bool = true;

    type Part = NodeStream;
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        decide::Case { tree: self, state, env }.decide(command)
    }

    fn evolve(&self, state: State, NodeStream(node): &NodeStream, event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, node, event)
    }

    fn causes(&self, decision: &[(NodeStream, Event)]) -> Vec<Option<usize>> {
        let mut last: HashMap<&EntityId, usize, BuildHasherDefault<DefaultHasher>> = HashMap::default();
        let mut causes = Vec::with_capacity(decision.len());
        for (place, (NodeStream(node), event)) in decision.iter().enumerate() {
            let above = if let Event::OverrideAutoReverted(event) = event { event.above.as_ref() } else { None };
            causes.push(above.and_then(|above| last.get(above).copied()));
            last.insert(node, place);
        }
        causes
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let first = |name: &str, index: &std::collections::BTreeSet<(Timestamp, EntityId)>| {
            index.first().map(|(due, _)| Timer { name: name.to_owned(), due: *due, policy: TimerPolicy::FireOnceLate })
        };
        first(EXPIRY, &state.ends).into_iter().chain(first(NOTICE, &state.notices)).collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        match name {
            EXPIRY => Some(Command::Expire { due }),
            NOTICE => Some(Command::Notice { due }),
            _ => None,
        }
    }
}
