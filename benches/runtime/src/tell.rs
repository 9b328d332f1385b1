//! Tells on one thread: who tells and who is told share an arbiter, and the teller gives way after every 256. Ours are
//! supervised, bounded and counted; the others are not, and theirs is the cheapest way that each has.

use crate::node::Threads;
use crate::peers::{self, Seen};
use crate::support::{Figure, head, ratio, row};
use ionveil_actors::{ActorSpec, Class, SupervisedActor};
use std::time::Instant;
use tokio::sync::oneshot;

const MESSAGES: u64 = 4_000_000;
const RUNS: usize = 5;
const PACE: u64 = 256;

struct Ours(Seen);

impl SupervisedActor for Ours {
    type Message = u64;

    fn handle(&mut self, number: u64) {
        self.0.see(number);
    }
}

pub(crate) async fn run(threads: &Threads) {
    let here = threads.here();
    let node = here.node(here.memory()).await;
    let (mut own, mut actix, mut ractor, mut kameo) = (vec![], vec![], vec![], vec![]);
    for run in 0..RUNS {
        own.push(ours(&node, run).await);
        actix.push(told(async |seen| peers::actix(seen)).await);
        ractor.push(told(peers::ractor).await);
        kameo.push(told(async |seen| peers::kameo(seen)).await);
    }
    head("Nanoseconds per tell on one arbiter (must be at most 3 x do_send, 2 x wished for)", "IonVeil, ns", "peer, ns");
    for (name, peer) in [("actix do_send", &actix), ("ractor cast", &ractor), ("kameo tell, unbounded", &kameo)] {
        let [left, right] = [&own, peer].map(|values| Figure::new(values.clone()).to_string());
        row(name, &left, &right, &format!("{:.2}", ratio(&own, peer)));
    }
    node.close().await;
}

async fn ours(node: &crate::node::Node, run: usize) -> f64 {
    told(async |seen| {
        // Made once: it does not fail.
        let seen = std::sync::Mutex::new(Some(seen));
        let make = move || Ours(seen.lock().expect("nobody panics").take().expect("made once"));
        let spec = ActorSpec::new("ours", &format!("run-{run}"));
        let handle = node.runtime.spawn(spec, make).expect("the only one of its name");
        move |number| handle.tell(Class::Command, number).expect("there is room")
    })
    .await
}

/// Nanoseconds per message, until the last one is handled.
async fn told<T: Fn(u64)>(start: impl AsyncFnOnce(Seen) -> T) -> f64 {
    let (done, seen) = oneshot::channel();
    let tell = start(Seen::new(MESSAGES, done)).await;
    tokio::task::yield_now().await;
    let started = Instant::now();
    for number in 1..=MESSAGES {
        tell(number);
        if number % PACE == 0 {
            tokio::task::yield_now().await;
        }
    }
    seen.await.expect("all are handled");
    started.elapsed().as_nanos() as f64 / MESSAGES as f64
}
