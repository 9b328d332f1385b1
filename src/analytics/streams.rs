//! Who follows which metrics, or the alerts, of an organisation; and what each has still to read. Bounded for each: one who never
//! reads loses the oldest updates, is told how many, and keeps nobody else waiting.

use crate::time;
use ionveil_analytics::hub::{CannotFollow, Frame, Hub, SubscriberId, Update};
use ionveil_analytics::query::{Filter, Query, Range};
use ionveil_analytics::store::Store as Day;
use ionveil_analytics::{Aggregation, Metric, Window};
use ionveil_kernel::{Env, Org, Recorded, Timestamp};
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Something that can be followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A metric over the present window.
    Metric(Watched),
    /// What happens to alerts.
    Alerts,
}

/// A metric that is followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watched {
    /// What is measured.
    pub metric: Metric,
    /// Over which window.
    pub window: Window,
    /// How its values become one.
    pub aggregation: Aggregation,
    /// Of which region.
    pub region: Option<String>,
    /// Of which severity.
    pub severity: Option<String>,
    /// Of which unit type.
    pub unit_type: Option<String>,
}

impl Watched {
    /// Its name, such as `response_time:1m:avg`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}:{}", self.metric, self.window, self.aggregation)
    }

    /// The value over the window that `now` lies in, as it is told.
    #[must_use]
    pub fn told(&self, day: &Day, now: Timestamp) -> Arc<str> {
        let start = self.window.start_of(now);
        let end = start.after(Duration::from_secs(self.window.minutes().unsigned_abs() * 60));
        let (region, severity, unit_type) = (self.region.clone(), self.severity.clone(), self.unit_type.clone());
        let query = Query {
            metric: self.metric,
            window: self.window,
            aggregation: self.aggregation,
            range: Range { start, end },
            sliding: false,
            filter: Filter { region, severity, unit_type },
        };
        let answer = day.read().windows(&query);
        let (value, count) = answer.points.first().map_or((0.0, 0), |point| (point.value, point.count));
        let mut told = json!({
            "topic": self.name(), "metric": self.metric.name(), "window": self.window.name(), "aggregation": self.aggregation.name(),
            "start": time::format(start), "end": time::format(end), "value": value, "count": count,
            "approximate": answer.accuracy.approximate, "at": time::format(now),
        });
        for (name, wanted) in [("region", &self.region), ("severity", &self.severity), ("unit_type", &self.unit_type)] {
            if let Some(wanted) = wanted {
                told[name] = json!(wanted);
            }
        }
        told.to_string().into()
    }
}

type Of = Mutex<Followers>;

struct Followers {
    hub: Hub<Topic, Arc<str>>,
    bells: BTreeMap<SubscriberId, Arc<Notify>>,
}

impl Followers {
    fn ring(&self, woken: &[SubscriberId]) {
        woken.iter().filter_map(|id| self.bells.get(id)).for_each(|bell| bell.notify_one());
    }
}

/// All subscriptions, by organisation.
pub struct Streams {
    waiting_max: usize,
    by_org: RwLock<BTreeMap<Org, Arc<Of>>>,
}

impl Streams {
    /// Nobody follows anything yet; so many updates wait for each at most.
    #[must_use]
    pub fn new(waiting_max: usize) -> Self {
        Self { waiting_max, by_org: RwLock::default() }
    }

    /// Follows topics of an organisation until the follower is dropped.
    ///
    /// # Errors
    /// [`CannotFollow`] if there is none, or too many.
    pub fn follow(&self, env: &Env, org: &Org, topics: Vec<Topic>) -> Result<Follower, CannotFollow> {
        let of = self.by_org.write().entry(org.clone()).or_insert_with(|| Arc::new(self.nobody())).clone();
        let bell = Arc::new(Notify::new());
        let id = {
            let mut followers = of.lock();
            let id = followers.hub.follow(topics)?;
            followers.bells.insert(id, bell.clone());
            id
        };
        Ok(Follower { env: env.clone(), of, id, bell })
    }

    fn nobody(&self) -> Of {
        Mutex::new(Followers { hub: Hub::new(self.waiting_max), bells: BTreeMap::new() })
    }

    /// How many follow something of an organisation.
    #[must_use]
    pub fn len(&self, org: &Org) -> usize {
        self.of(org).map_or(0, |of| of.lock().hub.len())
    }

    /// Whether nobody does.
    #[must_use]
    pub fn is_empty(&self, org: &Org) -> bool {
        self.len(org) == 0
    }

    fn of(&self, org: &Org) -> Option<Arc<Of>> {
        self.by_org.read().get(org).cloned()
    }

    /// Tells those who follow metrics of an organisation what they are now.
    pub fn publish(&self, org: &Org, day: &RwLock<Day>, now: Timestamp) {
        let Some(of) = self.of(org) else { return };
        let topics: Vec<_> = of.lock().hub.followed().cloned().collect();
        // Worked out without the lock: whoever reads does not wait for it.
        let day = day.read();
        let told = topics.into_iter().filter_map(|topic| match &topic {
            Topic::Metric(watched) => Some(Update { at: now, value: watched.told(&day, now), key: topic }),
            Topic::Alerts => None,
        });
        for update in told {
            tell(&of, &update);
        }
    }

    /// Hands a metric's value to those who follow it; for measurements.
    pub fn tell(&self, org: &Org, update: &Update<Topic, Arc<str>>) {
        if let Some(of) = self.of(org) {
            tell(&of, update);
        }
    }

    /// Tells those who follow alerts what happened to one.
    pub(super) fn alert(&self, event: &Recorded) {
        let Some(of) = self.of(&event.stream.org) else { return };
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let told = json!({
            "topic": "alerts", "alert": event.stream.id.as_str(), "event": event.event_type, "data": data, "actor": &*event.actor,
            "at": time::format(event.occurred_at),
        });
        let update = Update { key: Topic::Alerts, at: event.recorded_at, value: told.to_string().into() };
        let mut followers = of.lock();
        let woken = followers.hub.publish_each(&update);
        followers.ring(&woken);
    }
}

fn tell(of: &Of, update: &Update<Topic, Arc<str>>) {
    let mut followers = of.lock();
    let woken = followers.hub.publish(update);
    followers.ring(&woken);
}

/// A subscription; it ends when it is dropped.
pub struct Follower {
    env: Env,
    of: Arc<Of>,
    id: SubscriberId,
    bell: Arc<Notify>,
}

impl Follower {
    /// Waits for the next frame: all that waits, at most every 100 ms. Cancel safe.
    pub async fn next(&self) -> Frame<Topic, Arc<str>> {
        loop {
            let now = self.env.now();
            let due = {
                let mut followers = self.of.lock();
                if let Some(frame) = followers.hub.take(self.id, now) {
                    return frame;
                }
                followers.hub.due(self.id)
            };
            match due {
                Some(due) => self.env.sleep(due.since(now).max(Duration::from_millis(1))).await,
                None => self.bell.notified().await,
            }
        }
    }

    /// How many updates wait for it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.of.lock().hub.waiting(self.id)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followers = self.of.lock();
        followers.hub.unfollow(self.id);
        followers.bells.remove(&self.id);
    }
}

/// A frame as it is sent.
#[must_use]
pub fn written<'a>(updates: impl IntoIterator<Item = &'a Arc<str>>, dropped: u64) -> String {
    let mut text = String::from(r#"{"updates":["#);
    for (place, update) in updates.into_iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = write!(text, "{}{update}", if place == 0 { "" } else { "," });
    }
    let _ = write!(text, r#"],"dropped":{dropped}}}"#);
    text
}
