//! Which entries somebody wants. Both ends of a range are inclusive, unlike everywhere else in the house (§1.3, §4.7).

use crate::audit::Change;
use crate::reject::{Check, FaultKind, Faults};
use ionveil_kernel::{Org, Timestamp};
use std::collections::BTreeMap;

/// A question to one organisation's trail; what is absent lets everything through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Whose.
    pub org: Org,
    /// The first instant.
    pub since: Option<Timestamp>,
    /// The last instant.
    pub until: Option<Timestamp>,
    /// What was done.
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// What changed: a stream.
    pub entity: Option<String>,
    /// The incident that it concerns.
    pub incident: Option<String>,
}

impl AuditQuery {
    /// All of an organisation.
    #[must_use]
    pub const fn all(org: Org) -> Self {
        Self { org, since: None, until: None, action: None, actor: None, entity: None, incident: None }
    }

    /// The same, if its range is one: it may be a single instant.
    ///
    /// # Errors
    /// `invalid_range` if it ends before it starts.
    pub fn checked(self) -> Result<Self, Faults> {
        let mut check = Check::default();
        if self.since.zip(self.until).is_some_and(|(since, until)| since > until) {
            check.fault("until", FaultKind::InvalidRange);
        }
        check.finish().map(|()| self)
    }

    /// Whether a change is wanted.
    #[must_use]
    pub fn wants(&self, change: &Change) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == found);
        self.org == change.org
            && self.since.is_none_or(|since| since <= change.timestamp)
            && self.until.is_none_or(|until| change.timestamp <= until)
            && is(&self.action, Some(&change.action))
            && is(&self.actor, Some(&change.actor))
            && is(&self.entity, Some(&change.entity))
            && is(&self.incident, change.incident.as_deref())
    }
}

/// What a period holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// How many changes.
    pub total: u64,
    /// How many of each action.
    pub by_action: BTreeMap<String, u64>,
}

/// What of these changes is wanted, counted.
#[must_use]
pub fn report<'a>(changes: impl IntoIterator<Item = &'a Change>, query: &AuditQuery) -> AuditReport {
    let mut report = AuditReport::default();
    for change in changes.into_iter().filter(|change| query.wants(change)) {
        report.total += 1;
        *report.by_action.entry(change.action.clone()).or_default() += 1;
    }
    report
}
