//! A node that lost its partitions for a while and has them back: what it kept of an entity may be old.

use super::common::{entity, fresh};
use super::tally::{Command, Event, Tally};
use crate::RuntimeConfig;
use crate::testkit::Universe;
use ionveil_journal::testkit::{Knobs, Wrong};
use ionveil_journal::{Append, NewEvent, Store, Verdict};
use ionveil_kernel::{EventCodec, EventId, IdSource, Meta, NodeId};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const OWN: NodeId = NodeId(Uuid::from_u128(1));
const OTHER: NodeId = NodeId(Uuid::from_u128(2));

/// Another node owns everything for a moment, and adds to `tally:test:a`, which has one event, what these commands want.
async fn another_node_adds(universe: &Universe, commands: &[(Meta, u64)]) {
    let (memory, env, owner) = (&universe.memory, &universe.env, entity("tally", "a"));
    memory.release(OWN).await.expect("a store in memory");
    let claims = memory.claim(OTHER, Duration::from_secs(3)).await.expect("a store in memory");
    for ((meta, add), version) in commands.iter().zip(2..) {
        let event = NewEvent {
            event_id: EventId(env.next_id()),
            stream: owner.clone(),
            sequence_number: version,
            event_type: "added".into(),
            schema_version: 1,
            data: Event::Added(*add).encode().expect("it has a text"),
            occurred_at: env.now(),
            correlation_id: meta.correlation_id,
            causation_id: meta.command_id.0,
            actor: "user:test".into(),
            traceparent: None,
        };
        let Meta { command_id, body_hash, .. } = *meta;
        let append = Append { owner: owner.clone(), generation: 1, command_id, body_hash, version, events: vec![event], timers: vec![] };
        let verdicts = memory.append(&claims, &[append], env.now()).await.expect("a store in memory");
        assert!(matches!(verdicts[..], [Verdict::Accepted(_)]), "{verdicts:?}");
    }
    memory.release(OTHER).await.expect("a store in memory");
}

#[test]
fn what_is_accepted_without_an_event_rests_on_what_another_owner_wrote_meanwhile() {
    Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let ask = |command| host.ask(entity("tally", "a"), command, fresh(&universe.env));
        assert_eq!(ask(Command::Add(1)).await.expect("accepted").receipt.version, 1);
        another_node_adds(&universe, &[(fresh(&universe.env), 1)]).await;
        // By then the node has noticed, and has taken everything back.
        universe.env.sleep(Duration::from_secs(10)).await;
        assert!(universe.runtime.journal().ready());
        let reply = ask(Command::Touch).await.expect("accepted");
        assert_eq!((reply.receipt.version, reply.state.sum), (2, 2));
    });
}

#[test]
fn a_receipt_of_another_owner_is_not_taken_for_ones_own() {
    Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let (first, second) = (fresh(&universe.env), fresh(&universe.env));
        let ask = |add, meta: &Meta| host.ask(entity("tally", "a"), Command::Add(add), meta.clone());
        assert_eq!(ask(1, &fresh(&universe.env)).await.expect("accepted").receipt.version, 1);
        // Both are decided here, as versions 2 and 3, and lost on their way.
        let delay = (Duration::from_millis(100), Duration::from_millis(100));
        let lost = Wrong { lost_before: 100, ..Wrong::default() };
        universe.faults.set(|knobs| *knobs = Knobs { appends: lost, change_delay: delay, ..Knobs::default() });
        let asked = futures_util::future::join(ask(5, &first), ask(7, &second));
        let meanwhile = async {
            universe.env.sleep(Duration::from_millis(50)).await;
            universe.faults.set(|knobs| *knobs = Knobs::default());
            // The other owner has another version 2, and the second command as its version 3.
            another_node_adds(&universe, &[(fresh(&universe.env), 100), (second.clone(), 7)]).await;
        };
        let ((_, answer), ()) = futures_util::future::join(asked, meanwhile).await;
        let reply = answer.expect("it was accepted by the other owner");
        assert_eq!((reply.receipt.version, reply.state.sum, reply.repeated), (3, 108, true));
    });
}
