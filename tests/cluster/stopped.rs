//! SIGTERM of one of three under load, as a rolling upgrade has it: nobody is turned away.

use super::stage::Stage;
use crate::support::postgres::signal;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// So long that who waits for the end of one is seen, however busy the machine.
const LEASE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_in_order_fails_no_command() {
    let mut stage = Stage::new("cluster-stopped").with_lease(LEASE);
    let [first, second, third] = stage.three().await;
    let callers = stage.callers();
    stage.scene.until_answered(300).await;

    let stopped = Instant::now();
    signal(third.server.pid(), "TERM");
    // As whoever balances the load has it: it is asked until it says that it should not be.
    stage.scene.until_ready(&third.server, false).await;
    stage.scene.lead_to_all([&first.server, &second.server]);
    stage.until_shared(&first, 2).await;
    stage.scene.until_answered(200).await;
    let newcomer = stage.node();
    stage.until_shared(&second, 3).await;
    stage.scene.lead_to_all([&first.server, &second.server, &newcomer.server]);
    stage.scene.until_answered(200).await;
    let longest = stage.longest_since(stopped);
    callers.finish(&stage.scene).await;
    assert_eq!(stage.setbacks(), 0, "{:?}", stage.scene.setbacks.lock());
    // Half of it is what a hand-over has before it is cut short.
    assert!(longest < LEASE / 2, "somebody waited for {longest:?}");
    stage.scene.check(&newcomer.ground).await;
    assert!(block_in_place(|| newcomer.server.stop()).success());
    println!("the longest wait was {longest:?}");
}
