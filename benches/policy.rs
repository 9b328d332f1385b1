//! Operational policy on this node. What must and should be reached:
//!
//! | what | must | should |
//! |---|---|---|
//! | a root change is visible at all of 1,000 nodes (depth 5), 64 readers, Postgres with fsync, nothing reverted | < 100 ms | ≤ 5 ms; 10,000 nodes ≤ 25 ms |
//! | the same, with all overrides reverted | < 100 ms | ≤ 40 ms; 10,000 nodes are reported |
//! | a preview over 1,000,000 recorded events, through the route | ≤ 2 s | ≤ 0.3 s |
//! | `resolve` while others write | ≤ 1 µs p50 | ≤ 100 ns p50 |
//!
//! Each is measured beside what nothing could do without: bare inserts into the same Postgres, a bare look-up in a map.
//!
//! `cargo bench --bench policy [-- cascade|revert|grow|preview|resolve|snapshot]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[path = "policy/cascade.rs"]
mod cascade;
#[path = "policy/lookups.rs"]
mod lookups;
#[path = "policy/preview.rs"]
mod preview;
#[path = "policy/readers.rs"]
mod readers;
mod support;
#[path = "policy/tree.rs"]
mod tree;

use ionveil::cli::runtime;

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    let wanted = |row: &str| wish.is_empty() || wish == row;
    let done = runtime::run(async |threads| {
        if wanted("cascade") {
            cascade::nothing_reverted(&threads).await;
        }
        if wanted("revert") {
            cascade::everything_reverted(&threads).await;
        }
        if wanted("grow") {
            cascade::growing(&threads).await;
        }
        if wanted("preview") {
            preview::over_a_million(&threads).await;
        }
        if wanted("resolve") {
            lookups::resolve(&threads.env);
        }
        if wanted("snapshot") {
            lookups::snapshot(&threads.env);
        }
        Ok(())
    });
    done.expect("threads");
}
