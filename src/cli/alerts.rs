//! `ionveil alerts`: the alerts of a running server over its HTTP interface, and what is done about them.

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::incidents::age;
use super::output::{self, printable};
use super::site::{Site, read};
use super::table::{self, Look};
use super::target::ServerArgs;
use super::{load, runtime};
use crate::remote::Remote;
use crate::time::Rfc3339;
use clap::{Args, Subcommand};
use console::Style;
use ionveil_kernel::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;

const ALERTS: [&str; 7] = ["ALERT", "STATUS", "SEVERITY", "LEVEL", "AGE", "TOLD", "TITLE"];
const RULES: [&str; 5] = ["RULE", "ENABLED", "SEVERITY", "CONDITION", "NAME"];

/// Look at the alerts of a server, newest first, and take care of them
#[derive(Args)]
pub struct AlertsCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    board: BoardArgs,
    /// Exactly those in this status; without it those that are open, escalated or acknowledged
    #[arg(long)]
    status: Option<String>,
    /// Only those that are so bad: info, warning, critical, emergency
    #[arg(long)]
    severity: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Show an alert and what has happened to it, as JSON
    Show {
        /// The alert
        id: String,
    },
    /// Take care of an alert: it goes no higher
    Acknowledge {
        /// The alert
        id: String,
        /// What there is to say
        #[arg(long)]
        note: Option<String>,
        /// For so long; then it opens again
        #[arg(long)]
        minutes: Option<u32>,
    },
    /// End an alert
    Resolve {
        /// The alert
        id: String,
        /// How it was resolved
        #[arg(long)]
        note: String,
    },
    /// Let the next level know
    Escalate {
        /// The alert
        id: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// List the rules
    Rules {
        /// One rule a line, as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    total: u64,
}

impl AlertsCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let Self { server, board, status, severity, limit, action } = self;
        let site = Site { config, args: server };
        let wishes = [("status", status), ("severity", severity), ("page_size", Some(limit.to_string()))];
        let total = std::sync::atomic::AtomicU64::new(0);
        runtime::run(|threads| async move {
            if let Some(action) = action {
                return action.run(&site.server()?).await;
            }
            let fetch = async |server: &Remote| {
                let query: Vec<_> = wishes.iter().filter_map(|(name, wish)| Some((*name, wish.as_deref()?))).collect();
                let page: Page = read(server.get(&["alerts"], &query).await?)?;
                total.store(page.total, std::sync::atomic::Ordering::Relaxed);
                Ok(page.items)
            };
            let draw = |all: Vec<Value>, now, look| {
                let alerts = all.into_iter().map(read::<Alert>).collect::<anyhow::Result<Vec<_>>>()?;
                Ok(draw_alerts(&alerts, total.load(std::sync::atomic::Ordering::Relaxed), now, look))
            };
            board.run(&site, &threads.env, fetch, draw).await
        })
    }
}

impl Action {
    async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        let (id, what, body) = match self {
            Self::Show { id } => {
                let shown = server.get(&["alerts", &id], &[]).await?;
                output::line(serde_json::to_string_pretty(&shown)?)?;
                return Ok(ExitCode::SUCCESS);
            }
            Self::Rules { json } => return rules(server, json).await,
            Self::Acknowledge { id, note, minutes } => (id, "acknowledge", json!({"note": note, "minutes": minutes})),
            Self::Resolve { id, note } => (id, "resolve", json!({"note": note})),
            Self::Escalate { id, reason } => (id, "escalate", json!({"reason": reason})),
        };
        let after: Alert = read(server.ask(reqwest::Method::POST, &["alerts", &id, what], &body).await?)?;
        output::line(format!("alert {} is {}, {}", printable(&after.id), after.status, after.level))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn rules(server: &Remote, json: bool) -> anyhow::Result<ExitCode> {
    let items = server.get(&["alerts", "rules"], &[]).await?["items"].as_array().cloned().unwrap_or_default();
    if json {
        items.iter().try_for_each(|rule| output::line(rule.to_string()))?;
    } else {
        let rules = items.into_iter().map(read::<Rule>).collect::<anyhow::Result<Vec<_>>>()?;
        draw_rules(&rules, Look::here()).iter().try_for_each(output::line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An alert as a server answers with it.
#[derive(Deserialize)]
struct Alert {
    id: String,
    status: String,
    severity: String,
    level: String,
    created_at: Rfc3339,
    undelivered: bool,
    title: String,
}

/// A rule as a server answers with it.
#[derive(Deserialize)]
struct Rule {
    id: String,
    enabled: bool,
    severity: String,
    condition: String,
    name: String,
}

fn draw_alerts(alerts: &[Alert], total: u64, now: Timestamp, look: Look) -> Vec<String> {
    if alerts.is_empty() {
        return vec!["there are no such alerts".to_owned()];
    }
    let row = |alert: &Alert| {
        let told = if alert.undelivered { "nobody" } else { "yes" };
        let age = age(now.since(alert.created_at.0).as_secs());
        let (id, level, title) = (printable(&alert.id), alert.level.clone(), printable(&alert.title));
        let cells = [id, alert.status.clone(), alert.severity.clone(), level, age, told.to_owned(), title];
        table::Row { cells, colour: Some((1, style(&alert.status))) }
    };
    let head = table::Row { cells: ALERTS.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(alerts.iter().map(row)).collect();
    let mut lines = table::lines(&rows, 4..5, look);
    if total > alerts.len() as u64 {
        lines.push(format!("{} of {total}", alerts.len()));
    }
    lines
}

fn draw_rules(rules: &[Rule], look: Look) -> Vec<String> {
    if rules.is_empty() {
        return vec!["there are no rules".to_owned()];
    }
    let row = |rule: &Rule| {
        let enabled = if rule.enabled { "yes" } else { "no" };
        let cells = [printable(&rule.id), enabled.to_owned(), rule.severity.clone(), rule.condition.clone(), printable(&rule.name)];
        table::Row { cells, colour: None }
    };
    let head = table::Row { cells: RULES.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(rules.iter().map(row)).collect();
    table::lines(&rows, 0..0, look)
}

fn style(status: &str) -> Style {
    match status {
        "open" | "escalated" => Style::new().red(),
        "resolved" => Style::new().green(),
        _acknowledged => Style::new().yellow(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alert_and_each_rule_has_a_line() {
        let alerts: Vec<Alert> = serde_json::from_value(json!([
            {"id": "a1", "status": "open", "severity": "critical", "level": "L1", "created_at": "2026-01-01T00:00:00Z", "undelivered": true,
                "title": "[P2] SLA breach"},
        ]))
        .unwrap();
        let now = crate::time::parse("2026-01-01T00:01:05Z").unwrap();
        let expected = [
            "ALERT  STATUS  SEVERITY  LEVEL    AGE  TOLD    TITLE",
            "a1     open    critical  L1     1 min  nobody  [P2] SLA breach",
            "1 of 7",
        ];
        assert_eq!(draw_alerts(&alerts, 7, now, Look::default()), expected);
        let rules: Vec<Rule> = serde_json::from_value(json!([
            {"id": "sla-breach", "enabled": true, "severity": "critical", "condition": "sla_breach", "name": "SLA breach"},
        ]))
        .unwrap();
        let expected = ["RULE        ENABLED  SEVERITY  CONDITION   NAME", "sla-breach  yes      critical  sla_breach  SLA breach"];
        assert_eq!(draw_rules(&rules, Look::default()), expected);
        assert_eq!([draw_rules(&[], Look::default()).len(), draw_alerts(&[], 0, now, Look::default()).len()], [1, 1]);
    }
}
