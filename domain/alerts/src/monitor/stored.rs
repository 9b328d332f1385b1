//! The form of a monitor's snapshot. What follows from it, deadlines and which suppression means which rule, is not stored.

use crate::escalation::EscalationPolicy;
use crate::monitor::state::{Lasting, State, Watch};
use crate::recipient::Recipient;
use crate::rule::Rule;
use crate::slo::Outcomes;
use crate::suppression::{Suppression, Suppressions};
use crate::words::Targets;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A stored monitor.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    rules: Vec<Rule>,
    suppressions: Vec<Suppression>,
    policy: Option<EscalationPolicy>,
    recipients: Vec<Recipient>,
    targets: Targets,
    watches: BTreeMap<EntityId, Arc<Watch>>,
    asked: Arc<VecDeque<EntityId>>,
    ended: Arc<VecDeque<EntityId>>,
    streak: u64,
    outcomes: Arc<Outcomes>,
    unseen: Option<i64>,
    fired: BTreeMap<EntityId, Timestamp>,
    open: BTreeMap<EntityId, EntityId>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    external: BTreeMap<EntityId, Lasting>,
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        Self {
            rules: state.rules.values().cloned().collect(),
            suppressions: state.suppressions.iter().cloned().collect(),
            policy: state.policy.map(Arc::unwrap_or_clone),
            recipients: state.recipients.values().map(|recipient| (**recipient).clone()).collect(),
            targets: state.targets,
            watches: Arc::unwrap_or_clone(state.watches),
            asked: state.asked,
            ended: state.ended,
            streak: state.streak,
            outcomes: state.outcomes,
            unseen: state.unseen,
            fired: state.fired,
            open: state.open,
            external: Arc::unwrap_or_clone(state.external),
        }
    }
}

impl From<Stored> for State {
    fn from(stored: Stored) -> Self {
        let mut suppressions = Suppressions::default();
        stored.suppressions.into_iter().for_each(|one| suppressions.restore(one));
        let mut state = Self {
            rules: Arc::new(stored.rules.into_iter().map(|rule| (rule.id.clone(), rule)).collect()),
            suppressions: Arc::new(suppressions),
            policy: stored.policy.map(Arc::new),
            recipients: Arc::new(stored.recipients.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect()),
            targets: stored.targets,
            watches: Arc::new(stored.watches),
            asked: stored.asked,
            ended: stored.ended,
            streak: stored.streak,
            outcomes: stored.outcomes,
            unseen: stored.unseen,
            fired: stored.fired,
            open: stored.open,
            external: Arc::new(stored.external),
            ..Self::default()
        };
        state.index_suppressions();
        state.index();
        state.index_external();
        state
    }
}
