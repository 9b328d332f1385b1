//! A plain model of a tree: every level computed from scratch, a cascade as a walk over all of a subtree. It shares nothing
//! with the cascade that it is compared to.

use super::{EntityId, Event, NodeStream, id, micros};
use crate::level;
use crate::tree::{
    AuditAction, BaseChanged, Command, EngineChanged, EngineConfirmed, NewNode, NodeAdded, NodeMoved, NodeRemoved, OverrideAutoReverted,
    OverrideCleared, OverrideExpiring, OverrideRejected, OverrideReplaced, OverrideSet, RefusedCode, Setting,
};
use ionveil_kernel::{PolicyLevel, Timestamp};
use std::collections::BTreeMap;

/// What is said of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    parent: Option<EntityId>,
    pub(super) children: Vec<EntityId>,
    pub(super) told: Option<(PolicyLevel, Option<Timestamp>, Option<Timestamp>)>,
    pub(super) engine: PolicyLevel,
    term: u64,
    version: u64,
}

/// A line of the audit.
type Line = (u64, EntityId, AuditAction, Option<PolicyLevel>, Option<PolicyLevel>, Setting);

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) nodes: BTreeMap<EntityId, Node>,
    pub(super) audit: Vec<Line>,
    pub(super) causes: Vec<Option<usize>>,
    events: Vec<(NodeStream, Event)>,
    version: u64,
    pruned: bool,
    now: i64,
    notice_before: i64,
}

impl Model {
    pub(super) fn new(notice_before: i64) -> Self {
        Self { notice_before, ..Self::default() }
    }

    pub(super) fn root(&self) -> Option<EntityId> {
        self.nodes.iter().find(|(_, node)| node.parent.is_none()).map(|(id, _)| id.clone())
    }

    fn own(&self, node: &EntityId) -> PolicyLevel {
        let node = &self.nodes[node];
        node.told.map_or(node.engine, |told| told.0.max(node.engine))
    }

    pub(super) fn effective(&self, node: &EntityId) -> PolicyLevel {
        let above = self.nodes[node].parent.as_ref().map(|parent| self.effective(parent));
        above.unwrap_or_default().max(self.own(node))
    }

    pub(super) fn deciding(&self, node: &EntityId) -> EntityId {
        let level = self.effective(node);
        let mut place = node.clone();
        while let Some(parent) = self.nodes[&place].parent.clone() {
            if self.own(&place) > self.effective(&parent) && self.own(&place) == level {
                return place;
            }
            place = parent;
        }
        place
    }

    fn is_below(&self, node: &EntityId, top: &EntityId) -> bool {
        node == top || self.nodes[node].parent.as_ref().is_some_and(|parent| self.is_below(parent, top))
    }

    pub(super) fn in_order(&self, top: &EntityId) -> Vec<EntityId> {
        let below = self.nodes[top].children.iter().flat_map(|child| self.in_order(child));
        std::iter::once(top.clone()).chain(below).collect()
    }

    fn levels(&self) -> BTreeMap<EntityId, PolicyLevel> {
        self.nodes.keys().map(|node| (node.clone(), self.effective(node))).collect()
    }

    fn emit(&mut self, node: &EntityId, event: Event, cause: Option<usize>) -> usize {
        self.events.push((NodeStream(node.clone()), event));
        self.causes.push(cause);
        self.version += 1;
        self.events.len() - 1
    }

    fn line(&mut self, node: &EntityId, action: AuditAction, from: Option<PolicyLevel>, to: Option<PolicyLevel>, by: &Setting) -> u64 {
        let seq = self.audit.len() as u64 + 1;
        self.audit.push((seq, node.clone(), action, from, to, by.clone()));
        seq
    }

    fn setting(&self, source: &str, authorization: &str, reason: Option<&str>) -> Setting {
        let at = micros(self.now);
        Setting { source: source.to_owned(), authorization: authorization.to_owned(), reason: reason.map(str::to_owned), at }
    }

    fn revert(&mut self, node: &EntityId, source: &str, above: Option<(&EntityId, usize)>) -> usize {
        let from = self.nodes[node].told.expect("it has one").0;
        let by = self.setting(source, "system", None);
        let seq = self.line(node, AuditAction::AutoReverted, Some(from), None, &by);
        self.nodes.get_mut(node).expect("there").told = None;
        let event = OverrideAutoReverted { seq, from, by, above: above.map(|(above, _)| above.clone()) };
        self.emit(node, Event::OverrideAutoReverted(event), above.map(|(_, place)| place))
    }

    /// Every override below `top` that is above a parent whose level has fallen ends.
    fn settle(&mut self, top: &EntityId, before: &BTreeMap<EntityId, PolicyLevel>, above: (&EntityId, usize)) {
        for child in self.nodes[top].children.clone() {
            self.settle_one(&child, top, before[top], before, above);
        }
    }

    fn settle_one(
        &mut self,
        child: &EntityId,
        parent: &EntityId,
        old: PolicyLevel,
        before: &BTreeMap<EntityId, PolicyLevel>,
        above: (&EntityId, usize),
    ) {
        let new = self.effective(parent);
        let ends = new < old && self.nodes[child].told.is_some_and(|told| told.0 > new);
        let place = if ends { Some(self.revert(child, &format!("parent:{parent}"), Some(above))) } else { None };
        self.settle(child, before, place.map_or(above, |place| (child, place)));
    }

    /// The events that follow, and what became of the tree; or the code of the refusal.
    pub(super) fn ask(&mut self, command: &Command, now: i64) -> Result<Vec<(NodeStream, Event)>, &'static str> {
        (self.now, self.events, self.causes) = (now, Vec::new(), Vec::new());
        self.carry_out(command)?;
        Ok(std::mem::take(&mut self.events))
    }

    fn carry_out(&mut self, command: &Command) -> Result<(), &'static str> {
        let before = self.levels();
        match command {
            Command::AddNode { node, kind, parent } => {
                if self.nodes.contains_key(node) {
                    return Err("duplicate_node");
                }
                if parent.as_ref().map_or(!self.nodes.is_empty(), |parent| !self.nodes.contains_key(parent)) {
                    return Err("unknown_parent");
                }
                let term = if self.pruned { self.version + 1 } else { 0 };
                if let Some(parent) = parent {
                    self.nodes.get_mut(parent).expect("there").children.push(node.clone());
                }
                self.nodes.insert(node.clone(), Node { parent: parent.clone(), term, ..Node::default() });
                self.emit(node, Event::NodeAdded(NodeAdded { kind: *kind, parent: parent.clone(), term }), None);
            }
            Command::AddNodes { nodes } => {
                if nodes.is_empty() {
                    return Err("invalid_field");
                }
                let before = self.clone();
                for NewNode { node, kind, parent } in nodes {
                    let alone = Command::AddNode { node: node.clone(), kind: *kind, parent: parent.clone() };
                    self.carry_out(&alone).inspect_err(|_| *self = before.clone())?;
                }
            }
            Command::MoveNode { node, parent } => {
                let from = self.nodes.get(node).ok_or("unknown_node")?.parent.clone();
                if !self.nodes.contains_key(parent) {
                    return Err("unknown_parent");
                }
                if self.is_below(parent, node) {
                    return Err("would_create_cycle");
                }
                let from = from.expect("only the root has none, and all is below it");
                if from == *parent {
                    return Err("no_change");
                }
                self.nodes.get_mut(&from).expect("there").children.retain(|child| child != node);
                self.nodes.get_mut(parent).expect("there").children.push(node.clone());
                self.nodes.get_mut(node).expect("there").parent = Some(parent.clone());
                let place = self.emit(node, Event::NodeMoved(NodeMoved { from: from.clone(), to: parent.clone() }), None);
                self.settle_one(node, parent, before[&from], &before, (node, place));
            }
            Command::RemoveNode { node } => {
                let gone = self.nodes.get(node).ok_or("unknown_node")?.clone();
                if !gone.children.is_empty() {
                    return Err("has_children");
                }
                self.nodes.remove(node);
                if let Some(parent) = &gone.parent {
                    self.nodes.get_mut(parent).expect("there").children.retain(|child| child != node);
                }
                self.pruned = true;
                let term = self.version + 1;
                self.emit(node, Event::NodeRemoved(NodeRemoved { parent: gone.parent, term }), None);
            }
            Command::SetRoot { level, authorization } => {
                let root = self.root().ok_or("unknown_node")?;
                let to = level::parse(level).ok_or("unknown_policy")?;
                authorized(authorization)?;
                let (from, term) = (self.nodes[&root].engine, self.version + 1);
                if from == to {
                    return Err("no_change");
                }
                let by = self.setting("user:test", authorization, None);
                let seq = self.line(&root, AuditAction::BaseChanged, Some(from), Some(to), &by);
                let node = self.nodes.get_mut(&root).expect("there");
                (node.engine, node.term, node.version) = (to, term, 0);
                let event = Event::BaseChanged(BaseChanged { seq, from, to, by, term, engine_version: None });
                let place = self.emit(&root, event, None);
                self.settle(&root, &before, (&root, place));
            }
            Command::SetOverride { node, level, authorization, reason, expires_at } => {
                let told = self.nodes.get(node).ok_or("unknown_node")?.told;
                let to = level::parse(level).ok_or("unknown_policy")?;
                authorized(authorization)?;
                if expires_at.is_some_and(|end| end <= micros(self.now)) {
                    return Err("invalid_expiry");
                }
                let parent = self.nodes[node].parent.clone().ok_or("root_has_no_parent")?;
                let (from, by) = (told.map(|told| told.0), self.setting("user:test", authorization, reason.as_deref()));
                let parent_level = self.effective(&parent);
                if to <= parent_level {
                    let code = if to == parent_level { RefusedCode::NoEffect } else { RefusedCode::DeescalationForbidden };
                    let seq = self.line(node, AuditAction::Rejected, from, Some(to), &by);
                    self.emit(node, Event::OverrideRejected(OverrideRejected { seq, code, from, to, parent_level, by }), None);
                    return Ok(());
                }
                let notice_at = expires_at.map(|end| micros(end.micros() - self.notice_before)).filter(|at| *at > micros(self.now));
                let action = if from.is_some() { AuditAction::Replaced } else { AuditAction::Set };
                let seq = self.line(node, action, from, Some(to), &by);
                self.nodes.get_mut(node).expect("there").told = Some((to, *expires_at, notice_at));
                let expires_at = *expires_at;
                let event = match from {
                    None => Event::OverrideSet(OverrideSet { seq, to, by, expires_at, notice_at }),
                    Some(from) => Event::OverrideReplaced(OverrideReplaced { seq, from, to, by, expires_at, notice_at }),
                };
                let place = self.emit(node, event, None);
                self.settle(node, &before, (node, place));
            }
            Command::ClearOverride { node, authorization, reason } => {
                let told = self.nodes.get(node).ok_or("unknown_node")?.told;
                authorized(authorization)?;
                let from = told.ok_or("no_override")?.0;
                let by = self.setting("user:test", authorization, reason.as_deref());
                let seq = self.line(node, AuditAction::Cleared, Some(from), None, &by);
                self.nodes.get_mut(node).expect("there").told = None;
                let place = self.emit(node, Event::OverrideCleared(OverrideCleared { seq, from, by }), None);
                self.settle(node, &before, (node, place));
            }
            Command::SetEngine { node, level, term, engine_version, reason } => {
                let (term, engine_version, to) = (*term, *engine_version, *level);
                let found = self.nodes.get_mut(node).ok_or("unknown_node")?;
                if found.term != term || engine_version <= found.version {
                    return Err("stale_engine");
                }
                let from = std::mem::replace(&mut found.engine, to);
                found.version = engine_version;
                if from == to {
                    self.emit(node, Event::EngineConfirmed(EngineConfirmed { level: to, term, engine_version }), None);
                    return Ok(());
                }
                let by = self.setting(&format!("engine:{node}"), "system", Some(reason));
                let event = if self.nodes[node].parent.is_none() {
                    let seq = self.line(node, AuditAction::BaseChanged, Some(from), Some(to), &by);
                    Event::BaseChanged(BaseChanged { seq, from, to, by, term, engine_version: Some(engine_version) })
                } else {
                    let seq = self.line(node, AuditAction::EngineChanged, Some(from), Some(to), &by);
                    Event::EngineChanged(EngineChanged { seq, from, to, by, term, engine_version })
                };
                let place = self.emit(node, event, None);
                self.settle(node, &before, (node, place));
            }
            Command::Expire { .. } => {
                for node in self.root().map(|root| self.in_order(&root)).unwrap_or_default() {
                    if self.nodes[&node].told.and_then(|told| told.1).is_some_and(|end| end <= micros(self.now)) {
                        let before = self.levels();
                        let place = self.revert(&node, "timer", None);
                        self.settle(&node, &before, (&node, place));
                    }
                }
            }
            Command::Notice { .. } => {
                let mut due: Vec<_> = self.nodes.iter().filter_map(|(node, found)| Some((found.told?.2?, node.clone()))).collect();
                due.retain(|(at, _)| *at <= micros(self.now));
                due.sort();
                for (_, node) in due {
                    let told = self.nodes.get_mut(&node).and_then(|found| found.told.as_mut()).expect("it has one");
                    told.2 = None;
                    let event = OverrideExpiring { level: told.0, expires_at: told.1.expect("it ends") };
                    self.emit(&node, Event::OverrideExpiring(event), None);
                }
            }
        }
        Ok(())
    }

    /// The earliest end and the earliest notice.
    pub(super) fn timers(&self) -> Vec<(&'static str, Timestamp)> {
        let end = self.nodes.values().filter_map(|node| node.told?.1).min().map(|at| ("expiry", at));
        let notice = self.nodes.values().filter_map(|node| node.told?.2).min().map(|at| ("notice", at));
        end.into_iter().chain(notice).collect()
    }

    /// The term that a node's engine is heard in.
    pub(super) fn term(&self, number: usize) -> u64 {
        self.nodes.get(&id(&format!("n{number}"))).map_or(0, |node| node.term)
    }
}

fn authorized(authorization: &str) -> Result<(), &'static str> {
    if authorization.is_empty() { Err("missing_authorization") } else { Ok(()) }
}
