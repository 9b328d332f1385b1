//! `ionveil queues`: how healthy the queues of a running server are.

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::site::{Site, read};
use super::table::{self, Look};
use super::target::ServerArgs;
use super::{load, runtime};
use crate::remote::Remote;
use clap::Args;
use console::Style;
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitCode;

const HEAD: [&str; COLUMNS] = ["QUEUE", "STATUS", "WAITING", "LIMIT", "FULL", "WAIT S", "P95 MS", "ADVICE"];
const COLUMNS: usize = 8;
const STATUS: usize = 1;
const FIGURES: std::ops::Range<usize> = 2..7;

/// Look at the queues of a server: pool, intake, outbox.
#[derive(Args)]
pub struct QueuesCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    shown: BoardArgs,
}

/// A queue as a server answers with it.
#[derive(Clone, Debug, Deserialize)]
struct Queue {
    name: String,
    status: String,
    depth: i64,
    limit: i64,
    #[serde(rename = "utilisation")]
    full: f64,
    wait_s: Option<f64>,
    #[serde(default)]
    unbounded: bool,
    p95_ms: Option<f64>,
    backpressure: String,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
}

async fn fetch(server: &Remote) -> anyhow::Result<Vec<Value>> {
    let page: Page = read(server.get(&["queues"], &[]).await?)?;
    Ok(page.items)
}

impl QueuesCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        let lines = |queues: Vec<Value>, _now, look: Look| {
            let queues = queues.into_iter().map(read::<Queue>).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(draw(&queues, look))
        };
        runtime::run(|threads| async move { self.shown.run(&site, &threads.env, fetch, lines).await })
    }
}

fn draw(queues: &[Queue], look: Look) -> Vec<String> {
    let head = table::Row { cells: HEAD.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(queues.iter().map(row)).collect();
    table::lines(&rows, FIGURES, look)
}

fn row(queue: &Queue) -> table::Row<COLUMNS> {
    let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.1}"));
    let cells = [
        queue.name.clone(),
        queue.status.clone(),
        queue.depth.to_string(),
        queue.limit.to_string(),
        format!("{:.1} %", queue.full * 100.0),
        if queue.unbounded { "no end".to_owned() } else { figure(queue.wait_s) },
        figure(queue.p95_ms),
        queue.backpressure.clone(),
    ];
    table::Row { cells, colour: Some((STATUS, style(&queue.status))) }
}

fn style(status: &str) -> Style {
    match status {
        "healthy" => Style::new().green(),
        "warning" => Style::new().yellow(),
        _worse => Style::new().red(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_queue_has_a_line() {
        let queues: Vec<Queue> = serde_json::from_value(json!([
            {"name": "pool", "status": "healthy", "depth": 12, "limit": 100_000, "utilisation": 0.0001, "wait_s": null, "unbounded": true, "backpressure": "none"},
            {"name": "intake", "status": "critical", "depth": 9, "limit": 10, "utilisation": 0.9, "wait_s": 1.25, "p95_ms": 7.0, "backpressure": "throttle"},
        ]))
        .unwrap();
        let expected = [
            "QUEUE   STATUS    WAITING   LIMIT    FULL  WAIT S  P95 MS  ADVICE",
            "pool    healthy        12  100000   0.0 %  no end       -  none",
            "intake  critical        9      10  90.0 %     1.2     7.0  throttle",
        ];
        assert_eq!(draw(&queues, Look::default()), expected);
    }
}
