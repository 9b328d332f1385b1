//! No room on the disk, by way of a limit on the size of files. Beyond it a write fails, after the signal SIGXFSZ.

use super::callers::Callers;
use super::scene::{Ground, Scene};
use super::seed::Seed;
use crate::support::server::{Server, ionveil};
use std::process::Command;
use std::sync::Arc;

/// In blocks of 512 bytes: the log of SQLite fills it within some hundred commits.
const BLOCKS_MAX: &str = "3000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_work_and_loses_nothing() {
    let mut seed = Seed::of("disk full");
    let ground = Ground::new(None, "[journal]\nretry_ms = 500\n");
    let scene = Arc::new(Scene::new());
    let args = ground.serve_args();
    let served = ionveil(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let server = tokio::task::block_in_place(|| Server::spawn(limited(&served)));
    scene.lead_to(Some(&server));
    let mut callers = Callers::start(&scene, "caller", 8, &mut seed);
    scene.until_set_back(20).await;
    callers.check();
    let stored = scene.streams().await;
    assert!(stored.values().any(|events| !events.is_empty()), "what is stored can still be read");
    let verified = ground.run(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));

    scene.lead_to(None);
    assert!(tokio::task::block_in_place(|| server.stop()).success(), "a full disk does not keep it from ending");
    let server = ground.serve();
    scene.lead_to(Some(&server));
    println!("100 answers {:?} after the restart without the limit", scene.until_answered(100).await);
    callers.finish(&scene).await;
    scene.check(&ground).await;
    assert!(tokio::task::block_in_place(|| server.stop()).success());
}

/// The same command in a process that may not write larger files.
fn limited(command: &Command) -> Command {
    let mut sh = Command::new("sh");
    sh.args(["-c", "ulimit -f \"$0\" && exec \"$@\"", BLOCKS_MAX]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => sh.env(name, value),
            None => sh.env_remove(name),
        };
    }
    sh
}
