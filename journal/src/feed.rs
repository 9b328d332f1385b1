//! Reading everything that was recorded, partition by partition without gaps, merged by `recorded_at` for the eye.

use crate::{Cursor, Filter, Page, Store, StoreError};
use ionveil_kernel::Recorded;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many reads one call makes at most before it comes back with what it has, be it nothing (a filter that passes
/// over a long stretch): each read is bounded by the store, so a call is.
const READS_PER_PARTITION_MAX: usize = 4;

/// A reader with a place. Order is promised per partition only; across partitions events come by `recorded_at` as far
/// as they are known.
pub struct Feed {
    store: Arc<dyn Store>,
    filter: Filter,
    lanes: Vec<Lane>,
    chunk: usize,
}

/// One partition: what was fetched, and how far.
struct Lane {
    partition: u16,
    /// Everything at or below was handed out or passed over.
    seen: u64,
    /// Everything at or below was fetched or passed over.
    fetched: u64,
    ready: VecDeque<Recorded>,
    /// The last position that was committed when the present call began.
    head: u64,
    reads: usize,
}

impl Feed {
    /// A reader that goes on after `cursor`, fetching `chunk` events of a partition at a time.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, filter: Filter, cursor: &Cursor, chunk: usize) -> Self {
        let lane =
            |(seen, partition): (&u64, u16)| Lane { partition, seen: *seen, fetched: *seen, ready: VecDeque::new(), head: 0, reads: 0 };
        let lanes = cursor.0.iter().zip(0..).map(lane).collect();
        Self { store, filter, lanes, chunk: chunk.max(1) }
    }

    /// Where the reader is.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor(self.lanes.iter().map(|lane| lane.seen).collect())
    }

    /// What the reader asks for.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Up to `limit` further events; fewer, or none, when that is all there is or when the filter passed over so much
    /// that the call ended early (then [`Self::cursor`] has moved on: see [`Self::at_end`]).
    ///
    /// # Errors
    /// As [`Store::read_partition`]. The place is kept: what was not handed out comes with the next call.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing that was handed out before; events of this call come again.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        for (lane, head) in self.lanes.iter_mut().zip(self.store.heads().await?) {
            (lane.head, lane.reads) = (head, 0);
        }
        let mut events = Vec::with_capacity(limit.min(4_096));
        while events.len() < limit {
            self.refill().await?;
            if !self.take(limit, &mut events) {
                break;
            }
        }
        Ok(events)
    }

    /// Whether the last call looked at everything that was there.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.lanes.iter().all(|lane| lane.seen >= lane.head)
    }

    /// Fetches for every lane that has nothing ready and may have more, all at once.
    async fn refill(&mut self) -> Result<(), StoreError> {
        let (store, filter, chunk) = (&self.store, &self.filter, self.chunk);
        let hungry = self.lanes.iter().filter(|lane| lane.hungry());
        let reads =
            hungry.map(|lane| async move { (lane.partition, store.read_partition(lane.partition, lane.fetched, chunk, filter).await) });
        let pages = futures_util::future::join_all(reads).await;
        for (partition, page) in pages {
            self.lanes[usize::from(partition)].accept(page?);
        }
        Ok(())
    }

    /// Hands out merged events until `limit` or until a lane that may have more has run empty; false when nothing is
    /// left to hand out or fetch.
    fn take(&mut self, limit: usize, events: &mut Vec<Recorded>) -> bool {
        while events.len() < limit {
            if self.lanes.iter().any(Lane::hungry) {
                return true;
            }
            let first =
                self.lanes.iter_mut().filter(|lane| !lane.ready.is_empty()).min_by_key(|lane| (lane.ready[0].recorded_at, lane.partition));
            match first.and_then(Lane::pop) {
                Some(event) => events.push(event),
                None => return false,
            }
        }
        true
    }
}

impl Lane {
    fn hungry(&self) -> bool {
        self.ready.is_empty() && self.fetched < self.head && self.reads < READS_PER_PARTITION_MAX
    }

    fn accept(&mut self, page: Page) {
        self.reads += usize::from(page.events.is_empty());
        self.fetched = page.scanned_to.max(self.fetched);
        self.ready.extend(page.events);
        if self.ready.is_empty() {
            self.seen = self.fetched;
        }
    }

    fn pop(&mut self) -> Option<Recorded> {
        let event = self.ready.pop_front()?;
        self.seen = if self.ready.is_empty() { self.fetched } else { event.position };
        Some(event)
    }
}
