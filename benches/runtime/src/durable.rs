//! Durable commands per second: 256 callers, each waits for its commit before it asks again. Beside them, in the same run,
//! the raw insert of as many events in batches of the same mean size, and one transaction per event.

use crate::decider::Command;
use crate::node::{Node, Threads};
use crate::support::{Figure, head, ratio, raw, row};
use ionveil_journal::Store;
use ionveil_kernel::StreamId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CALLERS: usize = 256;
const ENTITIES: usize = 4_096;
const RUNS: usize = 5;
const WINDOW: Duration = Duration::from_secs(4);
const SINGLE_CONNECTIONS: usize = 32;

/// Commands per second and the mean batch. The entities have been started before.
async fn commands(threads: &Threads, store: Arc<dyn Store>, entities: usize) -> (f64, f64) {
    let node = threads.node(store).await;
    let names: Arc<[StreamId]> = node.names(entities).into();
    over_all(threads, &node, &names).await;
    let (before, done, started) = (*node.journal.commits().borrow(), Arc::new(AtomicU64::new(0)), Instant::now());
    let callers = (0..CALLERS).map(|caller| {
        let (node, names, done) = (node.clone(), names.clone(), done.clone());
        threads.tokio.spawn(async move {
            let mut turn = caller;
            while started.elapsed() < WINDOW {
                node.accept(&names[turn % names.len()], Command::Add(1)).await;
                turn += CALLERS;
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller");
    }
    let (commands, seconds) = (done.load(Ordering::Relaxed) as f64, started.elapsed().as_secs_f64());
    let commits = (*node.journal.commits().borrow() - before).max(1);
    node.close().await;
    (commands / seconds, commands / commits as f64)
}

/// One command to each.
async fn over_all(threads: &Threads, node: &Node, names: &Arc<[StreamId]>) {
    let lanes = (0..CALLERS).map(|lane| {
        let (node, names) = (node.clone(), names.clone());
        threads.tokio.spawn(async move {
            for name in names.iter().skip(lane).step_by(CALLERS) {
                node.accept(name, Command::Add(1)).await;
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a caller");
    }
}

pub(crate) async fn postgres(threads: &Threads) {
    let (mut own, mut plain, mut two, mut single, mut batches) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let (rate, batch) = commands(threads, threads.postgres().await, ENTITIES).await;
        own.push(rate);
        batches.push(batch);
        plain.push(insert(threads, batch, (1, ENTITIES)).await);
        two.push(insert(threads, batch, (2, ENTITIES)).await);
        single.push(insert(threads, 1.0, (SINGLE_CONNECTIONS, ENTITIES)).await);
    }
    let title = format!("Durable commands per second, Postgres, fsync on, {CALLERS} callers over {ENTITIES} entities");
    head(&title, "IonVeil, commands/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    compare(&format!("raw insert, 1 connection as ours, batches of {batch:.0} (0.4, 0.6)"), &own, &plain);
    compare(&format!("raw insert, 2 connections, batches of {batch:.0}"), &own, &two);
    compare("one transaction per event, 32 connections (1.7, 3)", &own, &single);
}

async fn insert(threads: &Threads, batch: f64, over: (usize, usize)) -> f64 {
    let env = threads.env.clone();
    let work = async move {
        let url = raw::fresh(crate::support::postgres::Postgres::shared()).await;
        raw::postgres(&url, &env, batch.round().max(1.0) as usize, over, WINDOW).await
    };
    threads.on_journal(work).await
}

pub(crate) async fn sqlite(threads: &Threads) {
    let (mut own, mut plain, mut batches) = (vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder");
        let (rate, batch) = commands(threads, threads.sqlite(&folder).await, ENTITIES).await;
        own.push(rate);
        batches.push(batch);
        let env = threads.env.clone();
        plain.push(threads.on_journal(async move { raw::sqlite(&env, batch.round().max(1.0) as usize, WINDOW).await }).await);
    }
    let title = format!("Durable commands per second, SQLite, synchronous=FULL, {CALLERS} callers over {ENTITIES} entities");
    head(&title, "IonVeil, commands/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    compare(&format!("raw insert, batches of {batch:.0} (0.4, 0.6)"), &own, &plain);
}

/// All callers at one entity: one partition.
pub(crate) async fn hot(threads: &Threads) {
    let (mut own, mut plain, mut batches) = (vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let (rate, batch) = commands(threads, threads.postgres().await, 1).await;
        own.push(rate);
        batches.push(batch);
        plain.push(insert(threads, batch, (1, 1)).await);
    }
    let title = format!("Durable commands per second of one entity, Postgres, fsync on, {CALLERS} callers (5,000/s, 20,000/s)");
    head(&title, "IonVeil, commands/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    compare(&format!("raw insert, 1 connection, batches of {batch:.0}"), &own, &plain);
}

fn compare(what: &str, own: &[f64], peer: &[f64]) {
    let [left, right] = [own, peer].map(|values| Figure::new(values.to_vec()).to_string());
    row(what, &left, &right, &format!("{:.2}", ratio(own, peer)));
}
