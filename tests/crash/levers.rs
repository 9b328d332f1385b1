//! People who move the levels of a policy tree over HTTP: each request has a key, and is repeated under it until it is
//! answered.

use super::scene::{PATIENCE, Scene};
use super::seed::Seed;
use super::told::Journal;
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(super) const NODES: u64 = 40;
const LEVELS: [&str; 4] = ["normal", "watch", "restricted", "halted"];
/// A careful client waits as long as `Retry-After` says; these are in a hurry.
const PAUSE: Duration = Duration::from_millis(10);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Acknowledged,
    /// With 409, 400 or 404; two of them are recorded.
    Refused {
        recorded: bool,
    },
    /// The caller gave up without an answer.
    Unknown,
}

/// What was asked under which key, and how it ended.
#[derive(Default)]
pub(super) struct Asked(Mutex<Vec<(String, Ending)>>);

/// Callers at work.
pub(super) struct Levers(JoinSet<()>);

impl Levers {
    pub(super) fn start(scene: &Arc<Scene>, asked: &Arc<Asked>, callers: u64, seed: &mut Seed) -> Self {
        let mut all = JoinSet::new();
        for number in 0..callers {
            all.spawn(work(scene.clone(), asked.clone(), number, seed.fork()));
        }
        Self(all)
    }

    /// A caller that found something wrong ends the test.
    pub(super) fn check(&mut self) {
        if let Some(ended) = self.0.try_join_next() {
            ended.expect("a caller found nothing wrong");
        }
    }

    /// Lets them settle what they have begun. Needs a server that answers.
    pub(super) async fn finish(mut self, scene: &Scene) {
        scene.stop.send_replace(true);
        let all = async {
            while let Some(ended) = self.0.join_next().await {
                ended.expect("a caller found nothing wrong");
            }
        };
        timeout(PATIENCE, all).await.expect("the callers are answered in time");
    }
}

impl Asked {
    pub(super) fn acknowledged(&self) -> usize {
        self.0.lock().iter().filter(|(_, ending)| *ending == Ending::Acknowledged).count()
    }

    /// What was acknowledged is in the journal, what was refused is not, but for the record.
    pub(super) fn check(&self, journal: &Journal) {
        for (key, ending) in self.0.lock().iter() {
            let events = journal.events_of(key);
            let lawful = match ending {
                Ending::Acknowledged => events > 0,
                Ending::Refused { recorded } => events == usize::from(*recorded),
                Ending::Unknown => true,
            };
            assert!(lawful, "{key} ended as {ending:?} and has {events} events");
        }
    }
}

/// A tree of [`NODES`] nodes, three below each.
pub(super) async fn plant(scene: &Scene) {
    for number in 0..NODES {
        let (kind, parent) = if number == 0 { ("global", None) } else { ("zone", Some(name((number - 1) / 3))) };
        let body = json!({ "id": name(number), "kind": kind, "parent": parent });
        let answer = at(scene, Method::POST, "/nodes").await.json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap_or_default());
    }
}

/// The published tree.
pub(super) async fn published(scene: &Scene) -> Vec<Value> {
    let answer = at(scene, Method::GET, "/nodes?page_size=500").await.send().await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    body["items"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
}

pub(super) fn name(number: u64) -> String {
    format!("zone-{number}")
}

pub(super) async fn at(scene: &Scene, method: Method, path: &str) -> RequestBuilder {
    scene.client.request(method, format!("http://{}/api/v1/policy{path}", scene.place().await))
}

async fn work(scene: Arc<Scene>, asked: Arc<Asked>, number: u64, mut seed: Seed) {
    let mut count = 0;
    while !*scene.stop.borrow() {
        count += 1;
        let (key, wish, patient) = (format!("lever-{number}-{count}"), Wish::drawn(&mut seed), seed.percent(90));
        let ending = settle(&scene, &key, &wish, patient).await;
        asked.0.lock().push((key, ending));
    }
}

/// A request that can be repeated.
struct Wish {
    method: Method,
    path: String,
    body: Value,
}

impl Wish {
    /// Mostly overrides, so that a fall of the root has something to revert.
    fn drawn(seed: &mut Seed) -> Self {
        let node = name(1 + seed.below(NODES - 1));
        let level = LEVELS[usize::try_from(seed.below(4)).expect("small")];
        match seed.below(10) {
            0 | 1 => Self::new(Method::PUT, "/root".to_owned(), json!({ "level": level, "authorization": "T1" })),
            2 => Self::new(Method::DELETE, format!("/nodes/{node}/override"), json!({ "authorization": "T1" })),
            3 => Self::new(Method::POST, format!("/nodes/{node}/move"), json!({ "parent": name(seed.below(NODES)) })),
            _ => Self::new(Method::POST, format!("/nodes/{node}/override"), json!({ "level": level, "authorization": "T1" })),
        }
    }

    fn new(method: Method, path: String, body: Value) -> Self {
        Self { method, path, body }
    }
}

/// Asks until there is an answer, or once if not `patient`.
async fn settle(scene: &Scene, key: &str, wish: &Wish, patient: bool) -> Ending {
    loop {
        let request = at(scene, wish.method.clone(), &wish.path).await.header("idempotency-key", key).json(&wish.body);
        if let Ok(answer) = request.send().await
            && let status = answer.status()
            && let Ok(body) = answer.json::<Value>().await
            && let Some(ending) = judge(status, &body)
        {
            return ending;
        }
        if !patient {
            return Ending::Unknown;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How it ended, if it did.
fn judge(status: StatusCode, body: &Value) -> Option<Ending> {
    if status.is_success() {
        return Some(Ending::Acknowledged);
    }
    match (status, body["code"].as_str()) {
        (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => None,
        (StatusCode::CONFLICT, Some("no_effect" | "deescalation_forbidden")) => Some(Ending::Refused { recorded: true }),
        (StatusCode::CONFLICT, Some("no_change" | "no_override" | "would_create_cycle")) => Some(Ending::Refused { recorded: false }),
        _ => panic!("{status} {body}"),
    }
}
