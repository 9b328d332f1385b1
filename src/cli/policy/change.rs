//! `ionveil policy set`, `clear`, `root`, `add`, `move`, `remove`: one command to the tree each. What it comes to is what the
//! server says; the rules are not repeated here.

use super::draw::draw;
use super::nodes::{Node, kind_name};
use crate::cli::output;
use crate::cli::site::read;
use crate::cli::table::Look;
use crate::cli::token::ttl;
use crate::remote::Remote;
use crate::time;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ionveil_kernel::{EntityId, Env, PolicyLevel, Timestamp};
use ionveil_policy::level::{self, LEVELS};
use ionveil_policy::tree::NodeKind;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A change of the tree, as a request and as a preview of it.
pub(super) trait Change: Args {
    /// What it is called where it is previewed.
    const KIND: &'static str;

    /// How it is asked for: method and path.
    fn route(&self) -> (Method, Vec<&str>);

    /// The fields of the command, but for a node that stands in the path.
    fn fields(&self, env: &Env) -> Map<String, Value>;

    /// The node that it concerns; none: the root.
    fn node(&self) -> Option<&EntityId>;

    /// What to say of it when it was answered: the node as it is now.
    fn done(&self, answer: Value) -> anyhow::Result<Vec<String>> {
        Ok(draw(&[read::<Node>(answer)?], Look::here()))
    }
}

/// A change, and how its outcome is shown.
#[derive(Args)]
pub(super) struct Answered<C: Args> {
    #[command(flatten)]
    change: C,
    /// What the server answers, as JSON
    #[arg(long)]
    json: bool,
}

impl<C: Change> Answered<C> {
    pub(super) async fn run(self, server: &Remote, env: &Env) -> anyhow::Result<()> {
        let (method, path) = self.change.route();
        let answer = server.ask(method, &path, &Value::Object(self.change.fields(env))).await?;
        if self.json {
            return output::line(answer);
        }
        self.change.done(answer)?.iter().try_for_each(output::line)
    }
}

/// Make a node stricter than its parent, or its override another one.
#[derive(Args)]
pub(super) struct Set {
    /// The node; not the root
    node: EntityId,
    /// The level, stricter than the one in force at its parent
    #[arg(value_parser = levels())]
    level: PolicyLevel,
    #[command(flatten)]
    right: Right,
    #[command(flatten)]
    reason: Reason,
    /// When it ends by itself (RFC 3339) [default: never]
    #[arg(long, value_name = "TIME", value_parser = crate::cli::parse_time, conflicts_with = "span")]
    expires_at: Option<Timestamp>,
    /// After how long it ends by itself, such as 30m or 8h
    #[arg(long = "for", value_name = "TIME", value_parser = ttl)]
    span: Option<Duration>,
}

/// Take a node's override away.
#[derive(Args)]
pub(super) struct Clear {
    /// The node
    node: EntityId,
    #[command(flatten)]
    right: Right,
    #[command(flatten)]
    reason: Reason,
}

/// Put the whole tree on a level; the root's engine begins anew there.
#[derive(Args)]
pub(super) struct Root {
    /// The level
    #[arg(value_parser = levels())]
    level: PolicyLevel,
    #[command(flatten)]
    right: Right,
}

/// Add a node.
#[derive(Args)]
pub(super) struct Add {
    /// Its id
    node: EntityId,
    /// What it stands for
    #[arg(long, value_parser = kinds())]
    kind: NodeKind,
    /// The node above it [default: none, which the first node has]
    #[arg(long, value_name = "NODE")]
    parent: Option<EntityId>,
}

/// Put a node, with all below it, under another parent.
#[derive(Args)]
pub(super) struct Move {
    /// The node
    node: EntityId,
    /// The new parent
    parent: EntityId,
}

/// Remove a node that has none below it.
#[derive(Args)]
pub(super) struct Remove {
    /// The node
    node: EntityId,
}

#[derive(Args)]
struct Right {
    /// By which right: a role or a ticket; it stands in the audit
    #[arg(long, value_name = "TEXT")]
    authorization: String,
}

#[derive(Args)]
struct Reason {
    /// Why; it stands in the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Change for Set {
    const KIND: &'static str = "set_override";

    fn route(&self) -> (Method, Vec<&str>) {
        (Method::POST, vec!["policy", "nodes", self.node.as_str(), "override"])
    }

    fn fields(&self, env: &Env) -> Map<String, Value> {
        let end = self.expires_at.or_else(|| self.span.map(|span| env.now().after(span)));
        let given = [("level", Some(level::name(self.level).to_owned())), ("authorization", Some(self.right.authorization.clone()))];
        fields(given.into_iter().chain([("reason", self.reason.reason.clone()), ("expires_at", end.map(time::format))]))
    }

    fn node(&self) -> Option<&EntityId> {
        Some(&self.node)
    }
}

impl Change for Clear {
    const KIND: &'static str = "clear_override";

    fn route(&self) -> (Method, Vec<&str>) {
        (Method::DELETE, vec!["policy", "nodes", self.node.as_str(), "override"])
    }

    fn fields(&self, _env: &Env) -> Map<String, Value> {
        fields([("authorization", Some(self.right.authorization.clone())), ("reason", self.reason.reason.clone())])
    }

    fn node(&self) -> Option<&EntityId> {
        Some(&self.node)
    }
}

impl Change for Root {
    const KIND: &'static str = "set_root";

    fn route(&self) -> (Method, Vec<&str>) {
        (Method::PUT, vec!["policy", "root"])
    }

    fn fields(&self, _env: &Env) -> Map<String, Value> {
        fields([("level", Some(level::name(self.level).to_owned())), ("authorization", Some(self.right.authorization.clone()))])
    }

    fn node(&self) -> Option<&EntityId> {
        None
    }
}

impl Change for Add {
    const KIND: &'static str = "add";

    fn route(&self) -> (Method, Vec<&str>) {
        (Method::POST, vec!["policy", "nodes"])
    }

    fn fields(&self, _env: &Env) -> Map<String, Value> {
        let parent = self.parent.as_ref().map(ToString::to_string);
        fields([("id", Some(self.node.to_string())), ("kind", Some(kind_name(self.kind).to_owned())), ("parent", parent)])
    }

    fn node(&self) -> Option<&EntityId> {
        Some(&self.node)
    }
}

impl Change for Move {
    const KIND: &'static str = "move";

    fn route(&self) -> (Method, Vec<&str>) {
        (Method::POST, vec!["policy", "nodes", self.node.as_str(), "move"])
    }

    fn fields(&self, _env: &Env) -> Map<String, Value> {
        fields([("parent", Some(self.parent.to_string()))])
    }

    fn node(&self) -> Option<&EntityId> {
        Some(&self.node)
    }
}

impl Change for Remove {
    const KIND: &'static str = "remove";

    fn route(&self) -> (Method, Vec<&str>) {
        (Method::DELETE, vec!["policy", "nodes", self.node.as_str()])
    }

    fn fields(&self, _env: &Env) -> Map<String, Value> {
        Map::new()
    }

    fn done(&self, _answer: Value) -> anyhow::Result<Vec<String>> {
        Ok(vec![format!("{} is removed", self.node)])
    }

    fn node(&self) -> Option<&EntityId> {
        Some(&self.node)
    }
}

/// Those that are given.
fn fields(given: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Map<String, Value> {
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect()
}

fn levels() -> impl TypedValueParser<Value = PolicyLevel> {
    PossibleValuesParser::new(LEVELS.map(level::name)).map(|name| level::parse(&name).unwrap_or_default())
}

const KINDS: [NodeKind; 4] = [NodeKind::Global, NodeKind::Agency, NodeKind::Region, NodeKind::Zone];

fn kinds() -> impl TypedValueParser<Value = NodeKind> {
    PossibleValuesParser::new(KINDS.map(kind_name))
        .map(|name| KINDS.into_iter().find(|kind| kind_name(*kind) == name).unwrap_or(NodeKind::Zone))
}
