//! The runtime's figures, each beside its limit or a peer measured in the same run. In brackets: what must and what should
//! be reached. It measures no HTTP.
//!
//! `cargo run --release --manifest-path benches/runtime/Cargo.toml -- postgres|sqlite|hot|start|idle|restart|tell|timers[-memory|-sqlite|-postgres]|permit`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

mod decider;
mod durable;
mod idle;
mod node;
mod peers;
mod permit;
mod restart;
mod soak;
mod start;
#[path = "../../support/mod.rs"]
mod support;
mod tell;
mod timers;

use node::Threads;
use std::process::ExitCode;

const ALL: [&str; 9] = ["postgres", "sqlite", "hot", "start", "idle", "restart", "tell", "timers", "permit"];

fn main() -> ExitCode {
    let wishes: Vec<String> = std::env::args().skip(1).collect();
    if wishes.first().is_some_and(|wish| wish == "soak") {
        return soak::run(&wishes[1..]);
    }
    let wishes: Vec<&str> = if wishes.is_empty() { ALL.to_vec() } else { wishes.iter().map(String::as_str).collect() };
    for wish in wishes {
        match wish {
            // Its processes have threads of their own.
            "idle" => idle::run(),
            "permit" => permit::run(),
            "postgres" => Threads::run(async |threads| durable::postgres(&threads).await),
            "sqlite" => Threads::run(async |threads| durable::sqlite(&threads).await),
            "hot" => Threads::run(async |threads| durable::hot(&threads).await),
            "start" => Threads::run(async |threads| start::run(&threads).await),
            "restart" => Threads::run(async |threads| restart::run(&threads).await),
            "tell" => Threads::run(async |threads| tell::run(&threads).await),
            "timers" => Threads::run(async |threads| timers::run(&threads, &timers::STORES).await),
            "timers-memory" | "timers-sqlite" | "timers-postgres" => {
                let store = wish.trim_start_matches("timers-").to_owned();
                Threads::run(async move |threads| timers::run(&threads, &[&store]).await);
            }
            "idle-entities" => Threads::run(async |threads| idle::entities(&threads).await),
            "idle-actors" => Threads::run(async |threads| idle::actors(&threads).await),
            other => panic!("there is no bench {other:?}: {}", ALL.join(", ")),
        }
    }
    ExitCode::SUCCESS
}
