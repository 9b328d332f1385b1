//! Permit and record on a closed breaker: a call that succeeds at once, alone and from two threads on one breaker. Time per
//! operation is elapsed × threads ÷ operations. Ours looks at the published word of a channel that is well; the peers keep
//! their own windows. What a call itself costs is nobody's here.

use crate::support::{Figure, head, ratio, row};
use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use ionveil_sync::{Circuit, Flow, Standing};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

const OPERATIONS: u64 = 2_000_000;
const PEERS_OPERATIONS: u64 = 200_000;
const RUNS: usize = 7;

pub(crate) fn run() {
    for (threads, title) in [
        (1, "Nanoseconds per permit and record on a closed breaker, one thread (wished for at most 30)"),
        (2, "The same, 2 threads on one breaker (must be at most 200, wished for 50)"),
    ] {
        let (mut own, mut unwell, mut failsafe, mut tower) = (vec![], vec![], vec![], vec![]);
        for _ in 0..RUNS {
            own.push(ours(threads, true));
            unwell.push(ours(threads, false));
            failsafe.push(of_failsafe(threads));
            tower.push(of_tower(threads));
        }
        head(title, "IonVeil, ns", "peer, ns");
        for (name, peer) in [("failsafe", &failsafe), ("tower-resilience", &tower)] {
            let [left, right] = [&own, peer].map(|values| Figure::new(values.clone()).to_string());
            row(name, &left, &right, &format!("{:.3}", ratio(&own, peer)));
        }
        row("  ours where each success is noted for the owner", &Figure::new(unwell).to_string(), "", "");
    }
}

/// Lets each thread do `work` so often, all at once; nanoseconds of an operation.
fn timed(threads: usize, operations: u64, work: impl Fn(u64) + Sync) -> f64 {
    let start = Barrier::new(threads + 1);
    let elapsed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    work(operations);
                })
            })
            .collect();
        start.wait();
        let started = Instant::now();
        workers.into_iter().for_each(|worker| worker.join().expect("it counts to its end"));
        started.elapsed()
    });
    // Each thread does so many: elapsed × threads ÷ (threads × operations).
    elapsed.as_nanos() as f64 / operations as f64
}

fn ours(threads: usize, quiet: bool) -> f64 {
    let circuit = Circuit::new();
    let standing = Standing { generation: 0, flow: Flow::Closed, room: 5, full: 5, quiet };
    circuit.publish(standing);
    timed(threads, OPERATIONS, |operations| {
        for _ in 0..operations {
            let pass = black_box(&circuit).pass().expect("closed");
            if let Some(told) = circuit.succeed(&pass) {
                circuit.hear(told, standing);
            }
        }
    })
}

fn of_failsafe(threads: usize) -> f64 {
    let policy = failure_policy::consecutive_failures(5, backoff::constant(Duration::from_secs(30)));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    timed(threads, PEERS_OPERATIONS, |operations| {
        for _ in 0..operations {
            black_box(&breaker).call(|| Ok::<_, ()>(())).expect("closed");
        }
    })
}

fn of_tower(threads: usize) -> f64 {
    let layer = CircuitBreakerLayer::builder().consecutive_failures(5).build().expect("lawful");
    let service = layer.layer(service_fn(|(): ()| std::future::ready(Ok::<(), std::io::Error>(()))));
    timed(threads, PEERS_OPERATIONS, |operations| {
        let mut service = service.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            for _ in 0..operations {
                service.ready().await.expect("ready").call(()).await.expect("closed");
            }
        });
    })
}
