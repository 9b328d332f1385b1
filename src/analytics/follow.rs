//! Reads the journal into the days: from where the retention begins, then as it goes on; and all of it anew while the days that
//! there are answer, until the new ones have come as far and take their place.
//!
//! Only what was observed is read, and what happens to alerts; of these nothing is kept: they are handed to whoever follows them.

use super::{AHEAD, Days, Live, Progress};
use ionveil_analytics::Observation;
use ionveil_analytics::aggregator::{self, DispatchObserved, Event};
use ionveil_journal::{Filter, Page, Range, StoreError};
use ionveil_kernel::{EventCodec, Kind, Org, Recorded, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How many events of a partition are read at once when all is read anew.
const PAGE: usize = 4_096;
/// The same of all partitions together.
const PAGE_OF_EACH: usize = 1_024;
/// How often it looks for events that nobody woke it for, such as those of other nodes.
const POLL: Duration = Duration::from_millis(250);
/// How often it looks at most while something is appended all the time.
const EVERY: Duration = Duration::from_millis(20);
/// How long it waits when the journal cannot be read.
const RETRY: Duration = Duration::from_secs(1);
/// The kind of entity whose events are handed to whoever follows alerts.
const ALERT_KIND: &str = "alert";

/// Where the kinds are read that are wanted.
struct Lanes {
    observed: Filter,
    alerts: Filter,
    /// Alerts are told from the start of the process on; by partition.
    alerts_at: Vec<u64>,
}

impl Lanes {
    fn new(alerts_at: Vec<u64>) -> Self {
        let of = |kind: &str| Filter { kind: Kind::new(kind).ok(), ..Filter::default() };
        Self { observed: of(aggregator::KIND), alerts: of(ALERT_KIND), alerts_at }
    }
}

/// What is committed of each partition beyond its place.
fn behind(places: &[u64], heads: &[u64]) -> Vec<Range> {
    let range = |((partition, after), until): ((u16, &u64), &u64)| Range { partition, after: *after, until: *until };
    (0..).zip(places).zip(heads).map(range).filter(|range| range.after < range.until).collect()
}

impl Live {
    /// Follows the journal until `stop` is true or its sender is gone. `wake` is a hint that something was appended.
    pub(crate) async fn follow(self: Arc<Self>, mut wake: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let following = async {
            let mut lanes = self.begin().await;
            loop {
                wake.mark_unchanged();
                let began = self.env.monotonic();
                if let Err(error) = self.round(&mut lanes).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the journal cannot be read for analytics now");
                    self.env.sleep(RETRY).await;
                    continue;
                }
                // What a look takes is taken from those who append.
                let ended = self.env.monotonic();
                let again = ended + (ended.saturating_sub(began) * 3).clamp(EVERY, POLL);
                self.rest(&mut wake).await;
                self.env.sleep(again.saturating_sub(self.env.monotonic())).await;
            }
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = following => {}
        }
    }

    async fn rest(&self, wake: &mut watch::Receiver<u64>) {
        let woken = async {
            // Nobody is left to wake us: only the clock does.
            if wake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = woken => {}
            () = self.env.sleep(POLL) => {}
        }
    }

    /// Where everything begins that can still count.
    async fn begin(&self) -> Lanes {
        loop {
            let found = async { Ok::<_, StoreError>((self.store.heads().await?, self.starts().await?)) };
            match found.await {
                Ok((heads, starts)) => {
                    self.days.write().positions.clone_from(&starts);
                    self.seen.send_replace(starts);
                    return Lanes::new(heads);
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the journal cannot be read for analytics yet");
                    self.env.sleep(RETRY).await;
                }
            }
        }
    }

    /// Before which positions everything is too old to count: what is recorded lies at most a little ahead of the clock.
    async fn starts(&self) -> Result<Vec<u64>, StoreError> {
        let micros = i64::try_from((self.limits.retention + AHEAD).as_micros()).unwrap_or(i64::MAX);
        let since = Timestamp::from_micros(self.env.now().micros().saturating_sub(micros));
        let mut starts = Vec::new();
        for (partition, head) in (0..).zip(self.store.heads().await?) {
            starts.push(self.start(partition, head, since).await?);
        }
        Ok(starts)
    }

    /// The last position that was recorded before `since`. In a partition time never goes back, so it is found by halves.
    async fn start(&self, partition: u16, head: u64, since: Timestamp) -> Result<u64, StoreError> {
        let (mut before, mut after) = (0, head);
        while before < after {
            let middle = before + (after - before) / 2;
            let page = self.store.read_partition(partition, middle, 1, &Filter::default()).await?;
            match page.events.first() {
                Some(event) if event.recorded_at < since => before = event.position,
                Some(_) | None => after = middle,
            }
        }
        Ok(before)
    }

    /// Takes in what is new, and tells who follows it.
    async fn round(&self, lanes: &mut Lanes) -> Result<(), StoreError> {
        let heads = self.store.heads().await?;
        let mut touched = BTreeSet::new();
        loop {
            let ranges = behind(&self.days.read().positions, &heads);
            if ranges.is_empty() {
                break;
            }
            let pages = self.store.read_ranges(&ranges, PAGE_OF_EACH, &lanes.observed).await?;
            ranges.iter().zip(&pages).for_each(|(range, page)| touched.extend(self.take(range.partition, range.after, page)));
        }
        loop {
            let ranges = behind(&lanes.alerts_at, &heads);
            if ranges.is_empty() {
                break;
            }
            let pages = self.store.read_ranges(&ranges, PAGE_OF_EACH, &lanes.alerts).await?;
            for (range, page) in ranges.iter().zip(&pages) {
                page.events.iter().for_each(|event| self.streams.alert(event));
                lanes.alerts_at[usize::from(range.partition)] = page.scanned_to;
            }
        }
        for org in &touched {
            if let Some(day) = self.day(org) {
                self.streams.publish(org, &day, self.env.now());
            }
        }
        Ok(())
    }

    /// Takes in a page that begins where the days are; another one changes nothing. Says whose days it was.
    fn take(&self, partition: u16, from: u64, page: &Page) -> BTreeSet<Org> {
        let seen = observed(&page.events);
        let mut days = self.days.write();
        let mut touched = BTreeSet::new();
        let Some(position) = days.positions.get_mut(usize::from(partition)).filter(|position| **position == from) else { return touched };
        *position = page.scanned_to;
        let now = self.env.now();
        for (org, observation) in &seen {
            days.of(org, self.limits).write().ingest(observation, now);
            touched.insert((*org).clone());
        }
        self.seen.send_replace(days.positions.clone());
        touched
    }

    /// Begins to read all anew, unless that is under way; answers with how far it has come.
    pub fn rebuild(self: &Arc<Self>) -> Progress {
        let begun = self.progress.send_if_modified(|progress| {
            let begins = !progress.running;
            if begins {
                *progress = Progress { running: true, done: 0, total: 0, rebuilds: progress.rebuilds };
            }
            begins
        });
        let progress = *self.progress.borrow();
        if begun {
            let live = self.clone();
            self.env.spawn(async move { live.read_anew().await });
        }
        progress
    }

    async fn read_anew(&self) {
        let read = self.new_days().await;
        if let Err(error) = &read {
            tracing::warn!(error = error as &dyn std::error::Error, "the journal cannot be read anew for analytics");
        }
        self.progress.send_modify(|progress| {
            progress.running = false;
            progress.rebuilds += u64::from(read.is_ok());
        });
    }

    /// Reads until it has come as far as the days that there are, and puts the new ones in their place.
    async fn new_days(&self) -> Result<(), StoreError> {
        let (mut new, filter) = (Days { positions: self.starts().await?, ..Days::default() }, Lanes::new(Vec::new()).observed);
        let first: u64 = new.positions.iter().sum();
        loop {
            let heads = self.store.heads().await?;
            self.progress.send_modify(|progress| progress.total = heads.iter().sum::<u64>().saturating_sub(first));
            for (partition, head) in (0_u16..).zip(&heads) {
                self.read_into(&mut new, partition, *head, (&filter, first)).await?;
            }
            let mut days = self.days.write();
            if days.positions.iter().zip(&new.positions).all(|(old, new)| new >= old) {
                *days = new;
                self.seen.send_replace(days.positions.clone());
                return Ok(());
            }
        }
    }

    async fn read_into(&self, new: &mut Days, partition: u16, head: u64, (filter, first): (&Filter, u64)) -> Result<(), StoreError> {
        let place = usize::from(partition);
        while new.positions.get(place).is_some_and(|at| *at < head) {
            let page = self.store.read_partition(partition, new.positions[place], PAGE, filter).await?;
            let now = self.env.now();
            for (org, observation) in observed(&page.events) {
                new.of(org, self.limits).write().ingest(&observation, now);
            }
            new.positions[place] = page.scanned_to;
            let done = new.positions.iter().sum::<u64>().saturating_sub(first);
            self.progress.send_modify(|progress| (progress.done, progress.total) = (done, progress.total.max(done)));
        }
        Ok(())
    }
}

/// What was observed. An event that this release cannot read stops the lists and shows there; here it does not count.
fn observed(events: &[Recorded]) -> Vec<(&Org, Observation)> {
    let read = |event: &Recorded| {
        let decoded = Event::decode(&event.event_type, event.schema_version, &event.data);
        let decoded = decoded.inspect_err(|error| tracing::error!(%error, "an observed dispatch cannot be read"));
        decoded.ok().map(|Event::DispatchObserved(DispatchObserved { observation, .. })| observation)
    };
    events.iter().filter_map(|event| Some((&event.stream.org, read(event)?))).collect()
}
