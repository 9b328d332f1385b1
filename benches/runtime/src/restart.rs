//! From a command over which the decider panics to its answer: the panic is caught, the entity is folded again from the
//! journal (100 events), and the command is decided once more. Each time on an entity that has not failed before, whose
//! first restart does not wait. Beside it, the same command without a panic.

use crate::decider::Command;
use crate::node::{Node, Threads};
use crate::support::{head, row};
use ionveil_journal::Store;
use ionveil_kernel::StreamId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

const ENTITIES: usize = 600;
const EVENTS: u32 = 100;

pub(crate) async fn run(threads: &Threads) {
    // What a panic prints is not measured.
    std::panic::set_hook(Box::new(|_| {}));
    head("Restart after a panic, entity of 100 events, ms, p50 / p99 / max (5 ms p99, 1 ms p99)", "with a panic", "the same without one");
    table(threads, "memory", threads.memory()).await;
    let folder = tempfile::tempdir().expect("a folder");
    table(threads, "SQLite", threads.sqlite(&folder).await).await;
    drop(std::panic::take_hook());
}

async fn table(threads: &Threads, name: &str, store: Arc<dyn Store>) {
    let node = threads.node(store).await;
    let names = node.names(2 * ENTITIES);
    for owner in &names {
        node.accept(owner, Command::Fill(EVENTS)).await;
    }
    for (what, committed, names) in [("is refused", false, &names[..ENTITIES]), ("is committed", true, &names[ENTITIES..])] {
        let (mut with, mut without) = (vec![], vec![]);
        for owner in names {
            without.push(once(&node, owner, committed).await);
            node.decider.armed.store(true, Ordering::Relaxed);
            with.push(once(&node, owner, committed).await);
            assert!(!node.decider.armed.load(Ordering::Relaxed), "it has panicked");
        }
        let [with, mut without] = [with, without].map(sorted);
        let ratio = with[ENTITIES / 2] / without[ENTITIES / 2];
        without.truncate(ENTITIES);
        row(&format!("{name}, the command {what} then"), &shown(&with), &shown(&without), &format!("{ratio:.1}"));
    }
    node.close().await;
}

/// Milliseconds.
async fn once(node: &Node, owner: &StreamId, committed: bool) -> f64 {
    let started = Instant::now();
    if committed {
        node.accept(owner, Command::Add(1)).await
    } else {
        node.refuse(owner).await
    }
    started.elapsed().as_secs_f64() * 1_000.0
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn shown(values: &[f64]) -> String {
    let at = |share: f64| values[(((values.len() - 1) as f64) * share) as usize];
    format!("{:.3} / {:.3} / {:.3}", at(0.5), at(0.99), at(1.0))
}
