//! `ionveil policy preview`: what a change would do, and what it would have refused, without doing it.

use super::change::{Change, Clear, Move, Remove, Root, Set};
use crate::cli::output::{self, printable};
use crate::cli::site::read;
use crate::remote::Remote;
use crate::time;
use clap::{Args, Subcommand};
use ionveil_kernel::{Env, PolicyLevel, Timestamp};
use ionveil_policy::level;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Show what a change would do, without doing it.
#[derive(Args)]
pub(super) struct Preview {
    /// Hold it against the work that happened then or later (RFC 3339)
    #[arg(long, value_name = "TIME", global = true, value_parser = crate::cli::parse_time)]
    from: Option<Timestamp>,
    /// Hold it against the work that happened before (RFC 3339)
    #[arg(long, value_name = "TIME", global = true, value_parser = crate::cli::parse_time)]
    to: Option<Timestamp>,
    /// What the server answers, as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a node stricter than its parent, or its override another one
    Set(Set),
    /// Take a node's override away
    Clear(Clear),
    /// Put the whole tree on a level
    Root(Root),
    /// Put a node, with all below it, under another parent
    Move(Move),
    /// Remove a node that has none below it
    Remove(Remove),
}

/// What the server foresees.
#[derive(Deserialize)]
struct Foreseen {
    changes: Vec<Changed>,
    reverted: Vec<Reverted>,
    would_refuse: Sum,
    over_limit: Sum,
    as_of: String,
}

#[derive(Deserialize)]
struct Changed {
    node: String,
    from: Option<PolicyLevel>,
    to: Option<PolicyLevel>,
}

#[derive(Deserialize)]
struct Reverted {
    node: String,
    level: PolicyLevel,
    source: String,
}

/// How much work, and the first of it.
#[derive(Deserialize)]
struct Sum {
    total: u64,
    by_kind: BTreeMap<String, u64>,
    examples: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    stream: String,
    r#type: String,
    occurred_at: String,
    node: String,
}

impl Preview {
    pub(super) async fn run(self, server: &Remote, env: &Env) -> anyhow::Result<()> {
        let mut body = Map::from_iter([("command".to_owned(), self.command.form(env))]);
        let range = [("from", self.from), ("to", self.to)];
        body.extend(range.into_iter().filter_map(|(name, at)| Some((name.to_owned(), json!(time::format(at?))))));
        let answer = server.ask(Method::POST, &["policy", "preview"], &Value::Object(body)).await?;
        if self.json {
            return output::line(answer);
        }
        read::<Foreseen>(answer)?.lines().iter().try_for_each(output::line)
    }
}

impl Command {
    fn form(&self, env: &Env) -> Value {
        match self {
            Self::Set(change) => form(change, env),
            Self::Clear(change) => form(change, env),
            Self::Root(change) => form(change, env),
            Self::Move(change) => form(change, env),
            Self::Remove(change) => form(change, env),
        }
    }
}

fn form<C: Change>(change: &C, env: &Env) -> Value {
    let mut form = change.fields(env);
    form.insert("kind".to_owned(), json!(C::KIND));
    form.extend(change.node().map(|node| ("node".to_owned(), json!(node))));
    Value::Object(form)
}

impl Foreseen {
    fn lines(&self) -> Vec<String> {
        let changed = |change: &Changed| {
            let (node, from, to) = (printable(&change.node), shown(change.from, "not there"), shown(change.to, "gone"));
            format!("  {node}  {from} → {to}")
        };
        let ended = |ended: &Reverted| {
            let (node, source) = (printable(&ended.node), printable(&ended.source));
            format!("  {node}  {}, by {source}", level::name(ended.level))
        };
        let mut lines = vec![format!("nodes whose level would change: {}", self.changes.len())];
        lines.extend(self.changes.iter().map(changed));
        lines.push(format!("overrides that would end by themselves: {}", self.reverted.len()));
        lines.extend(self.reverted.iter().map(ended));
        lines.extend(self.would_refuse.lines("accepted work that would have been refused"));
        lines.extend(self.over_limit.lines("work that would have gone over the limits of its level"));
        lines.push(format!("as of {}", printable(&self.as_of)));
        lines
    }
}

impl Sum {
    fn lines(&self, what: &str) -> Vec<String> {
        let kinds = self.by_kind.iter().map(|(kind, count)| format!("  {}  {count}", printable(kind)));
        std::iter::once(format!("{what}: {}", self.total)).chain(kinds).chain(self.examples.iter().map(Example::line)).collect()
    }
}

impl Example {
    fn line(&self) -> String {
        let [at, stream, kind, node] = [&self.occurred_at, &self.stream, &self.r#type, &self.node].map(|text| printable(text));
        format!("  such as {at}  {stream}  {kind}, by the level of {node}")
    }
}

fn shown(level: Option<PolicyLevel>, none: &'static str) -> &'static str {
    level.map_or(none, level::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_foreseen_reads_from_the_tree_to_the_work() {
        let foreseen = json!({
            "changes": [{ "node": "B09", "from": "halted", "to": "watch" }, { "node": "B09.39", "from": "halted" }],
            "reverted": [{ "node": "B09.12", "level": "watch", "source": "parent:B09" }],
            "would_refuse": { "total": 2, "by_kind": { "assign": 2 }, "examples": [
                { "stream": "workflow:default:1-E1", "type": "transitioned", "occurred_at": "2017-01-01T08:00:47Z", "node": "B09" },
            ] },
            "over_limit": { "total": 0, "by_kind": {}, "examples": [] },
            "as_of": "2026-01-01T00:00:00Z",
        });
        let expected = "\
nodes whose level would change: 2
  B09  halted → watch
  B09.39  halted → gone
overrides that would end by themselves: 1
  B09.12  watch, by parent:B09
accepted work that would have been refused: 2
  assign  2
  such as 2017-01-01T08:00:47Z  workflow:default:1-E1  transitioned, by the level of B09
work that would have gone over the limits of its level: 0
as of 2026-01-01T00:00:00Z";
        assert_eq!(read::<Foreseen>(foreseen).unwrap().lines().join("\n"), expected);
    }
}
