//! Decisions under a policy that changes, and observers that know before the callers do.

use crate::testkit::Universe;
use crate::{AskError, Loaded, Observer, Policies, RuntimeConfig};
use ionveil_kernel::testkit::{Added, Count, Counter, TooMuch, meta};
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Policy, PolicyLevel, StreamId};
use parking_lot::Mutex;
use std::sync::Arc;

/// A counter that counts nothing where its policy is *halted*. Odd counts are made at the node `odd`.
struct Governed;

impl Decider for Governed {
    const KIND: &'static str = "governed";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = u64;
    type Command = Count;
    type Event = Added;
    type Rejection = TooMuch;

    fn initial(&self, _id: &StreamId) -> u64 {
        0
    }

    fn decide(&self, sum: &u64, command: &Count, env: &DecideEnv<'_>) -> Result<Decision<Self>, TooMuch> {
        match (env.policy.level, command.0) {
            (PolicyLevel::Halted, _) => Err(TooMuch),
            (_, IN_TWO) => Ok(vec![((), Added(1)), ((), Added(IN_TWO - 1))]),
            _other => Counter::default().decide(sum, command, env),
        }
    }

    fn evolve(&self, sum: u64, part: &(), event: &Added) -> Result<u64, BrokenInvariant> {
        Counter::default().evolve(sum, part, event)
    }

    fn causes(&self, decision: &[((), Added)]) -> Vec<Option<usize>> {
        if decision.len() == 2 { vec![None, Some(0)] } else { Vec::new() }
    }

    fn scope(&self, _owner: &StreamId, _sum: &u64, command: &Count) -> Option<Vec<EntityId>> {
        Some((command.0 % 2 == 1).then(|| "odd".parse().expect("lawful")).into_iter().collect())
    }
}

/// Is counted in two events, the first of which causes the second.
const IN_TWO: u64 = 100;

/// Halts the nodes that are listed.
#[derive(Default)]
struct Halted(Mutex<Vec<String>>);

impl Policies for Halted {
    fn policy(&self, owner: &StreamId, nodes: &[EntityId]) -> Policy {
        assert_eq!(owner.org.as_str(), "test");
        let halted = self.0.lock();
        let level = if nodes.iter().any(|node| halted.iter().any(|name| name == node.as_str())) {
            PolicyLevel::Halted
        } else {
            PolicyLevel::Normal
        };
        Policy { level, ..Policy::default() }
    }
}

/// The version that each entity was last seen at.
#[derive(Default)]
struct Seen(Mutex<Vec<(String, u64)>>);

impl Observer<Governed> for Seen {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Governed>) {
        self.0.lock().push((owner.to_string(), loaded.version));
    }
}

#[test]
fn what_is_decided_under_a_policy_follows_it_from_one_command_to_the_next() {
    Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
        let policies = Arc::new(Halted::default());
        assert!(universe.runtime.govern(policies.clone()));
        assert!(!universe.runtime.govern(Arc::new(Halted::default())), "only the first one counts");
        let host = universe.runtime.entity(Arc::new(Governed)).expect("the only kind");
        let ask = |count, id| host.ask("governed:test:a".parse().expect("lawful"), Count(count), meta(id));
        assert_eq!(ask(1, 1).await.expect("it is normal").state, 1);
        policies.0.lock().push("odd".to_owned());
        assert_eq!(ask(1, 2).await.expect_err("halted"), AskError::Rejected(TooMuch));
        assert_eq!(ask(2, 3).await.expect("another node").state, 3);
        policies.0.lock().clear();
        assert_eq!(ask(1, 4).await.expect("normal again").state, 4);
    });
}

#[test]
fn an_observer_knows_before_the_caller_is_answered() {
    Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
        let seen = Arc::new(Seen::default());
        let host = universe.runtime.entity_observed(Arc::new(Governed), seen.clone()).expect("the only kind");
        for version in 1..=3 {
            let reply = host.ask("governed:test:a".parse().expect("lawful"), Count(1), meta(version.into())).await.expect("accepted");
            let last = seen.0.lock().last().cloned();
            assert_eq!((reply.receipt.version, last), (version, Some(("governed:test:a".to_owned(), version))));
        }
    });
}

#[test]
fn an_event_may_be_caused_by_an_earlier_one_of_its_decision() {
    Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
        let host = universe.runtime.entity(Arc::new(Governed)).expect("the only kind");
        let owner: StreamId = "governed:test:a".parse().expect("lawful");
        let meta = meta(7);
        host.ask(owner.clone(), Count(IN_TWO), meta.clone()).await.expect("accepted");
        let events = universe.runtime.journal().store().read_stream(&owner, 0, 9).await.expect("a store in memory");
        let causes: Vec<_> = events.iter().map(|event| event.causation_id).collect();
        assert_eq!(causes, [meta.command_id.0, events[0].event_id.0]);
    });
}
