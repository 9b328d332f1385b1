//! Verdicts on a batch, from what was read under the write lock. It reads and writes nothing itself.

use crate::{Append, Claim, Receipt, Verdict};
use ionveil_kernel::{CommandId, StreamId, Timestamp};
use std::collections::HashMap;

/// Where a partition stands.
pub(super) struct Head {
    pub(super) epoch: u64,
    pub(super) position: u64,
    pub(super) recorded_at: Option<Timestamp>,
}

/// Tells verdicts in the order of the batch, and keeps what the accepted appends change for those behind them.
pub(super) struct Judge<'a> {
    claims: &'a [Claim],
    heads: Vec<Head>,
    versions: HashMap<&'a StreamId, u64>,
    now: Timestamp,
}

/// What befell the earlier appends of one owner in the batch.
#[derive(Default)]
struct Earlier {
    commands: Vec<CommandId>,
    broken: bool,
}

impl<'a> Judge<'a> {
    /// `versions` holds the last sequence number of every stream in the batch.
    pub(super) fn new(claims: &'a [Claim], heads: Vec<Head>, versions: HashMap<&'a StreamId, u64>, now: Timestamp) -> Self {
        Self { claims, heads, versions, now }
    }

    /// The verdicts on `batch`, whose commands had the receipts `known` before.
    pub(super) fn batch(mut self, batch: &'a [Append], known: Vec<Option<Receipt>>) -> Vec<Verdict> {
        let mut owners: HashMap<&StreamId, Earlier> = HashMap::with_capacity(batch.len());
        let judged = batch.iter().zip(known).map(|(append, known)| {
            let earlier = owners.entry(&append.owner).or_default();
            let twice = earlier.commands.contains(&append.command_id);
            let verdict = if twice { Verdict::Conflict } else { self.one(append, known, earlier.broken) };
            earlier.commands.push(append.command_id);
            earlier.broken |= accepted(&verdict).is_none();
            verdict
        });
        judged.collect()
    }

    fn one(&mut self, append: &'a Append, known: Option<Receipt>, broken: bool) -> Verdict {
        let partition = append.owner.partition(u16::try_from(self.heads.len()).unwrap_or(u16::MAX));
        let epoch = self.heads[usize::from(partition)].epoch;
        if !self.claims.contains(&Claim { partition, epoch }) {
            return Verdict::Fenced;
        }
        match known {
            Some(receipt) => Verdict::Duplicate(receipt),
            None if broken || !self.follows(append) => Verdict::Conflict,
            None => Verdict::Accepted(self.accept(partition, append)),
        }
    }

    fn follows(&self, append: &'a Append) -> bool {
        let mut ends: HashMap<&StreamId, u64> = HashMap::new();
        append.events.iter().all(|event| {
            let end = ends.entry(&event.stream).or_insert_with(|| self.versions.get(&event.stream).copied().unwrap_or(0));
            *end += 1;
            *end == event.sequence_number
        })
    }

    fn accept(&mut self, partition: u16, append: &'a Append) -> Receipt {
        for event in &append.events {
            self.versions.insert(&event.stream, event.sequence_number);
        }
        let head = &mut self.heads[usize::from(partition)];
        let recorded_at = head.recorded_at.map_or(self.now, |last| last.max(self.now));
        head.position += append.events.len() as u64;
        if !append.events.is_empty() {
            head.recorded_at = Some(recorded_at);
        }
        Receipt {
            command_id: append.command_id,
            body_hash: append.body_hash,
            version: append.version,
            partition,
            position: head.position,
            events: u32::try_from(append.events.len()).unwrap_or(u32::MAX),
            recorded_at,
        }
    }
}

/// The receipt of an accepted append.
pub(super) fn accepted(verdict: &Verdict) -> Option<&Receipt> {
    match verdict {
        Verdict::Accepted(receipt) => Some(receipt),
        Verdict::Duplicate(_) | Verdict::Conflict | Verdict::Fenced => None,
    }
}
