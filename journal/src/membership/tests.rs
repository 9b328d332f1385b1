//! What holds of nodes that come, go and die, whatever happens in between.

use super::*;
use crate::lease::tests::{Clock, node};
use crate::{MemoryStore, Store};
use futures_util::FutureExt;
use ionveil_kernel::Env;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

const PARTITIONS: u16 = 8;
const LEASE: Duration = Duration::from_micros(1_200);
const NODES: usize = 4;

fn member(number: usize) -> Member {
    Member { node: node(number as u128 + 1), address: format!("n{number}:1"), release: "1".to_owned() }
}

/// The store in memory and this clock never make anybody wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it does not wait")
}

struct World {
    clock: Clock,
    nanos: u64,
    store: Arc<dyn Store>,
    nodes: [Option<Ownership>; NODES],
    /// What each node has begun to hand over.
    leaving: [Vec<u16>; NODES],
}

#[derive(Clone, Debug)]
enum Step {
    Start(usize),
    Look(usize),
    HandOver(usize),
    Leave(usize),
    Crash(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let of = 0..NODES;
    prop_oneof![
        2 => of.clone().prop_map(Step::Start),
        8 => of.clone().prop_map(Step::Look),
        4 => of.clone().prop_map(Step::HandOver),
        1 => of.clone().prop_map(Step::Leave),
        1 => of.prop_map(Step::Crash),
        4 => (1_u64..1_500_000).prop_map(Step::Pass),
    ]
}

impl World {
    fn new() -> Self {
        let clock = Clock::default();
        let store = Arc::new(MemoryStore::new(Env::new(clock.clone()), PARTITIONS));
        Self { clock, nanos: 0, store, nodes: Default::default(), leaving: Default::default() }
    }

    fn start(&mut self, at: usize) {
        let env = Env::new(self.clock.clone());
        let joined = Ownership::join(self.store.clone(), env, member(at), Standing::Serving, LEASE);
        self.nodes[at] = Some(now(joined).unwrap());
        self.leaving[at].clear();
    }

    fn look(&mut self, at: usize) {
        let Some(ownership) = &self.nodes[at] else { return };
        self.leaving[at].extend(now(ownership.look()).unwrap().leaving);
    }

    fn hand_over(&mut self, at: usize) {
        let leaving = std::mem::take(&mut self.leaving[at]);
        if let Some(ownership) = self.nodes[at].as_ref().filter(|_| !leaving.is_empty()) {
            now(ownership.hand_over(&leaving));
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Start(at) if self.nodes[at].is_none() => self.start(at),
            Step::Start(at) | Step::Look(at) => self.look(at),
            Step::HandOver(at) => self.hand_over(at),
            Step::Leave(at) => {
                if let Some(ownership) = self.nodes[at].take() {
                    ownership.stop();
                    now(self.store.release(member(at).node)).unwrap();
                    now(self.store.withdraw(member(at).node)).unwrap();
                }
            }
            Step::Crash(at) => drop(self.nodes[at].take()),
            Step::Pass(nanos) => {
                self.nanos += nanos;
                self.clock.set(self.nanos);
            }
        }
    }

    /// Who believes that a partition is its own.
    fn owners(&self, partition: u16) -> Vec<(usize, u64)> {
        let owns = |(at, node): (usize, &Option<Ownership>)| Some((at, node.as_ref()?.epoch(partition)?));
        self.nodes.iter().enumerate().filter_map(owns).collect()
    }

    fn check(&self) {
        for lease in now(self.store.leases()).unwrap() {
            let owners = self.owners(lease.partition);
            assert!(owners.len() <= 1, "partition {} has the owners {owners:?}", lease.partition);
            if let [(at, epoch)] = owners[..] {
                assert_eq!((lease.node, lease.epoch), (Some(member(at).node), epoch), "whoever believes it is right");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens, nobody takes for its own what is another's; and once nothing happens any more, each partition is
    /// its live owner's within a lease and four looks of each.
    #[test]
    fn no_partition_has_two_owners_and_each_gets_its_own(steps in prop::collection::vec(step(), 1..80), last in 0..NODES) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.take(&Step::Start(last));
        world.take(&Step::Pass(u64::try_from(LEASE.as_nanos()).unwrap()));
        for _ in 0..4 {
            for at in 0..NODES {
                world.look(at);
                world.check();
                world.hand_over(at);
                world.check();
            }
        }
        let live: Vec<NodeId> = (0..NODES).filter(|at| world.nodes[*at].is_some()).map(|at| member(at).node).collect();
        for partition in 0..PARTITIONS {
            let owners: Vec<_> = world.owners(partition).into_iter().map(|(at, _)| member(at).node).collect();
            prop_assert_eq!(owners, share::owner(&live, partition).into_iter().collect::<Vec<_>>(), "partition {}", partition);
        }
    }
}

#[test]
fn a_table_tells_whose_the_partitions_are() {
    let mut world = World::new();
    world.start(0);
    let [first, ..] = &world.nodes;
    let shares = |ownership: &Ownership| ownership.table().borrow().clone();
    assert!(shares(first.as_ref().unwrap()).iter().all(|share| *share == Share::Own { epoch: 1 }), "the first one gets all");
    world.start(1);
    world.look(0);
    let leaving = world.leaving[0].clone();
    let [Some(first), Some(second), ..] = &world.nodes else { unreachable!() };
    assert!(!leaving.is_empty() && leaving.iter().all(|partition| !first.admits(*partition) && first.epoch(*partition).is_some()));
    let foreign = Share::Foreign { node: node(1), address: Some("n0:1".to_owned()), epoch: 1 };
    assert!(shares(second).iter().all(|share| *share == foreign), "nothing is taken from a live owner");
    world.hand_over(0);
    world.look(1);
    world.look(0);
    let [Some(first), Some(second), ..] = &world.nodes else { unreachable!() };
    for partition in 0..PARTITIONS {
        let moved = leaving.contains(&partition);
        let at = usize::from(partition);
        let (given, taken) = (Share::Foreign { node: node(2), address: Some("n1:1".to_owned()), epoch: 3 }, Share::Own { epoch: 3 });
        assert_eq!(shares(first)[at], if moved { given } else { Share::Own { epoch: 1 } });
        assert_eq!(shares(second)[at], if moved { taken } else { foreign.clone() });
        assert_eq!((first.admits(partition), second.admits(partition)), (!moved, moved));
    }
}

#[test]
fn what_is_to_be_taken_is_looked_at_often_by_both_sides() {
    let mut world = World::new();
    world.start(0);
    let pause = |world: &World, at: usize| now(world.nodes[at].as_ref().unwrap().look()).unwrap().pause;
    let (seldom, often) = (LEASE / LOOKS_PER_LEASE, LEASE / LOOKS_PER_LEASE_EXPECTING);
    assert_eq!(pause(&world, 0), seldom);
    world.start(1);
    world.look(0);
    assert_eq!((pause(&world, 0), pause(&world, 1)), (seldom, often), "one waits for what the other has");
    world.hand_over(0);
    assert_eq!(pause(&world, 0), often, "whoever waits here wants to know who has it now");
    world.look(1);
    assert_eq!((pause(&world, 0), pause(&world, 1)), (seldom, seldom));
    let [Some(first), ..] = &world.nodes else { unreachable!() };
    assert!(first.table().borrow().iter().all(|share| *share != Share::Vacant));
}

#[derive(Default)]
struct Told(AtomicU64, AtomicU64);

impl Steward for Told {
    fn drain(&self, partitions: &[u16]) -> BoxFuture<'static, ()> {
        self.0.fetch_add(partitions.len() as u64, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }

    fn hear(&self, _: &[Claim]) -> BoxFuture<'static, bool> {
        Box::pin(std::future::ready(true))
    }

    fn lost(&self, partitions: &[u16]) {
        self.1.fetch_add(partitions.len() as u64, Ordering::Relaxed);
    }
}

#[test]
fn a_steward_is_told_of_what_goes() {
    let mut world = World::new();
    world.start(0);
    let told = Arc::new(Told::default());
    assert!(world.nodes[0].as_ref().unwrap().steward.set(told.clone()).is_ok());
    world.start(1);
    world.look(0);
    let leaving = world.leaving[0].len() as u64;
    world.hand_over(0);
    let counts = || (told.0.load(Ordering::Relaxed), told.1.load(Ordering::Relaxed));
    assert_eq!(counts(), (leaving, leaving), "drained, then gone");
    world.take(&Step::Pass(u64::try_from(LEASE.as_nanos()).unwrap()));
    world.look(1);
    world.look(0);
    assert_eq!(counts(), (leaving, u64::from(PARTITIONS)), "what another has taken meanwhile was not drained");
}

/// One who has not heard what others commit, until he has.
#[derive(Default)]
struct Deaf(AtomicU64);

impl Steward for Deaf {
    fn drain(&self, _: &[u16]) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn hear(&self, _: &[Claim]) -> BoxFuture<'static, bool> {
        Box::pin(std::future::ready(self.0.load(Ordering::Relaxed) > 0))
    }

    fn lost(&self, _: &[u16]) {}
}

#[test]
fn nothing_is_used_before_it_is_known_what_others_have_committed() {
    let mut world = World::new();
    world.start(0);
    let first = world.nodes[0].as_ref().unwrap();
    let deaf = Arc::new(Deaf::default());
    assert!(first.steward.set(deaf.clone()).is_ok());
    let usable = || first.claims().len();
    assert_eq!(usable(), usize::from(PARTITIONS));
    world.clock.set(u64::try_from(LEASE.as_nanos()).unwrap() * 2);
    assert!(now(first.look()).is_err(), "others may have thought it dead");
    assert_eq!(usable(), 0);
    deaf.0.store(1, Ordering::Relaxed);
    now(first.look()).unwrap();
    assert_eq!(usable(), usize::from(PARTITIONS), "the same ones, prolonged");
    deaf.0.store(0, Ordering::Relaxed);
    now(world.store.release(node(1))).unwrap();
    world.clock.set(u64::try_from(LEASE.as_nanos()).unwrap() / 2 * 5);
    assert!(now(first.look()).is_err(), "what is free is not taken");
    assert_eq!(usable(), 0);
    deaf.0.store(1, Ordering::Relaxed);
    now(first.look()).unwrap();
    assert_eq!(usable(), usize::from(PARTITIONS));
}
