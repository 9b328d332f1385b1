//! What is known to a monitor. Cheap to clone: a change copies the map that it is in, whose values are shared.

use crate::condition::Condition;
use crate::escalation::EscalationPolicy;
use crate::firing::target_micros;
use crate::monitor::stored::Stored;
use crate::recipient::Recipient;
use crate::rule::{self, Rule};
use crate::slo::Outcomes;
use crate::suppression::Suppressions;
use crate::words::{Priority, Targets};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct State {
    pub(crate) rules: Arc<BTreeMap<EntityId, Rule>>,
    pub(crate) suppressions: Arc<Suppressions>,
    pub(crate) policy: Option<Arc<EscalationPolicy>>,
    pub(crate) recipients: Arc<BTreeMap<EntityId, Arc<Recipient>>>,
    pub(crate) targets: Targets,
    pub(crate) watches: Arc<BTreeMap<EntityId, Arc<Watch>>>,
    /// Follows from rules and watches.
    pub(crate) dues: Arc<BTreeSet<(Timestamp, EntityId)>>,
    /// Incidents that were only asked about, the oldest first.
    pub(crate) asked: Arc<VecDeque<EntityId>>,
    /// The last that have ended, so that what is heard of them late starts nothing.
    pub(crate) ended: Arc<VecDeque<EntityId>>,
    /// Breaches in a row.
    pub(crate) streak: u64,
    pub(crate) outcomes: Arc<Outcomes>,
    /// The minute of the first breach that no evaluation has seen.
    pub(crate) unseen: Option<i64>,
    /// When rules without an incident last fired.
    pub(crate) fired: BTreeMap<EntityId, Timestamp>,
    /// Their alerts that are not resolved.
    pub(crate) open: BTreeMap<EntityId, EntityId>,
    /// What other systems say is wrong, by what their labels come to.
    pub(crate) external: Arc<BTreeMap<EntityId, Lasting>>,
    /// Follows from them.
    pub(crate) ends: Arc<BTreeSet<(Timestamp, EntityId)>>,
}

/// An alert of another system, as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lasting {
    /// The alert.
    pub alert: EntityId,
    /// When it ends, unless it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whether nobody was told, because it was suppressed.
    pub quiet: bool,
}

/// An incident that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// Its priority and the minutes that belong to it, once they are known.
    pub target: Option<(Priority, u32)>,
    /// From when time runs.
    pub dispatched_at: Option<Timestamp>,
    /// What lies before it was dealt with.
    pub anchor: Timestamp,
    /// Whether it was seen that the target is missed.
    pub breached: bool,
    /// The rules that have held; none fires twice by itself.
    pub held: BTreeSet<EntityId>,
    /// When rules last fired.
    pub fired: BTreeMap<EntityId, Timestamp>,
    /// Whether it was only asked about: then it has no deadlines.
    pub only_asked: bool,
    /// Its alerts, which end when its time stops.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alerts: BTreeSet<EntityId>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            rules: Arc::new(rule::built_in().into_iter().map(|rule| (rule.id.clone(), rule)).collect()),
            suppressions: Arc::default(),
            policy: None,
            recipients: Arc::default(),
            targets: Targets::default(),
            watches: Arc::default(),
            dues: Arc::default(),
            asked: Arc::default(),
            ended: Arc::default(),
            streak: 0,
            outcomes: Arc::default(),
            unseen: None,
            fired: BTreeMap::new(),
            open: BTreeMap::new(),
            external: Arc::default(),
            ends: Arc::default(),
        }
    }
}

impl State {
    /// The rules, in the order in which they run.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// The rule of this id.
    #[must_use]
    pub fn rule(&self, id: &EntityId) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// The suppressions that are neither lifted nor forgotten.
    #[must_use]
    pub fn suppressions(&self) -> &Suppressions {
        &self.suppressions
    }

    /// The escalation policy, if one was set.
    #[must_use]
    pub fn policy(&self) -> Option<&EscalationPolicy> {
        self.policy.as_deref()
    }

    /// The recipients, by id.
    #[must_use]
    pub fn recipients(&self) -> &BTreeMap<EntityId, Arc<Recipient>> {
        &self.recipients
    }

    /// The organisation's own minutes.
    #[must_use]
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// What is known of an incident that is watched.
    #[must_use]
    pub fn watch(&self, incident: &EntityId) -> Option<&Watch> {
        self.watches.get(incident).map(AsRef::as_ref)
    }

    /// How many incidents are watched or were asked about.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.watches.len()
    }

    /// Breaches in a row.
    #[must_use]
    pub const fn streak(&self) -> u64 {
        self.streak
    }

    /// The next deadline.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// When the error budgets are looked at next: at the end of a minute with a breach, if a rule wants it.
    #[must_use]
    pub fn next_evaluation(&self) -> Option<Timestamp> {
        let is_wanted = || self.rules.values().any(|rule| rule.enabled && matches!(rule.condition, Condition::BurnRate(_)));
        self.unseen.filter(|_| is_wanted()).map(|minute| Timestamp::from_micros((minute + 1) * 60_000_000))
    }

    /// The next instant at which something may happen to a watch.
    fn due_of(&self, watch: &Watch) -> Option<Timestamp> {
        let ((_, minutes), dispatched_at) = watch.target.zip(watch.dispatched_at).filter(|_| !watch.only_asked)?;
        let target = target_micros(minutes);
        let breach = Timestamp::from_micros(dispatched_at.micros() + target).max(watch.anchor);
        let waiting = self.rules.values().filter(|rule| rule.enabled && !watch.held.contains(&rule.id));
        let next = waiting.filter_map(|rule| rule.condition.span(target)?.next(dispatched_at, watch.anchor));
        next.chain((!watch.breached).then_some(breach)).min()
    }

    /// Changes a watch (or none yet), and its deadline with it.
    pub(crate) fn change(&mut self, incident: &EntityId, change: impl FnOnce(Option<Watch>) -> Option<Watch>) {
        let old = Arc::make_mut(&mut self.watches).remove(incident);
        let due = old.as_deref().and_then(|watch| self.due_of(watch));
        let new = change(old.map(Arc::unwrap_or_clone));
        let next = new.as_ref().and_then(|watch| self.due_of(watch));
        if due != next {
            let dues = Arc::make_mut(&mut self.dues);
            due.map(|due| dues.remove(&(due, incident.clone())));
            dues.extend(next.map(|due| (due, incident.clone())));
        }
        if let Some(watch) = new {
            Arc::make_mut(&mut self.watches).insert(incident.clone(), Arc::new(watch));
        }
    }

    /// When the first alert of another system ends that is not sent again.
    #[must_use]
    pub fn next_external(&self) -> Option<Timestamp> {
        self.ends.first().map(|(due, _)| *due)
    }

    /// What other systems say is wrong, by what their labels come to.
    #[must_use]
    pub fn external(&self) -> &BTreeMap<EntityId, Lasting> {
        &self.external
    }

    /// Works out all deadlines anew.
    pub(crate) fn index(&mut self) {
        let of = |(incident, watch): (&EntityId, &Arc<Watch>)| self.due_of(watch).map(|due| (due, incident.clone()));
        self.dues = Arc::new(self.watches.iter().filter_map(of).collect());
    }

    /// Works out anew which suppression means which rule.
    pub(crate) fn index_suppressions(&mut self) {
        Arc::make_mut(&mut self.suppressions).index(self.rules.keys());
    }
}
