//! Analytics on this node. What must and should be reached:
//!
//! | what | must | should |
//! |---|---|---|
//! | rebuild from 1,000,000 journal events, Postgres | ≥ 50,000/s | ≥ 200,000/s |
//! | 1,000 subscribers, each following 10 of 1,000 metrics, 1,000 updates/s in all, frames of at most 100 ms | no healthy one falls behind | 10,000 subscribers |
//!
//! The rebuild stands beside a bare read of the same events; for ingest and snapshot see `cargo bench -p ionveil-analytics`.
//!
//! `cargo bench --bench analytics [-- rebuild|followers]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[path = "analytics/followers.rs"]
mod followers;
#[path = "analytics/rebuild.rs"]
mod rebuild;
mod support;

use ionveil::cli::runtime;

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    let wanted = |row: &str| wish.is_empty() || wish == row;
    let done = runtime::run(async |threads| {
        if wanted("rebuild") {
            rebuild::of_a_million(&threads).await;
        }
        if wanted("followers") {
            followers::a_thousand(&threads.env).await;
        }
        Ok(())
    });
    done.expect("threads");
}
