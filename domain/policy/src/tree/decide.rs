//! What a command leads to. Order of the checks: is there such a node, is the command sound by itself, does the tree speak
//! against it.

use crate::level;
use crate::tree::cascade::Draft;
use crate::tree::command::{ADDED_MAX, Command, NewNode};
use crate::tree::event::{
    BaseChanged, EngineChanged, EngineConfirmed, Event, NodeAdded, NodeMoved, NodeRemoved, OverrideCleared, OverrideExpiring,
    OverrideRejected, OverrideReplaced, OverrideSet,
};
use crate::tree::evolve::evolve;
use crate::tree::reject::{Fault, Faults, Rejection};
use crate::tree::state::{DEPTH_MAX, NODES_MAX, Node, NodeKind, RefusedCode, Setting, State};
use crate::tree::{AUTHORIZED_BY_SYSTEM, NodeStream, Tree};
use ionveil_kernel::{DecideEnv, EntityId, PolicyLevel, Timestamp};

/// What a decision comes to.
type Decided = Result<Vec<(NodeStream, Event)>, Rejection>;

/// All that a decision rests on.
pub(crate) struct Case<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) state: &'a State,
    pub(crate) env: &'a DecideEnv<'a>,
}

/// An override that a person asks for.
struct Wish<'a> {
    level: &'a str,
    authorization: &'a str,
    reason: Option<&'a str>,
    expires_at: Option<Timestamp>,
}

/// A level that an engine has reached.
struct Reached<'a> {
    level: PolicyLevel,
    term: u64,
    version: u64,
    reason: &'a str,
}

impl<'a> Case<'a> {
    pub(crate) fn decide(&self, command: &'a Command) -> Decided {
        match command {
            Command::AddNode { node, kind, parent } => self.add(node, *kind, parent.as_ref()),
            Command::AddNodes { nodes } => self.add_all(nodes),
            Command::MoveNode { node, parent } => self.move_under(node, parent),
            Command::RemoveNode { node } => self.remove(node),
            Command::SetRoot { level, authorization } => self.set_root(level, authorization),
            Command::SetOverride { node, level, authorization, reason, expires_at } => {
                let reason = reason.as_deref();
                self.set_override(node, &Wish { level, authorization, reason, expires_at: *expires_at })
            }
            Command::ClearOverride { node, authorization, reason } => self.clear(node, authorization, reason.as_deref()),
            Command::SetEngine { node, level, term, engine_version, reason } => {
                self.set_engine(node, &Reached { level: *level, term: *term, version: *engine_version, reason })
            }
            Command::Expire { due } => Ok(self.expire(*due)),
            Command::Notice { due } => Ok(self.give_notice(*due)),
        }
    }

    fn node(&self, id: &EntityId) -> Result<&'a Node, Rejection> {
        self.state.node(id).ok_or(Rejection::UnknownNode)
    }

    fn draft(&self) -> Draft<'a> {
        Draft::new(self.state, self.env.occurred_at)
    }

    fn alone(node: &EntityId, event: Event) -> Vec<(NodeStream, Event)> {
        vec![(NodeStream(node.clone()), event)]
    }

    fn by_caller(&self, authorization: &str, reason: Option<&str>) -> Setting {
        Setting {
            source: self.env.caller().subject.to_string(),
            authorization: authorization.to_owned(),
            reason: reason.map(str::to_owned),
            at: self.env.occurred_at,
        }
    }

    fn add(&self, id: &EntityId, kind: NodeKind, parent: Option<&EntityId>) -> Decided {
        if self.state.node(id).is_some() {
            return Err(Rejection::DuplicateNode);
        }
        let depth = match parent {
            None if self.state.is_empty() => 0,
            None => return Err(Rejection::UnknownParent),
            Some(parent) => self.state.path(parent).count(),
        };
        if parent.is_some() && depth == 0 {
            return Err(Rejection::UnknownParent);
        }
        if self.state.len() >= NODES_MAX {
            return Err(Rejection::TreeFull);
        }
        if depth >= DEPTH_MAX {
            return Err(Rejection::TreeTooDeep);
        }
        // Wishes of an engine that had this name before must not be obeyed, and only removed names can have had one.
        let term = if self.state.pruned { self.state.version + 1 } else { 0 };
        Ok(Self::alone(id, Event::NodeAdded(NodeAdded { kind, parent: parent.cloned(), term })))
    }

    /// One after the other, each in the tree that those before it have made.
    fn add_all(&self, nodes: &[NewNode]) -> Decided {
        if nodes.is_empty() || nodes.len() > ADDED_MAX {
            return Err(Rejection::NodeCount);
        }
        let (mut state, mut added) = (self.state.clone(), Vec::with_capacity(nodes.len()));
        for (index, NewNode { node, kind, parent }) in nodes.iter().enumerate() {
            let of_it = |why| Rejection::OneOfMany { index, why: Box::new(why) };
            let events = Case { state: &state, ..*self }.add(node, *kind, parent.as_ref()).map_err(of_it)?;
            for (_, event) in &events {
                // What `add` has allowed follows.
                state = evolve(state, node, event).map_err(|_| of_it(Rejection::UnknownParent))?;
            }
            added.extend(events);
        }
        Ok(added)
    }

    fn move_under(&self, id: &'a EntityId, parent: &'a EntityId) -> Decided {
        let node = self.node(id)?;
        let way: Vec<_> = self.state.path(parent).map(|(above, _)| above).collect();
        if way.is_empty() {
            return Err(Rejection::UnknownParent);
        }
        let Some(from) = node.parent.as_ref().filter(|_| !way.contains(&id)) else { return Err(Rejection::WouldCreateCycle) };
        if from == parent {
            return Err(Rejection::NoChange);
        }
        if way.len() + self.state.height(id) > DEPTH_MAX {
            return Err(Rejection::TreeTooDeep);
        }
        let mut draft = self.draft();
        draft.emit(id, Event::NodeMoved(NodeMoved { from: from.clone(), to: parent.clone() }));
        draft.moved(id, from, parent);
        Ok(draft.finish())
    }

    fn remove(&self, id: &EntityId) -> Decided {
        let node = self.node(id)?;
        if !node.children.is_empty() {
            return Err(Rejection::HasChildren);
        }
        let term = self.state.version + 1;
        Ok(Self::alone(id, Event::NodeRemoved(NodeRemoved { parent: node.parent.clone(), term })))
    }

    fn set_root(&self, level: &str, authorization: &str) -> Decided {
        let root = self.state.root().ok_or(Rejection::UnknownNode)?;
        let to = check(Some(level), authorization, None, None)?;
        let from = self.node(root)?.engine.level;
        if from == to {
            return Err(Rejection::NoChange);
        }
        let (by, term) = (self.by_caller(authorization, None), self.state.version + 1);
        let mut draft = self.draft();
        let seq = draft.audit();
        draft.emit(root, Event::BaseChanged(BaseChanged { seq, from, to, by, term, engine_version: None }));
        draft.fell(root, from, to);
        Ok(draft.finish())
    }

    fn set_override(&self, id: &'a EntityId, wish: &Wish<'_>) -> Decided {
        let node = self.node(id)?;
        let expiry = wish.expires_at.filter(|end| *end <= self.env.now).map(|_| Fault::InvalidExpiry);
        let to = check(Some(wish.level), wish.authorization, wish.reason, expiry)?;
        let parent = node.parent.as_ref().ok_or(Rejection::RootHasNoParent)?;
        let parent_level = self.state.effective(parent).unwrap_or_default();
        let by = self.by_caller(wish.authorization, wish.reason);
        let (from, mut draft) = (node.told.as_ref().map(|told| told.level), self.draft());
        let seq = draft.audit();
        if to <= parent_level {
            let code = if to < parent_level { RefusedCode::DeescalationForbidden } else { RefusedCode::NoEffect };
            return Ok(Self::alone(id, Event::OverrideRejected(OverrideRejected { seq, code, from, to, parent_level, by })));
        }
        let (expires_at, notice_at) = (wish.expires_at, self.notice_at(wish.expires_at));
        let event = match from {
            None => Event::OverrideSet(OverrideSet { seq, to, by, expires_at, notice_at }),
            Some(from) => Event::OverrideReplaced(OverrideReplaced { seq, from, to, by, expires_at, notice_at }),
        };
        draft.emit(id, event);
        draft.fell(id, parent_level.max(node.own()), to.max(node.engine.level));
        Ok(draft.finish())
    }

    /// When notice of an end is given, if that lies after now.
    fn notice_at(&self, expires_at: Option<Timestamp>) -> Option<Timestamp> {
        let before = i64::try_from(self.tree.notice_before.as_micros()).unwrap_or(i64::MAX);
        let notice = Timestamp::from_micros(expires_at?.micros().saturating_sub(before));
        (notice > self.env.now).then_some(notice)
    }

    fn clear(&self, id: &'a EntityId, authorization: &str, reason: Option<&str>) -> Decided {
        let node = self.node(id)?;
        check(None, authorization, reason, None)?;
        let told = node.told.as_ref().ok_or(Rejection::NoOverride)?;
        let parent_level = node.parent.as_ref().and_then(|parent| self.state.effective(parent)).unwrap_or_default();
        let mut draft = self.draft();
        let seq = draft.audit();
        let by = self.by_caller(authorization, reason);
        draft.emit(id, Event::OverrideCleared(OverrideCleared { seq, from: told.level, by }));
        draft.fell(id, parent_level.max(node.own()), parent_level.max(node.engine.level));
        Ok(draft.finish())
    }

    fn set_engine(&self, id: &'a EntityId, reached: &Reached<'_>) -> Decided {
        let node = self.node(id)?;
        let (from, to, term, version) = (node.engine.level, reached.level, reached.term, reached.version);
        if term != node.engine.term || version <= node.engine.version {
            return Err(Rejection::StaleEngine);
        }
        if from == to {
            return Ok(Self::alone(id, Event::EngineConfirmed(EngineConfirmed { level: to, term, engine_version: version })));
        }
        let mut draft = self.draft();
        let (old, seq) = (draft.effective(id), draft.audit());
        draft.emit(id, stepped(id, node, seq, reached, self.env.occurred_at));
        draft.fell(id, old, self.with_engine(node, to));
        Ok(draft.finish())
    }

    /// The effective level of a node if its engine were on `level`.
    fn with_engine(&self, node: &Node, level: PolicyLevel) -> PolicyLevel {
        let parent = node.parent.as_ref().and_then(|parent| self.state.effective(parent)).unwrap_or_default();
        node.told.as_ref().map_or(level, |told| told.level.max(level)).max(parent)
    }

    /// A timer that comes before its time, because the clock was set back, has the same effect.
    fn expire(&self, due: Timestamp) -> Vec<(NodeStream, Event)> {
        let (until, mut draft) = (due.max(self.env.now), self.draft());
        if self.state.ends.first().is_some_and(|(end, _)| *end <= until) {
            for (id, node) in self.state.below(self.state.root()) {
                if node.told.as_ref().and_then(|told| told.expires_at).is_some_and(|end| end <= until) {
                    draft.expire(id);
                }
            }
        }
        draft.finish()
    }

    fn give_notice(&self, due: Timestamp) -> Vec<(NodeStream, Event)> {
        let (until, mut draft) = (due.max(self.env.now), self.draft());
        for (_, id) in self.state.notices.iter().take_while(|(at, _)| *at <= until) {
            let told = self.state.node(id).and_then(|node| node.told.as_ref());
            if let Some((level, expires_at)) = told.and_then(|told| told.expires_at.map(|end| (told.level, end))) {
                draft.emit(id, Event::OverrideExpiring(OverrideExpiring { level, expires_at }));
            }
        }
        draft.finish()
    }
}

fn stepped(id: &EntityId, node: &Node, seq: u64, reached: &Reached<'_>, at: Timestamp) -> Event {
    let by = Setting {
        source: format!("engine:{id}"),
        authorization: AUTHORIZED_BY_SYSTEM.to_owned(),
        reason: Some(reached.reason.to_owned()),
        at,
    };
    let (from, to, term, version) = (node.engine.level, reached.level, reached.term, reached.version);
    match node.parent {
        None => Event::BaseChanged(BaseChanged { seq, from, to, by, term, engine_version: Some(version) }),
        Some(_) => Event::EngineChanged(EngineChanged { seq, from, to, by, term, engine_version: version }),
    }
}

/// What is wrong with a person's command by itself, all of it; else the level that it names (normal if it names none).
fn check(level: Option<&str>, authorization: &str, reason: Option<&str>, expiry: Option<Fault>) -> Result<PolicyLevel, Rejection> {
    Faults::refuse(Fault::of(level, authorization, reason).chain(expiry))?;
    Ok(level.and_then(level::parse).unwrap_or_default())
}
