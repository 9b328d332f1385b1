//! Where commands find the running server that they ask.

use super::target::{ServerArgs, server_of};
use crate::config::Config;
use crate::remote::Remote;
use anyhow::{Context, bail};

/// Where the server is looked for.
pub(super) struct Site {
    pub(super) config: Config,
    pub(super) args: ServerArgs,
}

impl Site {
    /// The server, if one is named or owns the data directory.
    pub(super) fn find(&self) -> anyhow::Result<Option<Remote>> {
        let url = server_of(&self.args, &self.config)?;
        url.map(|url| Remote::new(&url, self.args.token_file.as_deref())).transpose()
    }

    pub(super) fn server(&self) -> anyhow::Result<Remote> {
        if let Some(server) = self.find()? {
            return Ok(server);
        }
        bail!("{}; start one with `ionveil serve`, or name one with --server", self.absent())
    }

    pub(super) fn absent(&self) -> String {
        format!("no server runs on the data directory {}", self.config.store.data_dir.display())
    }
}

/// Reads an answer of a form that is known here.
pub(super) fn read<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> anyhow::Result<T> {
    serde_json::from_value(answer).context("read the server's answer; is it of another release?")
}
