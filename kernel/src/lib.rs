//! The words that every floor of the house shares: ids, time, the [`Decider`], the event envelope, the runtime [`Env`],
//! the one [`statistics`] and the given/when/then [`testkit`].
//!
//! Architecture invariant: nothing here is asynchronous, reads a clock, draws a random number or touches the outside.
//! [`Env`] names those capabilities; the floors above bring them.

mod codec;
mod decider;
mod env;
mod envelope;
mod events;
mod id;
mod play;
mod policy;
mod position;
mod react;
mod shift;
mod span;
pub mod statistics;
mod stream;
pub mod testkit;
mod time;

pub use codec::{DecodeError, EventCodec, Upcaster, upcast};
pub use decider::{BrokenInvariant, DecideEnv, Decider, Decision, Part, Rejection, Timer, TimerPolicy};
pub use env::{BoxFuture, Env, Runtime};
pub use envelope::{BodyHash, Caller, InvalidBodyHash, Meta, Recorded, Role};
pub use events::{read_event, write_event};
pub use id::{CommandId, CorrelationId, EventId, IdSource, NodeId, derive_uuid};
pub use play::{Play, Played, SPEED_MAX};
pub use policy::{Halt, Policy, PolicyLevel};
pub use position::{InvalidPosition, Position, is_latitude, is_longitude};
pub use react::{EffectClass, Reaction, Reactor, effect_id, firing_id};
pub use shift::{InvalidShift, Shift, Weekday};
pub use span::{Span, SpanContext, SpanKind, Spans};
pub use stream::{EntityId, Kind, NameError, Org, StreamId};
pub use time::Timestamp;
