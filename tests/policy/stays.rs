//! A tree is in memory whenever somebody may pull the brake: it is not let go when it has had nothing to do for a while, and it
//! is there before its first command after a start.

use super::given::{ask, grow, id, meta, on_node_of, org, set_override};
use ionveil::node::{Kinds, Node};
use ionveil_kernel::{Kind, PolicyLevel, StreamId};
use ionveil_policy::{engine, tree};
use std::time::Duration;

const IDLE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(30);

fn the_tree() -> StreamId {
    tree::stream(&org()).expect("lawful")
}

/// An engine of a node, which is let go as any entity is.
fn an_engine() -> StreamId {
    StreamId::new(org(), Kind::new(engine::KIND).expect("lawful"), id(1))
}

/// Looks again and again until the entity is in memory, or is not.
async fn until(node: &Node, entity: &StreamId, there: bool) {
    let looking = async {
        while node.runtime.node(entity).is_some() != there {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{entity} never becomes as wished"));
}

#[test]
fn a_tree_is_in_memory_while_idle_and_before_its_first_command() {
    let folder = tempfile::tempdir().expect("a folder");
    on_node_of(
        folder.path(),
        |config| config.runtime.idle = IDLE,
        Kinds::default(),
        async |node, _| {
            grow(node, 5).await;
            let outcome = engine::Command::Observe { success: true };
            // It comes after the tree, and so it is idle for a shorter time than that.
            node.policy_engines.ask(an_engine(), outcome, meta(node)).await.expect("accepted");
            assert!(node.runtime.node(&an_engine()).is_some());
            until(node, &an_engine(), false).await;
            assert!(node.runtime.node(&the_tree()).is_some(), "it stays");
        },
    );
    on_node_of(
        folder.path(),
        |_| {},
        Kinds::default(),
        async |node, _| {
            until(node, &the_tree(), true).await;
            ask(node, set_override(1, PolicyLevel::Halted)).await.expect("accepted");
        },
    );
}
