//! The clients of the simulated cluster and the network between them and the nodes: requests and answers are delayed, lost and
//! doubled. A client asks again, here and there, until the answer is definite, and remembers what it was told.

use super::node::{Answer, Node, Request, What, request_id};
use super::{World, below, between, chance};
use crate::testkit::brake::{Pull, TakeOn};
use crate::testkit::{alarm, tally};
use ionveil_kernel::{CommandId, Env, IdSource, StreamId, TimerPolicy};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a client waits for one answer.
const WAIT: Duration = Duration::from_millis(1_500);
/// How long it goes on asking.
const INSIST: Duration = Duration::from_secs(90);
/// How many commands come at once in a burst: more than fit in line.
const BURST: u64 = 40;
/// Of 1,000 messages on the network, so many are lost, and so many arrive twice.
const LOST: u64 = 10;
const TWICE: u64 = 20;

/// A client, until the world says that it is enough.
pub(super) async fn client(world: Arc<World>, number: u64) {
    while !world.is_over() {
        world.env.sleep(between(&world.env, 300, 3_500)).await;
        if chance(&world.env, 30) {
            burst(&world, number).await;
        } else {
            let request = match below(&world.env, 20) {
                0 | 1 => reminder(&world, number),
                2 => Request { owner: brake(), key: Some(world.env.next_id()), what: What::Brake(Pull) },
                3..=5 => duty(&world),
                _ => addition(&world),
            };
            insist(&world, number, request).await;
        }
    }
    world.leave();
}

/// Many commands to one entity at once.
async fn burst(world: &Arc<World>, number: u64) {
    let owner = addition(world).owner;
    let requests = (0..BURST).map(|_| insist(world, number, Request { owner: owner.clone(), ..addition(world) }));
    futures_util::future::join_all(requests.collect::<Vec<_>>()).await;
}

/// A new timer, which wants to ring once.
fn reminder(world: &World, number: u64) -> Request {
    let env = &world.env;
    let due = env.now().after(between(env, 100, 20_000));
    let name = format!("t{}", env.next_id());
    let set = alarm::Set { name, due, policy: TimerPolicy::FireOnceLate, then: alarm::Then::Gone };
    Request { owner: entity("alarm", "a", number % 3), key: Some(env.next_id()), what: What::Alarm(alarm::Command::Remind(set)) }
}

/// There is one, and everybody obeys it.
pub(super) fn brake() -> StreamId {
    entity("brake", "b", 0)
}

fn duty(world: &World) -> Request {
    Request { owner: entity("duty", "d", below(&world.env, 12)), key: Some(world.env.next_id()), what: What::Duty(TakeOn) }
}

/// Something for a tally.
fn addition(world: &World) -> Request {
    let env = &world.env;
    let key = (!chance(env, 300)).then(|| env.next_id());
    let command = match below(env, 20) {
        0 | 1 => tally::Command::Clear,
        2..=4 => tally::Command::Touch,
        _ => tally::Command::Add(below(env, tally::LIMIT / 8)),
    };
    let owner = if chance(env, 300) { entity("tally", "src", below(env, 4)) } else { entity("tally", "e", below(env, 10)) };
    Request { owner, key, what: What::Tally(command) }
}

fn entity(kind: &str, name: &str, number: u64) -> StreamId {
    format!("{kind}:test:{name}{number}").parse().expect("lawful")
}

/// Asks until the answer is definite; without a key only once.
async fn insist(world: &Arc<World>, client: u64, request: Request) {
    let (env, number) = (&world.env, world.next_request());
    let give_up = env.monotonic() + INSIST;
    if let Some(key) = request.key {
        world.server.truth.asked(&request.owner, CommandId(request_id(key)));
    }
    let mut node = world.hint(client, &request.owner);
    loop {
        match call(world, node, &request).await {
            Some(Answer::Done(id)) => {
                world.server.truth.acknowledged(number, &request.owner, id);
                world.acknowledge(client, node, &request);
                return;
            }
            Some(Answer::Refused) => return,
            Some(Answer::Again) | None if request.key.is_none() || env.monotonic() >= give_up => {
                world.server.truth.note(&format!("request {number} is left open"));
                return;
            }
            Some(Answer::Again) | None => {}
        }
        env.sleep(between(env, 20, 300)).await;
        node = below(env, world.nodes.len() as u64) as usize;
    }
}

/// One try over the network; none if no answer comes in time.
async fn call(world: &Arc<World>, number: usize, request: &Request) -> Option<Answer> {
    let (env, node) = (world.env.clone(), world.nodes[number].clone());
    let (tell, told) = oneshot::channel();
    if chance(&env, TWICE) {
        env.spawn(deliver(env.clone(), node.clone(), request.clone(), None));
    }
    env.spawn(deliver(env.clone(), node, request.clone(), Some(tell)));
    let answer = async {
        match told.await {
            Ok(answer) => answer,
            // It was lost: the client learns nothing of that.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        () = env.sleep(WAIT) => None,
    }
}

/// There, and with the answer back.
async fn deliver(env: Env, node: Arc<Node>, request: Request, tell: Option<oneshot::Sender<Answer>>) {
    env.sleep(transit(&env)).await;
    if !passes(&env, &node) {
        return;
    }
    let (answer, answered) = oneshot::channel();
    node.take(request, answer);
    let Ok(answer) = answered.await else { return };
    env.sleep(transit(&env)).await;
    if let Some(tell) = tell.filter(|_| passes(&env, &node)) {
        let _nobody_waits = tell.send(answer);
    }
}

/// Now and then a message takes as long as a takeover.
pub(super) fn transit(env: &Env) -> Duration {
    if chance(env, 5) { between(env, 100, 6_000) } else { between(env, 0, 3) }
}

pub(super) fn passes(env: &Env, node: &Node) -> bool {
    !chance(env, LOST) && node.reachable.load(Ordering::Relaxed)
}
