//! When states are saved: every so many events, and a big one as much more seldom.

use super::common::{entity, fresh, insist};
use super::tally::TooMuch;
use crate::RuntimeConfig;
use crate::testkit::Universe;
use ionveil_journal::Store;
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, StreamId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Keeps `0` bytes for each of its events.
struct Notes(usize);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Noted;

impl EventCodec for Noted {
    fn event_type(&self) -> &'static str {
        "noted"
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        Ok("null".to_owned())
    }

    fn decode(_event_type: &str, _version: u32, _data: &str) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

impl Decider for Notes {
    const KIND: &'static str = "notes";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = String;
    type Command = ();
    type Event = Noted;
    type Rejection = TooMuch;

    fn initial(&self, _id: &StreamId) -> String {
        String::new()
    }

    fn decide(&self, _state: &String, (): &(), _env: &DecideEnv<'_>) -> Result<Decision<Self>, TooMuch> {
        Ok(vec![((), Noted)])
    }

    fn evolve(&self, state: String, _part: &(), _event: &Noted) -> Result<String, BrokenInvariant> {
        Ok(state + &"x".repeat(self.0))
    }
}

/// The versions at which an entity of so many bytes per event was saved within 100 events, with one in ten wished for.
fn saved_at(bytes: usize) -> Vec<u64> {
    let (told, saved) = std::sync::mpsc::channel();
    Universe::run(71, RuntimeConfig { snapshot_every: 10, ..RuntimeConfig::default() }, async move |universe: Universe| {
        let (host, owner) = (universe.runtime.entity(Arc::new(Notes(bytes))).expect("a lawful kind"), entity("notes", "a"));
        let mut last = 0;
        for _ in 0..100 {
            insist(&universe.env, &host, &owner, ()).await;
            universe.env.sleep(std::time::Duration::from_millis(5)).await;
            let version = universe.memory.snapshot(&owner).await.expect("a store in memory").map_or(0, |snapshot| snapshot.version);
            if version != last {
                last = version;
                told.send(version).expect("heard");
            }
        }
        let reply = host.ask(owner.clone(), (), fresh(&universe.env)).await.expect("accepted");
        assert_eq!(reply.state.len(), 101 * bytes);
    });
    saved.try_iter().collect()
}

#[test]
fn a_small_state_is_saved_as_often_as_wished() {
    assert_eq!(saved_at(1), (1..=10).map(|n| n * 10).collect::<Vec<_>>());
}

#[test]
fn a_state_of_many_bytes_is_saved_more_seldom() {
    // 10 events make 5,120 bytes and some quotes, which are worth 80 events; 90 events 46,080, which are worth 720.
    assert_eq!(saved_at(512), [10, 90]);
}
