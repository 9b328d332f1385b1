//! The tree of supervisors and entities, as whoever looks at it sees it: organisation → its branches → kind → entity. What has
//! no branch above it hangs under the organisation.

use crate::govern::Branch;
use crate::slot::Phase;
use crate::supervision::{Path, Supervisors};
use ionveil_kernel::{Kind, Org, StreamId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One entity in memory.
#[derive(Clone, Debug)]
pub(crate) struct EntityNode {
    pub(crate) owner: StreamId,
    pub(crate) phase: Phase,
    pub(crate) mailbox_depth: usize,
    pub(crate) oldest_waiting: Duration,
    pub(crate) in_flight: u32,
    pub(crate) restarts: u32,
    pub(crate) last_fault: Option<String>,
    pub(crate) events_per_s: u64,
}

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct TreeQuery {
    /// Only this organisation.
    pub org: Option<Org>,
    /// Only entities of this kind.
    pub kind: Option<String>,
    /// 1: organisations; 2: and their branches and kinds; 3: and their entities.
    pub depth: u8,
    /// The most entities of each kind at each place; the most noteworthy (in trouble, then with the longest queue) come first.
    pub entities_max: usize,
}

/// The tree: parents before their children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// All nodes that were asked for.
    pub nodes: Vec<TreeNode>,
    /// Whether there are more entities than are listed.
    pub truncated: bool,
    /// Where nodes are that were asked for theirs and have not answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<String>,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeNode {
    /// `organisation`, what a branch is, `kind`, or the entity's kind.
    pub kind: String,
    /// `acme`, `acme@north`, `acme/workflow` or `acme@north/workflow`, or the entity's id.
    pub id: String,
    /// The id of the node above; none at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Of a supervisor: `running`.
    pub state: Phase,
    /// Commands that wait, everything below included.
    pub mailbox_depth: u64,
    /// How long the one that waits longest has waited.
    pub oldest_waiting_ms: u64,
    /// Appends under way.
    pub in_flight: u64,
    /// How often it was restarted, or has restarted something below it, since it is in memory.
    pub restarts: u64,
    /// Its last failure, or the last one that climbed to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// Events that were committed in the last second.
    pub events_per_s: u64,
    /// Nodes directly below it; those in memory.
    pub children: u64,
}

/// What comes first: trouble, then long queues, then names.
pub(crate) fn rank(node: &EntityNode) -> (u8, std::cmp::Reverse<usize>, StreamId) {
    (trouble(node.phase), std::cmp::Reverse(node.mailbox_depth), node.owner.clone())
}

/// The least for those that need somebody most.
pub(crate) const fn trouble(phase: Phase) -> u8 {
    match phase {
        Phase::Quarantined => 0,
        Phase::Restarting => 1,
        Phase::Suspended => 2,
        Phase::Starting | Phase::Running | Phase::Passive => 3,
    }
}

impl TreeNode {
    /// A supervisor without anything below it yet.
    pub(crate) fn supervisor(kind: &str, id: String, parent: Option<String>, status: crate::SupervisorStatus) -> Self {
        Self {
            kind: kind.to_owned(),
            id,
            parent,
            state: Phase::Running,
            mailbox_depth: 0,
            oldest_waiting_ms: 0,
            in_flight: 0,
            restarts: status.restarts,
            last_fault: status.last_fault,
            events_per_s: 0,
            children: 0,
        }
    }

    /// An entity with the branches `above` above it.
    pub(crate) fn entity(node: &EntityNode, above: &[Branch]) -> Self {
        Self {
            kind: node.owner.kind.to_string(),
            id: node.owner.id.to_string(),
            parent: Some(parent(&node.owner, above)),
            state: node.phase,
            mailbox_depth: node.mailbox_depth as u64,
            oldest_waiting_ms: u64::try_from(node.oldest_waiting.as_millis()).unwrap_or(u64::MAX),
            in_flight: u64::from(node.in_flight),
            restarts: u64::from(node.restarts),
            last_fault: node.last_fault.clone(),
            events_per_s: node.events_per_s,
            children: 0,
        }
    }

    /// Adds what is below it.
    pub(crate) fn add(&mut self, below: &Self) {
        self.mailbox_depth += below.mailbox_depth;
        self.oldest_waiting_ms = self.oldest_waiting_ms.max(below.oldest_waiting_ms);
        self.in_flight += below.in_flight;
        self.events_per_s += below.events_per_s;
    }
}

/// The id of an organisation, or of the last of some branches of it.
fn place(org: &Org, above: &[Branch]) -> String {
    above.last().map_or_else(|| org.to_string(), |branch| format!("{org}@{}", branch.id))
}

/// The id of the supervisor right above an entity.
pub(crate) fn parent(owner: &StreamId, above: &[Branch]) -> String {
    format!("{}/{}", place(&owner.org, above), owner.kind)
}

/// A place that entities hang at: an organisation, or a branch of it below others. In this order parents come before their
/// children.
type Place = (Org, Vec<Branch>);

/// The entities of a tree in the making, by place and kind.
#[derive(Default)]
pub(crate) struct Places(BTreeMap<Place, BTreeMap<Kind, Vec<TreeNode>>>);

impl Places {
    /// Adds an entity. Those of a kind are listed in the order in which they come.
    pub(crate) fn add(&mut self, node: &EntityNode, above: Vec<Branch>) {
        let entity = TreeNode::entity(node, &above);
        self.0.entry((node.owner.org.clone(), above)).or_default().entry(node.owner.kind.clone()).or_default().push(entity);
    }

    /// The tree, as far as it is asked for.
    pub(crate) fn tree(mut self, query: &TreeQuery, supervisors: &Supervisors) -> Tree {
        self.close();
        let tops = self.tops(supervisors);
        let truncated = query.depth > 2 && self.0.values().flatten().any(|(_, entities)| entities.len() > query.entities_max);
        let most = if query.depth > 2 { query.entities_max } else { 0 };
        let mut nodes = Vec::new();
        for (place, top) in tops.into_iter().filter(|((_, above), _)| query.depth > 1 || above.is_empty()) {
            nodes.push(top);
            for (kind, entities) in self.0.remove(&place).into_iter().flatten().filter(|_| query.depth > 1) {
                nodes.push(kind_node(&place, &kind, &entities, supervisors));
                nodes.extend(entities.into_iter().take(most));
            }
        }
        Tree { nodes, truncated, silent: Vec::new() }
    }

    /// Every place has all places above it.
    fn close(&mut self) {
        let above = |(org, branches): &Place| (0..branches.len()).map(|end| (org.clone(), branches[..end].to_vec())).collect::<Vec<_>>();
        let missing: Vec<_> = self.0.keys().flat_map(above).collect();
        for place in missing {
            self.0.entry(place).or_default();
        }
    }

    /// The supervisors of all places, each with the sums of what is below it.
    fn tops(&self, supervisors: &Supervisors) -> BTreeMap<Place, TreeNode> {
        let mut tops: BTreeMap<Place, TreeNode> = BTreeMap::new();
        for (at, kinds) in self.0.iter().rev() {
            // What is right below was visited before, and left its sums here.
            let mut top = tops.remove(at).unwrap_or_else(|| place_node(at, supervisors));
            top.children += kinds.len() as u64;
            kinds.iter().for_each(|(kind, entities)| top.add(&kind_node(at, kind, entities, supervisors)));
            if let Some((_, above)) = at.1.split_last() {
                let parent = (at.0.clone(), above.to_vec());
                let parent = tops.entry(parent.clone()).or_insert_with(|| place_node(&parent, supervisors));
                parent.children += 1;
                parent.add(&top);
            }
            tops.insert(at.clone(), top);
        }
        tops
    }
}

fn place_node((org, above): &Place, supervisors: &Supervisors) -> TreeNode {
    match above.split_last() {
        None => TreeNode::supervisor("organisation", org.to_string(), None, supervisors.status(&Path::Org(org.clone()))),
        Some((branch, higher)) => {
            let status = supervisors.status(&Path::Branch(org.clone(), branch.id.clone()));
            TreeNode::supervisor(branch.kind, place(org, above), Some(place(org, higher)), status)
        }
    }
}

fn kind_node((org, above): &Place, kind: &Kind, entities: &[TreeNode], supervisors: &Supervisors) -> TreeNode {
    let at = place(org, above);
    let status = supervisors.status(&Path::Kind(org.clone(), above.last().map(|branch| branch.id.clone()), kind.clone()));
    let mut node = TreeNode::supervisor("kind", format!("{at}/{kind}"), Some(at), status);
    node.children = entities.len() as u64;
    entities.iter().for_each(|one| node.add(one));
    node
}
