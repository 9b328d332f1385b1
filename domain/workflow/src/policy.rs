//! What operational policy is to a workflow: a move that assigns a unit or a resource is subject to the level in force at
//! its zone and its agency. Nothing else a workflow does is; what the levels are is another context's business.

use crate::attributes::{Attributes, Scalar};
use crate::command::{Command, StepOutcome};
use crate::reject::Rejection;
use crate::state::{Live, State};
use ionveil_kernel::{DecideEnv, EntityId, Policy, PolicyLevel, Role};
use serde::{Deserialize, Serialize};

/// The attribute that names the zone of a workflow; absent: that of the whole organisation.
pub const ZONE: &str = "zone";
/// The attribute that names its agency.
pub const AGENCY: &str = "agency";

/// The policy that a move was decided under, as its event records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// The level.
    pub level: PolicyLevel,
    /// The node of the policy tree that decided it.
    pub node: String,
    /// The version of the tree.
    pub version: u64,
}

impl InForce {
    /// What is to be recorded; nothing where there is no tree.
    fn of(policy: &Policy) -> Option<Self> {
        let node = policy.node.clone()?;
        Some(Self { level: policy.level, node, version: policy.version })
    }
}

/// The nodes of the policy tree that work with these attributes is subject to. A text that could be no node's name names
/// none: it counts as the root does, which is never stricter than a node below it.
pub(crate) fn nodes(attributes: &Attributes) -> Vec<EntityId> {
    let node = |key| match attributes.get(key)? {
        Scalar::Text(text) => EntityId::new(text).ok(),
        Scalar::Bool(_) | Scalar::Number(_) => None,
    };
    [ZONE, AGENCY].into_iter().filter_map(node).collect()
}

/// The policy that a decision obeys and records; none of what had happened before the policy was set. It stops what is to be
/// done, not the record of what was: an import of last year's calls passes. A time can be made up, so only who could lift the
/// policy may say so; for everybody else it is in force.
pub(crate) fn obeyed<'a>(env: &DecideEnv<'a>) -> Option<&'a Policy> {
    let before = env.policy.since.is_some_and(|since| env.occurred_at < since);
    (!before || env.caller().role < Role::Supervisor).then_some(env.policy)
}

/// The nodes that the command is subject to; none if policy is nothing to it.
pub(crate) fn scope(state: &State, command: &Command) -> Option<Vec<EntityId>> {
    let to = match command {
        Command::Transition { to, .. } => to,
        Command::Step { step, outcome: StepOutcome::Completed, .. } => step,
        Command::Step { outcome: StepOutcome::Started | StepOutcome::Failed, .. }
        | Command::Register { .. }
        | Command::Rollback { .. }
        | Command::Cancel { .. }
        | Command::Clone { .. }
        | Command::Reconcile { .. } => return None,
    };
    let live = state.live()?;
    live.machine.assigns(to).then(|| nodes(&live.attributes))
}

impl Live {
    /// What is to be recorded of the policy with a move to `to`; nothing with one that assigns nothing.
    pub(crate) fn admit(&self, to: &str, policy: Option<&Policy>) -> Result<Option<InForce>, Rejection> {
        let Some(policy) = policy.filter(|_| self.machine.assigns(to)) else { return Ok(None) };
        policy.halt().map_or_else(|| Ok(InForce::of(policy)), |halt| Err(Rejection::PolicyHalted(halt)))
    }
}
