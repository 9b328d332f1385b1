//! A reactor on tallies and the world outside it: for each addition to a tally named `src…` it asks the tally `dst` for the
//! same, and has one effect of each class.

use super::tally::{Command, Event};
use crate::testkit::Universe;
use crate::{EffectHandler, OnUnknown, SendError};
use ionveil_journal::OutboxRow;
use ionveil_kernel::{BoxFuture, DecodeError, EffectClass, EventCodec, Reaction, Reactor, Recorded};
use parking_lot::Mutex;
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const REPEATABLE: &str = "mail";
pub(crate) const ONCE: &str = "pay";
/// An addition of this much poisons [`Echo`].
pub(crate) const POISON: u64 = 13;

/// The reactor.
pub(crate) struct Echo {
    pub(crate) poisoned: bool,
}

impl Reactor for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn kind(&self) -> Option<&'static str> {
        Some("tally")
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let read = Event::decode(&event.event_type, event.schema_version, &event.data)?;
        let Event::Added(add) = read else { return Ok(Vec::new()) };
        if !event.stream.id.as_str().starts_with("src") {
            return Ok(Vec::new());
        }
        if self.poisoned && add == POISON {
            // As a panic, without the hook.
            std::panic::resume_unwind(Box::new("poison"));
        }
        let to = super::common::entity("tally", "dst");
        let command = serde_json::to_string(&Command::Add(add)).map_err(|error| DecodeError::invalid("command", error))?;
        let effect = |channel: &str, class| Reaction::Effect { channel: channel.to_owned(), class, payload: add.to_string() };
        Ok(vec![Reaction::Command { to, command }, effect(REPEATABLE, EffectClass::Repeatable), effect(ONCE, EffectClass::Once)])
    }
}

/// What arrived outside; it outlives every crash. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) repeatable: Arc<Outside>,
    pub(crate) once: Arc<Outside>,
}

/// The other side of one channel.
#[derive(Default)]
pub(crate) struct Outside {
    arrived: Mutex<Vec<Uuid>>,
    /// What the next sends answer, first one first; then all is well.
    pub(crate) answers: Mutex<Vec<SendError>>,
    pub(crate) policy: Mutex<OnUnknown>,
}

impl Outside {
    pub(crate) fn arrived(&self) -> Vec<Uuid> {
        self.arrived.lock().clone()
    }
}

struct Bridge(Arc<Outside>);

impl EffectHandler for Bridge {
    fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>> {
        let mut answers = self.0.answers.lock();
        let answer = if answers.is_empty() { Ok(()) } else { Err(answers.remove(0)) };
        if !matches!(answer, Err(SendError::NotSent(_) | SendError::Refused(_))) {
            self.0.arrived.lock().push(effect.row.effect_id);
        }
        Box::pin(std::future::ready(answer))
    }

    fn on_unknown(&self) -> OnUnknown {
        *self.0.policy.lock()
    }
}

impl World {
    /// Registers reactor and handlers, as each start of a node does.
    pub(crate) fn attach(&self, universe: &Universe, reactor: Echo) {
        self.open(universe);
        universe.runtime.reactor(Arc::new(reactor)).expect("a lawful name");
    }

    /// Registers the handlers only.
    pub(crate) fn open(&self, universe: &Universe) {
        universe.runtime.effects(REPEATABLE, Arc::new(Bridge(self.repeatable.clone())));
        universe.runtime.effects(ONCE, Arc::new(Bridge(self.once.clone())));
    }
}
