//! What an idle entity holds of memory. Each has been started and has refused one command, so that nothing of it is in the
//! store. Each measurement is a process of its own; the peer is a bare actix actor whose address is kept.

use crate::node::Threads;
use crate::peers::{Ask, Bare};
use crate::support::{Figure, head, ratio, row};
use actix::Actor;
use ionveil_kernel::StreamId;
use std::process::Command;

const COUNT: usize = 1_000_000;
const RUNS: usize = 3;

pub(crate) fn run() {
    let (mut own, mut bare) = (vec![], vec![]);
    for _ in 0..RUNS {
        own.push(measured("idle-entities"));
        bare.push(measured("idle-actors"));
    }
    head("Bytes of resident memory per idle entity, 1,000,000 of them (2,048, 1,229)", "IonVeil, bytes", "bare actix, bytes");
    let [left, right] = [&own, &bare].map(|values| Figure::new(values.clone()).to_string());
    row("started, asked once (refused), idle", &left, &right, &format!("{:.2}", ratio(&own, &bare)));
}

fn measured(what: &str) -> f64 {
    let output = Command::new(std::env::current_exe().expect("this program")).arg(what).output().expect("run it");
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a figure")
}

pub(crate) async fn entities(threads: &Threads) {
    let node = threads.node(threads.memory()).await;
    // Warm: what the threads and the allocator need anyway is not the entities'.
    ask_all(threads, &node, 0..1_000).await;
    let before = resident_bytes();
    ask_all(threads, &node, 1_000..COUNT + 1_000).await;
    println!("{}", (resident_bytes() - before) / COUNT as f64);
}

async fn ask_all(threads: &Threads, node: &crate::node::Node, numbers: std::ops::Range<usize>) {
    let lanes = (0..256).map(|lane| {
        let (node, numbers) = (node.clone(), (numbers.start + lane..numbers.end).step_by(256));
        threads.tokio.spawn(async move {
            for number in numbers {
                // Named as a request names it: nothing is shared with another entity's name.
                let name: StreamId = format!("counter:default:entity-{number}").parse().expect("lawful");
                node.refuse(&name).await;
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a caller");
    }
}

pub(crate) async fn actors(threads: &Threads) {
    let mut kept = Vec::with_capacity(COUNT);
    let before = resident_bytes();
    for number in 0..COUNT {
        kept.push(Bare::start_in_arbiter(threads.arbiter(number), |_| Bare));
    }
    // An arbiter starts them in order.
    for actor in kept.iter().rev().take(threads.arbiters()) {
        actor.send(Ask).await.expect("an answer");
    }
    println!("{}", (resident_bytes() - before) / COUNT as f64);
}

/// The second figure of `statm`, in pages of 4 KiB.
fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("a figure") * 4_096.0
}
