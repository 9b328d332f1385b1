//! From the root's command until every node shows the new level, against bare inserts of as many events into the same
//! Postgres. A command's way is the whole one: the entity, the decision, the append with fsync, the published tree.

use crate::readers::Readers;
use crate::support::{Figure, head, postgres::Postgres, ratio, raw, row};
use crate::tree::{self, Grown};
use ionveil::cli::runtime::Threads;
use ionveil::config;
use ionveil::node::Node;
use ionveil_kernel::{IdSource, NodeId, PolicyLevel};
use std::time::{Duration, Instant};

const RUNS: usize = 5;
const CHANGES: [PolicyLevel; 6] =
    [PolicyLevel::Restricted, PolicyLevel::Normal, PolicyLevel::Halted, PolicyLevel::Watch, PolicyLevel::Restricted, PolicyLevel::Normal];

/// Milliseconds of ours and of the bare inserts.
#[derive(Default)]
struct Times {
    own: Vec<f64>,
    answered: Vec<f64>,
    bare: Vec<f64>,
}

impl Times {
    fn print(&self, what: &str) {
        let text = |times: &[f64]| Figure::new(times.to_vec()).to_string();
        row(what, &text(&self.own), &text(&self.bare), &format!("{:.1}", ratio(&self.own, &self.bare)));
        row("  until the answer", &text(&self.answered), "", "");
    }
}

/// Who has overrides, and since when.
#[derive(Clone, Copy, PartialEq)]
enum Overrides {
    Nobody,
    /// All nodes but the root, by commands to this node.
    Told,
    /// All nodes but the root, before this node was opened.
    Stored,
}

/// A node on a tree in Postgres, with its readers, and a connection for bare inserts.
struct Stage {
    node: Node,
    readers: Readers,
    rows: raw::Rows,
}

impl Stage {
    async fn open(threads: &Threads, nodes: usize, overrides: Overrides) -> Self {
        let (env, server) = (&threads.env, Postgres::shared());
        let url = server.database().url;
        let (grown, place, own) = (Grown::new(nodes, overrides == Overrides::Stored, env), url.clone(), env.clone());
        let storing = async move { grown.store(raw::postgres_store(&place).await, &own).await };
        threads.journal.spawn(storing).await.expect("stored");
        let config = config::of(&[("store.url", &url)]).expect("lawful");
        let (arbiters, own, id) = (Threads::arbiters(), env.clone(), NodeId(env.next_id()));
        let opening = async move { Node::open(&config, None, id, own, arbiters).await };
        let node = threads.journal.spawn(opening).await.expect("no panic").expect("a node");
        for number in (1..nodes).rev().filter(|_| overrides == Overrides::Told) {
            node.policy_trees.ask(tree::owner(), tree::halt(number), tree::meta(env)).await.expect("accepted");
        }
        // The lists take in what was stored before: that is no part of what is measured.
        let (heads, patience) = (node.store.heads().await.expect("heads"), Duration::from_secs(60));
        node.views.wait_for(env, &heads, patience).await.expect("the lists follow");
        let readers = Readers::start(&node.trees, nodes);
        let rows = raw::Rows::connect(&raw::fresh(server).await, 0, nodes).await;
        Self { node, readers, rows }
    }

    /// Sets the root's level and waits for all readers; then inserts as many events as that had.
    async fn change(&mut self, level: PolicyLevel, times: &mut Times) -> u32 {
        let env = self.node.env.clone();
        self.readers.look_for(level);
        let started = Instant::now();
        let reply = self.node.policy_trees.ask(tree::owner(), tree::set_root(level), tree::meta(&env)).await.expect("accepted");
        let answered = started.elapsed();
        times.own.push(millis(self.readers.all_seen().await - started));
        times.answered.push(millis(answered));
        let started = Instant::now();
        self.rows.insert(&env, reply.receipt.events as usize).await;
        times.bare.push(millis(started.elapsed()));
        reply.receipt.events
    }

    async fn close(self) {
        drop(self.readers);
        self.node.close(Duration::from_secs(5)).await;
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) async fn nothing_reverted(threads: &Threads) {
    head(
        "A root change visible at all nodes, 64 readers: must < 100 ms, should ≤ 5 ms (10,000: 25 ms)",
        "IonVeil, ms",
        "one bare insert, ms",
    );
    for nodes in [1_000, 10_000] {
        let (mut asleep, mut awake) = (Times::default(), Times::default());
        for _ in 0..RUNS {
            let mut stage = Stage::open(threads, nodes, Overrides::Nobody).await;
            for (number, level) in CHANGES.into_iter().enumerate() {
                let events = stage.change(level, if number == 0 { &mut asleep } else { &mut awake }).await;
                assert_eq!(events, 1);
            }
            stage.close().await;
        }
        awake.print(&format!("{nodes} nodes"));
        asleep.print(&format!("{nodes} nodes, the first change after a start"));
    }
}

/// Node by node, each after the answer for the one before, as an import of zones does it.
pub(crate) async fn growing(threads: &Threads) {
    const NODES: usize = 10_000;
    head("A tree that grows node by node, SQLite, without readers", "IonVeil, s", "");
    let folder = tempfile::tempdir().expect("a folder");
    let config = config::of(&[("store.data_dir", folder.path().to_str().expect("UTF-8"))]).expect("lawful");
    let (env, arbiters, id) = (threads.env.clone(), Threads::arbiters(), NodeId(threads.env.next_id()));
    let opening = async move { Node::open(&config, None, id, env, arbiters).await };
    let node = threads.journal.spawn(opening).await.expect("no panic").expect("a node");
    let started = Instant::now();
    let mut last = started;
    for number in 0..NODES {
        node.policy_trees.ask(tree::owner(), tree::add(number), tree::meta(&node.env)).await.expect("accepted");
        if (number + 1) % (NODES / 4) == 0 {
            row(&format!("the {} up to {}", NODES / 4, number + 1), &format!("{:.2}", last.elapsed().as_secs_f64()), "", "");
            last = Instant::now();
        }
    }
    row("all", &format!("{:.2}", started.elapsed().as_secs_f64()), "", "");
    node.close(Duration::from_secs(5)).await;
}

pub(crate) async fn everything_reverted(threads: &Threads) {
    head(
        "The same, all overrides reverted: must < 100 ms, should ≤ 40 ms (10,000: reported)",
        "IonVeil, ms",
        "one bare insert of as many, ms",
    );
    for (nodes, overrides) in [(1_000, Overrides::Told), (1_000, Overrides::Stored), (10_000, Overrides::Stored)] {
        let (mut warm, mut times) = (Times::default(), Times::default());
        for _ in 0..RUNS {
            let mut stage = Stage::open(threads, nodes, overrides).await;
            let env = stage.node.env.clone();
            let rise = tree::set_root(PolicyLevel::Restricted);
            stage.node.policy_trees.ask(tree::owner(), rise, tree::meta(&env)).await.expect("accepted");
            stage.rows.insert(&env, nodes).await;
            let events = stage.change(PolicyLevel::Normal, &mut times).await;
            assert_eq!(events as usize, nodes, "each override is reverted");
            stage.change(PolicyLevel::Restricted, &mut warm).await;
            stage.close().await;
        }
        let since = if overrides == Overrides::Stored { ", set before a start" } else { "" };
        times.print(&format!("{nodes} nodes{since}"));
    }
}
