//! What has really happened, seen from beside the store, and the invariants that are checked with each step: an append that the
//! store took, an answer, an effect that arrived, a page that was read. It does not trust the store either: the last look
//! reads everything again.
//!
//! 1. What was acknowledged is present exactly once.
//! 2. A partition has one writer: epochs never go back, and each belongs to one node.
//! 3. There is no gap: positions and sequence numbers are dense as stored and as read, `recorded_at` never goes back.
//! 4. A receipt tells the truth: its version is that of the entity.
//! 5. An answer rests on what is committed; a refusal too, and never on a command that had been accepted.
//! 6. Repeatable effects arrive and can be told by their id; once effects arrive at most once, and are unknown otherwise.
//! 7. What a node has taken in it answers: an outcome is unknown only where the store has left it open.
//! 8. No queue is longer than its bound.
//! 9. A timer fires once.
//! 10. When the faults are over, everything gets done.
//! 11. What is asked after a policy was answered is decided under it or a later one, wherever.

use crate::testkit::{alarm, tally};
use ionveil_journal::{Append, Claim, Page, Receipt};
use ionveil_kernel::{CommandId, EffectClass, Env, EventCodec, StreamId, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;
use uuid::Uuid;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The number of the invariant that is broken.
    pub invariant: u8,
    /// When, since the world began.
    pub at: Duration,
    /// What was found.
    pub what: String,
}

/// What is kept of findings: the first ones say it all.
const FINDINGS_MAX: usize = 20;

pub(super) struct Truth {
    env: Env,
    seen: Mutex<Seen>,
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    /// Everything that happened, a line each.
    pub(super) trace: String,
    /// How many steps were checked.
    pub(super) steps: u64,
    pub(super) refused: u64,
    /// By partition.
    partitions: BTreeMap<u16, Partition>,
    entities: BTreeMap<StreamId, Entity>,
    accepted: BTreeMap<(StreamId, CommandId), Receipt>,
    /// Which request was told so.
    acknowledged: BTreeMap<(StreamId, CommandId), u64>,
    /// By event and class: the ids under which it arrived, and how often.
    arrived: BTreeMap<(Uuid, u8), Vec<Uuid>>,
    rang: BTreeMap<(StreamId, String), u32>,
    /// The last pull of the brake that somebody was told of.
    pulled: u64,
    /// By command: the last pull that somebody was told of when it was first asked.
    pulled_when: BTreeMap<(StreamId, CommandId), u64>,
}

#[derive(Default)]
struct Partition {
    position: u64,
    epoch: u64,
    writer: Option<u32>,
    recorded_at: Option<Timestamp>,
}

#[derive(Default)]
struct Entity {
    version: u64,
    /// A tally's state after each event, the first one before any.
    states: Vec<tally::State>,
}

impl Entity {
    fn state(&self, version: u64) -> tally::State {
        usize::try_from(version).ok().and_then(|version| self.states.get(version)).cloned().unwrap_or_default()
    }

    fn has(&self, version: u64, state: &tally::State) -> bool {
        version <= self.version && self.state(version) == *state
    }

    fn fold(&mut self, data: &str) {
        let last = self.states.last().cloned().unwrap_or_default();
        if self.states.is_empty() {
            self.states.push(last.clone());
        }
        let sum = match tally::Event::decode("", 1, data) {
            Ok(tally::Event::Added(add)) => last.sum + add,
            Ok(tally::Event::Cleared) | Err(_) => 0,
        };
        self.states.push(tally::State { sum, events: last.events + 1 });
    }
}

/// An append that the store took.
pub(super) struct Taken<'a> {
    pub(super) node: u32,
    /// Under which epoch its sender believes to own the partition.
    pub(super) sent: Option<Claim>,
    /// The epoch of the partition.
    pub(super) epoch: u64,
    pub(super) append: &'a Append,
    pub(super) receipt: &'a Receipt,
}

impl Truth {
    pub(super) fn new(env: Env) -> Self {
        Self { env, seen: Mutex::default() }
    }

    /// Something happened that nothing has to be checked about.
    pub(super) fn note(&self, what: &str) {
        let mut seen = self.seen.lock();
        writeln!(seen.trace, "{:?} {what}", self.env.monotonic()).expect("a string takes everything");
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&mut Seen) -> T) -> T {
        at(&mut self.seen.lock())
    }

    pub(super) fn found(&self, invariant: u8, what: String) {
        self.check(&format!("finding {invariant}: {what}"), |_| vec![(invariant, what)]);
    }

    /// A step: notes it and checks it.
    fn check(&self, what: &str, step: impl FnOnce(&mut Seen) -> Vec<(u8, String)>) {
        let at = self.env.monotonic();
        let mut seen = self.seen.lock();
        writeln!(seen.trace, "{at:?} {what}").expect("a string takes everything");
        seen.steps += 1;
        let found = step(&mut seen);
        let room = FINDINGS_MAX.saturating_sub(seen.findings.len());
        seen.findings.extend(found.into_iter().take(room).map(|(invariant, what)| Finding { invariant, at, what }));
    }

    pub(super) fn taken(&self, taken: &Taken<'_>) {
        let Taken { node, append, receipt, .. } = taken;
        let what = format!(
            "node {node} appended {} of {} to {}: version {}, position {} of {}",
            append.events.len(),
            append.command_id,
            append.owner,
            receipt.version,
            receipt.position,
            receipt.partition
        );
        self.check(&what, |seen| seen.taken(taken));
    }

    /// Whether `owner` has accepted the command already.
    pub(super) fn has_accepted(&self, owner: &StreamId, id: CommandId) -> bool {
        self.seen.lock().accepted.contains_key(&(owner.clone(), id))
    }

    /// A client begins to ask.
    pub(super) fn asked(&self, owner: &StreamId, id: CommandId) {
        let seen = &mut *self.seen.lock();
        if owner.kind.as_str() == "duty" {
            seen.pulled_when.entry((owner.clone(), id)).or_insert(seen.pulled);
        }
    }

    /// A client was told that its request is done.
    pub(super) fn acknowledged(&self, request: u64, owner: &StreamId, id: CommandId) {
        self.check(&format!("request {request} to {owner} is done as {id}"), |seen| {
            let key = (owner.clone(), id);
            let Some(receipt) = seen.accepted.get(&key) else {
                return vec![(1, format!("request {request} was acknowledged and {owner} has not accepted its command {id}"))];
            };
            if owner.kind.as_str() == "brake" {
                seen.pulled = seen.pulled.max(receipt.version);
            }
            match seen.acknowledged.insert(key, request) {
                Some(other) if other != request => {
                    vec![(1, format!("requests {other} and {request} to {owner} were both acknowledged as the one command {id}"))]
                }
                Some(_) | None => Vec::new(),
            }
        });
    }

    /// A tally answered with a state.
    pub(super) fn replied(&self, owner: &StreamId, receipt: &Receipt, state: &tally::State) {
        self.check(&format!("{owner} replied {state:?} at {}", receipt.version), |seen| {
            let entity = seen.entities.entry(owner.clone()).or_default();
            let wrong =
                || format!("{owner} answered {state:?} for version {}, which is {:?}", receipt.version, entity.state(receipt.version));
            if entity.has(receipt.version, state) { Vec::new() } else { vec![(5, wrong())] }
        });
    }

    /// A tally refused; `accepted`: it had accepted the command before it was asked.
    pub(super) fn refused(&self, owner: &StreamId, id: CommandId, on: &tally::State, accepted: bool) {
        self.check(&format!("{owner} refused {id} on {on:?}"), |seen| {
            seen.refused += 1;
            let entity = seen.entities.entry(owner.clone()).or_default();
            let unfounded = (!entity.has(on.events, on)).then(|| (5, format!("{owner} refused {id} on {on:?}, which was never committed")));
            let again = accepted.then(|| (5, format!("{owner} refused {id} and had accepted it before")));
            unfounded.into_iter().chain(again).collect()
        });
    }

    /// An effect reached the world outside.
    pub(super) fn arrived(&self, event: Uuid, class: EffectClass, id: Uuid) {
        self.check(&format!("effect {id} of {event} arrived ({class:?})"), |seen| {
            let ids = seen.arrived.entry((event, class.number())).or_default();
            ids.push(id);
            match class {
                EffectClass::Once if ids.len() > 1 => vec![(6, format!("the once effect of event {event} arrived {} times", ids.len()))],
                EffectClass::Repeatable if ids.iter().any(|other| *other != id) => {
                    vec![(6, format!("the repeatable effect of event {event} arrived under two ids: {ids:?}"))]
                }
                EffectClass::Once | EffectClass::Repeatable => Vec::new(),
            }
        });
    }

    /// A reader that had read up to `after` was given `page`.
    pub(super) fn read(&self, node: u32, partition: u16, after: u64, page: &Page) {
        self.check(&format!("node {node} read {after} to {} of {partition}", page.scanned_to), |_| {
            let expected = after + 1..=page.scanned_to;
            let dense = page.events.iter().map(|event| event.position).eq(expected);
            let positions = || page.events.iter().map(|event| event.position).collect::<Vec<_>>();
            let gap = || format!("a reader of partition {partition} after {after} was given {:?} up to {}", positions(), page.scanned_to);
            if dense { Vec::new() } else { vec![(3, gap())] }
        });
    }
}

impl Seen {
    fn taken(&mut self, taken: &Taken<'_>) -> Vec<(u8, String)> {
        let mut found: Vec<_> = self.owned(taken).into_iter().collect();
        found.extend(self.dense(taken));
        let Taken { append, receipt, .. } = taken;
        let entity = self.entities.entry(append.owner.clone()).or_default();
        entity.version += append.events.len() as u64;
        if append.owner.kind.as_str() == "tally" {
            append.events.iter().for_each(|event| entity.fold(&event.data));
        }
        if receipt.version != entity.version {
            let id = append.command_id;
            found.push((
                4,
                format!("the receipt of {id} says version {} of {}, which is at {}", receipt.version, append.owner, entity.version),
            ));
        }
        if self.accepted.insert((append.owner.clone(), append.command_id), (*receipt).clone()).is_some() {
            found.push((1, format!("{} accepted the command {} twice", append.owner, append.command_id)));
        }
        found.extend(self.rang(append));
        found.extend(self.obeyed(append));
        found
    }

    fn owned(&mut self, taken: &Taken<'_>) -> Option<(u8, String)> {
        let Taken { node, sent, epoch, receipt, .. } = taken;
        let partition = self.partitions.entry(receipt.partition).or_default();
        let sent = sent.map_or(0, |claim| claim.epoch);
        let another = sent == partition.epoch && partition.writer.is_some_and(|writer| writer != *node);
        let found = (sent != *epoch || sent < partition.epoch || another).then(|| {
            let last = (partition.epoch, partition.writer);
            (2, format!("node {node} wrote to partition {} under epoch {sent}; it is {epoch}, and {last:?} wrote last", receipt.partition))
        });
        partition.epoch = partition.epoch.max(sent);
        partition.writer = Some(*node);
        found
    }

    fn dense(&mut self, taken: &Taken<'_>) -> Vec<(u8, String)> {
        let Taken { append, receipt, .. } = taken;
        let partition = self.partitions.entry(receipt.partition).or_default();
        let before = partition.position;
        partition.position += append.events.len() as u64;
        let gap = (receipt.position != partition.position).then(|| {
            (3, format!("{} events after {before} of partition {} end at {}", append.events.len(), receipt.partition, receipt.position))
        });
        let back = partition.recorded_at.filter(|last| receipt.recorded_at < *last && !append.events.is_empty());
        let back =
            back.map(|last| (3, format!("partition {} was at {last:?} and goes back to {:?}", receipt.partition, receipt.recorded_at)));
        if !append.events.is_empty() {
            partition.recorded_at = Some(receipt.recorded_at);
        }
        gap.into_iter().chain(back).collect()
    }

    fn rang(&mut self, append: &Append) -> Vec<(u8, String)> {
        let mut found = Vec::new();
        for event in append.events.iter().filter(|event| event.event_type == "rang") {
            let Ok(alarm::Event::Rang(name, _)) = alarm::Event::decode("rang", 1, &event.data) else { continue };
            let times = self.rang.entry((append.owner.clone(), name.clone())).or_default();
            *times += 1;
            if *times > 1 {
                found.push((9, format!("the timer {name} of {} fired {times} times", append.owner)));
            }
        }
        found
    }

    fn obeyed(&self, append: &Append) -> Option<(u8, String)> {
        let pulled = *self.pulled_when.get(&(append.owner.clone(), append.command_id))?;
        let under: u64 = append.events.iter().find_map(|event| event.data.parse().ok())?;
        let found = || format!("{} was decided under pull {under}, and {pulled} was answered before it was asked", append.owner);
        (under < pulled).then(|| (11, found()))
    }

    pub(super) fn acknowledged(&self) -> impl Iterator<Item = &(StreamId, CommandId)> {
        self.acknowledged.keys()
    }

    pub(super) fn arrivals(&self, event: Uuid, class: EffectClass) -> usize {
        self.arrived.get(&(event, class.number())).map_or(0, Vec::len)
    }

    pub(super) fn has_rung(&self, owner: &StreamId, name: &str) -> bool {
        self.rang.contains_key(&(owner.clone(), name.to_owned()))
    }

    pub(super) fn receipt(&self, key: &(StreamId, CommandId)) -> Option<&Receipt> {
        self.accepted.get(key)
    }

    pub(super) fn appends(&self) -> usize {
        self.accepted.len()
    }

    /// How many nodes have written.
    pub(super) fn effects(&self) -> usize {
        self.arrived.values().map(|ids| ids.iter().collect::<BTreeSet<_>>().len()).sum()
    }

    pub(super) fn timers(&self) -> usize {
        self.rang.len()
    }
}
