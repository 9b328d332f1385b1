//! `ionveil route explain`: the decision, with what spoke for and against each candidate.

use super::draw::{draw_service, draw_way};
use super::shown::{Candidates, Selection, Way};
use crate::cli::output;
use crate::cli::site::read;
use crate::cli::table::Look;
use crate::remote::Remote;
use clap::Args;
use ionveil_kernel::EntityId;
use reqwest::Method;
use serde_json::{Value, json};

/// Explain the choice of a node of a service, or the way that an intent takes.
#[derive(Args)]
pub(super) struct Explain {
    /// The service among whose nodes one is chosen
    #[arg(required_unless_present = "intent", conflicts_with = "intent")]
    service: Option<String>,
    /// Choose by this draw, from 0 to below 1 [default: one that the server makes]
    #[arg(long, conflicts_with = "intent", allow_negative_numbers = true)]
    draw: Option<f64>,
    /// What is wanted: explain the way through the services that take part in it
    #[arg(long)]
    intent: Option<String>,
    /// How risky it is, usually 0 to 100
    #[arg(long, conflicts_with = "service", allow_negative_numbers = true)]
    risk: Option<f64>,
    /// Communications are degraded
    #[arg(long, conflicts_with = "service")]
    comms_degraded: bool,
    /// An endpoint that is not wanted; several times for several
    #[arg(long, conflicts_with = "service", value_name = "ENDPOINT")]
    block: Vec<EntityId>,
    /// As JSON, on one line
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<()> {
        match (&self.service, &self.intent) {
            (_, Some(intent)) => self.way(server, intent).await,
            (service, None) => self.node(server, service.as_deref().unwrap_or_default()).await,
        }
    }

    async fn way(&self, server: &Remote, intent: &str) -> anyhow::Result<()> {
        let blocked: Vec<&str> = self.block.iter().map(EntityId::as_str).collect();
        let body = json!({"intent": intent, "risk": self.risk, "comms_degraded": self.comms_degraded, "blocked": blocked});
        let answer = server.ask(Method::POST, &["routing", "route"], &body).await?;
        if self.json {
            return output::line(answer);
        }
        draw_way(&read::<Way>(answer)?, Look::here()).iter().try_for_each(output::line)
    }

    /// That nobody is left to choose is an answer as well: the candidates say why.
    async fn node(&self, server: &Remote, service: &str) -> anyhow::Result<()> {
        let answer = server.get(&["routing", "services", service, "candidates"], &[]).await?;
        let candidates: Candidates = read(answer.clone())?;
        let selection = match candidates.primary {
            Some(_) => server.ask(Method::POST, &["routing", "select"], &json!({"service": service, "draw": self.draw})).await?,
            None => Value::Null,
        };
        if self.json {
            return output::line(json!({"candidates": answer, "selection": selection}));
        }
        let selection: Option<Selection> = read(selection)?;
        draw_service(&candidates, selection.as_ref(), Look::here()).iter().try_for_each(output::line)
    }
}
