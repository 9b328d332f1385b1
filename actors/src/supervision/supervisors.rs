//! The supervisors above the entities: a node per organisation and kind, one per organisation, and the root. A failure that
//! an entity's own budget does not cover climbs to them, one after the other, until one has an answer.

use super::budget::{Budget, RestartLimits};
use ionveil_kernel::{Kind, Org, StreamId};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a supervisor does about a failure below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Gives the failed entity a fresh budget, out of its own; when that is spent, the failure climbs.
    RestartOne,
    /// As `RestartOne`, and folds every other entity below it anew as well.
    RestartAll,
    /// Leaves the entity quarantined, until somebody resumes it.
    #[default]
    Stop,
    /// Passes the failure on at once. At the root it is `Stop`.
    Escalate,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RestartOne, Self::RestartAll, Self::Stop, Self::Escalate];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RestartOne => "restart_one",
            Self::RestartAll => "restart_all",
            Self::Stop => "stop",
            Self::Escalate => "escalate",
        }
    }
}

/// How the tree is supervised.
#[derive(Clone, Debug, Default)]
pub struct Supervision {
    /// The budget of each entity and of each supervisor above.
    pub limits: RestartLimits,
    /// What each supervisor does, by its path: `""` is the root, `org` an organisation, `org/kind` its entities of a kind;
    /// `*` stands for every organisation (`*`, `*/kind`). What is not named stops.
    pub strategies: BTreeMap<String, Strategy>,
}

impl Supervision {
    fn strategy(&self, path: &Path) -> Strategy {
        let names = match path {
            Path::Root => vec![String::new()],
            Path::Org(org) => vec![org.to_string(), "*".to_owned()],
            Path::Kind(org, kind) => vec![format!("{org}/{kind}"), format!("*/{kind}")],
        };
        names.iter().find_map(|name| self.strategies.get(name)).copied().unwrap_or_default()
    }
}

/// A supervisor's place in the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Path {
    Root,
    Org(Org),
    Kind(Org, Kind),
}

impl Path {
    /// Whether an entity is below it.
    pub(crate) fn covers(&self, entity: &StreamId) -> bool {
        match self {
            Self::Root => true,
            Self::Org(org) => *org == entity.org,
            Self::Kind(org, kind) => *org == entity.org && *kind == entity.kind,
        }
    }

    fn of(entity: &StreamId) -> [Self; 3] {
        [Self::Kind(entity.org.clone(), entity.kind.clone()), Self::Org(entity.org.clone()), Self::Root]
    }
}

/// What is to be done about a failed entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Restart it after a while, with a fresh budget; also everything below the supervisor, if there is one.
    Restart { after: Duration, all_below: Option<Path> },
    /// Nobody above will have it restarted.
    Quarantine,
}

/// How a supervisor is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SupervisorStatus {
    /// How often it has restarted something.
    pub restarts: u64,
    /// The failures that reached it.
    pub failures: u64,
    /// What the last one was.
    pub last_fault: Option<String>,
}

#[derive(Default)]
struct Node {
    budget: Budget,
    status: SupervisorStatus,
}

pub(crate) struct Supervisors {
    supervision: Supervision,
    nodes: Mutex<BTreeMap<Path, Node>>,
}

impl Supervisors {
    pub(crate) fn new(supervision: Supervision) -> Self {
        Self { supervision, nodes: Mutex::default() }
    }

    /// The budget of an entity, and of each supervisor.
    pub(crate) fn limits(&self) -> &RestartLimits {
        &self.supervision.limits
    }

    /// A failure of `entity` climbs.
    pub(crate) fn failed(&self, entity: &StreamId, fault: &str, now: Duration, random: u128) -> Verdict {
        let mut nodes = self.nodes.lock();
        for path in Path::of(entity) {
            let node = nodes.entry(path.clone()).or_default();
            node.status.failures += 1;
            node.status.last_fault = Some(format!("{entity}: {fault}"));
            let all_below = match self.supervision.strategy(&path) {
                Strategy::Stop => return Verdict::Quarantine,
                Strategy::Escalate => continue,
                Strategy::RestartOne => None,
                Strategy::RestartAll => Some(path.clone()),
            };
            if let Some(after) = node.budget.spend(&self.supervision.limits, now, random) {
                node.status.restarts += 1;
                return Verdict::Restart { after, all_below };
            }
        }
        Verdict::Quarantine
    }

    /// How the supervisor at the given place is; the root without an organisation.
    pub(crate) fn status(&self, org: Option<&Org>, kind: Option<&Kind>) -> SupervisorStatus {
        let path = match (org, kind) {
            (Some(org), Some(kind)) => Path::Kind(org.clone(), kind.clone()),
            (Some(org), None) => Path::Org(org.clone()),
            (None, _) => Path::Root,
        };
        self.nodes.lock().get(&path).map(|node| node.status.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisors(strategies: &[(&str, Strategy)]) -> Supervisors {
        let limits = RestartLimits { restarts_max: 1, ..RestartLimits::default() };
        Supervisors::new(Supervision { limits, strategies: strategies.iter().map(|(path, s)| ((*path).to_owned(), *s)).collect() })
    }

    fn fall(supervisors: &Supervisors) -> Verdict {
        supervisors.failed(&"unit:acme:u1".parse().unwrap(), "a panic", Duration::ZERO, 0)
    }

    /// Name, strategies by path, and what is decided.
    type Row = (&'static str, &'static [(&'static str, Strategy)], Verdict);

    #[test]
    fn failures_climb_until_somebody_has_an_answer() {
        let one = Verdict::Restart { after: Duration::ZERO, all_below: None };
        let all = |path| Verdict::Restart { after: Duration::ZERO, all_below: Some(path) };
        let acme: Org = "acme".parse().unwrap();
        let kind = Path::Kind(acme.clone(), "unit".parse().unwrap());
        let table: [Row; 7] = [
            ("nobody is named", &[], Verdict::Quarantine),
            ("the kind restarts one", &[("acme/unit", Strategy::RestartOne)], one.clone()),
            ("the kind of every organisation", &[("*/unit", Strategy::RestartAll)], all(kind)),
            ("the exact name wins", &[("*/unit", Strategy::RestartAll), ("acme/unit", Strategy::Stop)], Verdict::Quarantine),
            ("the organisation answers", &[("*/unit", Strategy::Escalate), ("acme", Strategy::RestartAll)], all(Path::Org(acme))),
            ("the root answers", &[("*/unit", Strategy::Escalate), ("*", Strategy::Escalate), ("", Strategy::RestartOne)], one),
            ("nobody answers", &[("*/unit", Strategy::Escalate), ("*", Strategy::Escalate), ("", Strategy::Escalate)], Verdict::Quarantine),
        ];
        for (name, strategies, verdict) in table {
            assert_eq!(fall(&supervisors(strategies)), verdict, "{name}");
        }
    }

    #[test]
    fn a_supervisor_whose_budget_is_spent_passes_the_failure_on() {
        let supervisors = supervisors(&[("*/unit", Strategy::RestartOne), ("acme", Strategy::Stop)]);
        assert!(matches!(fall(&supervisors), Verdict::Restart { .. }));
        assert_eq!(fall(&supervisors), Verdict::Quarantine);
        let (acme, unit) = ("acme".parse().unwrap(), "unit".parse().unwrap());
        assert_eq!(supervisors.status(Some(&acme), Some(&unit)).restarts, 1);
        assert_eq!(supervisors.status(Some(&acme), Some(&unit)).failures, 2);
        assert_eq!(supervisors.status(Some(&acme), None).failures, 1);
        assert_eq!(supervisors.status(None, None), SupervisorStatus::default());
    }
}
