//! `ionveil channels`: the table, once or again and again.

use super::draw::{Channel, draw};
use crate::cli::board::{Board, BoardArgs};
use crate::cli::pages;
use crate::cli::site::read;
use crate::cli::table::Look;
use crate::remote::Remote;
use ionveil_kernel::Env;
use serde_json::Value;

/// The channels of a server.
pub(super) struct Channels;

impl Board for Channels {
    async fn lines(&self, server: &Remote, shown: &BoardArgs, look: Look, env: &Env) -> anyhow::Result<Vec<String>> {
        let mut all: Vec<Value> = Vec::new();
        let take = |channel| {
            all.push(channel);
            Ok(())
        };
        pages::each(server, &["channels"], &[], take).await?;
        if shown.json {
            return Ok(all.iter().map(Value::to_string).collect());
        }
        let channels = all.into_iter().map(read::<Channel>).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(draw(&channels, env.now(), look))
    }
}
