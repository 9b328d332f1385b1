//! How an event changes the tree: total over lawful pairs, and loud about all others (the invariants of `lib.rs`).

use crate::tree::event::{
    BaseChanged, EngineChanged, EngineConfirmed, Event, NodeAdded, NodeMoved, NodeRemoved, OverrideAutoReverted, OverrideCleared,
    OverrideExpiring, OverrideRejected, OverrideReplaced, OverrideSet,
};
use crate::tree::state::{EngineLevel, Node, Override, Refused, Setting, State};
use ionveil_kernel::{BrokenInvariant, EntityId, PolicyLevel};
use std::sync::Arc;

/// A state, or why the event cannot follow.
type Evolved<T> = Result<T, BrokenInvariant>;

fn broken<T>(number: u16, detail: String) -> Evolved<T> {
    Err(BrokenInvariant { kind: super::KIND, number, detail })
}

fn hold(holds: bool, number: u16, detail: impl FnOnce() -> String) -> Evolved<()> {
    if holds { Ok(()) } else { broken(number, detail()) }
}

/// The state after `event` of the node `id`.
pub(crate) fn evolve(mut state: State, id: &EntityId, event: &Event) -> Evolved<State> {
    state.version += 1;
    state.refused = None;
    match event {
        Event::NodeAdded(event) => state.added(id, event),
        Event::NodeMoved(event) => state.moved(id, event),
        Event::NodeRemoved(event) => state.removed(id, event),
        Event::BaseChanged(event) => state.base_changed(id, event),
        Event::OverrideSet(OverrideSet { seq, to, by, expires_at, notice_at }) => {
            let told = Override { level: *to, by: by.clone(), expires_at: *expires_at, notice_at: *notice_at };
            state.told(id, *seq, None, Some(told))
        }
        Event::OverrideReplaced(OverrideReplaced { seq, from, to, by, expires_at, notice_at }) => {
            let told = Override { level: *to, by: by.clone(), expires_at: *expires_at, notice_at: *notice_at };
            state.told(id, *seq, Some(*from), Some(told))
        }
        Event::OverrideCleared(OverrideCleared { seq, from, .. }) | Event::OverrideAutoReverted(OverrideAutoReverted { seq, from, .. }) => {
            state.told(id, *seq, Some(*from), None)
        }
        Event::OverrideRejected(event) => state.rejected(id, event),
        Event::OverrideExpiring(event) => state.expiring(id, event),
        Event::EngineChanged(event) => state.engine_changed(id, event),
        Event::EngineConfirmed(event) => state.engine_confirmed(id, event),
    }?;
    Ok(state)
}

impl State {
    fn known(&self, id: &EntityId) -> Evolved<&Node> {
        self.node(id).map_or_else(|| broken(1, format!("the tree has no node {id}")), Ok)
    }

    fn change(&mut self, id: &EntityId) -> Evolved<&mut Node> {
        let node = Arc::make_mut(&mut self.nodes).get_mut(id).map(Arc::make_mut);
        node.map_or_else(|| broken(1, format!("the tree has no node {id}")), Ok)
    }

    /// Takes the next audit number.
    fn audit(&mut self, seq: u64) -> Evolved<()> {
        self.audits += 1;
        hold(seq == self.audits, 6, || format!("the audit number {seq} comes where {} is due", self.audits))
    }

    fn added(&mut self, id: &EntityId, NodeAdded { kind, parent, term }: &NodeAdded) -> Evolved<()> {
        let expected = if self.pruned { self.version } else { 0 };
        hold(*term == expected, 7, || format!("{id} begins with term {term} instead of {expected}"))?;
        let engine = EngineLevel { term: *term, ..EngineLevel::default() };
        let node = Node { kind: *kind, parent: parent.clone(), children: Vec::new(), told: None, engine };
        self.attach(id, node).or_else(|detail| broken(2, detail))
    }

    fn moved(&mut self, id: &EntityId, NodeMoved { from, to }: &NodeMoved) -> Evolved<()> {
        hold(self.known(id)?.parent.as_ref() == Some(from), 4, || format!("{id} does not lie under {from}"))?;
        self.known(to)?;
        hold(from != to && self.path(to).all(|(above, _)| above != id), 3, || format!("{id} cannot come under {to}"))?;
        self.change(from)?.children.retain(|child| child != id);
        self.change(to)?.children.push(id.clone());
        self.change(id)?.parent = Some(to.clone());
        Ok(())
    }

    fn removed(&mut self, id: &EntityId, NodeRemoved { parent, term }: &NodeRemoved) -> Evolved<()> {
        let node = self.known(id)?;
        hold(node.parent == *parent, 4, || format!("{id} does not lie under {parent:?}"))?;
        hold(node.children.is_empty(), 3, || format!("{id} has children"))?;
        hold(*term == self.version, 7, || format!("{id} ends with term {term} instead of {}", self.version))?;
        self.tell(id, None);
        match parent {
            Some(parent) => self.change(parent)?.children.retain(|child| child != id),
            None => self.root = None,
        }
        Arc::make_mut(&mut self.nodes).remove(id);
        self.pruned = true;
        Ok(())
    }

    fn base_changed(&mut self, id: &EntityId, event: &BaseChanged) -> Evolved<()> {
        let BaseChanged { seq, from, to, by, term, engine_version } = event;
        self.audit(*seq)?;
        hold(self.known(id)?.parent.is_none(), 5, || format!("{id} is not the root"))?;
        if let Some(version) = engine_version {
            return self.stepped(id, (*from, *to), by, (*term, *version));
        }
        hold(*term == self.version, 7, || format!("the root begins term {term} instead of {}", self.version))?;
        let present = self.known(id)?.engine.level;
        hold(present == *from && from != to, 4, || format!("the root is on {present:?}, and goes from {from:?} to {to:?}"))?;
        self.change(id)?.engine = EngineLevel { level: *to, by: Some(by.clone()), term: *term, version: 0 };
        Ok(())
    }

    fn engine_changed(&mut self, id: &EntityId, event: &EngineChanged) -> Evolved<()> {
        let EngineChanged { seq, from, to, by, term, engine_version } = event;
        self.audit(*seq)?;
        hold(self.known(id)?.parent.is_some(), 5, || format!("{id} is the root"))?;
        self.stepped(id, (*from, *to), by, (*term, *engine_version))
    }

    fn engine_confirmed(&mut self, id: &EntityId, EngineConfirmed { level, term, engine_version }: &EngineConfirmed) -> Evolved<()> {
        let engine = &mut self.change(id)?.engine;
        hold(engine.level == *level, 4, || format!("the engine of {id} is not on {level:?}"))?;
        heard(engine, id, (*term, *engine_version))
    }

    fn stepped(&mut self, id: &EntityId, way: (PolicyLevel, PolicyLevel), by: &Setting, heard_at: (u64, u64)) -> Evolved<()> {
        let (from, to) = way;
        let engine = &mut self.change(id)?.engine;
        hold(engine.level == from && from != to, 4, || format!("the engine of {id} is on {:?}, and goes {way:?}", engine.level))?;
        heard(engine, id, heard_at)?;
        (engine.level, engine.by) = (to, Some(by.clone()));
        Ok(())
    }

    fn told(&mut self, id: &EntityId, seq: u64, from: Option<PolicyLevel>, told: Option<Override>) -> Evolved<()> {
        self.audit(seq)?;
        let node = self.known(id)?;
        hold(node.parent.is_some(), 5, || format!("{id} is the root"))?;
        let present = node.told.as_ref().map(|told| told.level);
        hold(present == from, 4, || format!("the override of {id} is {present:?}, not {from:?}"))?;
        self.tell(id, told);
        Ok(())
    }

    fn rejected(&mut self, id: &EntityId, event: &OverrideRejected) -> Evolved<()> {
        self.audit(event.seq)?;
        hold(self.known(id)?.parent.is_some(), 5, || format!("{id} is the root"))?;
        self.refused = Some(Refused { code: event.code, node: id.clone(), level: event.to, parent_level: event.parent_level });
        Ok(())
    }

    fn expiring(&mut self, id: &EntityId, event: &OverrideExpiring) -> Evolved<()> {
        let told = self.known(id)?.told.clone().filter(|told| told.level == event.level && told.expires_at == Some(event.expires_at));
        let told = told.map_or_else(|| broken(4, format!("{id} has no override that ends so")), Ok)?;
        self.tell(id, Some(Override { notice_at: None, ..told }));
        Ok(())
    }
}

fn heard(engine: &mut EngineLevel, id: &EntityId, (term, version): (u64, u64)) -> Evolved<()> {
    let newer = term == engine.term && version > engine.version;
    hold(newer, 7, || format!("the engine of {id} is heard in term {term} at {version}, after {} at {}", engine.term, engine.version))?;
    engine.version = version;
    Ok(())
}
