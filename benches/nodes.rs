//! How long callers wait when one of three servers goes: in order, by SIGKILL, or frozen for a minute in the middle of an append. Each
//! is a host of its own on one Postgres, with a lease of 3 s and events that go to a NATS. What was acknowledged is checked as in the
//! tests, and the database says who wrote what under whose lease.
//!
//! `cargo bench --bench nodes [-- SECONDS]`, so long is the freeze.

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]
#![allow(dead_code, reason = "what the tests share is used in part")]

#[path = "../tests/cluster"]
mod cluster {
    pub(crate) mod audit;
    pub(crate) mod blows;
    pub(crate) mod field;
    pub(crate) mod published;
    pub(crate) mod stage;
}
#[path = "../tests/crash"]
mod crash {
    pub(crate) mod callers;
    pub(crate) mod ledger;
    pub(crate) mod scene;
    pub(crate) mod seed;
}
#[path = "support/figures.rs"]
mod figures;
#[path = "../tests/support/mod.rs"]
mod support;

use cluster::field::{Field, NEEDS};
use cluster::{audit, blows};
use figures::{Figure, head, row};
use std::time::{Duration, Instant};

const RUNS: usize = 3;

fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(60);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(Duration::from_secs(seconds)));
}

async fn measure(length: Duration) {
    let Some(mut field) = Field::open("nodes").await else { return println!("skipped: this needs {NEEDS}") };
    let callers = field.stage.callers();
    field.stage.scene.until_answered(300).await;
    let (mut planned, mut failed, mut crashed) = (vec![], vec![], vec![]);
    for victim in 0..RUNS {
        let (wait, setbacks) = hand_over(&mut field, victim).await;
        planned.push(wait);
        failed.push(setbacks);
        crashed.push(crash(&mut field, victim).await);
    }
    let (stalled, answered) = freeze(&field, 0, length).await;
    callers.finish(&field.stage.scene).await;
    head("one of three nodes goes, under load", "figure", "must");
    row("planned hand-over: failed commands", &Figure::new(failed).to_string(), "0", "");
    row("planned hand-over: longest wait, ms", &Figure::new(planned).to_string(), "< 2000, aim 250", "");
    row("SIGKILL: longest wait, ms", &Figure::new(crashed).to_string(), "< 6000, aim 4000", "");
    row("frozen in an append: longest wait at the others, ms", &Figure::new(vec![stalled]).to_string(), "< 6000, aim 4000", "");
    row("frozen in an append: answered meanwhile", &answered.to_string(), "", "");
    blows::check(&field).await;
    row("written under another's lease", &tokio::task::block_in_place(|| audit::written_under_another(&field)), "0", "");
}

/// SIGTERM, and a successor once the two others have everything.
async fn hand_over(field: &mut Field, victim: usize) -> (f64, f64) {
    let (before, began) = (field.stage.setbacks(), Instant::now());
    field.stop(victim).await;
    answered_without(field, victim).await;
    field.start_again(victim);
    field.recover().await;
    (longest_since(field, began), (field.stage.setbacks() - before) as f64)
}

async fn crash(field: &mut Field, victim: usize) -> f64 {
    let began = Instant::now();
    field.kill(victim);
    field.lead(Some(victim));
    answered_without(field, victim).await;
    let longest = longest_since(field, began);
    field.start_again(victim);
    field.recover().await;
    longest
}

/// Nobody asks it itself, or its callers would wait until it wakes; what it owns is asked for at the others.
async fn freeze(field: &Field, victim: usize, length: Duration) -> (f64, u64) {
    field.lead(Some(victim));
    field.stage.scene.until_answered(100).await;
    let (before, frozen) = (*field.stage.scene.answers.borrow(), Instant::now());
    assert!(field.freeze_appending(victim), "it has an append under way");
    tokio::time::sleep(length).await;
    let (stalled, answered) = (longest_since(field, frozen), *field.stage.scene.answers.borrow() - before);
    field.signal(victim, "CONT");
    field.recover().await;
    field.stage.scene.until_answered(300).await;
    (stalled, answered)
}

async fn answered_without(field: &Field, victim: usize) {
    field.stage.until_shared(&field.machines[(victim + 1) % 3].node, 2).await;
    field.stage.scene.until_answered(300).await;
}

fn longest_since(field: &Field, began: Instant) -> f64 {
    field.stage.longest_since(began).as_secs_f64() * 1e3
}
