//! What several of these tests do: name an entity, make metadata, ask until the answer is definite, read what is stored.

use crate::{AskError, Host, Reply};
use ionveil_journal::{MemoryStore, Store};
use ionveil_kernel::{CommandId, Decider, Env, IdSource, Meta, StreamId, testkit};
use std::time::Duration;
use uuid::Uuid;

/// An entity of organisation `test`.
pub(crate) fn entity(kind: &str, id: &str) -> StreamId {
    format!("{kind}:test:{id}").parse().expect("lawful")
}

/// Metadata of a command of this id.
pub(crate) fn meta(id: Uuid) -> Meta {
    Meta { command_id: CommandId(id), ..testkit::meta(id.as_u128()) }
}

/// Metadata of a new command.
pub(crate) fn fresh(env: &Env) -> Meta {
    meta(env.next_id())
}

/// Whether the same command may be asked again.
pub(crate) fn open<R: ionveil_kernel::Rejection>(error: &AskError<R>) -> bool {
    matches!(error, AskError::Unavailable | AskError::OutcomeUnknown | AskError::TimedOut(_) | AskError::Overloaded)
}

/// Asks the same until it is done.
pub(crate) async fn insist<D: Decider>(env: &Env, host: &Host<D>, owner: &StreamId, command: D::Command) -> Reply<D> {
    let meta = fresh(env);
    loop {
        match host.ask(owner.clone(), command.clone(), meta.clone()).await {
            Ok(reply) => return reply,
            Err(error) if open(&error) => env.sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("refused: {error:?}"),
        }
    }
}

/// The command behind each event of an entity.
pub(crate) async fn causes(store: &MemoryStore, owner: &StreamId) -> Vec<Uuid> {
    let events = store.read_stream(owner, 0, usize::MAX).await.expect("a store in memory");
    events.into_iter().map(|event| event.causation_id).collect()
}
