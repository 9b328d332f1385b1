//! The policy that decisions are made under, and who is told of what was committed. Neither knows what a policy is.

use crate::loader::Loaded;
use ionveil_kernel::{Decider, EntityId, Policy, StreamId};
use std::sync::{Arc, OnceLock};

/// Knows the policy in force. It is asked before each decision of a kind that is subject to it, on the thread that decides:
/// it never waits.
pub trait Policies: Send + Sync + 'static {
    /// The strictest of the policies at `nodes` of the organisation of `owner`; that at the root if there are none.
    fn policy(&self, owner: &StreamId, nodes: &[EntityId]) -> Policy;

    /// The supervisors between the organisation and an entity, from the top down; none: it hangs under the organisation.
    fn above(&self, _owner: &StreamId) -> Vec<Branch> {
        Vec::new()
    }
}

/// A supervisor between an organisation and some of its entities, which the runtime does not know by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// Unique among those of an organisation.
    pub id: EntityId,
    /// What it is.
    pub kind: &'static str,
}

/// Is told of the committed states of a kind.
pub trait Observer<D: Decider>: Send + Sync + 'static {
    /// `owner` was folded, or an append of it was committed. Whoever waits for that is answered after this returns.
    fn committed(&self, owner: &StreamId, loaded: &Loaded<D>);

    /// Whether whoever asks for a commit is answered only once the observers of every node that may decide anything have been told
    /// of it. Of nodes that are dead that is known when their leases end.
    fn everywhere(&self) -> bool {
        false
    }
}

/// Whoever knows, once somebody was named.
#[derive(Clone, Default)]
pub(crate) struct Governor(Arc<OnceLock<Arc<dyn Policies>>>);

impl Governor {
    /// Only the first one counts; says whether this is it.
    pub(crate) fn name(&self, policies: Arc<dyn Policies>) -> bool {
        self.0.set(policies).is_ok()
    }

    pub(crate) fn above(&self, owner: &StreamId) -> Vec<Branch> {
        self.0.get().map(|policies| policies.above(owner)).unwrap_or_default()
    }

    pub(crate) fn policy<D: Decider>(&self, decider: &D, owner: &StreamId, state: &D::State, command: &D::Command) -> Policy {
        let Some(policies) = self.0.get() else { return Policy::default() };
        decider.scope(owner, state, command).map(|nodes| policies.policy(owner, &nodes)).unwrap_or_default()
    }
}
