//! `ionveil policy audit`: who changed which level, from what to what, by which right and why.

use super::nodes::style;
use crate::cli::output::{self, printable};
use crate::cli::pages;
use crate::cli::site::read;
use crate::cli::table::Look;
use crate::remote::Remote;
use crate::time::{self, Rfc3339};
use clap::Args;
use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use ionveil_policy::level;
use ionveil_policy::tree::AuditAction;
use serde::Deserialize;
use serde_json::Value;

/// List who changed which level, oldest first.
#[derive(Args)]
pub(super) struct Audit {
    /// Only this node's
    #[arg(long)]
    node: Option<EntityId>,
    /// Only what was done then or later (RFC 3339)
    #[arg(long, value_parser = crate::cli::parse_time)]
    since: Option<Timestamp>,
    /// One record a line, as JSON
    #[arg(long)]
    json: bool,
}

/// A line of the audit as a server answers with it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) node: String,
    pub(super) action: AuditAction,
    pub(super) from: Option<PolicyLevel>,
    pub(super) to: Option<PolicyLevel>,
    source: String,
    authorization: String,
    reason: Option<String>,
    code: Option<String>,
    pub(super) time: Rfc3339,
}

impl Audit {
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<()> {
        let (look, mut any) = (Look::here(), false);
        let show = |item: Value| {
            any = true;
            output::line(if self.json { item.to_string() } else { read::<Record>(item)?.text(look) })
        };
        records(server, self.node.as_ref().map(EntityId::as_str), self.since, show).await?;
        if any || self.json { Ok(()) } else { output::line("no level was changed") }
    }
}

/// Takes the records, oldest first.
pub(super) async fn records(
    server: &Remote,
    node: Option<&str>,
    since: Option<Timestamp>,
    take: impl FnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let since = since.map(time::format);
    let node = node.map(|node| ("node", node));
    let query: Vec<_> = node.into_iter().chain(since.as_deref().map(|since| ("since", since))).collect();
    pages::each(server, &["policy", "audit"], &query, take).await
}

impl Record {
    /// `#7  time  node  set  none → halted  by user:jane (T-4711): why`.
    fn text(&self, look: Look) -> String {
        let (from, to) = (shown(self.from, Look::default()), shown(self.to, look));
        let code = self.code.as_deref().map(|code| format!(" [{}]", printable(code))).unwrap_or_default();
        let reason = self.reason.as_deref().map(|reason| format!(": {}", printable(reason))).unwrap_or_default();
        let (node, who, right) = (printable(&self.node), printable(&self.source), printable(&self.authorization));
        format!("#{}  {}  {node}  {}{code}  {from} → {to}  by {who} ({right}){reason}", self.seq, self.time, action_name(self.action))
    }
}

fn shown(level: Option<PolicyLevel>, look: Look) -> String {
    let Some(level) = level else { return "none".to_owned() };
    if look.colours { style(level).apply_to(level::name(level)).to_string() } else { level::name(level).to_owned() }
}

const fn action_name(action: AuditAction) -> &'static str {
    match action {
        AuditAction::Set => "set",
        AuditAction::Replaced => "replaced",
        AuditAction::Cleared => "cleared",
        AuditAction::AutoReverted => "auto_reverted",
        AuditAction::BaseChanged => "base_changed",
        AuditAction::Rejected => "rejected",
        AuditAction::EngineChanged => "engine_changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_reads_as_a_line() {
        let record = json!({
            "seq": 7, "node": "B09.39", "action": "rejected", "from": null, "to": "watch", "source": "user:jane", "authorization": "T-4711",
            "reason": "quiet\u{7}", "code": "no_effect", "time": "2026-01-01T00:00:00.5Z",
        });
        let record: Record = serde_json::from_value(record).unwrap();
        let line = "#7  2026-01-01T00:00:00.5Z  B09.39  rejected [no_effect]  none → watch  by user:jane (T-4711): quiet\u{fffd}";
        assert_eq!(record.text(Look::default()), line);
        let coloured = record.text(Look { columns: None, colours: true });
        assert!(coloured != line && console::strip_ansi_codes(&coloured) == line, "{coloured:?}");
    }
}
