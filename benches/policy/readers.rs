//! Readers that never rest, on threads of their own: together they resolve every node of a tree, over and over, each time in
//! the newest snapshot.

use crate::tree;
use ionveil::trees::Trees;
use ionveil_kernel::{EntityId, PolicyLevel};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

const READERS: usize = 64;

/// What readers look for: the number of the wish, and the level that is to be in force everywhere.
type Wanted = (u64, PolicyLevel);

pub(crate) struct Readers {
    runtime: Option<Runtime>,
    wanted: watch::Sender<Wanted>,
    seen: mpsc::UnboundedReceiver<Instant>,
}

impl Readers {
    /// Shares the nodes out to the readers and lets them begin.
    pub(crate) fn start(trees: &Arc<Trees>, nodes: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("readers").build().expect("a runtime");
        let (wanted, (told, seen)) = (watch::Sender::new((0, PolicyLevel::Normal)), mpsc::unbounded_channel());
        for number in 0..READERS.min(nodes) {
            let own: Vec<EntityId> = (number..nodes).step_by(READERS).map(tree::node).collect();
            runtime.spawn(read(trees.clone(), own, wanted.subscribe(), told.clone()));
        }
        Self { runtime: Some(runtime), wanted, seen }
    }

    /// From now on they look for `level`.
    pub(crate) fn look_for(&self, level: PolicyLevel) {
        self.wanted.send_modify(|wanted| *wanted = (wanted.0 + 1, level));
    }

    /// When the last of them had found what they look for at all of its nodes, in one round.
    pub(crate) async fn all_seen(&mut self) -> Instant {
        let mut last = self.seen.recv().await.expect("readers");
        for _ in 1..READERS {
            last = last.max(self.seen.recv().await.expect("readers"));
        }
        last
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

async fn read(trees: Arc<Trees>, nodes: Vec<EntityId>, wanted: watch::Receiver<Wanted>, told: mpsc::UnboundedSender<Instant>) {
    let (org, mut done) = (tree::org(), 0);
    loop {
        let (number, level) = *wanted.borrow();
        let there = |node: &&EntityId| trees.of(&org).resolve(node).is_some_and(|node| node.effective() == level);
        let found = nodes.iter().filter(there).count();
        if number > done && found == nodes.len() {
            done = number;
            if told.send(Instant::now()).is_err() {
                return;
            }
        }
        tokio::task::yield_now().await;
    }
}
