//! `ionveil orders`: the orders that wait at a running server, first to go first.

mod draw;

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::pages;
use super::site::{Site, read};
use super::table::Look;
use super::target::ServerArgs;
use super::{load, runtime};
use crate::remote::Remote;
use clap::Args;
use draw::{Order, draw};
use ionveil_kernel::EntityId;
use serde::Deserialize;
use serde_json::Value;
use std::cell::Cell;
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

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    total: usize,
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
        let (agency, watch) = (self.agency, self.shown.watch);
        // What is watched is only the beginning.
        let total = Cell::new(0);
        let fetch = async |server: &Remote| {
            let page = read_page(server, agency.as_ref(), watch).await?;
            total.set(page.total);
            Ok(page.items)
        };
        let lines = |orders: Vec<Value>, _now, look: Look| {
            let orders = orders.into_iter().map(read::<Order>).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(draw(&orders, total.get(), look))
        };
        runtime::run(|threads| async move { self.shown.run(&site, &threads.env, fetch, lines).await })
    }
}

async fn read_page(server: &Remote, agency: Option<&EntityId>, watch: bool) -> anyhow::Result<Page> {
    let path = ["dispatch", "orders"];
    let agency = agency.map(|agency| ("agency", agency.as_str()));
    let query: Vec<_> = agency.into_iter().chain(watch.then_some(("page_size", WATCHED))).collect();
    if watch {
        return read(server.get(&path, &query).await?);
    }
    let mut items = Vec::new();
    let take = |order| {
        items.push(order);
        Ok(())
    };
    pages::each(server, &path, &query, take).await?;
    Ok(Page { total: items.len(), items })
}
