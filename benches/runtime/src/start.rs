//! How fast entities start, each with its look-up in the journal and its first command, whose commit is waited for. Beside
//! it in the same run, a bare actix actor that is started and asked once.

use crate::decider::Command;
use crate::node::Threads;
use crate::peers::{Ask, Bare};
use crate::support::{Figure, head, ratio, row};
use actix::Actor;
use ionveil_journal::Store;
use ionveil_kernel::StreamId;
use std::sync::Arc;
use std::time::Instant;

const RUNS: usize = 5;
/// How many are under way at once.
const AT_ONCE: usize = 512;

pub(crate) async fn run(threads: &Threads) {
    let (mut own, mut refused, mut bare) = (vec![], vec![], vec![]);
    for _ in 0..RUNS {
        own.push(starts(threads, threads.memory(), 100_000, false).await);
        refused.push(starts(threads, threads.memory(), 100_000, true).await);
        bare.push(actors(threads, 100_000).await);
    }
    head(
        "Starts of entities per second, look-up and first command included (100,000/s, 300,000/s)",
        "IonVeil, starts/s",
        "bare actix, starts/s",
    );
    table("memory store, first command is committed", &own, &bare);
    table("memory store, first command is refused", &refused, &bare);
    let mut postgres = vec![];
    for _ in 0..3 {
        postgres.push(starts(threads, threads.postgres().await, 20_000, false).await);
    }
    row("Postgres, first command is committed", &Figure::new(postgres).to_string(), "-", "-");
}

fn table(what: &str, own: &[f64], bare: &[f64]) {
    let [left, right] = [own, bare].map(|values| Figure::new(values.to_vec()).to_string());
    row(what, &left, &right, &format!("{:.2}", ratio(own, bare)));
}

async fn starts(threads: &Threads, store: Arc<dyn Store>, count: usize, refused: bool) -> f64 {
    let node = threads.node(store).await;
    let names: Arc<[StreamId]> = node.names(count).into();
    let started = Instant::now();
    let lanes = (0..AT_ONCE).map(|lane| {
        let (node, names) = (node.clone(), names.clone());
        threads.tokio.spawn(async move {
            for name in names.iter().skip(lane).step_by(AT_ONCE) {
                if refused { node.refuse(name).await } else { node.accept(name, Command::Add(1)).await }
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a caller");
    }
    let seconds = started.elapsed().as_secs_f64();
    node.close().await;
    count as f64 / seconds
}

async fn actors(threads: &Threads, count: usize) -> f64 {
    let started = Instant::now();
    let lanes = (0..AT_ONCE).map(|lane| {
        let threads = threads.clone();
        threads.tokio.clone().spawn(async move {
            let mut kept = Vec::new();
            for number in (lane..count).step_by(AT_ONCE) {
                let actor = Bare::start_in_arbiter(threads.arbiter(number), |_| Bare);
                actor.send(Ask).await.expect("an answer");
                kept.push(actor);
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a caller");
    }
    count as f64 / started.elapsed().as_secs_f64()
}
