//! Nodes of the policy tree as a server answers with them.

use crate::cli::output::printable;
use console::Style;
use ionveil_kernel::PolicyLevel;
use ionveil_policy::level;
use ionveil_policy::tree::NodeKind;
use serde::Deserialize;

/// A node, with what is in force there.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) kind: NodeKind,
    pub(super) parent: Option<String>,
    pub(super) effective: PolicyLevel,
    pub(super) deciding_node: String,
    #[serde(rename = "override")]
    pub(super) told: Option<Override>,
    pub(super) engine_level: PolicyLevel,
}

/// What a person told it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Override {
    pub(super) level: PolicyLevel,
    source: String,
    authorization: String,
    reason: Option<String>,
    set_at: String,
    expires_at: Option<String>,
}

impl Node {
    /// Whether another node decides the level; where nothing is restricted, nobody does.
    pub(super) fn decided_elsewhere(&self) -> Option<&str> {
        (self.effective > PolicyLevel::Normal && self.deciding_node != self.id).then_some(self.deciding_node.as_str())
    }

    /// The override in words: level, who, by which right, since when, until when and why.
    pub(super) fn override_text(&self) -> String {
        let Some(told) = &self.told else { return String::new() };
        let level = level::name(told.level);
        // It is not in force while something above, or the node's own engine, is as strict.
        let sleeps = if self.deciding_node == self.id && told.level == self.effective { "" } else { " (not in force)" };
        let until = told.expires_at.as_ref().map(|end| format!(" until {}", printable(end))).unwrap_or_default();
        let reason = told.reason.as_ref().map(|reason| format!(": {}", printable(reason))).unwrap_or_default();
        let (who, right, since) = (printable(&told.source), printable(&told.authorization), printable(&told.set_at));
        format!("{level}{sleeps} by {who} ({right}) since {since}{until}{reason}")
    }
}

/// The stable name of a kind.
pub(super) const fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Global => "global",
        NodeKind::Agency => "agency",
        NodeKind::Region => "region",
        NodeKind::Zone => "zone",
    }
}

/// The colour of a level on a terminal.
pub(super) const fn style(level: PolicyLevel) -> Style {
    let style = Style::new().force_styling(true);
    match level {
        PolicyLevel::Normal => style.green(),
        PolicyLevel::Watch => style.cyan(),
        PolicyLevel::Restricted => style.yellow(),
        PolicyLevel::Halted => style.red().bold(),
    }
}
