//! The last look: once nothing goes wrong any more everything has to get done, and then what is stored is read again from its
//! first event, as if nothing of it had been checked before.

use super::World;
use super::node::What;
use super::outside::{CHANNELS, ledger_of};
use super::truth::Seen;
use super::{CALM, JUMP_MAX, PAUSE};
use crate::testkit::{alarm, tally};
use ionveil_journal::{Filter, OutboxState, OutboxStore, Store};
use ionveil_kernel::{EffectClass, EventCodec, Recorded, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Waits until everything is done, and says what is missing.
pub(super) async fn verdict(world: &World) {
    let end = world.env.monotonic() + CALM + JUMP_MAX;
    let mut missing = missing(world).await;
    while !missing.is_empty() && world.env.monotonic() < end && !world.has_found() {
        world.env.sleep(PAUSE * 4).await;
        missing = self::missing(world).await;
    }
    for (invariant, what) in missing.into_iter().chain(stored(world).await) {
        world.server.truth.found(invariant, what);
    }
}

async fn events(world: &World) -> Vec<Recorded> {
    let mut events = Vec::new();
    for partition in 0..world.server.memory.partitions() {
        let page = world.server.memory.read_partition(partition, 0, usize::MAX, &Filter::default()).await;
        events.extend(page.map(|page| page.events).unwrap_or_default());
    }
    events
}

/// What has not happened yet, and must.
async fn missing(world: &World) -> Vec<(u8, String)> {
    let events = events(world).await;
    let rows = world.server.memory.outbox(None, None, None, usize::MAX).await.unwrap_or_default();
    let open = rows.iter().filter(|row| matches!(row.state, OutboxState::Pending | OutboxState::Sending)).count();
    let mut missing: Vec<_> = (open > 0).then(|| (10, format!("{open} rows of the outbox are not settled"))).into_iter().collect();
    let unknown: BTreeSet<Uuid> = rows.iter().filter(|row| row.state == OutboxState::Unknown).map(|row| row.row.causation_id).collect();
    let mut heard: BTreeMap<(&StreamId, Uuid), u32> = BTreeMap::new();
    for event in events.iter().filter(|event| event.stream.kind.as_str() == "ledger") {
        *heard.entry((&event.stream, event.causation_id)).or_default() += 1;
    }
    world.server.truth.look(|seen| {
        for event in events.iter().filter(|event| event.event_type == "added" && event.stream.kind.as_str() == "tally") {
            let Some(ledger) = ledger_of(&event.stream) else { continue };
            let times = heard.get(&(&ledger, event.event_id.0)).copied().unwrap_or(0);
            if times != 1 {
                missing.push((1, format!("{ledger} heard of event {} {times} times", event.event_id)));
            }
            missing.extend(effects(seen, event, &unknown));
        }
        missing.extend(timers(world, seen));
    });
    missing
}

fn effects(seen: &Seen, event: &Recorded, unknown: &BTreeSet<Uuid>) -> Vec<(u8, String)> {
    let lost = CHANNELS.iter().filter(|(_, class)| match class {
        EffectClass::Repeatable => seen.arrivals(event.event_id.0, *class) == 0,
        EffectClass::Once => seen.arrivals(event.event_id.0, *class) == 0 && !unknown.contains(&event.event_id.0),
    });
    lost.map(|(channel, _)| (6, format!("the effect of event {} on {channel:?} has not arrived", event.event_id))).collect()
}

fn timers(world: &World, seen: &Seen) -> Vec<(u8, String)> {
    let armed = world.armed.lock();
    let silent = armed.iter().filter_map(|request| match &request.what {
        What::Alarm(alarm::Command::Remind(set)) if !seen.has_rung(&request.owner, &set.name) => Some((&request.owner, &set.name)),
        What::Alarm(_) | What::Tally(_) | What::Brake(_) | What::Duty(_) => None,
    });
    silent.map(|(owner, name)| (9, format!("the timer {name} of {owner} has not fired"))).collect()
}

/// Reads everything that is stored.
async fn stored(world: &World) -> Vec<(u8, String)> {
    let (mut found, events) = (Vec::new(), events(world).await);
    let (mut positions, mut sequences): (BTreeMap<u16, u64>, BTreeMap<&StreamId, u64>) = Default::default();
    let mut causes: BTreeMap<(&StreamId, Uuid), u32> = BTreeMap::new();
    let mut sums: BTreeMap<&StreamId, u64> = BTreeMap::new();
    for event in &events {
        let (position, sequence) = (positions.entry(event.partition).or_default(), sequences.entry(&event.stream).or_default());
        (*position, *sequence) = (*position + 1, *sequence + 1);
        if (event.position, event.sequence_number) != (*position, *sequence) {
            found.push((3, format!("event {} of {} is at {} of {}", event.sequence_number, event.stream, event.position, event.partition)));
        }
        *causes.entry((&event.owner, event.causation_id)).or_default() += 1;
        if event.stream.kind.as_str() == "tally" {
            found.extend(fold(sums.entry(&event.stream).or_default(), event));
        }
    }
    world.server.truth.look(|seen| {
        for key in seen.acknowledged() {
            let (due, times) =
                (seen.receipt(key).map_or(0, |receipt| receipt.events), causes.get(&(&key.0, key.1.0)).copied().unwrap_or(0));
            if times != due {
                found.push((1, format!("the command {} of {} was acknowledged and has {times} events instead of {due}", key.1, key.0)));
            }
        }
    });
    found
}

/// The limit that the tally's decider keeps.
fn fold(sum: &mut u64, event: &Recorded) -> Option<(u8, String)> {
    *sum = match tally::Event::decode(&event.event_type, event.schema_version, &event.data) {
        Ok(tally::Event::Added(add)) => *sum + add,
        Ok(tally::Event::Cleared) | Err(_) => 0,
    };
    (*sum > tally::LIMIT).then(|| (5, format!("{} passes its limit with event {}", event.stream, event.sequence_number)))
}
