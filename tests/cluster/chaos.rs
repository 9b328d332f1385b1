//! The short form of `cargo xtask chaos`: each kind of blow once, in an order that the seed chooses.

use super::blows::{Blow, run};
use super::field::{Field, NEEDS};
use std::time::Duration;

/// Longer than a lease: what a server had goes to the others.
const LASTS_MS: (u64, u64) = (3_500, 5_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_blow_once_and_everything_is_as_it_was_acknowledged() {
    let Some(field) = Field::open("cluster-chaos").await else { return println!("skipped: this needs {NEEDS}") };
    let mut left = Blow::ALL.to_vec();
    let next = |field: &mut Field, _: Duration| {
        let at = field.stage.seed.below(left.len().max(1) as u64);
        (!left.is_empty()).then(|| left.remove(usize::try_from(at).expect("small")))
    };
    run(field, LASTS_MS, next).await;
}
