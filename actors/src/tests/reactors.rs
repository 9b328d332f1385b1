//! Reactors and the outbox: killed or cut off at whatever call of the store, their effects are there once by id and the
//! checkpoint is never ahead of its rows; a once-effect whose outcome is unknown is settled by policy; a poisoned event
//! stands still and goes on when it is mended.

use super::common::{causes, entity, insist};
use super::tally::{Command, Tally};
use super::world::{Echo, POISON, World};
use crate::testkit::Universe;
use crate::{Host, OnUnknown, RuntimeConfig, SendError};
use ionveil_journal::{OutboxRow, OutboxState, OutboxStore, OutboxWhat, Store};
use ionveil_kernel::{EffectClass, effect_id};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);
const WELL: Echo = Echo { poisoned: false };

fn register(universe: &Universe) -> Host<Tally> {
    universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind")
}

async fn add(universe: &Universe, host: &Host<Tally>, id: &str, amount: u64) {
    insist(&universe.env, host, &entity("tally", id), Command::Add(amount)).await;
}

/// The rows in any state.
async fn rows(universe: &Universe) -> Vec<OutboxRow> {
    universe.memory.outbox(None, None, None, usize::MAX).await.expect("in memory")
}

/// The ids of the reactions at `index` to the events of the sources, and where those are.
async fn expected(universe: &Universe, index: usize) -> Vec<(u16, u64, Uuid)> {
    let mut ids = Vec::new();
    for source in ["src1", "src2", "src3"] {
        let events = universe.memory.read_stream(&entity("tally", source), 0, usize::MAX).await.expect("in memory");
        ids.extend(events.iter().map(|event| (event.partition, event.position, effect_id(event.event_id, "echo", index))));
    }
    ids
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable();
    ids
}

/// Everything that the checkpoint has passed is in the outbox, or has arrived.
async fn check_checkpoint(universe: &Universe, world: &World) {
    let checkpoints = universe.memory.checkpoints("echo").await.expect("in memory");
    let waiting: BTreeSet<Uuid> = rows(universe).await.into_iter().map(|row| row.row.effect_id).collect();
    let asked = causes_of_commands(universe).await;
    let arrived = [asked, world.repeatable.arrived(), world.once.arrived()];
    for (index, arrived) in arrived.iter().enumerate() {
        for (partition, position, id) in expected(universe, index).await {
            let passed = position <= checkpoints[usize::from(partition)];
            assert!(!passed || waiting.contains(&id) || arrived.contains(&id), "reaction {index} is lost");
        }
    }
}

/// The commands that `dst` has carried out. A reactor's command has the id of its effect; its cause is the event.
async fn causes_of_commands(universe: &Universe) -> Vec<Uuid> {
    let causes = causes(&universe.memory, &entity("tally", "dst")).await;
    let mut ids = Vec::new();
    for source in ["src1", "src2", "src3"] {
        let events = universe.memory.read_stream(&entity("tally", source), 0, usize::MAX).await.expect("in memory");
        for event in events {
            let times = causes.iter().filter(|cause| **cause == event.event_id.0).count();
            ids.extend(std::iter::repeat_n(effect_id(event.event_id, "echo", 0), times));
        }
    }
    assert_eq!(ids.len(), causes.len(), "nothing else was asked of it");
    ids
}

async fn interrupted(mut universe: Universe, calls: u64, stored: bool, crash: bool) -> bool {
    let (mut host, world) = (register(&universe), World::default());
    for source in ["src1", "src2", "src3"] {
        add(&universe, &host, source, 1).await;
    }
    universe.faults.fuse(calls, stored);
    world.attach(&universe, WELL);
    universe.env.sleep(SECOND * 2).await;
    let fell = !universe.faults.defuse();
    check_checkpoint(&universe, &world).await;
    universe.faults.set(|knobs| knobs.down = false);
    if crash {
        drop(host);
        universe = universe.crash().await;
        host = register(&universe);
        world.attach(&universe, WELL);
    }
    universe.env.sleep(SECOND * 90).await;
    check_checkpoint(&universe, &world).await;
    let ids = async |index| sorted(expected(&universe, index).await.into_iter().map(|(.., id)| id).collect());
    assert_eq!(sorted(causes_of_commands(&universe).await), ids(0).await, "each command once");
    let mail: BTreeSet<Uuid> = world.repeatable.arrived().into_iter().collect();
    assert_eq!(mail.into_iter().collect::<Vec<_>>(), ids(1).await, "each repeatable effect, once by id");
    let (paid, left) = (sorted(world.once.arrived()), rows(&universe).await);
    assert_eq!(paid.len(), paid.iter().collect::<BTreeSet<_>>().len(), "no once-effect twice");
    assert!(left.iter().all(|row| row.state == OutboxState::Unknown && row.row.what.class() == Some(EffectClass::Once)), "{left:?}");
    let unsent = left.iter().map(|row| row.row.effect_id).filter(|id| !paid.contains(id));
    assert_eq!(sorted(paid.iter().copied().chain(unsent).collect()), ids(2).await, "each once-effect arrived or is known to be unknown");
    assert!(crash || left.is_empty(), "a node that lives on knows what it has sent: {left:?}");
    drop(host);
    fell
}

trait Classed {
    fn class(&self) -> Option<EffectClass>;
}

impl Classed for OutboxWhat {
    fn class(&self) -> Option<EffectClass> {
        match self {
            Self::Effect { class, .. } => Some(*class),
            Self::Command { .. } => None,
        }
    }
}

#[test]
fn interrupted_at_whatever_call_of_the_store_effects_are_there_once_by_id() {
    let mut fallen = 0;
    for calls in 0..60 {
        for (stored, crash) in [(true, true), (false, true), (true, false), (false, false)] {
            println!("after {calls} calls, stored: {stored}, crash: {crash}");
            let run = async move |universe: Universe| interrupted(universe, calls, stored, crash).await;
            fallen += u32::from(Universe::run(calls, RuntimeConfig::default(), run));
        }
    }
    assert!(fallen > 110, "the store fell at {fallen} places");
}

#[test]
fn a_once_effect_of_unknown_outcome_is_settled_by_its_policy() {
    let unknown = || SendError::Unknown("the line went dead".to_owned());
    let table = [
        ("held", OnUnknown::Hold, unknown(), 1, Some(OutboxState::Unknown)),
        ("sent again", OnUnknown::SendAgain, unknown(), 2, None),
        ("taken as sent", OnUnknown::TakeAsSent, unknown(), 1, None),
        ("certainly not sent", OnUnknown::Hold, SendError::NotSent("busy".to_owned()), 1, None),
        ("refused", OnUnknown::Hold, SendError::Refused("no such account".to_owned()), 0, Some(OutboxState::Failed)),
    ];
    for (name, policy, answer, sent, left) in table {
        Universe::run(51, RuntimeConfig::default(), async move |universe: Universe| {
            let (host, world) = (register(&universe), World::default());
            *world.once.policy.lock() = policy;
            world.once.answers.lock().push(answer);
            world.attach(&universe, WELL);
            add(&universe, &host, "src1", 1).await;
            universe.env.sleep(SECOND * 600).await;
            assert_eq!(world.once.arrived().len(), sent, "{name}");
            assert_eq!(rows(&universe).await.first().map(|row| row.state), left, "{name}");
        });
    }
}

#[test]
fn a_poisoned_event_stands_still_and_goes_on_when_it_is_mended() {
    Universe::run(52, RuntimeConfig::default(), async |universe: Universe| {
        let (host, world) = (register(&universe), World::default());
        for amount in [1, POISON, 2] {
            add(&universe, &host, "src1", amount).await;
        }
        world.attach(&universe, Echo { poisoned: true });
        universe.env.sleep(SECOND * 60).await;
        let status = universe.runtime.reactors().pop().expect("there is one");
        assert!(status.fault.as_ref().is_some_and(|fault| fault.contains("poison")), "{status:?}");
        assert_eq!(world.repeatable.arrived().len(), 1, "what is before it is done, what is behind it waits");
        add(&universe, &host, "src1", 3).await;
        universe.env.sleep(SECOND * 60).await;
        assert_eq!(world.repeatable.arrived().len(), 1);
        drop(host);
        let universe = universe.crash().await;
        let _host = register(&universe);
        world.attach(&universe, WELL);
        universe.env.sleep(SECOND * 60).await;
        assert_eq!(universe.runtime.reactors().pop().and_then(|status| status.fault), None);
        assert_eq!((world.repeatable.arrived().len(), world.once.arrived().len()), (4, 4));
        assert_eq!(causes_of_commands(&universe).await.len(), 4);
    });
}

#[test]
fn rows_for_a_kind_or_channel_that_is_not_there_yet_wait() {
    Universe::run(53, RuntimeConfig::default(), async |universe: Universe| {
        let host = register(&universe);
        add(&universe, &host, "src1", 1).await;
        drop(host);
        let universe = universe.crash().await;
        universe.runtime.reactor(Arc::new(WELL)).expect("a lawful name");
        universe.env.sleep(SECOND * 60).await;
        let waiting = rows(&universe).await;
        assert_eq!(waiting.len(), 3);
        let waits = |row: &OutboxRow| {
            row.state == OutboxState::Pending && row.last_error.as_ref().is_some_and(|error| error.contains("registered"))
        };
        assert!(waiting.iter().all(waits), "{waiting:?}");
        let (world, _host) = (World::default(), register(&universe));
        world.open(&universe);
        universe.env.sleep(SECOND * 60).await;
        assert_eq!(rows(&universe).await, vec![]);
        assert_eq!((world.repeatable.arrived().len(), world.once.arrived().len()), (1, 1));
        assert_eq!(causes_of_commands(&universe).await.len(), 1);
    });
}
