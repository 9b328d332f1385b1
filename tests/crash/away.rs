//! Postgres freezes, stops and comes back while callers are at work.

use super::callers::Callers;
use super::scene::{Ground, Scene};
use super::seed::Seed;
use crate::support::postgres::Postgres;
use crate::support::server::Server;
use std::sync::Arc;
use std::time::Duration;

/// What the process may have grown by after it has waited for its database twice under load.
const GROWTH_KIB_MAX: u64 = 48 << 10;

/// How long Postgres is away.
const OUTAGE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]
async fn service_resumes_by_itself_when_postgres_does() {
    let mut seed = Seed::of("postgres away");
    let postgres = tokio::task::block_in_place(Postgres::own);
    let ground = Ground::postgres(&postgres.database().url);
    let scene = Arc::new(Scene::new());
    let server = ground.serve();
    scene.lead_to(Some(&server));
    let callers = Callers::start(&scene, "caller", 8, &mut seed);
    scene.until_answered(300).await;
    let before = resident_kib(&server);

    postgres.freeze();
    scene.until_ready(&server, false).await;
    postgres.thaw();
    println!("frozen for longer than a lease; 50 answers {:?} after it went on", scene.until_answered(50).await);
    scene.until_ready(&server, true).await;

    tokio::task::block_in_place(|| postgres.crash());
    scene.until_ready(&server, false).await;
    // Under load all the while.
    tokio::time::sleep(OUTAGE).await;
    let waiting = resident_kib(&server);
    assert!(waiting < before + GROWTH_KIB_MAX, "{before} KiB before, {waiting} KiB while it was away");
    tokio::task::block_in_place(|| postgres.restart());
    println!("crashed and restarted; 50 answers {:?} after it was back", scene.until_answered(50).await);
    scene.until_ready(&server, true).await;

    // A crash that is over before anybody has noticed: connections break, nothing else.
    tokio::task::block_in_place(|| {
        postgres.crash();
        postgres.restart();
    });
    scene.until_answered(300).await;
    let after = resident_kib(&server);
    println!("resident {before} KiB before, {after} KiB after");
    assert!(after < before + GROWTH_KIB_MAX, "{before} KiB before, {after} KiB after");
    let figures = ionveil::web::client()
        .build()
        .expect("a client")
        .get(server.url("/metrics"))
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a text");
    assert!(figures.contains("ionveil_restarts_total{kind=\"workflow\"} 0\n"), "no restart budget is spent");
    callers.finish(&scene).await;
    scene.check(&ground).await;
    assert!(tokio::task::block_in_place(|| server.stop()).success());
}

fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
