//! SIGSTOP of one of three in the middle of its work, for longer than its lease, and SIGCONT.

use super::stage::Stage;
use crate::support::postgres::signal;
use std::time::{Duration, Instant};

/// Lease 3 s, and what it takes to notice and to take over.
const STALL_MAX: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_frozen_does_no_harm_when_it_wakes() {
    let mut stage = Stage::new("cluster-frozen");
    let [first, second, third] = stage.three().await;
    let callers = stage.callers();
    stage.scene.until_answered(300).await;

    // Some callers are in the middle of asking it; they wait until it wakes. The others must not.
    signal(third.server.pid(), "STOP");
    let frozen = Instant::now();
    stage.scene.lead_to_all([&first.server, &second.server]);
    stage.until_shared(&first, 2).await;
    stage.scene.until_answered(100).await;
    let stalled = stage.longest_since(frozen);
    assert!(stalled < STALL_MAX, "the others stood still for {stalled:?}");

    signal(third.server.pid(), "CONT");
    stage.scene.lead_to_all([&first.server, &second.server, &third.server]);
    stage.until_shared(&third, 3).await;
    stage.scene.until_answered(200).await;
    callers.finish(&stage.scene).await;
    stage.scene.check(&third.ground).await;
    println!("the longest stall was {stalled:?}");
}
