//! What the journal holds of a policy tree, command by command: each is there whole or not at all.

use super::ledger::cause;
use super::scene::Ground;
use crate::policy::given::{evolve, in_force};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, EntityId, EventCodec, Policy, PolicyLevel, Timestamp};
use ionveil_policy::level;
use ionveil_policy::tree::{Command, Event, State, Tree};
use serde_json::Value;
use std::collections::BTreeSet;

const STREAMS: &str = "policy-node:default:";

/// The events of one command.
pub(super) struct Told {
    /// The command's id, as the first event names it.
    cause: String,
    pub(super) events: Vec<(EntityId, Event)>,
}

/// A tree as the journal has it.
pub(super) struct Journal {
    state: State,
    pub(super) commands: Vec<Told>,
}

impl Journal {
    /// Reads it beside the server, and decides each command anew: it has all the events that it must have.
    pub(super) fn read(ground: &Ground) -> Self {
        let (mut state, commands) = (State::default(), commands(ground));
        for told in &commands {
            let expected = decide(&state, told);
            assert_eq!(kinds(&told.events), kinds(&expected), "a cascade is there whole");
            state = told.events.iter().fold(state, |state, (node, event)| evolve(state, node, event));
        }
        Self { state, commands }
    }

    /// How many events a command of this key has.
    pub(super) fn events_of(&self, key: &str) -> usize {
        let cause = cause(key);
        self.commands.iter().filter(|told| told.cause == cause).map(|told| told.events.len()).sum()
    }

    /// The published tree is this one.
    pub(super) fn check(&self, published: &[Value]) {
        assert_eq!(published.len(), self.state.len(), "every node is published");
        for node in published {
            let id: EntityId = node["id"].as_str().expect("an id").parse().expect("lawful");
            let (effective, deciding) = in_force(&self.state, &id);
            let found = (node["effective"].as_str(), node["deciding_node"].as_str());
            assert_eq!(found, (Some(level::name(effective)), Some(deciding.as_str())), "{id}");
            let told = self.state.node(&id).and_then(|node| node.told().map(|told| level::name(told.level)));
            assert_eq!(node["override"]["level"].as_str(), told, "the override of {id}");
        }
    }
}

/// The tree's events, grouped by correlation; the events of a group stand together.
fn commands(ground: &Ground) -> Vec<Told> {
    let output = ground.run(&["events", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut commands, mut groups, mut last) = (Vec::<Told>::new(), BTreeSet::new(), String::new());
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let Some(node) = event["stream"].as_str().and_then(|stream| stream.strip_prefix(STREAMS)) else { continue };
        let correlation = event["correlation_id"].as_str().expect("a correlation");
        if correlation != last {
            assert!(groups.insert(correlation.to_owned()), "the events of {correlation} stand together");
            correlation.clone_into(&mut last);
            commands.push(Told { cause: event["causation_id"].as_str().expect("a cause").to_owned(), events: Vec::new() });
        }
        let (event_type, data) = (event["type"].as_str().expect("a type"), event["data"].to_string());
        let event = Event::decode(event_type, 1, &data).expect("lawful");
        commands.last_mut().expect("pushed").events.push((node.parse().expect("lawful"), event));
    }
    commands
}

/// What the decider makes of the command that the first event tells of.
fn decide(state: &State, told: &Told) -> Vec<(EntityId, Event)> {
    let (cause, policy, now) = (meta(1), Policy::default(), Timestamp::MIN);
    let env = DecideEnv { now, occurred_at: now, ids: &CountingIds::default(), cause: &cause, policy: &policy };
    let decided = Tree::default().decide(state, &command(&told.events[0]), &env).expect("it was accepted");
    decided.into_iter().map(|(part, event)| (part.0, event)).collect()
}

fn command((node, event): &(EntityId, Event)) -> Command {
    let (node, authorization, reason) = (node.clone(), "T1".to_owned(), None);
    let set = |node, to: PolicyLevel| Command::SetOverride {
        node,
        level: level::name(to).to_owned(),
        authorization: "T1".to_owned(),
        reason: None,
        expires_at: None,
    };
    match event {
        Event::NodeAdded(event) => Command::AddNode { node, kind: event.kind, parent: event.parent.clone() },
        Event::NodeMoved(event) => Command::MoveNode { node, parent: event.to.clone() },
        Event::BaseChanged(event) => Command::SetRoot { level: level::name(event.to).to_owned(), authorization },
        Event::OverrideSet(event) => set(node, event.to),
        Event::OverrideReplaced(event) => set(node, event.to),
        Event::OverrideRejected(event) => set(node, event.to),
        Event::OverrideCleared(_) => Command::ClearOverride { node, authorization, reason },
        other => panic!("nobody asked for {other:?}"),
    }
}

fn kinds(events: &[(EntityId, Event)]) -> Vec<(&EntityId, &'static str)> {
    events.iter().map(|(node, event)| (node, event.event_type())).collect()
}
