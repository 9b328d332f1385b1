//! What a reader pays while others write as fast as they can, and what a writer pays for the tree that it publishes; against
//! a bare map of the same names.

use crate::support::{Figure, head, ratio, row};
use crate::tree::{self, Grown};
use ionveil::trees::Trees;
use ionveil_actors::{Loaded, Observer, Policies};
use ionveil_kernel::{EntityId, Env, PolicyLevel, Timestamp};
use ionveil_policy::tree::{Snapshot, State, Tree};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const NODES: usize = 10_000;
const RUNS: usize = 5;
/// So many look-ups are timed at once: the clock itself takes as long as one.
const AT_ONCE: usize = 32;
const SAMPLES: usize = 10_000;

type Bare = HashMap<EntityId, usize, BuildHasherDefault<DefaultHasher>>;

fn bare() -> Bare {
    (0..NODES).map(|number| (tree::node(number), number)).collect()
}

/// The nodes in an order that no cache foresees.
fn shuffled() -> Vec<EntityId> {
    // 7,919 and 10,000 have no common divisor, so that every node comes once.
    (0..NODES).map(|number| tree::node(number * 7_919 % NODES)).collect()
}

fn loaded(state: State) -> Loaded<Tree> {
    let (version, at) = (state.version(), Timestamp::MIN);
    Loaded { state, version, main: 0, position: version, occurred_at: at, recorded_at: at, snapshot_version: 0, parts: BTreeMap::new() }
}

/// Publishes one tree after the other until `stop`; says how many there were.
fn write(trees: &Trees, mut grown: Grown, env: &Env, stop: &AtomicBool) -> u64 {
    let mut published = 0;
    while !stop.load(Ordering::Relaxed) {
        let level = if published % 2 == 0 { PolicyLevel::Halted } else { PolicyLevel::Normal };
        grown.ask(&tree::set_root(level), env);
        trees.committed(&tree::owner(), &loaded(grown.state.clone()));
        published += 1;
    }
    published
}

/// Nanoseconds of one look-up, in many samples, ascending.
fn sampled<'a, T>(ids: &'a [EntityId], mut look_up: impl FnMut(&'a EntityId) -> T) -> Vec<f64> {
    let mut next = ids.chunks_exact(AT_ONCE).cycle();
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let ids = next.next().expect("it goes round");
            let started = Instant::now();
            ids.iter().for_each(|id| drop(black_box(look_up(id))));
            started.elapsed().as_secs_f64() * 1e9 / AT_ONCE as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples
}

/// A row of its samples: the medians of the runs, and their 99th percentiles.
#[derive(Default)]
struct Row {
    middle: Vec<f64>,
    late: Vec<f64>,
}

impl Row {
    fn take(&mut self, samples: &[f64]) {
        self.middle.push(samples[samples.len() / 2]);
        self.late.push(samples[samples.len() * 99 / 100]);
    }

    fn print(&self, what: &str, peer: &Self) {
        let text = |figures: &[f64]| Figure::new(figures.to_vec()).to_string();
        row(what, &text(&self.middle), &text(&peer.middle), &format!("{:.2}", ratio(&self.middle, &peer.middle)));
        row("  p99", &text(&self.late), &text(&peer.late), &format!("{:.2}", ratio(&self.late, &peer.late)));
    }
}

pub(crate) fn resolve(env: &Env) {
    head("`resolve` in a tree of 10,000 nodes while another thread publishes: must ≤ 1 µs, should ≤ 100 ns", "IonVeil, ns", "bare map, ns");
    let (ids, bare, org, owner) = (shuffled(), bare(), tree::org(), tree::owner());
    let [mut newest, mut held, mut decision, mut peer] = [const { Row { middle: vec![], late: vec![] } }; 4];
    let mut rates = vec![];
    for _ in 0..RUNS {
        let (trees, grown, stop) = (Arc::new(Trees::default()), Grown::new(NODES, false, env), AtomicBool::new(false));
        trees.committed(&owner, &loaded(grown.state.clone()));
        std::thread::scope(|threads| {
            let started = Instant::now();
            let writer = threads.spawn(|| write(&trees, grown, env, &stop));
            newest.take(&sampled(&ids, |id| trees.of(&org).resolve(id).map(|node| node.effective())));
            let snapshot = trees.of(&org);
            held.take(&sampled(&ids, |id| snapshot.resolve(id).map(|node| node.effective())));
            decision.take(&sampled(&ids, |id| trees.policy(&owner, std::slice::from_ref(id))));
            peer.take(&sampled(&ids, |id| bare.get(id)));
            stop.store(true, Ordering::Relaxed);
            rates.push(writer.join().expect("a writer") as f64 / started.elapsed().as_secs_f64());
        });
    }
    newest.print("the newest tree, then the node", &peer);
    held.print("the node, in a tree that is at hand", &peer);
    decision.print("the policy of a decision", &peer);
    row("  trees published meanwhile, 1/s", &Figure::new(rates).to_string(), "", "");
}

pub(crate) fn snapshot(env: &Env) {
    head("The tree that a commit publishes, 10,000 nodes", "IonVeil, ms", "bare map of the names, ms");
    let grown = Grown::new(NODES, true, env);
    let (names, mut own, mut peer) = (shuffled(), vec![], vec![]);
    for _ in 0..RUNS * 5 {
        let started = Instant::now();
        black_box(Snapshot::of(&grown.state));
        own.push(started.elapsed().as_secs_f64() * 1e3);
        let started = Instant::now();
        black_box(names.iter().zip(0..).map(|(name, number)| (name.clone(), number)).collect::<Bare>());
        peer.push(started.elapsed().as_secs_f64() * 1e3);
    }
    row("made anew", &Figure::new(own.clone()).to_string(), &Figure::new(peer.clone()).to_string(), &format!("{:.2}", ratio(&own, &peer)));
}
