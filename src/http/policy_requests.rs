//! What clients send to the policy routes: bodies and queries, read strictly, and their shapes for OpenAPI.
//!
//! Levels and authorizations are passed on as they were written: the tree judges them, after it has looked for the node.

use crate::http::fields::{At, Fields, FromFields, FromValue};
use crate::http::list::page_size;
use crate::http::problem::{self, Code};
use crate::time::Rfc3339;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_policy::tree::{Command, Fault, NewNode, NodeKind};
use serde::Serialize;
use serde_json::Value;
use std::marker::PhantomData;
use utoipa::ToSchema;

/// No limit of form: what is too long has a code of its own.
pub(super) const ANY_LENGTH: usize = usize::MAX;

/// What is asked of a tree, and the version that the client has seen.
pub struct Read<T> {
    pub(super) wish: Wish,
    pub(super) expected_version: Option<u64>,
    shape: PhantomData<T>,
}

/// A command that may lack the node, which the path names.
pub(super) enum Wish {
    Add(NewNode),
    Move { parent: EntityId },
    Remove,
    Root { level: String, authorization: String },
    Override { level: String, authorization: String, reason: Option<String>, expires_at: Option<Timestamp> },
    Clear { authorization: String, reason: Option<String> },
}

impl Wish {
    /// The command, for the node that the path names.
    pub(super) fn of(self, node: EntityId) -> Command {
        match self {
            Self::Add(NewNode { node, kind, parent }) => Command::AddNode { node, kind, parent },
            Self::Move { parent } => Command::MoveNode { node, parent },
            Self::Remove => Command::RemoveNode { node },
            Self::Root { level, authorization } => Command::SetRoot { level, authorization },
            Self::Override { level, authorization, reason, expires_at } => {
                Command::SetOverride { node, level, authorization, reason, expires_at }
            }
            Self::Clear { authorization, reason } => Command::ClearOverride { node, authorization, reason },
        }
    }
}

macro_rules! body {
    ($(#[$doc:meta])* $name:ident, empty $empty:literal, $fields:ident => $read:expr, { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Serialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* $field: $type,)*
            /// The version of the tree that the client has seen; another one is refused with 409.
            expected_version: Option<u64>,
        }

        impl FromFields for Read<$name> {
            const EMPTY_OK: bool = $empty;
            fn from_fields($fields: &mut Fields) -> Option<Self> {
                let expected_version = $fields.optional("expected_version");
                let wish: Option<Wish> = $read;
                Some(Self { wish: wish?, expected_version, shape: PhantomData })
            }
        }
    };
}

body!(
    /// Adds a node to the tree.
    AddNode, empty false, fields => {
        new_node(fields).map(Wish::Add)
    }, {
        /// Its id, unique in the tree.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B09.39")]
        id: EntityId,
        /// What it stands for; the rules are the same for all.
        #[schema(value_type = String, pattern = "^(global|agency|region|zone)$", example = "zone")]
        kind: NodeKind,
        /// The node above it; absent: it is the root, the first node of the tree.
        #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B09")]
        parent: Option<EntityId>,
    }
);
body!(
    /// Puts a node, with all below it, under another parent.
    MoveNode, empty false, fields => fields.required("parent").map(|parent| Wish::Move { parent }), {
        /// The new parent.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B09")]
        parent: EntityId,
    }
);
body!(
    /// Removes a node that has no children.
    RemoveNode, empty true, fields => Some(Wish::Remove), {}
);
body!(
    /// Sets the level of the root.
    SetRoot, empty false, fields => {
        let (level, authorization) = (fields.required::<String>("level"), authorization(fields));
        judge(fields, level.as_deref(), &authorization, None);
        level.map(|level| Wish::Root { level, authorization })
    }, {
        /// The level.
        #[schema(pattern = "^(normal|watch|restricted|halted)$", example = "watch")]
        level: String,
        /// By which right: a role or a ticket.
        #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "shift supervisor")]
        authorization: String,
    }
);
body!(
    /// Makes a node stricter than its parent.
    SetOverride, empty false, fields => {
        let (level, authorization) = (fields.required::<String>("level"), authorization(fields));
        let (reason, expires_at) = (fields.optional_line("reason", ANY_LENGTH), fields.optional("expires_at"));
        judge(fields, level.as_deref(), &authorization, reason.as_deref());
        level.map(|level| Wish::Override { level, authorization, reason, expires_at })
    }, {
        /// The level, above the one in force at the parent.
        #[schema(pattern = "^(normal|watch|restricted|halted)$", example = "halted")]
        level: String,
        /// By which right: a role or a ticket.
        #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "shift supervisor")]
        authorization: String,
        /// Why.
        #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "gas leak")]
        reason: Option<String>,
        /// When it ends by itself; absent: never.
        #[schema(value_type = Option<String>, format = DateTime)]
        expires_at: Option<Rfc3339>,
    }
);
body!(
    /// Takes the override of a node away.
    ClearOverride, empty true, fields => {
        let (authorization, reason) = (authorization(fields), fields.optional_line("reason", ANY_LENGTH));
        judge(fields, None, &authorization, reason.as_deref());
        Some(Wish::Clear { authorization, reason })
    }, {
        /// By which right: a role or a ticket.
        #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", example = "shift supervisor")]
        authorization: String,
        /// Why.
        #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "leak closed")]
        reason: Option<String>,
    }
);

/// A node of a list.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicyNode {
    /// Its id, unique in the tree.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B09.39")]
    id: EntityId,
    /// What it stands for; the rules are the same for all.
    #[schema(value_type = String, pattern = "^(global|agency|region|zone)$", example = "zone")]
    kind: NodeKind,
    /// The node above it, in the tree or further up in the list; absent: it is the root, the first node of the tree.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B09")]
    parent: Option<EntityId>,
}

/// One node, or a list of 1 to 1,000 of which all are added or none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AddNodes)]
pub enum AddNodes {
    /// One.
    One(AddNode),
    /// All or none.
    Many(NewPolicyNodes),
}

/// Nodes that are added together.
#[derive(Serialize, ToSchema)]
#[schema(min_items = 1, max_items = 1000)]
pub struct NewPolicyNodes(Vec<NewPolicyNode>);

/// Nodes as they were read.
pub enum Added {
    /// One.
    One(Read<AddNode>),
    /// A list.
    Many(Vec<NewNode>),
}

struct Listed(NewNode);

impl FromFields for Listed {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        new_node(fields).map(Self)
    }
}

impl FromValue for Added {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<problem::Fault>> {
        if !value.is_array() {
            return Read::from_value(value, at).map(Self::One);
        }
        let listed = Vec::<Listed>::from_value(value, at)?;
        Ok(Self::Many(listed.into_iter().map(|Listed(node)| node).collect()))
    }
}

fn new_node(fields: &mut Fields) -> Option<NewNode> {
    let (node, kind) = (fields.required("id"), fields.line("kind", 16));
    let parent = fields.optional("parent");
    let kind = kind.and_then(|text| node_kind(fields, &text));
    node.zip(kind).map(|(node, kind)| NewNode { node, kind, parent })
}

fn node_kind(fields: &mut Fields, text: &str) -> Option<NodeKind> {
    match text {
        "global" => Some(NodeKind::Global),
        "agency" => Some(NodeKind::Agency),
        "region" => Some(NodeKind::Region),
        "zone" => Some(NodeKind::Zone),
        _other => {
            fields.fault(Code::InvalidField, "kind", "must be `global`, `agency`, `region` or `zone`");
            None
        }
    }
}

/// Empty where it is missing, which the tree refuses.
pub(super) fn authorization(fields: &mut Fields) -> String {
    let text = fields.optional::<String>("authorization").unwrap_or_default();
    if text.chars().any(char::is_control) {
        fields.fault(Code::InvalidField, "authorization", "must not have control characters");
    }
    text
}

/// A request that is refused for its form never reaches the tree, so what the tree would find wrong with the texts is told
/// with it.
pub(super) fn judge(fields: &mut Fields, level: Option<&str>, authorization: &str, reason: Option<&str>) {
    if fields.faulty() {
        for fault in Fault::of(level, authorization, reason) {
            fields.fault(Code::from_name(fault.code()).unwrap_or(Code::InvalidField), fault.field(), fault.to_string());
        }
    }
}

/// Which part of the tree is asked for, and where the page begins.
pub struct Listing {
    pub(super) root: Option<EntityId>,
    pub(super) cursor: Option<Cursor>,
    pub(super) size: usize,
}

/// A place in a subtree of one version of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) version: u64,
    pub(super) place: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (version, place) = text.strip_prefix('t')?.split_once('-')?;
        Some(Self { version: version.parse().ok()?, place: place.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "t{}-{}", self.version, self.place)
    }
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (root, size, text) = (fields.optional("root"), page_size(fields), fields.optional::<String>("cursor"));
        let cursor = text.as_deref().and_then(Cursor::parse);
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { root, cursor, size: size? })
    }
}
