//! What one connection has itself seen committed: for some streams, a sequence number that they have reached. An event
//! is never taken back, so what was true stays true; that nobody went further is for the unique index to say. It is
//! forgotten with the connection, because a server that lost commits (a failover to a late copy) has lost its connections
//! as well.

use crate::{Append, Verdict};
use ionveil_kernel::StreamId;
use std::collections::HashMap;

/// Beyond this everything is forgotten: the next append of each stream costs one look more.
/// A policy tree alone has up to 20,000. An entry takes about a hundred bytes.
const STREAMS_MAX: usize = 65_536;

/// Streams and how far they are known to go.
#[derive(Default)]
pub(super) struct Tails(HashMap<StreamId, u64>);

impl Tails {
    /// Whether `stream` is known to have the event `number`.
    pub(super) fn prove(&self, stream: &StreamId, number: u64) -> bool {
        self.0.get(stream).is_some_and(|known| *known >= number)
    }

    /// Takes in what was accepted of `batch`.
    pub(super) fn learn(&mut self, batch: &[Append], verdicts: &[Verdict]) {
        if self.0.len() > STREAMS_MAX {
            self.0.clear();
        }
        for (append, verdict) in batch.iter().zip(verdicts) {
            if !matches!(verdict, Verdict::Accepted(_)) {
                continue;
            }
            let followers = append.events.iter().skip(1).map(|next| Some(&next.stream)).chain([None]);
            for (event, follower) in append.events.iter().zip(followers) {
                if follower != Some(&event.stream) {
                    self.0.insert(event.stream.clone(), event.sequence_number);
                }
            }
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
