//! What the events of the simulated cluster set off: for each addition to a tally named `src…` an addition to a ledger and one
//! effect of each class; and the world outside, where effects arrive, are lost, and are taken without a word.

use super::truth::Truth;
use super::{PARTITIONS, below, between};
use crate::testkit::ledger::Add;
use crate::testkit::tally::Event;
use crate::{EffectHandler, SendError};
use ionveil_journal::{OutboxRow, OutboxWhat};
use ionveil_kernel::{BoxFuture, DecodeError, EffectClass, Env, EventCodec, Reaction, Reactor, Recorded, StreamId};
use std::sync::Arc;

/// The channels by class.
pub(super) const CHANNELS: [(&str, EffectClass); 2] = [("mail", EffectClass::Repeatable), ("pay", EffectClass::Once)];

/// The reactor.
pub(super) struct Echo;

/// The ledger that hears of an addition to `source`; none if nobody does.
pub(super) fn ledger_of(source: &StreamId) -> Option<StreamId> {
    let number = source.id.as_str().strip_prefix("src")?;
    let mut names = (0..).filter_map(|place: u32| format!("ledger:{}:dst{number}-{place}", source.org).parse().ok());
    // A runtime reaches the entities of its own partitions only: what forwards to others is beside it.
    names.find(|ledger: &StreamId| ledger.partition(PARTITIONS) == source.partition(PARTITIONS))
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
        let (Event::Added(add), Some(to)) = (read, ledger_of(&event.stream)) else { return Ok(Vec::new()) };
        let command = serde_json::to_string(&Add(add)).map_err(|error| DecodeError::invalid("command", error))?;
        let effects =
            CHANNELS.map(|(channel, class)| Reaction::Effect { channel: channel.to_owned(), class, payload: event.event_id.to_string() });
        Ok([Reaction::Command { to, command }].into_iter().chain(effects).collect())
    }
}

/// The way out of one process.
pub(super) struct Bridge {
    pub(super) env: Env,
    pub(super) truth: Arc<Truth>,
}

impl EffectHandler for Bridge {
    fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let OutboxWhat::Effect { class, .. } = &effect.row.what else { return Err(SendError::Refused("no effect".to_owned())) };
            self.env.sleep(between(&self.env, 0, 5)).await;
            let fate = below(&self.env, 100);
            if fate < 5 {
                return Err(SendError::NotSent("the network lost it".to_owned()));
            }
            self.truth.arrived(effect.row.causation_id, *class, effect.row.effect_id);
            self.env.sleep(between(&self.env, 0, 5)).await;
            if fate < 10 { Err(SendError::Unknown("the network lost the answer".to_owned())) } else { Ok(()) }
        })
    }
}
