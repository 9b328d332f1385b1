//! Refusals that no client meets with an ordinary request: of a tree as large as one may be, and of what only the server itself
//! asks, which comes to light when a dead letter is replayed.

use super::client::Api;
use super::policy_tree::{NODES, count, node, plant};
use super::simulations::{bursts, create};
use crate::support::brought::Brought;
use ionveil_journal::{Append, DeadLetter, NewEvent, Outcome};
use ionveil_kernel::{
    BodyHash, Caller, CommandId, CorrelationId, EntityId, EventCodec, EventId, IdSource, Meta, Org, Part, Role, StreamId, Timestamp,
};
use ionveil_policy::tree::{Event, NODES_MAX, NodeAdded, NodeKind, NodeStream, stream};
use serde_json::{Value, json};
use tokio::sync::oneshot;

const LETTERS: &str = "/api/v1/system/dead-letters";
/// An outcome of a run that no simulation here has the duration of.
const COMPLETED: &str = include_str!("../../domain/policy/src/simulation/golden/completed.v1.json");

fn org() -> Org {
    Org::new("default").expect("lawful")
}

fn meta(server: &Brought) -> Meta {
    let id = server.node.env.next_id();
    Meta {
        command_id: CommandId(id),
        body_hash: BodyHash::of(&[id.as_bytes()]),
        correlation_id: CorrelationId(id),
        causation_id: None,
        caller: Caller { org: org(), subject: "system:test".into(), role: Role::Admin },
        occurred_at: None,
        expected_version: None,
        traceparent: None,
    }
}

/// Sets a command aside as if its decider had panicked, and replays it.
async fn replay(server: &Brought, api: &Api, owner: &str, command: &Value) -> Value {
    let (owner, meta): (StreamId, _) = (owner.parse().expect("a name"), meta(server));
    let letter = DeadLetter {
        id: DeadLetter::id_of(&owner, meta.command_id),
        owner,
        command_id: meta.command_id,
        command: command.to_string(),
        meta: json!(meta).to_string(),
        fault: "it panicked".to_owned(),
        panics: 2,
        parked_at: server.node.env.now(),
    };
    assert!(server.node.store.park(&letter, 10).await.expect("memory"), "there is room");
    api.post(&format!("{LETTERS}/{}/replay", letter.id), json!({})).await.json(200)
}

#[tokio::test]
async fn what_an_engine_asked_before_a_person_began_anew_is_refused_when_it_is_replayed() {
    let server = Brought::start();
    let api = Api::of(&server.address);
    plant(&api).await;
    let wish = |term: u64| json!({"type": "set_engine", "node": "n1", "level": "halted", "term": term, "engine_version": 1, "reason": "3 failures"});
    for term in [1, 7] {
        let refused = replay(&server, &api, "policy-tree:default:tree", &wish(term)).await;
        assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!("stale_engine")), "{refused}");
    }
    assert_eq!(api.get(&node("n1")).await.json(200)["effective"], "normal");
    assert_eq!(
        replay(&server, &api, "policy-tree:default:tree", &wish(0)).await["outcome"],
        "accepted",
        "of the present term it is obeyed"
    );
    assert_eq!(api.get(&node("n1")).await.json(200)["effective"], "halted");
    assert_eq!(replay(&server, &api, "policy-tree:default:tree", &wish(0)).await["code"], "stale_engine", "it was heard already");

    let begin = |term: u64| json!({"type": "reset", "level": "watch", "term": term});
    assert_eq!(replay(&server, &api, "policy-engine:default:n2", &begin(3)).await["outcome"], "accepted");
    for term in [3, 2, 0] {
        let refused = replay(&server, &api, "policy-engine:default:n2", &begin(term)).await;
        assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!("stale_term")), "{refused}");
    }
    assert_eq!(count(&api, "reset").await, 1);
    assert_eq!(api.get(LETTERS).await.json(200), json!({"items": []}), "who was refused is gone");
}

#[tokio::test]
async fn a_report_on_a_run_that_is_not_under_way_or_is_anothers_is_refused_when_it_is_replayed() {
    let server = Brought::start();
    let api = Api::of(&server.address);
    let id = create(&api, json!({"scenario": {"name": "s"}, "pattern": bursts(), "duration_s": 61})).await;
    let owner = format!("simulation:default:{id}");
    let outcome = serde_json::from_str::<Value>(COMPLETED).expect("JSON")["outcome"].clone();
    let (complete, fail) = (json!({"complete": {"outcome": outcome}}), json!({"fail": {"error": "gone"}}));
    for report in [&complete, &fail] {
        let refused = replay(&server, &api, &owner, report).await;
        assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!("not_running")), "{refused}");
    }
    // Nobody runs it: whoever sends this runs it, and here that is nobody.
    assert_eq!(replay(&server, &api, &owner, &json!({"start": {}})).await["outcome"], "accepted");
    let refused = replay(&server, &api, &owner, &complete).await;
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!("foreign_outcome")), "{refused}");
    assert_eq!(replay(&server, &api, &owner, &fail).await["outcome"], "accepted");
}

/// Stores a root with as many nodes below it as there may be, before anybody asks the tree.
async fn fill(server: &Brought) {
    let (owner, meta) = (stream(&org()).expect("lawful"), meta(server));
    let name = |number: usize| EntityId::new(&format!("n{number}")).expect("lawful");
    let events = (0..NODES_MAX).map(|number| {
        let parent = (number > 0).then(|| name(0));
        let event = Event::NodeAdded(NodeAdded { kind: NodeKind::Zone, parent, term: 0 });
        NewEvent {
            event_id: EventId(server.node.env.next_id()),
            stream: NodeStream(name(number)).stream(&owner),
            sequence_number: 1,
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            data: event.encode().expect("JSON"),
            occurred_at: Timestamp::from_micros(0),
            correlation_id: meta.correlation_id,
            causation_id: meta.command_id.0,
            actor: meta.caller.subject.clone(),
            traceparent: None,
        }
    });
    let (events, command_id, body_hash) = (events.collect(), meta.command_id, meta.body_hash);
    let append = Append { owner, generation: 1, command_id, body_hash, version: NODES_MAX as u64, events, timers: Vec::new() };
    let (told, outcome) = oneshot::channel();
    server.node.runtime.journal().submit(append, Box::new(move |outcome| drop(told.send(outcome))));
    assert!(matches!(outcome.await.expect("an answer"), Outcome::Committed(_)));
}

#[tokio::test]
async fn a_full_tree_takes_no_more_nodes() {
    let server = Brought::start();
    let api = Api::of(&server.address);
    fill(&server).await;
    let more = json!({"id": "more", "kind": "zone", "parent": "n1"});
    api.post(NODES, more.clone()).await.problem(409, "tree_full");
    api.delete(&node("n7")).await.json(200);
    api.post(NODES, more.clone()).await.json(201);
    api.post(NODES, json!({"id": "another", "kind": "zone", "parent": "n1"})).await.problem(409, "tree_full");
}
