//! Several nodes on one store: whoever is asked, the command is carried out once at its owner, and whoever watches on another node
//! hears of it. Hand-over, crash and a network that loses answers make nothing fail but what nobody could do.

use super::common::{entity, fresh, open};
use super::tally::{Command, LIMIT, Tally};
use crate::{Answered, AskError, Class, Forward, ForwardError, Host, Loaded, Observer, Parcel, Runtime, RuntimeConfig, SimEnv, simulate};
use ionveil_journal::testkit::{Faults, FaultyStore};
use ionveil_journal::{Journal, JournalConfig, Member, MemoryStore, Share, Store};
use ionveil_kernel::{BoxFuture, Env, NodeId, StreamId};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(3);

/// The network between them: who is reached where, and how many of the next answers are lost.
#[derive(Default)]
struct Net {
    nodes: Mutex<BTreeMap<String, Runtime>>,
    lose: Mutex<u32>,
    /// Who gets everything and answers nothing.
    mute: Mutex<Option<String>>,
    carried: Mutex<u32>,
}

struct Link(Env, Arc<Net>);

impl Forward for Link {
    fn forward<'a>(&'a self, address: &'a str, parcel: &'a Parcel) -> BoxFuture<'a, Result<Answered, ForwardError>> {
        Box::pin(async move {
            let Self(env, net) = self;
            env.sleep(Duration::from_millis(1)).await;
            let node = net.nodes.lock().get(address).cloned().ok_or_else(|| ForwardError::NotSent("nobody is there".to_owned()))?;
            *net.carried.lock() += 1;
            if net.mute.lock().as_deref() == Some(address) {
                return std::future::pending().await;
            }
            let text = serde_json::to_string(parcel).expect("it has a text");
            let answer = node.receive(serde_json::from_str(&text).expect("its own text")).await;
            let text = serde_json::to_string(&answer).expect("it has a text");
            let lost = std::mem::replace(&mut *net.lose.lock(), 0);
            if lost > 0 {
                *net.lose.lock() = lost - 1;
                return Err(ForwardError::Unknown("the answer is lost".to_owned()));
            }
            Ok(serde_json::from_str(&text).expect("its own text"))
        })
    }

    fn hear<'a>(&'a self, address: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), ForwardError>> {
        Box::pin(async move {
            let Self(env, net) = self;
            env.sleep(Duration::from_millis(1)).await;
            let node = net.nodes.lock().get(address).cloned().ok_or_else(|| ForwardError::NotSent("nobody is there".to_owned()))?;
            if net.mute.lock().as_deref() == Some(address) {
                env.sleep(patience).await;
                return Err(ForwardError::Unknown("it answers nothing".to_owned()));
            }
            if node.hear().await { Ok(()) } else { Err(ForwardError::Unknown("it does not know".to_owned())) }
        })
    }
}

/// The latest version that it was told of, by entity.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<StreamId, u64>>);

impl Observer<Tally> for Seen {
    fn committed(&self, owner: &StreamId, loaded: &Loaded<Tally>) {
        self.0.lock().insert(owner.clone(), loaded.version);
    }
}

struct Node {
    address: String,
    runtime: Runtime,
    tally: Host<Tally>,
    seen: Arc<Seen>,
    store: Arc<FaultyStore>,
}

impl Node {
    /// It is gone without a word.
    async fn crash(self, net: &Net) {
        self.store.cut();
        net.nodes.lock().remove(&self.address);
        drop(self.runtime.journal().close().await);
    }
}

struct Cluster {
    env: Env,
    memory: Arc<MemoryStore>,
    net: Arc<Net>,
}

impl Cluster {
    fn run<T: 'static>(seed: u64, scenario: impl AsyncFnOnce(Self) -> T + 'static) -> T {
        simulate(async move {
            let env = Env::new(SimEnv::new(seed));
            let memory = Arc::new(MemoryStore::new(env.clone(), 8));
            scenario(Self { env, memory, net: Arc::default() }).await
        })
    }

    async fn node(&self, number: u128) -> Node {
        let address = format!("n{number}:1");
        let member = Member { node: NodeId(Uuid::from_u128(number << 64 | number)), address: address.clone(), release: "1".to_owned() };
        let config = JournalConfig { lease: LEASE, ..JournalConfig::default() };
        let store = Arc::new(FaultyStore::new(self.memory.clone(), self.env.clone(), Faults::default()));
        let journal = Journal::join(store.clone(), self.env.clone(), member, config).await.expect("a store in memory");
        let runtime = Runtime::new(journal, RuntimeConfig::default(), &mut Registry::default(), vec![actix::Arbiter::current()]);
        assert!(runtime.forward(Arc::new(Link(self.env.clone(), self.net.clone()))));
        let seen = Arc::new(Seen::default());
        let tally = runtime.entity_observed(Arc::new(Tally), seen.clone()).expect("a lawful kind");
        self.net.nodes.lock().insert(address.clone(), runtime.clone());
        Node { address, runtime, tally, seen, store }
    }

    async fn three(&self) -> [Node; 3] {
        let nodes = [self.node(1).await, self.node(2).await, self.node(3).await];
        self.env.sleep(LEASE).await;
        nodes
    }

    async fn ask(&self, node: &Node, owner: &StreamId, command: Command) -> Result<u64, AskError<super::tally::TooMuch>> {
        Ok(node.tally.ask(owner.clone(), command, fresh(&self.env)).await?.state.sum)
    }
}

fn owners() -> Vec<StreamId> {
    (0..24).map(|number| entity("tally", &format!("e{number}"))).collect()
}

fn owned(node: &Node) -> usize {
    node.runtime.journal().partitions().borrow().iter().filter(|share| matches!(share, Share::Own { .. })).count()
}

#[test]
fn any_node_may_be_asked_and_every_one_sees_what_was_committed() {
    Cluster::run(1, async |cluster: Cluster| {
        let nodes = cluster.three().await;
        assert!(nodes.iter().all(|node| owned(node) > 0) && nodes.iter().map(owned).sum::<usize>() == 8);
        for (number, node) in nodes.iter().enumerate() {
            for owner in owners() {
                let sum = cluster.ask(node, &owner, Command::Add(2)).await.expect("accepted");
                assert_eq!(sum, 2 * (number as u64 + 1), "the state at its receipt");
                assert_eq!(node.seen.0.lock().get(&owner), Some(&(number as u64 + 1)), "told before the answer");
            }
        }
        assert!(*cluster.net.carried.lock() > 20, "most were forwarded");
        cluster.env.sleep(Duration::from_secs(1)).await;
        for node in &nodes {
            assert_eq!(*node.seen.0.lock(), owners().into_iter().map(|owner| (owner, 3)).collect());
        }
    });
}

#[test]
fn a_refusal_is_the_same_value_on_every_node() {
    Cluster::run(2, async |cluster: Cluster| {
        let nodes = cluster.three().await;
        for owner in owners() {
            cluster.ask(&nodes[0], &owner, Command::Add(7)).await.expect("accepted");
            for node in &nodes {
                match cluster.ask(node, &owner, Command::Add(LIMIT)).await {
                    Err(AskError::Rejected(refusal)) => assert_eq!((refusal.add, refusal.on.sum), (LIMIT, 7)),
                    other => panic!("{other:?}"),
                }
                let meta = ionveil_kernel::Meta { expected_version: Some(9), ..fresh(&cluster.env) };
                let answer = node.tally.ask(owner.clone(), Command::Touch, meta).await.map(|reply| reply.state);
                assert_eq!(answer, Err(AskError::VersionConflict { expected: 9, actual: 1 }));
            }
        }
    });
}

#[test]
fn a_lost_answer_is_asked_for_again_and_nothing_is_done_twice() {
    Cluster::run(3, async |cluster: Cluster| {
        let nodes = cluster.three().await;
        for owner in owners() {
            *cluster.net.lose.lock() = 1;
            assert_eq!(cluster.ask(&nodes[0], &owner, Command::Add(5)).await, Ok(5));
        }
        *cluster.net.lose.lock() = 0;
        let repeated = fresh(&cluster.env);
        for node in &nodes {
            let reply = node.tally.ask(entity("tally", "e1"), Command::Add(1), repeated.clone()).await.expect("accepted");
            assert_eq!((reply.state.sum, reply.receipt.version), (6, 2), "wherever it is repeated");
        }
    });
}

/// Adds one to each entity again and again at `node`, and says how long the longest answer took.
async fn load(cluster: &Cluster, node: &Node, rounds: u32) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        for owner in owners() {
            let began = cluster.env.monotonic();
            cluster.ask(node, &owner, Command::Add(1)).await.expect("no command fails");
            longest = longest.max(cluster.env.monotonic() - began);
        }
        cluster.env.sleep(Duration::from_millis(20)).await;
    }
    longest
}

async fn each_is(cluster: &Cluster, node: &Node, sum: u64) {
    for owner in owners() {
        assert_eq!(cluster.ask(node, &owner, Command::Touch).await, Ok(sum), "{owner}");
    }
}

#[test]
fn a_planned_hand_over_fails_nothing_and_a_newcomer_gets_its_share() {
    Cluster::run(4, async |cluster: Cluster| {
        let [first, second, third] = cluster.three().await;
        let leave = async {
            cluster.env.sleep(Duration::from_millis(300)).await;
            third.runtime.journal().leave().await.expect("a store in memory");
            let left = owned(&third);
            let newcomer = cluster.node(4).await;
            cluster.env.sleep(LEASE).await;
            (left, owned(&newcomer))
        };
        let (one, two, three, (left, got)) =
            tokio::join!(load(&cluster, &first, 80), load(&cluster, &second, 80), load(&cluster, &third, 80), leave);
        assert!(one.max(two).max(three) < Duration::from_secs(1), "the longest wait was {:?}", one.max(two).max(three));
        assert!(left == 0 && got > 0, "{left} were left, {got} were taken");
        each_is(&cluster, &first, 240).await;
    });
}

#[test]
fn what_a_dead_node_had_is_answered_by_others_once_its_lease_is_over() {
    Cluster::run(5, async |cluster: Cluster| {
        let [first, second, third] = cluster.three().await;
        load(&cluster, &first, 1).await;
        third.crash(&cluster.net).await;
        let longest = load(&cluster, &second, 1).await;
        assert!(longest > LEASE / 2 && longest < LEASE * 2, "{longest:?}");
        each_is(&cluster, &first, 2).await;
    });
}

#[test]
fn nobody_waits_for_a_node_that_has_lost_what_it_was_asked_about() {
    Cluster::run(7, async |cluster: Cluster| {
        let [first, second, third] = cluster.three().await;
        load(&cluster, &first, 1).await;
        *cluster.net.mute.lock() = Some(third.address.clone());
        third.store.cut();
        let longest = load(&cluster, &second, 1).await;
        assert!(longest > LEASE / 2 && longest < LEASE * 2, "{longest:?}");
        each_is(&cluster, &first, 2).await;
    });
}

#[test]
fn what_was_forwarded_under_an_earlier_epoch_is_not_carried_out() {
    Cluster::run(8, async |cluster: Cluster| {
        let [first, ..] = cluster.three().await;
        let owner = owners().into_iter().find(|owner| first.runtime.journal().admits(owner)).expect("one of its own");
        let epoch = first.runtime.journal().epoch(&owner).expect("its own");
        let parcel = |epoch| Parcel {
            owner: owner.clone(),
            command: serde_json::to_string(&Command::Add(1)).expect("it has a text"),
            meta: fresh(&cluster.env),
            class: Class::Command,
            epoch,
            patience: Duration::from_secs(1),
        };
        // It may have been refused by whoever owned it in between.
        assert_eq!(first.runtime.receive(parcel(epoch - 1)).await, Answered::NotMine { open: false });
        assert!(matches!(first.runtime.receive(parcel(epoch)).await, Answered::Done { repeated: false, .. }));
        assert_eq!(cluster.ask(&first, &owner, Command::Touch).await, Ok(1), "once");
    });
}

#[test]
fn an_entity_that_comes_back_takes_what_is_forwarded_again() {
    Cluster::run(9, async |cluster: Cluster| {
        let [first, second, third] = cluster.three().await;
        // All of them have entities in memory that have been elsewhere, and some have work when they go.
        for round in 1..=3 {
            let strike = async {
                cluster.env.sleep(Duration::from_millis(30)).await;
                for node in [&first, &second, &third] {
                    cluster.memory.release(node.runtime.journal().node()).await.expect("a store in memory");
                }
            };
            tokio::join!(load(&cluster, &first, 4), load(&cluster, &second, 4), strike);
            cluster.env.sleep(LEASE * 2).await;
            for node in [&first, &second, &third] {
                each_is(&cluster, node, 8 * round).await;
            }
        }
    });
}

#[test]
fn a_command_that_finds_no_way_is_not_carried_out() {
    Cluster::run(6, async |cluster: Cluster| {
        let [first, ..] = cluster.three().await;
        let stranger = Cluster { env: cluster.env.clone(), memory: cluster.memory.clone(), net: Arc::default() };
        let alone = stranger.node(9).await;
        stranger.env.sleep(LEASE).await;
        let began = cluster.env.monotonic();
        let of_others = owners().into_iter().find(|owner| !alone.runtime.journal().admits(owner)).expect("one of another");
        let answer = cluster.ask(&alone, &of_others, Command::Add(1)).await;
        assert!(answer.as_ref().is_err_and(open), "{answer:?}");
        assert!(cluster.env.monotonic() - began >= RuntimeConfig::default().deadline, "it was tried as long as its caller waited");
        assert_eq!(cluster.ask(&first, &of_others, Command::Add(1)).await, Ok(1), "and was not carried out");
    });
}
