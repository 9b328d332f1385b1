//! `ionveil channels test`: a message over one channel, and what came of it.

use crate::cli::output::{self, printable};
use crate::cli::site::read;
use crate::remote::Remote;
use clap::Args;
use ionveil_kernel::EntityId;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Send a message over a channel, whatever its breaker says; nothing of it counts.
#[derive(Args)]
pub(super) struct Test {
    /// The channel
    name: EntityId,
    /// What to send, as JSON
    #[arg(long, value_name = "JSON", default_value = "null")]
    payload: Value,
    /// The answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Answer {
    delivered: bool,
    reason: Option<String>,
    http_status: Option<u16>,
    latency_ms: f64,
    #[serde(default)]
    simulated: bool,
}

impl Test {
    /// Exit code 1 if it was not delivered.
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        let answer = server.ask(Method::POST, &["channels", self.name.as_str(), "test"], &json!({"payload": self.payload})).await?;
        let delivered = read::<Answer>(answer.clone())?;
        output::line(if self.json { answer.to_string() } else { delivered.text(&self.name) })?;
        Ok(if delivered.delivered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Answer {
    fn text(&self, name: &EntityId) -> String {
        let simulated = if self.simulated { " (simulated: nothing was sent)" } else { "" };
        let status = self.http_status.map(|status| format!(", HTTP {status}")).unwrap_or_default();
        let latency = self.latency_ms;
        match &self.reason {
            None => format!("{name} delivered in {latency:.1} ms{status}{simulated}"),
            Some(reason) => format!("{name} did not deliver: {} after {latency:.1} ms{status}{simulated}", printable(reason)),
        }
    }
}
