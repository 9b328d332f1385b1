//! What follows from an event outside the entity that it happened to, as data: commands to other entities and effects
//! outside. Nothing here sends anything; the journal keeps what was decided and the runtime carries it out.

use crate::{CommandId, DecodeError, EventId, Recorded, StreamId, Timestamp, derive_uuid};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// What may be done about an effect whose outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectClass {
    /// The receiver tells repeats by the effect's id: it is sent again until there is an answer.
    Repeatable,
    /// It is never sent twice by itself: an unknown outcome is a state that a policy or a person settles.
    Once,
}

impl EffectClass {
    /// The number that stands for it in a store; it never changes.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Repeatable => 0,
            Self::Once => 1,
        }
    }

    /// The class that a stored number stands for, if it stands for one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Repeatable),
            1 => Some(Self::Once),
            _ => None,
        }
    }
}

/// One thing that follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Another entity is asked for something.
    Command {
        /// The entity.
        to: StreamId,
        /// JSON text of a command of its kind.
        command: String,
    },
    /// Something happens outside.
    Effect {
        /// Names the bridge that carries it out.
        channel: String,
        /// What may be done about an unknown outcome.
        class: EffectClass,
        /// What the bridge is given: text without a zero byte.
        payload: String,
    },
}

/// Turns recorded events into what follows from them. Pure: the same event always gives the same reactions in the same
/// order, because each is known by its event, the reactor's name and its place in the answer ([`effect_id`]).
pub trait Reactor: Send + Sync + 'static {
    /// The stable name, `[a-z0-9][a-z0-9_-]{0,62}`. Its checkpoint and the ids of its effects hang on it.
    fn name(&self) -> &'static str;

    /// The kind of stream whose events it wants; `None` for all.
    fn kind(&self) -> Option<&'static str> {
        None
    }

    /// What follows from `event`; empty for most.
    ///
    /// # Errors
    /// [`DecodeError`] for an event of a wanted kind that it cannot read.
    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError>;
}

/// The id of the reaction at `index` in what `reactor` answered to `event`. It is also the id of the command, where the
/// reaction is one.
#[must_use]
pub fn effect_id(event: EventId, reactor: &str, index: usize) -> Uuid {
    derive_uuid(&["effect", &event.to_string(), reactor, &index.to_string()])
}

/// The id of the command that the timer `name` of `owner` stands for, due at `due` and armed at position `armed`: the
/// same firing has the same id however often it is tried. Ids sort by due time, then roughly by arming, so that the receipts
/// of many that fire one after the other lie side by side in a store.
#[must_use]
pub fn firing_id(owner: &StreamId, name: &str, due: Timestamp, armed: u64) -> CommandId {
    let derived = derive_uuid(&["timer", &owner.to_string(), name, &due.micros().to_string(), &armed.to_string()]);
    let mut bytes = derived.into_bytes();
    bytes[..6].copy_from_slice(&(due.micros() / 1_000).to_be_bytes()[2..]);
    // 26 bits of the arming around the version in byte 6 and the variant in byte 8; 48 derived ones remain.
    let [_, high, middle, low] = ((armed & 0x0fff_ffff) as u32).to_be_bytes();
    bytes[6] = ((armed >> 24) & 0x0f) as u8;
    bytes[7] = high;
    bytes[8] = middle >> 2;
    bytes[9] = middle << 6 | low >> 2;
    CommandId(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_effect_is_known_by_event_reactor_and_index() {
        let (one, two) = (EventId(Uuid::from_u128(1)), EventId(Uuid::from_u128(2)));
        let ids = [effect_id(one, "r", 0), effect_id(one, "r", 1), effect_id(one, "s", 0), effect_id(two, "r", 0)];
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert_eq!(ids[0], effect_id(one, "r", 0));
    }

    #[test]
    fn a_firing_is_known_by_owner_name_due_and_arming() {
        let (a, b): (StreamId, StreamId) = ("task:acme:a".parse().unwrap(), "task:acme:b".parse().unwrap());
        let due = Timestamp::from_micros;
        let ids = [
            firing_id(&a, "x", due(1), 1),
            firing_id(&b, "x", due(1), 1),
            firing_id(&a, "y", due(1), 1),
            firing_id(&a, "x", due(2), 1),
            firing_id(&a, "x", due(1), 2),
        ];
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert_eq!(ids[0], firing_id(&a, "x", due(1), 1));
    }

    #[test]
    fn firings_sort_by_due_time_then_by_arming() {
        let owner: StreamId = "task:acme:a".parse().unwrap();
        let ms = |ms: i64| Timestamp::from_micros(ms * 1_000);
        let mut last = firing_id(&owner, "x", ms(1), 0);
        for (due, armed) in [(1, 4), (1, 1 << 10), (1, 1 << 16), (1, 1 << 24), (1, (1 << 28) - 4), (2, 0), (1_700_000_000_000, 0)] {
            let next = firing_id(&owner, "x", ms(due), armed);
            assert!(last < next, "{due} {armed}");
            assert_eq!(next.0.get_version_num(), 8);
            last = next;
        }
    }

    #[test]
    fn classes_have_stable_names_and_numbers() {
        for (class, name, number) in [(EffectClass::Repeatable, "\"repeatable\"", 0), (EffectClass::Once, "\"once\"", 1)] {
            assert_eq!(serde_json::to_string(&class).unwrap(), name);
            assert_eq!((class.number(), EffectClass::from_number(number)), (number, Some(class)));
        }
        assert_eq!(EffectClass::from_number(2), None);
    }
}
