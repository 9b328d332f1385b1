//! `ionveil orders`: the orders that wait at a running server, first to go first.

mod draw;

use super::board::{Board, BoardArgs};
use super::config::ConfigArgs;
use super::pages;
use super::site::{Site, read};
use super::table::Look;
use super::target::ServerArgs;
use super::{load, runtime};
use crate::remote::Remote;
use clap::Args;
use draw::{Order, draw};
use ionveil_kernel::{EntityId, Env};
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitCode;

/// So many are looked at again and again: no window has more lines.
const WATCHED: &str = "200";

/// List the orders that wait at a server, first to go first.
#[derive(Args)]
pub struct OrdersCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    shown: BoardArgs,
    /// Only those of this agency
    #[arg(long)]
    agency: Option<EntityId>,
}

struct Orders(Option<EntityId>);

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    total: usize,
}

impl Board for Orders {
    async fn lines(&self, server: &Remote, shown: &BoardArgs, look: Look, _env: &Env) -> anyhow::Result<Vec<String>> {
        let path = ["dispatch", "orders"];
        let agency = self.0.as_ref().map(|agency| ("agency", agency.as_str()));
        let query: Vec<_> = agency.into_iter().chain(shown.watch.then_some(("page_size", WATCHED))).collect();
        let mut page = Page { items: Vec::new(), total: 0 };
        if shown.watch {
            page = read(server.get(&path, &query).await?)?;
        } else {
            let take = |order| {
                page.items.push(order);
                Ok(())
            };
            pages::each(server, &path, &query, take).await?;
            page.total = page.items.len();
        }
        if shown.json {
            return Ok(page.items.iter().map(Value::to_string).collect());
        }
        let orders = page.items.into_iter().map(read::<Order>).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(draw(&orders, page.total, look))
    }
}

impl OrdersCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        runtime::run(|threads| async move { self.shown.show(&Orders(self.agency), &site, &threads.env).await })
    }
}
