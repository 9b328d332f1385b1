//! What goes wrong in the simulated cluster, one thing after the other and some at once: processes are killed, frozen and
//! stopped, also between two steps towards the store; clocks are set; nodes lose their clients or the store; the store is down,
//! slow, and lies about commits.

use super::node::Node;
use super::process::{Blow, Trap};
use super::{BASE, JUMP_MAX, LEASE, World, below, between, chance};
use ionveil_journal::testkit::{Knobs, Wrong};
use ionveil_kernel::Env;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Strikes until the world says that it is enough, and puts everything right again.
pub(super) async fn nemesis(world: Arc<World>) {
    while !world.is_over() {
        world.env.sleep(between(&world.env, 4_000, 16_000)).await;
        strike(&world);
    }
    world.leave();
}

/// Puts everything right.
pub(super) fn heal(world: &World) {
    for node in &world.nodes {
        node.faults.set(|knobs| *knobs = BASE);
        node.reachable.store(true, Ordering::Relaxed);
        node.ahead.store(0, Ordering::Relaxed);
        node.process().thaw();
        node.start();
        node.trouble(world.env.monotonic());
    }
}

fn strike(world: &Arc<World>) {
    let node = world.nodes[below(&world.env, world.nodes.len() as u64) as usize].clone();
    // About as long as a takeover, or far longer.
    let most = if chance(&world.env, 600) { 6_000 } else { 15_000 };
    let (kind, last) = (below(&world.env, 12), between(&world.env, 1_000, most));
    let last = if (1..=3).contains(&kind) { last + LEASE } else { last };
    world.fault(&node, last, |env, node| match kind {
        0 => {
            node.kill();
            "killed"
        }
        1 => {
            node.process().strike(Blow::Freeze);
            "frozen"
        }
        2 | 3 => {
            node.process().set_trap(trap(env, Blow::Freeze));
            "to be frozen on its way to the store"
        }
        4 | 5 => {
            node.process().set_trap(trap(env, Blow::Kill));
            "to be killed on its way to the store"
        }
        6 => {
            node.stop();
            "stopped"
        }
        7 => {
            let most = JUMP_MAX.as_micros() as i64;
            node.ahead.store(below(env, 2 * most as u64) as i64 - most, Ordering::Relaxed);
            "given another time"
        }
        8 => {
            node.reachable.store(false, Ordering::Relaxed);
            "cut off from the clients"
        }
        9 => {
            node.faults.set(|knobs| knobs.down = true);
            "cut off from the store"
        }
        10 => {
            let wrong = Wrong::evenly(40);
            node.faults.set(|knobs| *knobs = Knobs { appends: wrong, changes: Wrong::evenly(20), reads: 10, ..BASE });
            "lied to by the store"
        }
        _ => {
            let slow = (Duration::ZERO, Duration::from_millis(800));
            node.faults.set(|knobs| *knobs = Knobs { change_delay: slow, read_delay: slow, late: Duration::from_secs(4), ..BASE });
            "far from the store"
        }
    });
}

/// Between any two steps, or in the middle of an append.
fn trap(env: &Env, blow: Blow) -> Trap {
    let appends = chance(env, 700);
    Trap { steps: below(env, if appends { 3 } else { 12 }) as u32, appends, blow }
}

/// After a while a node is as it was, whatever happened to it.
pub(super) async fn recover(node: Arc<Node>, env: Env, last: Duration) {
    env.sleep(last).await;
    node.server.truth.note(&format!("node {} recovers", node.number));
    node.faults.set(|knobs| *knobs = BASE);
    node.reachable.store(true, Ordering::Relaxed);
    node.process().thaw();
    node.start();
}
