//! Trees of any size, decided by the tree's own rules and stored with one append; and what is asked of them.

use crate::support;
use ionveil_journal::{Append, NewEvent, Store};
use ionveil_kernel::{
    BodyHash, Caller, CommandId, CorrelationId, DecideEnv, Decider, EntityId, Env, EventCodec, EventId, IdSource, Meta, Org, Part, Policy,
    Role, StreamId,
};
use ionveil_policy::level;
use ionveil_policy::tree::{Command, Event, NodeKind, NodeStream, State, Tree, stream};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many children a node has: with 1,000 nodes there are five on the way down from the root, both ends included.
const CHILDREN: usize = 6;

pub(crate) fn org() -> Org {
    Org::new("default").expect("lawful")
}

pub(crate) fn owner() -> StreamId {
    stream(&org()).expect("lawful")
}

pub(crate) fn node(number: usize) -> EntityId {
    EntityId::new(&format!("zone-{number:05}")).expect("lawful")
}

/// The metadata of a supervisor's command.
pub(crate) fn meta(env: &Env) -> Meta {
    Meta {
        command_id: CommandId(env.next_id()),
        body_hash: BodyHash([7; 32]),
        correlation_id: CorrelationId(env.next_id()),
        causation_id: None,
        caller: Caller { org: org(), subject: "user:supervisor-7".into(), role: Role::Supervisor },
        occurred_at: None,
        expected_version: None,
        traceparent: None,
    }
}

pub(crate) fn set_root(level: ionveil_kernel::PolicyLevel) -> Command {
    Command::SetRoot { level: level::name(level).to_owned(), authorization: "role:supervisor".to_owned() }
}

/// Adds node `number` below the one that the shape of the tree says.
pub(crate) fn add(number: usize) -> Command {
    let parent = number.checked_sub(1).map(|before| node(before / CHILDREN));
    Command::AddNode { node: node(number), kind: NodeKind::Zone, parent }
}

/// Halts node `number`.
pub(crate) fn halt(number: usize) -> Command {
    let (level, authorization) = ("halted".to_owned(), "role:supervisor".to_owned());
    let reason = Some("flooding below the bridges, traffic is turned round".to_owned());
    Command::SetOverride { node: node(number), level, authorization, reason, expires_at: None }
}

/// A tree in the making.
#[derive(Default)]
pub(crate) struct Grown {
    pub(crate) state: State,
    events: Vec<(NodeStream, Event)>,
}

impl Grown {
    /// A tree of `nodes` nodes; with `overrides` each but the root has one, *halted*. They are set from the leaves up, so
    /// that each is stricter than its parent then.
    pub(crate) fn new(nodes: usize, overrides: bool, env: &Env) -> Self {
        let mut grown = Self::default();
        for number in 0..nodes {
            grown.ask(&add(number), env);
        }
        for number in (1..nodes).rev().filter(|_| overrides) {
            grown.ask(&halt(number), env);
        }
        grown
    }

    /// Decides on a command and takes over what follows.
    pub(crate) fn ask(&mut self, command: &Command, env: &Env) {
        let (now, cause, policy) = (env.now(), meta(env), Policy::default());
        let decided =
            Tree::default().decide(&self.state, command, &DecideEnv { now, occurred_at: now, ids: env, cause: &cause, policy: &policy });
        for (part, event) in decided.expect("accepted") {
            self.state = Tree::default().evolve(std::mem::take(&mut self.state), &part, &event).expect("lawful");
            self.events.push((part, event));
        }
    }

    /// Stores it as one append; says how many events that were.
    pub(crate) async fn store(&self, store: Arc<dyn Store>, env: &Env) -> usize {
        let (mut last, owner, cause) = (BTreeMap::<StreamId, u64>::new(), owner(), meta(env));
        let events: Vec<NewEvent> = self
            .events
            .iter()
            .map(|(part, event)| {
                let stream = part.stream(&owner);
                let sequence_number = last.entry(stream.clone()).or_default();
                *sequence_number += 1;
                NewEvent {
                    event_id: EventId(env.next_id()),
                    stream,
                    sequence_number: *sequence_number,
                    event_type: Cow::Borrowed(event.event_type()),
                    schema_version: event.schema_version(),
                    data: event.encode().expect("JSON"),
                    occurred_at: env.now(),
                    correlation_id: cause.correlation_id,
                    causation_id: cause.command_id.0,
                    actor: cause.caller.subject.clone(),
                    traceparent: None,
                }
            })
            .collect();
        let (count, command_id, body_hash) = (events.len(), cause.command_id, cause.body_hash);
        let append = Append { owner, generation: 1, command_id, body_hash, version: count as u64, events, timers: Vec::new() };
        let journal = support::journal(store, env).await;
        support::commit(&journal, append).await;
        journal.close().await.expect("close");
        count
    }
}
