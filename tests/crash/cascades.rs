//! SIGKILL in the middle of cascades, over and over: each is there whole or not at all, what was acknowledged is there, and
//! the tree that a new process publishes is the one that the journal has.

use super::levers::{Asked, Levers, plant, published};
use super::scene::{Ground, Scene};
use super::seed::Seed;
use super::told::Journal;
use crate::support::postgres::Postgres;
use ionveil_policy::tree::Event;
use std::sync::Arc;

const KILLS: usize = 12;
const CALLERS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cascades_are_whole_or_absent_after_kills_on_sqlite() {
    survives_kills(&Ground::sqlite(), Seed::of("cascades, sqlite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cascades_are_whole_or_absent_after_kills_on_postgres() {
    let database = tokio::task::block_in_place(Postgres::shared).database();
    survives_kills(&Ground::postgres(&database.url), Seed::of("cascades, postgres")).await;
}

async fn survives_kills(ground: &Ground, mut seed: Seed) {
    let (scene, asked) = (Arc::new(Scene::new()), Arc::new(Asked::default()));
    let mut server = ground.serve();
    scene.lead_to(Some(&server));
    plant(&scene).await;
    let mut levers = Levers::start(&scene, &asked, CALLERS, &mut seed);
    for _ in 0..KILLS {
        // How long the traffic lasts is what the seed chooses; nothing waits for it.
        tokio::time::sleep(seed.millis(100, 400)).await;
        levers.check();
        scene.lead_to(None);
        server.kill();
        let journal = Journal::read(ground);
        server = ground.serve();
        let quiet = Scene::new();
        quiet.lead_to(Some(&server));
        journal.check(&published(&quiet).await);
        scene.lead_to(Some(&server));
    }
    levers.finish(&scene).await;
    let journal = Journal::read(ground);
    journal.check(&published(&scene).await);
    asked.check(&journal);
    assert!(asked.acknowledged() > KILLS, "the callers were busy");
    assert!(cascades(&journal) > 0, "levels fell");
    assert!(tokio::task::block_in_place(|| server.stop()).success());
}

/// How many commands reverted more than one override.
fn cascades(journal: &Journal) -> usize {
    let reverted = |event: &Event| matches!(event, Event::OverrideAutoReverted(_));
    journal.commands.iter().filter(|told| told.events.iter().filter(|(_, event)| reverted(event)).count() > 1).count()
}
