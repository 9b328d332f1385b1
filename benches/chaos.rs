//! Three real servers on one real Postgres, under callers who record what was acknowledged, while one server after the other is
//! killed, frozen, cut off from the database or replaced in order. Afterwards the journal holds exactly what they were told.
//!
//! `cargo xtask chaos`, or `cargo bench --bench chaos -- SECONDS`. It prints its seed; `IONVEIL_TEST_SEED` repeats the choices.

#![allow(clippy::disallowed_methods, reason = "it brings its own clock and tasks: the servers are other processes")]
#![allow(dead_code, reason = "what the tests share is used in part")]

#[path = "../tests/crash"]
mod crash {
    pub(crate) mod callers;
    pub(crate) mod ledger;
    pub(crate) mod scene;
    pub(crate) mod seed;
}
#[path = "../tests/cluster/stage.rs"]
mod stage;
#[path = "../tests/support/mod.rs"]
mod support;

use crash::scene::Ground;
use stage::{Node, Stage};
use std::time::{Duration, Instant};
use support::postgres::{Postgres, signal};
use support::proxy::Proxy;
use tokio::task::block_in_place;

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Kill,
    Freeze,
    Cut,
    Replace,
}

/// A server with a way of its own to the database.
struct Machine {
    proxy: Proxy,
    node: Node,
}

impl Machine {
    async fn start(stage: &Stage) -> Self {
        let proxy = Proxy::to(Postgres::shared().port()).await;
        let ground = Ground::postgres(&proxy.redirect(&stage.database.url));
        let server = ground.serve();
        Self { proxy, node: Node { ground, server } }
    }
}

fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(60);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { runtime_of(Duration::from_secs(seconds)).await });
}

async fn runtime_of(length: Duration) {
    let mut stage = Stage::new("chaos");
    let mut machines = vec![Machine::start(&stage).await, Machine::start(&stage).await, Machine::start(&stage).await];
    stage.until_shared(&machines[0].node, 3).await;
    lead(&stage, &machines, None);
    let mut callers = stage.callers();
    let (begun, mut blows) = (Instant::now(), 0);
    while begun.elapsed() < length {
        callers.check();
        let victim = usize::try_from(stage.seed.below(3)).expect("small");
        let blow = [Blow::Kill, Blow::Freeze, Blow::Cut, Blow::Replace][usize::try_from(stage.seed.below(4)).expect("small")];
        println!("{:>6.1} s: {blow:?} of server {victim}", begun.elapsed().as_secs_f64());
        machines = strike(&mut stage, machines, victim, blow).await;
        lead(&stage, &machines, None);
        stage.until_shared(&machines[victim].node, 3).await;
        stage.scene.until_answered(20).await;
        blows += 1;
    }
    callers.finish(&stage.scene).await;
    stage.scene.check(&machines[0].node.ground).await;
    println!("{blows} blows; the longest wait was {:?}; everything is as it was acknowledged", stage.longest_since(begun));
}

/// Callers ask all servers but one.
fn lead(stage: &Stage, machines: &[Machine], but: Option<usize>) {
    let others = machines.iter().enumerate().filter(|(number, _)| Some(*number) != but);
    stage.scene.lead_to_all(others.map(|(_, machine)| &machine.node.server));
}

async fn strike(stage: &mut Stage, mut machines: Vec<Machine>, victim: usize, blow: Blow) -> Vec<Machine> {
    let lasts = stage.seed.millis(200, 8_000);
    match blow {
        Blow::Freeze => {
            let pid = machines[victim].node.server.pid();
            signal(pid, "STOP");
            lead(stage, &machines, Some(victim));
            tokio::time::sleep(lasts).await;
            signal(pid, "CONT");
        }
        Blow::Cut => {
            let ends = Instant::now() + lasts;
            while Instant::now() < ends {
                machines[victim].proxy.cut_all();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Blow::Kill | Blow::Replace => {
            let Machine { proxy, node: Node { ground, server } } = machines.remove(victim);
            if blow == Blow::Kill {
                lead(stage, &machines, None);
                server.kill();
                tokio::time::sleep(lasts).await;
            } else {
                signal(server.pid(), "TERM");
                stage.scene.until_ready(&server, false).await;
                lead(stage, &machines, None);
                assert!(block_in_place(|| server.stop()).success(), "it ends in order");
            }
            let server = ground.serve();
            machines.insert(victim, Machine { proxy, node: Node { ground, server } });
        }
    }
    machines
}
