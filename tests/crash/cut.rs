//! Connections to Postgres break in the middle of commits: nobody knows the outcome, and every repeat settles to one.

use super::callers::Callers;
use super::scene::{Ground, Scene};
use super::seed::Seed;
use crate::support::postgres::Postgres;
use crate::support::proxy::{Cut, Proxy};
use std::sync::Arc;

const CUTS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_settle_to_exactly_one_when_connections_break() {
    let mut seed = Seed::of("connections cut");
    let postgres = tokio::task::block_in_place(Postgres::shared);
    let proxy = Proxy::to(postgres.port()).await;
    let ground = Ground::postgres(&proxy.redirect(&postgres.database().url));
    let scene = Arc::new(Scene::new());
    let server = ground.serve();
    scene.lead_to(Some(&server));
    let mut callers = Callers::start(&scene, "caller", 8, &mut seed);
    for _ in 0..CUTS {
        scene.until_answered(10 + seed.below(30)).await;
        callers.check();
        match seed.below(5) {
            0 => proxy.cut_all(),
            1 | 2 => proxy.cut_next(Cut::Request),
            _ => proxy.cut_next(Cut::Answer),
        }
    }
    scene.until_answered(50).await;
    callers.finish(&scene).await;
    assert!(server.log().contains("learn whether the store committed"), "some outcomes were unknown:\n{}", server.log());
    scene.check(&ground).await;
    assert!(tokio::task::block_in_place(|| server.stop()).success());
}
