//! From a client's request to a command's metadata: ids that repeat when the request repeats, and the hash that tells a
//! repeat from a reused key. HTTP, imports and migrations use the same functions, so that what one of them sent is a
//! repeat for the others.

use ionveil_kernel::{BodyHash, CommandId, EntityId, Env, IdSource, Org, Timestamp, derive_uuid};
use ionveil_workflow::Command;
use serde::Serialize;
use serde_json::json;

/// The command id behind an idempotency key of an organisation.
#[must_use]
pub fn command_id(org: &Org, key: &str) -> CommandId {
    CommandId(derive_uuid(&["idempotency-key", org.as_str(), key]))
}

/// The command id of a request: from its key, else fresh.
#[must_use]
pub fn command_id_or_fresh(org: &Org, key: Option<&str>, env: &Env) -> CommandId {
    key.map_or_else(|| CommandId(env.next_id()), |key| command_id(org, key))
}

/// The entity id that the server makes when the client names none: the same for a repeated key.
#[must_use]
pub fn entity_id(org: &Org, route: &str, key: Option<&str>, env: &Env) -> EntityId {
    let uuid = key.map_or_else(|| env.next_id(), |key| derive_uuid(&["entity-id", org.as_str(), route, key]));
    EntityId::new(&uuid.to_string()).unwrap_or_else(|_| unreachable!("a UUID is a lawful id"))
}

/// Hashes what the client asked for. Of a clone only the source counts: what is copied is the server's finding, and
/// may have moved on between two tries.
#[must_use]
pub fn body_hash(command: &Command, occurred_at: Option<Timestamp>, expected_version: Option<u64>) -> BodyHash {
    let asked = match command {
        Command::Clone { source, .. } => json!({ "type": "clone", "source": source }),
        Command::Register { .. }
        | Command::Transition { .. }
        | Command::Step { .. }
        | Command::Rollback { .. }
        | Command::Cancel { .. }
        | Command::Reconcile { .. } => json!(command),
    };
    hash_of(&asked, occurred_at, expected_version)
}

/// Hashes what the client asked for, where all of it counts.
#[must_use]
pub fn hash_of(asked: &impl Serialize, occurred_at: Option<Timestamp>, expected_version: Option<u64>) -> BodyHash {
    let asked = json!([asked, occurred_at.map(Timestamp::micros), expected_version]).to_string();
    BodyHash::of(&[asked.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_hashes_alike_and_anything_else_differently() {
        let to = |to: &str| Command::Transition { to: to.to_owned(), reason: None };
        let base = body_hash(&to("a"), None, None);
        assert_eq!(base, body_hash(&to("a"), None, None));
        for other in [
            body_hash(&to("b"), None, None),
            body_hash(&to("a"), Some(Timestamp::from_micros(0)), None),
            body_hash(&to("a"), None, Some(0)),
            body_hash(&Command::Rollback { reason: None }, None, None),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_clone_is_the_same_request_while_its_source_moves() {
        let clone = |version, state: &str| Command::Clone {
            source: EntityId::new("a").unwrap(),
            source_version: version,
            machine: "dispatch".to_owned(),
            definition: None,
            stack: vec![state.to_owned()],
            attributes: std::collections::BTreeMap::default(),
        };
        assert_eq!(body_hash(&clone(1, "queued"), None, None), body_hash(&clone(2, "allocated"), None, None));
    }
}
