//! SIGKILL of one of three.

use super::stage::Stage;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// Lease 3 s, and what it takes to notice and to take over.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_node_had_is_answered_by_the_others() {
    let mut stage = Stage::new("cluster-killed");
    let [first, second, third] = stage.three().await;
    let callers = stage.callers();
    stage.scene.until_answered(300).await;

    let killed = Instant::now();
    stage.scene.lead_to_all([&first.server, &second.server]);
    third.server.kill();
    stage.until_shared(&first, 2).await;
    stage.scene.until_answered(300).await;
    let longest = stage.longest_since(killed);
    assert!(longest < ANSWERED_WITHIN, "somebody waited for {longest:?}");

    let again = third.ground.serve();
    stage.until_shared(&second, 3).await;
    stage.scene.lead_to_all([&first.server, &second.server, &again]);
    stage.scene.until_answered(200).await;
    callers.finish(&stage.scene).await;
    stage.scene.check(&first.ground).await;
    assert!(block_in_place(|| again.stop()).success());
    println!("the longest wait after the kill was {longest:?}");
}
