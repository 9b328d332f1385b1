//! Events out: what was recorded in the partitions of this node, to JetStream, in the order of each partition, at least once.
//!
//! Many events are on their way at once; what counts as published is what was acknowledged, from the oldest on. An event carries
//! its id as `Nats-Msg-Id`, so that JetStream stores once what is sent again within its window, and whoever reads can do the same
//! for longer.

use super::attend::Site;
use super::cloud_event::{CONTENT_TYPE, CloudEvent};
use super::connect::Session;
use super::place::{self, Names, Place, Stored};
use super::{BridgeError, stream, subject};
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::stream::Stream;
use ionveil_journal::{Claim, Filter};
use ionveil_kernel::Recorded;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Events of a partition that are read at once.
const PAGE: usize = 512;
/// How many acknowledged events may be forgotten by a crash, and for how long: they are published again.
const UNSTORED_MAX: u64 = 8_192;
const UNSTORED_FOR: Duration = Duration::from_secs(1);
/// How often the stream is looked at: whether it is still the same.
const LOOK: Duration = Duration::from_secs(2);
/// What headers and subject of a message may take of what the server lets through.
const HEAD_BYTES: usize = 1_024;

/// An event that was sent.
struct Sent {
    partition: u16,
    position: u64,
    acknowledged: PublishAckFuture,
}

pub(super) struct Publisher<'a> {
    site: &'a Site,
    session: &'a Session,
    stream: Stream,
    created: i128,
    names: Names,
    places: BTreeMap<u16, (Claim, Place)>,
    flying: VecDeque<Sent>,
    /// The last positions of the partitions, as they were at the last pass.
    heads: Vec<u64>,
    unstored: u64,
    stored_at: Duration,
    looked_at: Duration,
    bytes_max: usize,
}

/// How far the partitions of this node are ahead of what was acknowledged, while nothing can be published.
pub(super) async fn fall_behind(site: &Site) {
    let Ok(heads) = site.node.store.heads().await else { return };
    let ours = site.node.journal.claims().into_iter().filter_map(|claim| heads.get(usize::from(claim.partition)));
    site.figures.fell_behind(ours.sum());
}

/// Publishes until something is wrong.
pub(super) async fn publish(site: &Site, session: &Session) -> Result<(), BridgeError> {
    Publisher::open(site, session).await?.run().await
}

impl<'a> Publisher<'a> {
    async fn open(site: &'a Site, session: &'a Session) -> Result<Self, BridgeError> {
        let info = stream::ensure(&session.jetstream, stream::of_events(&site.nats)).await?;
        let name = &site.nats.events_stream;
        let stream = session.jetstream.get_stream(name).await.map_err(BridgeError::nats("find the stream of events"))?;
        let (created, now) = (stream::created(&info), site.node.env.monotonic());
        let bytes_max = session.client.max_payload().saturating_sub(HEAD_BYTES);
        let names = Names::of(name, created);
        let (places, flying, heads) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        Ok(Self { site, session, stream, created, names, places, flying, heads, unstored: 0, stored_at: now, looked_at: now, bytes_max })
    }

    async fn run(mut self) -> Result<(), BridgeError> {
        let node = &self.site.node;
        let mut commits = node.journal.commits();
        self.take_over().await?;
        self.site.connected();
        loop {
            commits.mark_unchanged();
            let more = self.pass().await?;
            if self.since(self.looked_at) >= LOOK {
                self.look().await?;
            }
            if more {
                continue;
            }
            while !self.flying.is_empty() {
                self.settle().await?;
            }
            self.store().await?;
            self.measure();
            tokio::select! {
                biased;
                changed = commits.changed() => changed.map_err(|_| BridgeError::Disconnected)?,
                () = node.env.sleep(LOOK) => {}
            }
        }
    }

    /// One page of each of our partitions that has something new; says whether there may be more.
    async fn pass(&mut self) -> Result<bool, BridgeError> {
        self.take_over().await?;
        let store = &self.site.node.store;
        self.heads = store.heads().await?;
        let mut more = false;
        let partitions: Vec<u16> = self.places.keys().copied().collect();
        for partition in partitions {
            let head = self.head(partition);
            let Some((_, place)) = self.places.get(&partition).filter(|(_, place)| place.sent < head) else { continue };
            let page = store.read_partition(partition, place.sent, PAGE, &Filter::default()).await?;
            for event in &page.events {
                self.send(event).await?;
            }
            let sent = page.events.last().map_or(page.scanned_to, |event| event.position);
            if let Some((_, place)) = self.places.get_mut(&partition) {
                place.sent = sent.max(place.sent);
                more |= place.sent < head;
            }
        }
        self.measure();
        if self.unstored >= UNSTORED_MAX || (self.unstored > 0 && self.since(self.stored_at) >= UNSTORED_FOR) {
            self.store().await?;
        }
        Ok(more)
    }

    fn head(&self, partition: u16) -> u64 {
        self.heads.get(usize::from(partition)).copied().unwrap_or_default()
    }

    fn measure(&self) {
        let (acknowledged, heads) = self.places.iter().fold((0, 0), |(acknowledged, heads), (partition, (_, place))| {
            (acknowledged + place.acknowledged, heads + self.head(*partition))
        });
        self.site.figures.measured(acknowledged, heads);
    }

    async fn send(&mut self, event: &Recorded) -> Result<(), BridgeError> {
        while self.flying.len() >= self.site.nats.unacknowledged_max {
            self.settle().await?;
        }
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.event_id.to_string());
        headers.insert("Content-Type", CONTENT_TYPE);
        let payload = CloudEvent::new(event).encode(self.bytes_max);
        let subject = subject::events(&event.stream.org, &event.stream.kind);
        let sending = self.session.jetstream.publish_with_headers(subject, headers, payload.into()).await;
        let acknowledged = sending.map_err(BridgeError::nats("publish an event"))?;
        self.flying.push_back(Sent { partition: event.partition, position: event.position, acknowledged });
        Ok(())
    }

    /// Waits until the oldest event on its way is acknowledged.
    async fn settle(&mut self) -> Result<(), BridgeError> {
        let Some(sent) = self.flying.pop_front() else { return Ok(()) };
        let acknowledged = sent.acknowledged.await.map_err(BridgeError::nats("have an event acknowledged"))?;
        let Some((_, place)) = self.places.get_mut(&sent.partition) else { return Ok(()) };
        let other_stream = acknowledged.stream != self.site.nats.events_stream;
        if other_stream || (!acknowledged.duplicate && acknowledged.sequence <= place.sequence) {
            return Err(BridgeError::StreamChanged);
        }
        place.sequence = place.sequence.max(acknowledged.sequence);
        place.acknowledged = sent.position;
        self.unstored += 1;
        self.site.figures.published.inc();
        Ok(())
    }

    /// Begins with the partitions that have become ours, and ends with those that are no longer.
    async fn take_over(&mut self) -> Result<(), BridgeError> {
        let claims = self.site.node.journal.claims();
        let known = |claim: &Claim| self.places.get(&claim.partition).is_some_and(|(known, _)| known == claim);
        if claims.len() == self.places.len() && claims.iter().all(known) {
            return Ok(());
        }
        // Acknowledgements of a partition that was lost and taken again would be mixed up with what it begins with now.
        while !self.flying.is_empty() {
            self.settle().await?;
        }
        self.store().await?;
        let (mut places, node) = (BTreeMap::new(), &self.site.node);
        let last = self.info().await?;
        for claim in claims {
            let (place, rewound) = place::open(&*node.store, &self.names, claim, last, node.env.now()).await?;
            if rewound {
                tracing::warn!(
                    partition = claim.partition,
                    last,
                    "the stream of events has lost what it had acknowledged: publishing anew"
                );
                self.site.figures.rewinds.inc();
            }
            places.insert(claim.partition, (claim, place));
        }
        self.places = places;
        Ok(())
    }

    async fn store(&mut self) -> Result<(), BridgeError> {
        let (store, env) = (&*self.site.node.store, &self.site.node.env);
        let mut lost = Vec::new();
        for (partition, (claim, place)) in self.places.iter_mut().filter(|(_, (_, place))| place.is_ahead()) {
            if place.store(store, &self.names, *claim, env.now()).await? == Stored::Fenced {
                lost.push(*partition);
            }
        }
        self.places.retain(|partition, _| !lost.contains(partition));
        (self.unstored, self.stored_at) = (0, env.monotonic());
        Ok(())
    }

    /// Whether the stream is still the one that the places are of, with everything that it has acknowledged.
    async fn look(&mut self) -> Result<(), BridgeError> {
        let last = self.info().await?;
        self.looked_at = self.site.node.env.monotonic();
        let lost = self.places.values().any(|(_, place)| place.sequence > last);
        if lost { Err(BridgeError::StreamChanged) } else { Ok(()) }
    }

    /// The stream's last sequence.
    async fn info(&self) -> Result<u64, BridgeError> {
        let info = self.stream.get_info().await.map_err(BridgeError::nats("look at the stream of events"))?;
        if stream::created(&info) == self.created { Ok(info.state.last_sequence) } else { Err(BridgeError::StreamChanged) }
    }

    fn since(&self, then: Duration) -> Duration {
        self.site.node.env.monotonic().saturating_sub(then)
    }
}
