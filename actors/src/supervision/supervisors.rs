//! The supervisors above the entities: one per kind and place, the branches between it and the organisation, the organisation,
//! and the root. A failure that an entity's own budget does not cover climbs to them, one after the other, until one has an
//! answer.

use super::budget::{Budget, RestartLimits};
use crate::govern::Branch;
use ionveil_kernel::{EntityId, Kind, Org, StreamId};
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
    /// What each supervisor does, by its path: `""` is the root, `org` an organisation, `org@branch` a branch of it,
    /// `org/kind` its entities of a kind, wherever they hang, `org@branch/kind` those right under a branch; `*` stands for every
    /// organisation (`*`, `*@branch`, `*/kind`, `*@branch/kind`). What is not named stops, but a branch passes the failure on.
    pub strategies: BTreeMap<String, Strategy>,
}

impl Supervision {
    fn strategy(&self, path: &Path) -> Strategy {
        let (names, unnamed) = match path {
            Path::Root => (vec![String::new()], Strategy::Stop),
            Path::Org(org) => (vec![org.to_string(), "*".to_owned()], Strategy::Stop),
            Path::Branch(org, branch) => (vec![format!("{org}@{branch}"), format!("*@{branch}")], Strategy::Escalate),
            Path::Kind(org, branch, kind) => {
                let placed = branch.iter().flat_map(|branch| [format!("{org}@{branch}/{kind}"), format!("*@{branch}/{kind}")]);
                (placed.chain([format!("{org}/{kind}"), format!("*/{kind}")]).collect(), Strategy::Stop)
            }
        };
        names.iter().find_map(|name| self.strategies.get(name)).copied().unwrap_or(unnamed)
    }
}

/// A supervisor's place in the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Path {
    Root,
    Org(Org),
    Branch(Org, EntityId),
    /// Those right under a branch, or under the organisation itself.
    Kind(Org, Option<EntityId>, Kind),
}

impl Path {
    /// Whether an entity is below it; `above` are the branches above the entity.
    pub(crate) fn covers(&self, entity: &StreamId, above: impl FnOnce() -> Vec<Branch>) -> bool {
        match self {
            Self::Root => true,
            Self::Org(org) => *org == entity.org,
            Self::Branch(org, id) => *org == entity.org && above().iter().any(|branch| branch.id == *id),
            Self::Kind(org, place, kind) => {
                *org == entity.org && *kind == entity.kind && above().last().map(|branch| &branch.id) == place.as_ref()
            }
        }
    }

    /// From the entity up.
    fn of(entity: &StreamId, above: &[Branch]) -> Vec<Self> {
        let kind = Self::Kind(entity.org.clone(), above.last().map(|branch| branch.id.clone()), entity.kind.clone());
        let branches = above.iter().rev().map(|branch| Self::Branch(entity.org.clone(), branch.id.clone()));
        std::iter::once(kind).chain(branches).chain([Self::Org(entity.org.clone()), Self::Root]).collect()
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

    /// A failure of `entity`, which has the branches `above` above it, climbs.
    pub(crate) fn failed(&self, entity: &StreamId, above: &[Branch], fault: &str, now: Duration, random: u128) -> Verdict {
        let mut nodes = self.nodes.lock();
        for path in Path::of(entity, above) {
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

    /// How a supervisor is.
    pub(crate) fn status(&self, path: &Path) -> SupervisorStatus {
        self.nodes.lock().get(path).map(|node| node.status.clone()).unwrap_or_default()
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
        fall_below(supervisors, &[])
    }

    fn branch(id: &str) -> Branch {
        Branch { id: id.parse().unwrap(), kind: "zone" }
    }

    fn fall_below(supervisors: &Supervisors, above: &[Branch]) -> Verdict {
        supervisors.failed(&"unit:acme:u1".parse().unwrap(), above, "a panic", Duration::ZERO, 0)
    }

    /// Name, strategies by path, and what is decided.
    type Row = (&'static str, &'static [(&'static str, Strategy)], Verdict);

    #[test]
    fn failures_climb_until_somebody_has_an_answer() {
        let one = Verdict::Restart { after: Duration::ZERO, all_below: None };
        let all = |path| Verdict::Restart { after: Duration::ZERO, all_below: Some(path) };
        let acme: Org = "acme".parse().unwrap();
        let kind = Path::Kind(acme.clone(), None, "unit".parse().unwrap());
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
        let (acme, unit) = ("acme".parse::<Org>().unwrap(), "unit".parse().unwrap());
        let kind = supervisors.status(&Path::Kind(acme.clone(), None, unit));
        assert_eq!((kind.restarts, kind.failures), (1, 2));
        assert_eq!(supervisors.status(&Path::Org(acme)).failures, 1);
        assert_eq!(supervisors.status(&Path::Root), SupervisorStatus::default());
    }

    #[test]
    fn failures_climb_from_branch_to_branch() {
        let (acme, above): (Org, _) = ("acme".parse().unwrap(), [branch("north"), branch("n1")]);
        let all = |path| Verdict::Restart { after: Duration::ZERO, all_below: Some(path) };
        let at = |id: &str| Path::Branch(acme.clone(), id.parse().unwrap());
        let kind = Path::Kind(acme.clone(), Some("n1".parse().unwrap()), "unit".parse().unwrap());
        let table: [Row; 6] = [
            ("a kind that is not named stops", &[("acme@n1", Strategy::RestartAll)], Verdict::Quarantine),
            ("the kind at its place", &[("*@n1/unit", Strategy::RestartAll), ("acme/unit", Strategy::Stop)], all(kind)),
            ("the nearest branch", &[("*/unit", Strategy::Escalate), ("*@n1", Strategy::RestartAll)], all(at("n1"))),
            (
                "a branch that is not named passes it on",
                &[("*/unit", Strategy::Escalate), ("acme@north", Strategy::RestartAll)],
                all(at("north")),
            ),
            (
                "a branch may stop it",
                &[("*/unit", Strategy::Escalate), ("acme@n1", Strategy::Stop), ("*", Strategy::RestartAll)],
                Verdict::Quarantine,
            ),
            ("up to the organisation", &[("*/unit", Strategy::Escalate), ("*", Strategy::RestartAll)], all(Path::Org(acme.clone()))),
        ];
        for (name, strategies, verdict) in table {
            let supervisors = supervisors(strategies);
            assert_eq!(fall_below(&supervisors, &above), verdict, "{name}");
            assert_eq!(supervisors.status(&at("south")), SupervisorStatus::default(), "{name}: nobody beside it hears of it");
        }
    }

    #[test]
    fn a_supervisor_covers_what_hangs_below_it() {
        let unit: StreamId = "unit:acme:u1".parse().unwrap();
        let (acme, other): (Org, Org) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let kind =
            |org: &Org, at: Option<&str>, kind: &str| Path::Kind(org.clone(), at.map(|at| at.parse().unwrap()), kind.parse().unwrap());
        let at = |org: &Org, id: &str| Path::Branch(org.clone(), id.parse().unwrap());
        let table = [
            (Path::Root, [true, true]),
            (Path::Org(acme.clone()), [true, true]),
            (Path::Org(other.clone()), [false, false]),
            (at(&acme, "north"), [false, true]),
            (at(&acme, "n1"), [false, true]),
            (at(&acme, "n2"), [false, false]),
            (at(&other, "north"), [false, false]),
            (kind(&acme, None, "unit"), [true, false]),
            (kind(&acme, Some("n1"), "unit"), [false, true]),
            (kind(&acme, Some("north"), "unit"), [false, false]),
            (kind(&acme, None, "order"), [false, false]),
        ];
        for (path, covered) in table {
            let covers = [vec![], vec![branch("north"), branch("n1")]].map(|above| path.covers(&unit, || above));
            assert_eq!(covers, covered, "{path:?}");
        }
    }
}
