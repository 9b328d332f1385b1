//! What clients send to have a command previewed, read strictly, and its shape for OpenAPI.
//!
//! Levels and authorizations are passed on as they were written: the tree judges them, after it has looked for the node.

use crate::http::fields::{Fields, FromFields};
use crate::http::policy_requests::{ANY_LENGTH, authorization, judge};
use crate::http::problem::Code;
use crate::time::Rfc3339;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_policy::tree::Command;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Asks what a command would do.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewPolicy {
    /// The command.
    command: PreviewCommand,
    /// Judge the work that happened from then on; absent, with `to`: of the last 24 hours.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Rfc3339>,
    /// Judge the work that happened before.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Rfc3339>,
}

/// A command to the policy tree.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PreviewCommand {
    /// Makes a node stricter than its parent.
    SetOverride {
        /// The node.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B09.39")]
        node: EntityId,
        /// The level, above the one in force at the parent.
        #[schema(pattern = "^(normal|watch|restricted|halted)$", example = "halted")]
        level: String,
        /// By which right: a role or a ticket.
        #[schema(min_length = 1, max_length = 256, example = "shift supervisor")]
        authorization: String,
        /// Why.
        #[schema(min_length = 1, max_length = 256)]
        reason: Option<String>,
        /// When it would end by itself.
        #[schema(value_type = Option<String>, format = DateTime)]
        expires_at: Option<Rfc3339>,
    },
    /// Takes the override of a node away.
    ClearOverride {
        /// The node.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        node: EntityId,
        /// By which right: a role or a ticket.
        #[schema(min_length = 1, max_length = 256)]
        authorization: String,
        /// Why.
        #[schema(min_length = 1, max_length = 256)]
        reason: Option<String>,
    },
    /// Sets the level of the root.
    SetRoot {
        /// The level.
        #[schema(pattern = "^(normal|watch|restricted|halted)$")]
        level: String,
        /// By which right: a role or a ticket.
        #[schema(min_length = 1, max_length = 256)]
        authorization: String,
    },
    /// Puts a node, with all below it, under another parent.
    Move {
        /// The node.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        node: EntityId,
        /// The new parent.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        parent: EntityId,
    },
    /// Removes a node that has no children.
    Remove {
        /// The node.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        node: EntityId,
    },
}

/// What was read.
pub struct Asked {
    pub(super) command: Command,
    /// From when on, and before when; none: the last day.
    pub(super) range: Option<(Timestamp, Timestamp)>,
}

struct Wish(Command);

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let command = fields.required::<Wish>("command");
        let (from, to) = (fields.optional::<Timestamp>("from"), fields.optional::<Timestamp>("to"));
        Some(Self { range: range(fields, from, to)?, command: command?.0 })
    }
}

/// Both ends or neither, in order. `None` after a fault.
fn range(fields: &mut Fields, from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Option<(Timestamp, Timestamp)>> {
    match (from, to) {
        (None, None) => return Some(None),
        (Some(from), Some(to)) if from < to => return Some(Some((from, to))),
        (Some(_), Some(_)) => fields.fault(Code::InvalidRange, "to", "must lie after `from`"),
        (Some(_), None) => fields.fault(Code::MissingField, "to", "is needed together with `from`"),
        (None, Some(_)) => fields.fault(Code::MissingField, "from", "is needed together with `to`"),
    }
    None
}

impl FromFields for Wish {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        match fields.line("kind", 32).as_deref() {
            Some("set_override") => set_override(fields),
            Some("clear_override") => clear_override(fields),
            Some("set_root") => set_root(fields),
            Some("move") => {
                let (node, parent) = (fields.required("node"), fields.required("parent"));
                Some(Command::MoveNode { node: node?, parent: parent? })
            }
            Some("remove") => fields.required("node").map(|node| Command::RemoveNode { node }),
            Some(_other) => {
                fields.fault(Code::InvalidField, "kind", "must be `set_override`, `clear_override`, `set_root`, `move` or `remove`");
                pass_over(fields)
            }
            None => pass_over(fields),
        }
        .map(Self)
    }
}

fn set_override(fields: &mut Fields) -> Option<Command> {
    let (node, level) = (fields.required("node"), fields.required::<String>("level"));
    let (authorization, reason) = (authorization(fields), fields.optional_line("reason", ANY_LENGTH));
    let expires_at = fields.optional("expires_at");
    judge(fields, level.as_deref(), &authorization, reason.as_deref());
    Some(Command::SetOverride { node: node?, level: level?, authorization, reason, expires_at })
}

fn clear_override(fields: &mut Fields) -> Option<Command> {
    let (node, authorization) = (fields.required("node"), authorization(fields));
    let reason = fields.optional_line("reason", ANY_LENGTH);
    judge(fields, None, &authorization, reason.as_deref());
    Some(Command::ClearOverride { node: node?, authorization, reason })
}

fn set_root(fields: &mut Fields) -> Option<Command> {
    let (level, authorization) = (fields.required::<String>("level"), authorization(fields));
    judge(fields, level.as_deref(), &authorization, None);
    Some(Command::SetRoot { level: level?, authorization })
}

/// Which fields a command of no known kind may have is not known either, so none of them is a fault.
fn pass_over(fields: &mut Fields) -> Option<Command> {
    for field in ["node", "parent", "level", "authorization", "reason", "expires_at"] {
        drop(fields.optional::<Value>(field));
    }
    None
}
