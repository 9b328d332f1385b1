//! What other nodes commit, for those who are told of every committed state on this one: follows the partitions that are not
//! this node's.

use crate::core::Core;
use crate::dispatch::{UNREACHED, rest};
use futures_util::{StreamExt, TryStreamExt};
use ionveil_journal::{Claim, Filter, HEAR_EVERY, Page, Range, StoreError};
use ionveil_kernel::{Kind, Recorded, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Events that are read at once.
const PAGE: usize = 1_024;
/// Entities that are looked at at once.
const AT_ONCE: usize = 8;
/// How long this node's own commits are looked at once more when it loses a partition: what it did not know of them by then, nobody
/// here was told.
const DOUBT: Duration = Duration::from_secs(10);
/// How long it sleeps if nothing is heard.
const SLEEP: Duration = Duration::from_secs(1);

/// How far a partition was followed.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Everything up to here was told.
    at: u64,
    /// The epoch under which the partition is this node's, once all that was there before was told.
    own: Option<u64>,
    /// Where it ended, and when, when it was this node's.
    mark: (u64, Duration),
}

/// Somebody who waits until everything that is committed is told.
pub(crate) struct Asked {
    /// What this node has committed under these is told already.
    pub(crate) kept: Vec<Claim>,
    /// Dropped if it is not done.
    pub(crate) tell: oneshot::Sender<()>,
}

pub(crate) struct Follower {
    core: Arc<Core>,
    places: Vec<Place>,
    /// Tells the outbox that there may be something to send.
    filled: Arc<watch::Sender<u64>>,
    asked: mpsc::Receiver<Asked>,
    waiting: Vec<Asked>,
}

impl Follower {
    pub(crate) fn new(core: Arc<Core>, filled: Arc<watch::Sender<u64>>, asked: mpsc::Receiver<Asked>) -> Self {
        let places = core.journal.began_at().iter().map(|at| Place { at: *at, ..Place::default() }).collect();
        Self { core, places, filled, asked, waiting: Vec::new() }
    }

    /// Follows until the runtime is gone or drains.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let mut commits = self.core.journal.commits();
        loop {
            commits.mark_unchanged();
            let began = self.core.journal.env().monotonic();
            let pause = match self.look().await {
                Ok(true) if stop.has_changed().is_ok() => continue,
                Ok(_) => SLEEP,
                Err(error) => {
                    tracing::warn!(error = %error, "what other nodes commit cannot be followed");
                    UNREACHED
                }
            };
            let (core, asked, waiting) = (&self.core, &mut self.asked, &mut self.waiting);
            let quiet = async {
                let goes_on = rest(core, &mut stop, &mut commits, pause).await;
                let env = core.journal.env();
                env.sleep((began + HEAR_EVERY).saturating_sub(env.monotonic())).await;
                goes_on
            };
            tokio::select! {
                biased;
                Some(new) = asked.recv() => waiting.push(new),
                goes_on = quiet => if !goes_on { return },
            }
        }
    }

    /// A pass, and a word to those who asked before it.
    async fn look(&mut self) -> Result<bool, StoreError> {
        while let Ok(asked) = self.asked.try_recv() {
            self.waiting.push(asked);
        }
        self.waiting.retain(|asked| !asked.tell.is_closed());
        let more = self.pass().await?;
        if !more {
            self.waiting.drain(..).for_each(|asked| _ = asked.tell.send(()));
        }
        Ok(more)
    }

    /// A page of each partition that another node may have written to; says whether there may be more.
    async fn pass(&mut self) -> Result<bool, StoreError> {
        let before = self.claims();
        if self.is_all_own(&before) {
            return Ok(false);
        }
        let heads = self.core.journal.store().heads().await?;
        // Under the same epoch before and after: nobody else has written up to these heads since.
        let still = self.claims().into_iter().filter(|claim| before.contains(claim));
        let owned: BTreeMap<u16, u64> = still.map(|claim| (claim.partition, claim.epoch)).collect();
        let at = |partition: u16, head: u64| {
            let place = self.places.get(usize::from(partition))?;
            let settled = owned.get(&partition).is_some_and(|epoch| place.own == Some(*epoch));
            (!settled && place.at < head).then_some(Range { partition, after: place.at, until: head })
        };
        let ranges: Vec<Range> = (0..).zip(&heads).filter_map(|(partition, head)| at(partition, *head)).collect();
        self.read(&ranges).await?;
        (0..).zip(&heads).for_each(|(partition, head)| self.settle(partition, *head, owned.get(&partition).copied()));
        Ok(ranges.iter().any(|range| self.places[usize::from(range.partition)].at < range.until))
    }

    /// A page of each range, of what somebody is told of; the rest is passed over.
    async fn read(&mut self, ranges: &[Range]) -> Result<(), StoreError> {
        let observed = self.core.kinds().into_iter().filter(|kind| kind.observed());
        let filter = Filter { owners: observed.filter_map(|kind| Kind::new(kind.kind()).ok()).collect(), ..Filter::default() };
        let pages = match (ranges, &*filter.owners) {
            ([], _) => Vec::new(),
            (_, []) => ranges.iter().map(|range| Page { events: Vec::new(), scanned_to: range.until }).collect(),
            (_, _) => self.core.journal.store().read_ranges(ranges, PAGE, &filter).await?,
        };
        for (range, page) in ranges.iter().zip(pages) {
            self.tell(page.events).await?;
            let place = &mut self.places[usize::from(range.partition)];
            place.at = page.scanned_to.max(place.at);
        }
        Ok(())
    }

    /// Notes whose the partition is, once all that was there before is told.
    fn settle(&mut self, partition: u16, head: u64, owned: Option<u64>) {
        let now = self.core.journal.env().monotonic();
        let Some(place) = self.places.get_mut(usize::from(partition)) else { return };
        if owned.is_some() && owned == place.own {
            if now.saturating_sub(place.mark.1) >= DOUBT {
                (place.at, place.mark) = (place.mark.0, (head, now));
            }
            return;
        }
        place.own = None;
        if owned.is_some() && place.at >= head {
            (place.own, place.mark) = (owned, (place.at, now));
            self.filled.send_modify(|count| *count += 1);
        }
    }

    /// What this node owns, also what it cannot use before it knows the commits of others.
    fn claims(&self) -> BTreeSet<Claim> {
        let kept = self.waiting.iter().flat_map(|asked| asked.kept.iter().copied());
        self.core.journal.claims().into_iter().chain(kept).collect()
    }

    /// Whether there is nobody else to follow.
    fn is_all_own(&self, claims: &BTreeSet<Claim>) -> bool {
        let settled = self.core.journal.env().monotonic().saturating_sub(DOUBT);
        let own = |place: &Place, claim: &Claim| place.own == Some(claim.epoch) && place.mark.1 > settled;
        claims.len() == self.places.len() && claims.iter().all(|claim| own(&self.places[usize::from(claim.partition)], claim))
    }

    async fn tell(&self, events: Vec<Recorded>) -> Result<(), StoreError> {
        let mut by_owner: BTreeMap<StreamId, Vec<Recorded>> = BTreeMap::new();
        for event in events {
            by_owner.entry(event.owner.clone()).or_default().push(event);
        }
        let told = by_owner.into_iter().filter_map(|(owner, events)| Some(self.core.kind(owner.kind.as_str())?.follow(owner, events)));
        futures_util::stream::iter(told).buffer_unordered(AT_ONCE).try_collect().await
    }
}
