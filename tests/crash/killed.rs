//! SIGKILL at random moments, over and over.

use super::callers::Callers;
use super::scene::{Ground, PATIENCE, Scene};
use super::seed::Seed;
use crate::support::postgres::Postgres;
use crate::support::server::{Server, ionveil};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KILLS: usize = 20;
const CALLERS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills_on_sqlite() {
    survives_kills(&Ground::sqlite(), Seed::of("sqlite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills_on_postgres() {
    let database = Postgres::shared().database();
    survives_kills(&Ground::postgres(&database.url), Seed::of("postgres")).await;
}

async fn survives_kills(ground: &Ground, mut seed: Seed) {
    let scene = Arc::new(Scene::new());
    let mut callers = Callers::start(&scene, "caller", CALLERS, &mut seed);
    let mut first_answers = Vec::with_capacity(KILLS);
    for _ in 0..KILLS {
        let (server, first_answer) = started(&scene, ground).await;
        first_answers.push(first_answer);
        // How long the traffic lasts is what the seed chooses; nothing waits for it.
        tokio::time::sleep(seed.millis(100, 600)).await;
        callers.check();
        server.kill();
        scene.lead_to(None);
        if seed.percent(25) {
            killed_while_it_starts(ground, seed.millis(0, 150)).await;
        }
    }
    let (server, first_answer) = started(&scene, ground).await;
    first_answers.push(first_answer);
    callers.finish(&scene).await;
    print_times(first_answers);
    repeat_everything(&scene).await;
    scene.check(ground).await;
    assert!(scene.acknowledged() > KILLS, "the callers were busy");
    assert!(tokio::task::block_in_place(|| server.stop()).success());
}

/// A server that has answered a request, and how long that took from the start of its process.
async fn started(scene: &Scene, ground: &Ground) -> (Server, Duration) {
    let begun = Instant::now();
    let server = ground.serve();
    let answer = scene.client.get(server.url("/api/v1/workflows/w0")).send().await.expect("an answer");
    assert!([200, 404].contains(&answer.status().as_u16()), "{}", answer.status());
    let took = begun.elapsed();
    assert!(took < PATIENCE);
    scene.lead_to(Some(&server));
    (server, took)
}

async fn killed_while_it_starts(ground: &Ground, after: Duration) {
    let args = ground.serve_args();
    let mut command = ionveil(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    tokio::time::sleep(after).await;
    child.kill().expect("kill");
    child.wait().expect("wait");
}

/// Every key once more, after all that happened.
pub(super) async fn repeat_everything(scene: &Scene) {
    let all: Vec<_> = scene.ledger.lock().acknowledged().map(|(asked, body, _)| (asked.clone(), body.clone())).collect();
    for (asked, body) in all.iter().step_by(1 + all.len() / 500) {
        scene.repeat(asked, body).await;
    }
}

fn print_times(mut times: Vec<Duration>) {
    times.sort();
    println!(
        "first answer after a kill: fastest {:?}, median {:?}, slowest {:?}",
        times[0],
        times[times.len() / 2],
        times[times.len() - 1]
    );
}
