//! A zone is halted and let go again while many work in it and beside it: what is asked after the answer obeys the answer.

use super::duty::{Duty, Halted, TakeOn};
use super::given::{ask, clear_override, grow, id, meta, on_node, org, set_override};
use ionveil::node::{Kinds, Node};
use ionveil_actors::{AskError, Host};
use ionveil_kernel::{EntityId, PolicyLevel, StreamId};
use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::JoinSet;

const NODES: u64 = 13;
/// Zone 4 lies below zone 1, which is halted; zone 5 beside 4 also, zone 2 does not.
const HALTED: u64 = 1;
const INSIDE: u64 = 4;
const BESIDE: u64 = 2;
const ROUNDS: u64 = 100;
const WORKERS: u64 = 16;

/// Where the test stands: four steps to a round, of which the even ones are acknowledged.
#[derive(Default)]
struct Stage {
    step: AtomicU64,
    stop: AtomicBool,
}

/// What a worker could judge.
#[derive(Debug, Default)]
struct Judged {
    accepted: u64,
    refused: u64,
}

#[test]
fn what_is_asked_after_the_answer_that_a_zone_is_halted_is_refused() {
    let mut kinds = Kinds::default();
    kinds.entity(Duty);
    on_node(kinds, async |node, threads| {
        grow(node, NODES).await;
        let (stage, mut inside, mut beside) = (Arc::new(Stage::default()), JoinSet::new(), JoinSet::new());
        for number in 0..WORKERS {
            inside.spawn_on(works(node.clone(), stage.clone(), number, id(INSIDE)), &threads.journal);
            beside.spawn_on(works(node.clone(), stage.clone(), WORKERS + number, id(BESIDE)), &threads.journal);
        }
        for round in 0..ROUNDS {
            for (step, command) in [(1, set_override(HALTED, PolicyLevel::Halted)), (3, clear_override(HALTED))] {
                stage.step.store(round * 4 + step, Ordering::SeqCst);
                ask(node, command).await.expect("accepted");
                stage.step.store(round * 4 + step + 1, Ordering::SeqCst);
                // What is asked here begins after the answer.
                let reply = take_on(node, WORKERS * 2, &id(INSIDE)).await;
                judge(step + 1, &reply, &mut Judged::default());
            }
        }
        stage.stop.store(true, Ordering::SeqCst);
        let (inside, beside) = (sum(inside).await, sum(beside).await);
        assert!(inside.accepted > 0 && inside.refused > ROUNDS / 4, "{inside:?}");
        assert!(beside.accepted > ROUNDS && beside.refused == 0, "{beside:?}");
    });
}

async fn sum(mut workers: JoinSet<Judged>) -> Judged {
    let mut all = Judged::default();
    while let Some(judged) = workers.join_next().await {
        let judged = judged.expect("a worker found nothing wrong");
        (all.accepted, all.refused) = (all.accepted + judged.accepted, all.refused + judged.refused);
    }
    all
}

/// Takes on one duty after the other, and judges those during which nothing was asked of the tree.
async fn works(node: Node, stage: Arc<Stage>, number: u64, zone: EntityId) -> Judged {
    let mut judged = Judged::default();
    while !stage.stop.load(Ordering::SeqCst) {
        let before = stage.step.load(Ordering::SeqCst);
        let reply = take_on(&node, number, &zone).await;
        if zone == id(BESIDE) {
            judge(0, &reply, &mut judged);
        } else if before == stage.step.load(Ordering::SeqCst) {
            judge(before, &reply, &mut judged);
        }
    }
    judged
}

type Answer = Result<(), AskError<Halted>>;

async fn take_on(node: &Node, number: u64, zone: &EntityId) -> Answer {
    let host: &Host<Duty> = node.hosts[&TypeId::of::<Duty>()].downcast_ref().expect("registered");
    let entity: StreamId = format!("duty:{}:unit-{number}", org()).parse().expect("lawful");
    host.ask(entity, TakeOn(zone.clone()), meta(node)).await.map(drop)
}

/// Whether the answer is the one of its step; between an order and its answer both are right.
fn judge(step: u64, answer: &Answer, judged: &mut Judged) {
    match (step % 4, answer) {
        (0, Ok(())) => judged.accepted += 1,
        (2, Err(AskError::Rejected(Halted { node }))) => {
            assert_eq!(node, id(HALTED).as_str(), "the node that decides");
            judged.refused += 1;
        }
        (1 | 3, Ok(()) | Err(AskError::Rejected(_))) => {}
        (step, answer) => panic!("in step {step}: {answer:?}"),
    }
}
