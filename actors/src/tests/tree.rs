//! The tree shows how entities are, as deep as asked, to whom they belong; and what each strategy does about one that fails
//! can be seen in it.

use super::alarm::{self, Alarm, Set, Then};
use super::common::{entity, fresh};
use super::tally::{Command, Tally};
use crate::testkit::{Chaos, Chaotic, Universe};
use crate::{AskError, Branch, Host, Phase, Policies, ReplayError, RestartLimits, RuntimeConfig, Strategy, Supervision, Tree, TreeQuery};
use ionveil_kernel::{EntityId, Org, Policy, StreamId, TimerPolicy};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

type Chaotics = Host<Chaotic<Tally>>;

fn query(org: Option<&str>, kind: Option<&str>, depth: u8, entities_max: usize) -> TreeQuery {
    TreeQuery { org: org.map(|org| org.parse().expect("lawful")), kind: kind.map(ToOwned::to_owned), depth, entities_max }
}

fn ids(tree: &Tree) -> Vec<&str> {
    tree.nodes.iter().map(|node| node.id.as_str()).collect()
}

fn chaotic(universe: &Universe) -> (Chaotics, Chaos) {
    let chaos = Chaos::new(universe.env.clone());
    (universe.runtime.entity(Arc::new(Chaotic::new(Tally, chaos.clone()))).expect("a lawful kind"), chaos)
}

fn phase(universe: &Universe, owner: &StreamId) -> Phase {
    universe.runtime.node(owner).map_or(Phase::Passive, |node| node.state)
}

async fn add(universe: &Universe, host: &Chaotics, owner: &StreamId) -> Result<(), AskError<super::tally::TooMuch>> {
    host.ask(owner.clone(), Command::Add(1), fresh(&universe.env)).await.map(|_| ())
}

#[test]
fn it_shows_what_is_asked_for_and_nothing_of_others() {
    Universe::run(61, RuntimeConfig::default(), async |universe: Universe| {
        let (tally, _) = chaotic(&universe);
        let alarm = universe.runtime.entity(Arc::new(Alarm)).expect("a lawful kind");
        for name in ["tally:acme:t1", "tally:acme:t2", "tally:acme:t3", "tally:other:t9"] {
            add(&universe, &tally, &name.parse().expect("lawful")).await.expect("accepted");
        }
        let due = universe.env.now().after(SECOND * 3_600);
        let set = Set { name: "t".to_owned(), due, policy: TimerPolicy::Skip, then: Then::Gone };
        let owner = "alarm:acme:a1".parse().expect("lawful");
        alarm.ask(owner, alarm::Command::Remind(set), fresh(&universe.env)).await.expect("accepted");
        let table: [(&str, TreeQuery, &[&str], bool); 7] = [
            ("organisations", query(None, None, 1, 9), &["acme", "other"], false),
            ("kinds", query(None, None, 2, 9), &["acme", "acme/alarm", "acme/tally", "other", "other/tally"], false),
            ("all of one", query(Some("acme"), None, 3, 9), &["acme", "acme/alarm", "a1", "acme/tally", "t1", "t2", "t3"], false),
            ("the other", query(Some("other"), None, 3, 9), &["other", "other/tally", "t9"], false),
            ("one kind", query(Some("acme"), Some("alarm"), 3, 9), &["acme", "acme/alarm", "a1"], false),
            ("cut", query(Some("acme"), Some("tally"), 3, 2), &["acme", "acme/tally", "t1", "t2"], true),
            ("a stranger", query(Some("nobody"), None, 3, 9), &[], false),
        ];
        for (name, query, expected, truncated) in table {
            let tree = universe.runtime.tree(&query);
            assert_eq!((ids(&tree).as_slice(), tree.truncated), (expected, truncated), "{name}");
        }
        let tree = universe.runtime.tree(&query(Some("acme"), Some("tally"), 3, 2));
        assert_eq!((tree.nodes[0].children, tree.nodes[1].children), (1, 3), "children count also what is not listed");
        assert_eq!((tree.nodes[1].parent.as_deref(), tree.nodes[2].parent.as_deref()), (Some("acme"), Some("acme/tally")));
    });
}

/// Puts the entities `n1` under north → n1, `n2` under north → n2, and all others under the organisation.
struct Zones;

impl Policies for Zones {
    fn policy(&self, _owner: &StreamId, _nodes: &[EntityId]) -> Policy {
        Policy::default()
    }

    fn above(&self, owner: &StreamId) -> Vec<Branch> {
        let branch = |id: &str| Branch { id: id.parse().expect("lawful"), kind: "zone" };
        let id = owner.id.as_str();
        if matches!(id, "n1" | "n2") { vec![branch("north"), branch(id)] } else { Vec::new() }
    }
}

#[test]
fn what_has_branches_above_it_hangs_below_them() {
    Universe::run(65, RuntimeConfig::default(), async |universe: Universe| {
        assert!(universe.runtime.govern(Arc::new(Zones)));
        let (tally, _) = chaotic(&universe);
        for name in ["tally:acme:n1", "tally:acme:n2", "tally:acme:t1", "tally:other:n1"] {
            add(&universe, &tally, &name.parse().expect("lawful")).await.expect("accepted");
        }
        let all = ["acme", "acme/tally", "t1", "acme@north", "acme@n1", "acme@n1/tally", "n1", "acme@n2", "acme@n2/tally", "n2"];
        let table: [(&str, TreeQuery, &[&str]); 3] = [
            ("organisations", query(Some("acme"), None, 1, 9), &["acme"]),
            ("all of one", query(Some("acme"), None, 3, 9), &all),
            ("the other", query(Some("other"), None, 3, 9), &["other", "other@north", "other@n1", "other@n1/tally", "n1"]),
        ];
        for (name, query, expected) in table {
            assert_eq!(ids(&universe.runtime.tree(&query)), expected, "{name}");
        }
        assert_eq!(ids(&universe.runtime.tree(&query(Some("acme"), None, 2, 9))).len(), all.len() - 3, "no entities");
        // Events are counted by full seconds.
        universe.env.sleep(SECOND).await;
        let tree = universe.runtime.tree(&query(Some("acme"), None, 3, 9));
        let node = |id: &str| tree.nodes.iter().find(|node| node.id == id).expect("it is there");
        let shown = |id: &str| (node(id).kind.as_str(), node(id).parent.as_deref(), node(id).children, node(id).events_per_s);
        let expected = [
            ("acme", ("organisation", None, 2, 3)),
            ("acme@north", ("zone", Some("acme"), 2, 2)),
            ("acme@n2", ("zone", Some("acme@north"), 1, 1)),
            ("acme@n2/tally", ("kind", Some("acme@n2"), 1, 1)),
            ("n2", ("tally", Some("acme@n2/tally"), 0, 1)),
            ("acme/tally", ("kind", Some("acme"), 1, 1)),
        ];
        for (id, expected) in expected {
            assert_eq!(shown(id), expected, "{id}");
        }
        assert_eq!(universe.runtime.parent(&"tally:acme:n1".parse().expect("lawful")), "acme@n1/tally");
    });
}

#[test]
fn a_branch_folds_anew_what_hangs_below_it_and_nothing_else() {
    let strategies = [("*/tally", Strategy::Escalate), ("*@north", Strategy::RestartAll)];
    let strategies = strategies.into_iter().map(|(path, strategy)| (path.to_owned(), strategy)).collect();
    let limits = RestartLimits { restarts_max: 1, ..RestartLimits::default() };
    let config = RuntimeConfig { supervision: Supervision { limits, strategies }, ..RuntimeConfig::default() };
    Universe::run(66, config, async |universe: Universe| {
        assert!(universe.runtime.govern(Arc::new(Zones)));
        let (host, chaos) = chaotic(&universe);
        for name in ["n1", "n2", "t1"] {
            add(&universe, &host, &entity("tally", name)).await.expect("accepted");
        }
        add(&universe, &host, &"tally:other:n2".parse().expect("lawful")).await.expect("accepted");
        let figure = |name: &str| universe.figure(&format!("{name}{{kind=\"tally\"}}"));
        let folded = figure("recoveries_total");
        chaos.panics(1_000);
        // Two panics: one is the entity's own, the other one climbs.
        assert!(add(&universe, &host, &entity("tally", "n1")).await.is_err());
        chaos.panics(0);
        universe.env.sleep(SECOND * 10).await;
        assert_eq!(phase(&universe, &entity("tally", "n1")), Phase::Running);
        assert_eq!(figure("recoveries_total") - folded - figure("restarts_total"), 1.0, "n2 beside it, and nobody else");
        let tree = universe.runtime.tree(&query(Some("test"), None, 3, 9));
        let node = |id: &str| tree.nodes.iter().find(|node| node.id == id).expect("it is there");
        let told = |id: &str| (node(id).restarts, node(id).last_fault.is_some());
        let expected =
            [("test@n1", (0, true)), ("test@north", (1, true)), ("test@n2", (0, false)), ("test", (0, false)), ("test/tally", (0, false))];
        for (id, expected) in expected {
            assert_eq!(told(id), expected, "{id}");
        }
    });
}

#[test]
fn dead_letters_of_one_organisation_are_nothing_to_another() {
    let config = RuntimeConfig { dead_letters_max: 1, ..RuntimeConfig::default() };
    Universe::run(62, config, async |universe: Universe| {
        let (host, chaos) = chaotic(&universe);
        chaos.panics(1_000);
        let faulted = add(&universe, &host, &entity("tally", "a")).await;
        let Err(AskError::Faulted { dead_letter: Some(letter), .. }) = faulted else { panic!("{faulted:?}") };
        let faulted = add(&universe, &host, &entity("tally", "b")).await;
        assert!(matches!(faulted, Err(AskError::Faulted { dead_letter: None, .. })), "there is no room for another: {faulted:?}");
        chaos.panics(0);
        let (own, other): (Org, Org) = ("test".parse().expect("lawful"), "other".parse().expect("lawful"));
        assert_eq!(universe.runtime.dead_letters(&other, None, 9).await.expect("in memory"), vec![]);
        assert_eq!(universe.runtime.dead_letter(&other, letter).await.expect("in memory"), None);
        assert!(matches!(universe.runtime.replay(&other, letter).await, Err(ReplayError::NotFound)));
        assert!(!universe.runtime.discard(&other, letter).await.expect("in memory"));
        assert_eq!(universe.runtime.dead_letters(&own, None, 9).await.expect("in memory").len(), 1);
        assert_eq!(universe.figure("dead_letters_total{kind=\"tally\"}"), 1.0, "those that are kept are counted");
    });
}

#[test]
fn an_entity_goes_through_its_states_in_sight() {
    let config = RuntimeConfig { idle: SECOND * 20, deadline: SECOND, ..RuntimeConfig::default() };
    Universe::run(63, config, async |universe: Universe| {
        let ((host, chaos), owner) = (chaotic(&universe), entity("tally", "a"));
        universe.faults.set(|knobs| knobs.read_delay = (SECOND / 2, SECOND / 2));
        let asked = async {
            universe.env.sleep(SECOND / 10).await;
            phase(&universe, &owner)
        };
        let (answer, seen) = futures_util::future::join(add(&universe, &host, &owner), asked).await;
        // Two reads of half a second are a whole one: the caller has given up, and the command was not carried out.
        assert!(matches!(answer, Err(AskError::TimedOut(_))), "{answer:?}");
        universe.faults.set(|knobs| knobs.read_delay = (Duration::ZERO, Duration::ZERO));
        universe.env.sleep(SECOND).await;
        assert_eq!((seen, phase(&universe, &owner)), (Phase::Starting, Phase::Running));
        chaos.panics(1_000);
        let mut seen = Vec::new();
        while phase(&universe, &owner) != Phase::Quarantined {
            let looks = async {
                for _ in 0..200 {
                    universe.env.sleep(Duration::from_millis(1)).await;
                    seen.push(phase(&universe, &owner));
                }
            };
            let (answer, ()) = futures_util::future::join(add(&universe, &host, &owner), looks).await;
            assert!(answer.is_err());
        }
        assert!(seen.contains(&Phase::Restarting), "it waits before a further restart");
        let node = universe.runtime.node(&owner).expect("in memory");
        assert!(node.restarts == 5 && node.last_fault.is_some_and(|fault| fault.contains("chaos")), "as often as the budget has it");
        assert!(matches!(add(&universe, &host, &owner).await, Err(AskError::Quarantined(_))));
        universe.env.sleep(SECOND * 60).await;
        assert_eq!(phase(&universe, &owner), Phase::Quarantined, "a quarantined one is not let go");
        chaos.panics(0);
        assert!(universe.runtime.resume(&owner) && !universe.runtime.resume(&entity("tally", "nobody")));
        universe.env.sleep(SECOND / 1_000).await;
        add(&universe, &host, &owner).await.expect("it is as new");
        universe.env.sleep(SECOND * 60).await;
        assert_eq!(phase(&universe, &owner), Phase::Passive, "idle, it is let go");
        universe.faults.set(|knobs| knobs.down = true);
        assert!(add(&universe, &host, &owner).await.is_err());
        assert_eq!(phase(&universe, &owner), Phase::Suspended);
    });
}

/// Lets entity `a` fail until its own budget (one restart) is spent, beside a sibling `b` and a cousin of another organisation;
/// how `a` is, and how often siblings and cousins were folded.
async fn fall(universe: &Universe) -> (Phase, f64) {
    let ((host, chaos), a) = (chaotic(universe), entity("tally", "a"));
    for other in [a.clone(), entity("tally", "b"), "tally:other:c".parse().expect("lawful")] {
        add(universe, &host, &other).await.expect("accepted");
    }
    let folded = |universe: &Universe| universe.figure("recoveries_total{kind=\"tally\"}");
    let (before, restarts) = (folded(universe), |universe: &Universe| universe.figure("restarts_total{kind=\"tally\"}"));
    chaos.panics(1_000);
    // Two panics: one is the entity's own, the other one climbs.
    assert!(add(universe, &host, &a).await.is_err());
    chaos.panics(0);
    universe.env.sleep(SECOND * 10).await;
    (phase(universe, &a), folded(universe) - before - restarts(universe))
}

/// Name, strategies by path, how the entity is then, how many others were folded anew, and who has restarted something.
type Row = (&'static str, &'static [(&'static str, Strategy)], Phase, f64, &'static str);

#[test]
fn what_a_supervisor_does_about_a_failure_can_be_seen() {
    use Strategy::{Escalate, RestartAll, RestartOne, Stop};
    let table: [Row; 6] = [
        ("stop", &[("test/tally", Stop)], Phase::Quarantined, 0.0, ""),
        ("restart one", &[("test/tally", RestartOne)], Phase::Running, 0.0, "test/tally"),
        ("restart all of the kind", &[("test/tally", RestartAll)], Phase::Running, 1.0, "test/tally"),
        ("the organisation answers", &[("*/tally", Escalate), ("test", RestartAll)], Phase::Running, 1.0, "test"),
        ("the root answers", &[("*/tally", Escalate), ("*", Escalate), ("", RestartAll)], Phase::Running, 2.0, ""),
        ("nobody answers", &[("*/tally", Escalate), ("*", Escalate), ("", Escalate)], Phase::Quarantined, 0.0, ""),
    ];
    for (name, strategies, state, refolded, who) in table {
        let strategies = strategies.iter().map(|(path, strategy)| ((*path).to_owned(), *strategy)).collect();
        let limits = RestartLimits { restarts_max: 1, ..RestartLimits::default() };
        let config = RuntimeConfig { supervision: Supervision { limits, strategies }, ..RuntimeConfig::default() };
        Universe::run(64, config, async move |universe: Universe| {
            assert_eq!(fall(&universe).await, (state, refolded), "{name}: how it is, and how many others were folded anew");
            let tree = universe.runtime.tree(&query(Some("test"), None, 3, 9));
            for node in tree.nodes.iter().filter(|node| node.kind == "kind" || node.kind == "organisation") {
                assert_eq!(node.restarts, u64::from(node.id == who), "{name}: {}", node.id);
            }
            let kind = tree.nodes.iter().find(|node| node.kind == "kind").expect("there is one");
            assert!(kind.last_fault.as_ref().is_some_and(|fault| fault.contains("chaos")), "{name}: it reached the kind");
        });
    }
}
